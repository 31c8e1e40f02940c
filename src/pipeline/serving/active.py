"""The package that answers now, with all that is made of it; another one takes its place as a whole."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from pipeline.errors import CheckError
from pipeline.serving import openapi, page
from pipeline.serving.model import Answer, Model, read_package
from pipeline.serving.request import Asked, Reader
from pipeline.serving.settings import Settings


@dataclass(frozen=True)
class Active:
    """A model, what reads requests for it, and the documents about it."""

    model: Model
    reader: Reader
    metadata: bytes
    openapi: bytes
    page: bytes


def load(folder: Path, settings: Settings) -> Active:
    """Load a package and try it with its own example.

    Raises:
        PipelineError: there is none, it is not whole, or it does not answer.
    """
    model = Model(read_package(folder))
    reader = Reader(model.schema, settings.key, settings.max_rows)
    try:
        asked = reader.read(msgspec.json.encode(model.example))
        found = model.predict(asked.taken.feed)
    except Exception as error:
        raise CheckError(f"{folder}: the package does not answer its own example: {str(error)[:200]}") from error
    stated = [float(of[0]) for of in found.probabilities]
    if not all(map(math.isfinite, stated)):
        raise CheckError(f"{folder}: the package's answer to its own example is not finite")
    document = openapi.document(model, reader.key, answer("row", model, asked, found))
    return Active(model, reader, msgspec.json.encode(_metadata(model)), msgspec.json.encode(document), page.page(model))


def answer(form: str, model: Model, asked: Asked, found: Answer) -> dict[str, Any]:
    """What /predict says, in the form in which it was asked. Warnings name rows from 1."""
    labels = found.labels.tolist()
    stated = [of.tolist() for of in found.probabilities]
    names = [str(label) for label in model.schema.classes] if stated else []
    warnings = [
        {"row": mark.row + 1, "column": mark.column, "kind": mark.kind, "message": mark.text}
        for mark in asked.taken.marks
    ]
    if form == "columns":
        content: dict[str, Any] = {"prediction": labels}
        if stated:
            content["probabilities"] = dict(zip(names, stated, strict=True))
    else:
        each: list[dict[str, Any]] = [{"prediction": label} for label in labels]
        for row, probabilities in zip(each, zip(*stated, strict=True), strict=True) if stated else ():
            row["probabilities"] = dict(zip(names, probabilities, strict=True))
        content = each[0] if form == "row" else {"predictions": each}
    return {**content, "warnings": warnings, "version": model.version}


def _metadata(model: Model) -> dict[str, Any]:
    sums = model.files["SHA256SUMS"].decode("utf-8").splitlines()
    return {
        "version": model.version,
        "sha256": {line[66:]: line[:64] for line in sums},
        "schema": msgspec.json.decode(model.files["schema.json"]),
        "card": model.card,
    }
