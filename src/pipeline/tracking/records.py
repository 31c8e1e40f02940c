"""Reads a DVCLive folder, also while it grows: series, summary, params, images, plots. Knows nothing of W&B."""

import csv
import json
import re
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.files import finite, parse_yaml

PATIENCE = 0.3  # seconds that a value waits for the others of its step
SUFFIXES = (".tsv", ".csv")  # of series; DVCLive wrote the second once
RESERVED = {"step", "_step", "_runtime", "_timestamp"}  # columns of a row that mean something else than a metric


class Point(NamedTuple):
    """One line of a series."""

    step: int | float
    value: Any
    timestamp: float | None  # seconds since 1970, where DVCLive was told to record it
    seen: float  # when it was read


class Series:
    """One TSV file, read line by line as it grows."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.points: deque[Point] = deque()
        self._path = path
        self._offset = 0
        self._delimiter = "," if path.suffix == ".csv" else "\t"
        self._columns = self._lines = 0

    def read(self, now: float) -> None:
        """Take in the lines that were completed since the last call."""
        try:
            if self._path.stat().st_size <= self._offset:
                return  # nothing new; or replaced by something else, which is another recording
            with self._path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except OSError:
            return
        complete = content[: content.rfind(b"\n") + 1]
        self._offset += len(complete)
        for fields in csv.reader(complete.decode("utf-8", "replace").splitlines(), delimiter=self._delimiter):
            if not self._columns:
                self._columns = len(fields)
                continue
            point = _point(fields, self._lines, now) if len(fields) == self._columns else None
            self.points.extend([point] if point else [])
            self._lines += 1


def _point(fields: list[str], index: int, now: float) -> Point | None:
    """A line as DVCLive writes it, [timestamp,] step, value; None if it is no such line.

    By position, since a metric may have the name of a column. One that is called `step` takes the place of the steps:
    its lines are counted instead.
    """
    *stamps, step = [number(field) for field in fields[:-1]] or [index]
    if len(stamps) > 1 or not all(map(finite, (step, *stamps))):
        return None
    return Point(step, number(fields[-1]), stamps[0] / 1000 if stamps else None, now)


class History:
    """The series of a DVCLive folder as rows, one per step: values that were logged at the same step stand together.

    A row is complete when one of its series has gone on. A value that waits too long for the others is given out
    alone, so that it can be seen. `batches` are the numbers of points given out by each call of `rows`: reading the
    same folder again with them gives the same rows, however fast it grew.
    """

    def __init__(self, folder: Path) -> None:
        self._root = folder / "plots" / "metrics"
        self._series: dict[str, Series] = {}
        self._last_read = 0.0

    def move(self, folder: Path) -> None:
        """Go on reading at another place that holds a copy of the same files."""
        before, self._root = self._root, folder / "plots" / "metrics"
        for series in self._series.values():
            series._path = self._root / series._path.relative_to(before)

    def read(self) -> None:
        """Take in what was written since the last call."""
        self._before, self._last_read = self._last_read, time.monotonic()
        for path in self._files():
            name = path.relative_to(self._root).with_suffix("").as_posix()
            self._series.setdefault(name, Series(name, path))
        for series in self._series.values():
            series.read(self._last_read)

    def _files(self) -> list[Path]:
        try:
            return sorted(p for p in self._root.rglob("*") if p.suffix in SUFFIXES)
        except FileNotFoundError:  # a folder is being replaced, or deleted with its experiment
            return []

    def rows(self, final: bool) -> tuple[list[dict[str, Any]], dict[str, int]]:
        """The rows that are complete, and how many points of each series they took; with `final`, all that is left."""
        waiting = {name: series.points for name, series in self._series.items()}
        found, taken = [], dict.fromkeys(waiting, 0)
        while names := _next(waiting):
            if not final and not self._complete([waiting[name] for name in names]):
                break
            for name in names:
                taken[name] += 1
            found.append(_row({name: waiting[name].popleft() for name in names}))
        return found, {name: count for name, count in taken.items() if count}

    def replay(self, batch: dict[str, int]) -> list[dict[str, Any]]:
        """The rows of a batch that was given out before."""
        waiting = {}
        for name, count in batch.items():
            points = self._series[name].points if name in self._series else deque()
            waiting[name] = deque(points.popleft() for _ in range(min(count, len(points))))
        found = []
        while names := _next(waiting):
            found.append(_row({name: waiting[name].popleft() for name in names}))
        return found

    def _complete(self, series: list[deque[Point]]) -> bool:
        # A later point proves it only if it was there before the other files were read again.
        gone_on = any(len(points) > 1 and points[1].seen <= self._before for points in series)
        return gone_on or self._last_read - min(points[0].seen for points in series) > PATIENCE


def _next(waiting: dict[str, deque[Point]]) -> list[str]:
    """The series whose first waiting point belongs to the smallest step."""
    heads = {name: points[0].step for name, points in waiting.items() if points}
    smallest = min(heads.values(), default=None)
    return sorted(name for name, step in heads.items() if step == smallest)


def _row(points: dict[str, Point]) -> dict[str, Any]:
    row: dict[str, Any] = {f"metric/{n}" if n in RESERVED else n: point.value for n, point in points.items()}
    row["step"] = next(iter(points.values())).step
    stamps = [point.timestamp for point in points.values() if point.timestamp is not None]
    return row | ({"_timestamp": max(stamps)} if stamps else {})


def number(text: Any) -> Any:
    """The number that a text of DVCLive's stands for, exactly; another text as it is."""
    if not isinstance(text, str) or "_" in text:
        return text
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text


def summary(folder: Path) -> dict[str, Any]:
    """metrics.json with nested names joined by `/`; NaN and infinities, which DVCLive writes as text, as numbers."""
    found = dict(_flat(_mapping(folder / "metrics.json")))
    return {f"metric/{name}" if name in RESERVED - {"step"} else name: value for name, value in found.items()}


def _flat(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}/")
        else:
            yield name, number(value) if value in ("nan", "inf", "-inf") else value


def tables(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Per-class and per-slice values of metrics.json as tables: a column for each name of the levels above."""
    content = _mapping(folder / "metrics.json")
    levels = {"per_class": ("class",), "slice": ("column", "value")}
    found = {name: list(_table_rows(content.get(name), columns)) for name, columns in levels.items()}
    return {name: rows for name, rows in found.items() if rows}


def _table_rows(content: Any, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The rows that stand below as many levels of names as there are columns; what has other levels is no table."""
    if not isinstance(content, dict):
        return
    if not columns:
        yield content
    for key, below in content.items() if columns else ():
        for row in _table_rows(below, columns[1:]):
            yield {columns[0]: key, **row}


def params(folder: Path) -> dict[str, Any]:
    """What `log_params` recorded."""
    path = folder / "params.yaml"
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def images(folder: Path) -> dict[str, Path]:
    """The logged images by name, in the order of their numbers."""
    root = folder / "plots" / "images"
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return dict(sorted(found.items(), key=lambda item: _natural(item[0])))


def _natural(name: str) -> list[int | str]:
    """Sorts `9.png` before `10.png`: every other part of the split is a number."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def plots(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of every scikit-learn and custom plot, by name."""
    found = {}
    for kind in ("sklearn", "custom"):
        root = folder / "plots" / kind
        for path in sorted(root.rglob("*.json")):
            content = _json(path)
            if isinstance(content, dict) and len(content) == 1:  # DVCLive: {"roc": [...]}
                content = next(iter(content.values()))
            if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
                found[path.relative_to(root).with_suffix("").as_posix()] = content
    return found


def _mapping(path: Path) -> dict[str, Any]:
    content = _json(path)
    return content if isinstance(content, dict) else {}


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
