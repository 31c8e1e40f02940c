"""A package that answers: its files proved whole by SHA256SUMS, its graph in onnxruntime. It knows nothing of HTTP."""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.data.date_format import write
from pipeline.data.schema import Feature, Schema, probability_columns
from pipeline.errors import CheckError, InputError
from pipeline.package.graph import INPUT, LABEL, PROBABILITIES, input_names
from pipeline.text import shown

SUMS, GRAPH, SCHEMA, CARD, EXAMPLE = "SHA256SUMS", "model.onnx", "schema.json", "README.md", "input_example.json"
ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Answer:
    """What a model says of rows: a label each, and each class's probability if it states any."""

    labels: npt.NDArray[Any]  # (rows,)
    probabilities: Sequence[npt.NDArray[np.float32]]  # by class, in the order of the schema's: (rows,) each


class Model:
    """The model of a package, made from the very bytes that were checked."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Load the graph of the files of a package.

        Raises:
            CheckError: onnxruntime does not take the graph, or its inputs are not those that the schema names.
        """
        self.files = {name: content for name, content in files.items() if name != GRAPH}  # the session has its own copy
        self.version = hashlib.sha256(files[SUMS]).hexdigest()[:12]  # of all files: each has its hash there
        self.schema = Schema.from_dict(json.loads(files[SCHEMA]))
        free = "text" in [feature.type for feature in self.schema.features]  # a text is thousands of numbers inside
        self._at_once = ROWS_AT_ONCE // 8 if free else ROWS_AT_ONCE
        self.tensor = self.schema.tensor  # kept: it looks at every feature
        self.inputs = [INPUT] if self.tensor else input_names(self.schema)
        self._session = _session(files[GRAPH])
        found = [one.name for one in self._session.get_inputs()]
        if found != self.inputs:
            raise CheckError(f"{GRAPH} takes other columns than {SCHEMA} names; make the package again: dvc repro")
        outputs = [one.name for one in self._session.get_outputs()]
        of_classes = [PROBABILITIES] if self.tensor else probability_columns(self.schema.classes)
        self.states_probabilities = of_classes[0] in outputs
        self._outputs = [LABEL, *(of_classes if self.states_probabilities else ())]

    def predict(self, feed: Mapping[str, npt.NDArray[Any]]) -> Answer:
        """The answers to rows as the graph takes them, by its inputs' names; `cells.Cells` makes them of a table's.

        Numbers and booleans are float64 of shape (rows,), NaN where there is none; categories text, "" where there
        is none. A model of one array takes `features`, float32 of shape (rows, features).
        """
        rows = len(next(iter(feed.values())))
        if rows <= self._at_once:
            return self._answer(self._session.run(self._outputs, feed))
        parts = [
            self._session.run(self._outputs, {name: cells[i : i + self._at_once] for name, cells in feed.items()})
            for i in range(0, rows, self._at_once)
        ]
        return self._answer([np.concatenate(part) for part in zip(*parts, strict=True)])

    def _answer(self, found: Sequence[npt.NDArray[Any]]) -> Answer:
        labels, *probabilities = found
        return Answer(labels, list(probabilities[0].T) if self.tensor and probabilities else probabilities)

    @cached_property
    def example(self) -> dict[str, Any]:
        """A row to try the model with: the package's own, else the middle of what training saw."""
        if EXAMPLE in self.files:
            content = json.loads(self.files[EXAMPLE])
            return dict(zip(content["columns"], content["data"][0], strict=True))
        return {feature.name: _middle(feature) for feature in self.schema.features}

    @cached_property
    def card(self) -> str:
        """The model card, Markdown."""
        return self.files[CARD].decode("utf-8") if CARD in self.files else ""


def read_package(folder: Path) -> dict[str, bytes]:
    """The files that SHA256SUMS lists, by name, and itself. They are what it says, or nothing is read of them.

    Raises:
        InputError: there is no package.
        CheckError: a file is missing or is another; none is used.
    """
    sums = folder / SUMS
    if not sums.is_file():
        raise InputError(f"{folder}: no package, it has no {SUMS}; `dvc repro` makes models/package")
    content = sums.read_bytes()
    files, listed, wrong = {SUMS: content}, set[str](), list[str]()
    for line in content.decode("utf-8", "replace").splitlines():
        found = re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line)
        if not found or ".." in Path(found[2]).parts or Path(found[2]).is_absolute():
            raise CheckError(f"{sums}: {shown(line[:100])!r} is no line of sha256sum; make the package again")
        digest, name = found.groups()
        listed.add(name)
        try:
            files[name] = (folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            wrong.append(f"{name} is missing")
            continue
        if hashlib.sha256(files[name]).hexdigest() != digest:
            wrong.append(f"{name} is another")
    wrong += [f"{name} is not listed" for name in (GRAPH, SCHEMA) if name not in listed]
    if wrong:
        raise CheckError(f"{folder}: not the package that {SUMS} lists: {shown('; '.join(wrong[:10]))}")
    return files


def _session(graph: bytes) -> Any:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1  # one row is too little to divide
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    settings.log_severity_level = 4  # what goes wrong is raised as well
    try:
        return onnxruntime.InferenceSession(graph, settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own types have no common base
        said = str(error).partition("\n")[0]
        raise CheckError(f"onnxruntime does not take {GRAPH}; make the package again\n{shown(said[:300])}") from None


def _middle(feature: Feature) -> Any:
    if feature.type in ("category", "text"):
        return next((name for name in feature.categories if name), None)
    if feature.type == "boolean":
        return False
    low, high = feature.minimum or 0.0, feature.maximum or 0.0
    if feature.type == "date":
        return write((low + high) / 2, feature.format)
    return round((low + high) / 2) if low.is_integer() and high.is_integer() else (low + high) / 2
