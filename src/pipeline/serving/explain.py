"""Finds what is wrong with a request, all of it up to ten faults; only a request that was not taken comes here."""

import json
import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pipeline.data.date_format import READABLE, day_of
from pipeline.data.schema import Feature, Schema
from pipeline.serving.cells import FREE, bare, blanks, takes_booleans, takes_gap, takes_numbers
from pipeline.serving.refusal import FAULTS, Fault, refuse
from pipeline.text import shown

LARGEST = 3.4028234663852886e38
LONGEST = 40  # characters of a client's own text that a sentence repeats


def parse(body: bytes) -> Any:
    """JSON, NaN and infinities included: they are to be told with their place.

    Raises:
        RefusalError: this is no JSON.
    """
    if not body.strip():
        raise refuse("empty", "the request is empty")
    try:
        return json.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise refuse("not_json", f"this is no UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise refuse("not_json", f"this is no JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise refuse("shape", "this is nested too deeply; send a row, a list of rows, or columns") from None
    except ValueError:  # a number of thousands of digits
        raise refuse("range", "a number has too many digits") from None


def explain(content: Any, schema: Schema, key: str | None) -> tuple[list[Fault], bool]:
    """Up to ten faults, and whether there are more."""
    found = list(islice(_faults(content, schema, key), FAULTS + 1))
    return found[:FAULTS], len(found) > FAULTS


def _faults(content: Any, schema: Schema, key: str | None) -> Iterator[Fault]:
    if isinstance(content, list):
        if schema.tensor and content and not isinstance(content[0], (dict, list)):
            yield from _of_row(content, 1, schema, key, set())
            return
        if not content:
            yield Fault("empty", "the request has no rows")
        told: set[tuple[str, str]] = set()  # a column that is missing in every row is told once
        for number, row in enumerate(content, 1):
            yield from _of_row(row, number, schema, key, told)
    elif not isinstance(content, dict):
        yield Fault("shape", f"{_said(content)} is neither a row, a list of rows, nor columns")
    elif not content:
        yield Fault("empty", "the request has no columns")
    elif 2 * sum(isinstance(cells, list) for cells in content.values()) > len(content):
        yield from _of_columns(content, schema, key)
    else:
        yield from _of_row(content, 1, schema, key, set())


def _of_row(row: Any, number: int, schema: Schema, key: str | None, told: set[tuple[str, str]]) -> Iterator[Fault]:
    if schema.tensor and isinstance(row, list):
        if len(row) != len(schema.features):
            yield Fault("shape", f"{len(row)} values; the model takes {len(schema.features)}", number)
        for feature, cell in zip(schema.features, row, strict=False):
            if fault := _of_cell(cell, feature, number, listed=True):
                yield fault
        return
    if not isinstance(row, dict):
        yield Fault("shape", f"{_said(row)} is no row; a row is an object of the columns", number)
        return
    for name in row.keys() - set(schema.names) - {key}:
        if ("unknown_column", name) not in told:
            told.add(("unknown_column", name))
            yield Fault("unknown_column", "the model has no such column", number, shown(name[:LONGEST]))
    for feature in schema.features:
        if feature.name in row:
            if fault := _of_cell(row[feature.name], feature, number):
                yield fault
        elif ("missing_column", feature.name) not in told:
            told.add(("missing_column", feature.name))
            yield Fault("missing_column", "this column is missing", number, feature.name)
    if key in row and (fault := _of_key(row[key], number, key)):
        yield fault


def _of_columns(content: dict[str, Any], schema: Schema, key: str | None) -> Iterator[Fault]:
    lengths = {}
    for name, cells in content.items():
        if name not in schema.names and name != key:
            yield Fault("unknown_column", "the model has no such column", None, shown(name[:LONGEST]))
        elif isinstance(cells, list):
            lengths[name] = len(cells)
        elif not (name == key and cells is None):
            yield Fault("shape", f"{_said(cells)} is no list, and other columns are lists", None, name)
    for feature in schema.features:
        if feature.name not in content:
            yield Fault("missing_column", "this column is missing", None, feature.name)
    if len(set(lengths.values())) > 1:
        first, *others = lengths
        other = next(name for name in others if lengths[name] != lengths[first])
        yield Fault("shape", f"{lengths[other]} values, and '{first}' has {lengths[first]}", None, other)
    elif lengths and not next(iter(lengths.values())):
        yield Fault("empty", "the request has no rows")
    for feature in schema.features:
        if feature.name in lengths:
            for number, cell in enumerate(content[feature.name], 1):
                if fault := _of_cell(cell, feature, number):
                    yield fault
    if key in lengths:
        yield from filter(None, (_of_key(cell, number, key) for number, cell in enumerate(content[key], 1)))


def _of_cell(cell: Any, feature: Feature, row: int, listed: bool = False) -> Fault | None:
    """What is wrong with a cell; `listed` says that it stands in a list of numbers, where booleans may be 1 and 0."""
    told = _wrong(cell, feature, listed)
    return Fault(told[0], told[1], row, feature.name) if told else None


def _wrong(cell: Any, feature: Feature, listed: bool) -> tuple[str, str] | None:
    if cell is None:
        return None if takes_gap(feature) else ("gap", "there is no value, and the model never saw a row without one")
    if isinstance(cell, (dict, list)):
        return "shape", f"{_said(cell)} is not one value"
    if isinstance(cell, float) and not math.isfinite(cell):
        why = "a number of JSON; send null for a gap" if math.isnan(cell) else "finite, or too large"
        return "range", f"{cell!r} is not {why}"
    if feature.type in ("category", FREE):
        return _wrong_name(cell, feature)
    if feature.type == "date":
        return _wrong_date(cell, feature)
    if isinstance(cell, str):
        return "type", f"{_said(cell)} is text; send {'true or false' if feature.type == 'boolean' else 'a number'}"
    if feature.type == "boolean" and not isinstance(cell, bool) and not (listed and cell in (0, 1)):
        blank = listed and str(cell) in {bare(value) for value in feature.na_values}
        return None if blank and takes_gap(feature) else ("type", f"{_said(cell)} is neither true nor false")
    if feature.type == "number" and isinstance(cell, bool):
        return "type", f"{_said(cell)} is no number"
    if abs(cell) > LARGEST:
        return "range", f"{_said(cell)} is too large for the model's float32 (3.4e38)"
    if bare(cell) in {bare(value) for value in feature.na_values} and not takes_gap(feature):
        return "gap", f"{_said(cell)} says that there is no value, and the model never saw a row without one"
    return None


def _wrong_name(cell: Any, feature: Feature) -> tuple[str, str] | None:
    """Of a category."""
    if isinstance(cell, str):
        if not cell.isascii() and any("\ud800" <= letter <= "\udfff" for letter in cell):
            return "type", "half a surrogate pair is no text"
        if bare(cell) in blanks(feature) and not takes_gap(feature):
            return "gap", f"{_said(cell)} says that there is no value, and the model never saw a row without one"
    elif isinstance(cell, bool):
        if not takes_booleans(feature):
            return "type", f"{_said(cell)} is no text"
    elif not takes_numbers(feature):
        return "type", f"{_said(cell)} is a number, and names of this column are text"
    elif not is_name(cell):
        return "range", f"{_said(cell)} is too large for a name"
    elif bare(cell) in blanks(feature) and not takes_gap(feature):
        return "gap", f"{_said(cell)} says that there is no value, and the model never saw a row without one"
    return None


def _wrong_date(cell: Any, feature: Feature) -> tuple[str, str] | None:
    if not isinstance(cell, str):
        return "type", f"{_said(cell)} is no text; send a date as {feature.format or READABLE}"
    if bare(cell) in blanks(feature):
        why = f"{_said(cell)} says that there is no value, and the model never saw a row without one"
        return None if takes_gap(feature) else ("gap", why)
    if day_of(bare(cell), feature.format) is None:
        return "type", f"{_said(cell)} is no date as in {feature.format or READABLE}"
    return None


def _of_key(cell: Any, row: int, key: str | None) -> Fault | None:
    """What is wrong with what the client calls its row."""
    if cell is None or (isinstance(cell, (int, float)) and not isinstance(cell, bool) and is_name(cell)):
        return None
    if isinstance(cell, str) and not any("\ud800" <= letter <= "\udfff" for letter in cell):
        return None
    return Fault("type", f"{_said(cell)} names no row; send text or a number", row, key)


def is_name(number: float) -> bool:
    """Whether a number is small enough to be a name."""
    return -(2**63) <= number <= 2**63 - isinstance(number, int)


def _said(cell: Any) -> str:
    """A client's value as JSON would have it, cut."""
    if isinstance(cell, (dict, list)):
        return "a list" if isinstance(cell, list) else "an object"
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) > 2**63:
        return "a number of many digits"
    text = shown(json.dumps(cell, ensure_ascii=False))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
