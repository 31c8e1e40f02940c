"""MLflow's forms of a request and of its answer, so that MLflow's and SageMaker's clients work unchanged."""

from collections import Counter
from typing import Any
from urllib.parse import quote

import msgspec

from pipeline.package.graph import INPUT, LABEL, PROBABILITIES
from pipeline.serving import explain
from pipeline.serving.model import Answer, Model
from pipeline.serving.refusal import refuse
from pipeline.serving.request import Asked, Reader

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
SHOWN = 20  # columns that the header names


def read(body: bytes, reader: Reader) -> Asked:
    """The request in one of the four forms.

    Raises:
        RefusalError: as `Reader.read`.
    """
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        plain = _plain(explain.parse(body), reader.tensor)
        raise reader.explained(plain, error) from None
    return reader.convert(_plain(content, reader.tensor))


def _plain(content: Any, tensor: bool) -> Any:
    """A list of rows, or a dict of columns."""
    forms = [name for name in FORMS if isinstance(content, dict) and name in content]
    if len(forms) != 1 or set(content) - {forms[0], "params"}:
        raise refuse("shape", f"send an object with one of {', '.join(FORMS)}")
    if content.get("params"):
        raise refuse("shape", "the model takes no params")
    [form], found = forms, content[forms[0]]
    if form == "dataframe_split":
        return _split(found)
    if tensor and form == "inputs" and isinstance(found, dict) and set(found) == {INPUT}:
        found = found[INPUT]
    elif tensor and form == "instances" and _each_is_named(found):
        found = [row[INPUT] for row in found]
    if form == "inputs" and isinstance(found, dict):
        return {name: cells if isinstance(cells, list) else [cells] for name, cells in found.items()}
    if not isinstance(found, list):
        raise refuse("shape", f"{form} is no list of rows")
    return found


def _split(found: Any) -> list[Any]:
    columns = found.get("columns") if isinstance(found, dict) else None
    data = found.get("data") if isinstance(found, dict) else None
    if not isinstance(columns, list) or not isinstance(data, list) or set(found) - {"columns", "data", "index"}:
        raise refuse("shape", "dataframe_split is an object with columns and data, each a list")
    if not all(isinstance(name, str) for name in columns) or len(set(columns)) != len(columns):
        raise refuse("shape", "columns of dataframe_split are names, each once")
    for number, row in enumerate(data, 1):
        if not isinstance(row, list) or len(row) != len(columns):
            raise refuse("shape", f"row {number} is no list of {len(columns)} values, as columns has")
    return [dict(zip(columns, row, strict=True)) for row in data]


def _each_is_named(found: Any) -> bool:
    rows = found if isinstance(found, list) else []
    return bool(rows) and all(isinstance(row, dict) and set(row) == {INPUT} for row in rows)


def answer(model: Model, found: Answer) -> dict[str, Any]:
    """What MLflow's scoring server makes of the package's answer."""
    labels, classes = found.labels.tolist(), [of.tolist() for of in found.probabilities]
    if model.tensor:
        rows = list(map(list, zip(*classes, strict=True)))
        return {"predictions": {LABEL: labels, **({PROBABILITIES: rows} if classes else {})}}
    names = [LABEL, *(f"proba_{label}" for label in model.schema.classes[: len(classes)])]
    return {"predictions": [dict(zip(names, row, strict=True)) for row in zip(labels, *classes, strict=True)]}


def unseen(asked: Asked) -> str:
    """The header X-Unseen: columns with cells that training did not see, percent-encoded, and how many cells."""
    if not asked.taken.marked:
        return ""
    counts = Counter[str]()
    for (column, _), count in asked.taken.marked.items():
        counts[column] += count
    return ", ".join(f"{quote(column, safe='')}={count}" for column, count in list(counts.items())[:SHOWN])
