"""Reads a DVCLive folder, also while it grows: series, summary, params, images, plots. Knows nothing of W&B."""

import csv
import json
import re
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

PATIENCE = 0.3  # seconds that a value waits for the others of its step


class Point(NamedTuple):
    """One line of a series."""

    step: int
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
        self._columns: list[str] = []

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
        for fields in csv.reader(complete.decode("utf-8", "replace").splitlines(), delimiter="\t"):
            if not self._columns:
                self._columns = fields
            elif len(fields) == len(self._columns):
                line = dict(zip(self._columns, fields, strict=True))
                stamp = float(line["timestamp"]) / 1000 if "timestamp" in line else None
                self.points.append(Point(int(line["step"]), number(fields[-1]), stamp, now))


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
        self._root = folder / "plots" / "metrics"
        for name, series in self._series.items():
            series._path = self._root / f"{name}.tsv"

    def read(self) -> None:
        """Take in what was written since the last call."""
        self._before, self._last_read = self._last_read, time.monotonic()
        for path in sorted(self._root.rglob("*.tsv")):
            name = path.relative_to(self._root).with_suffix("").as_posix()
            self._series.setdefault(name, Series(name, path))
        for series in self._series.values():
            series.read(self._last_read)

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
    row: dict[str, Any] = {name: point.value for name, point in points.items()}
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
    return dict(_flat(_json(folder / "metrics.json") or {}))


def _flat(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}/")
        else:
            yield name, number(value) if value in ("nan", "inf", "-inf") else value


def tables(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Per-class and per-slice values of metrics.json as tables: a column for each name of the levels above."""
    content = _json(folder / "metrics.json") or {}
    found = {}
    if isinstance(content.get("per_class"), dict):
        found["per_class"] = [{"class": label, **row} for label, row in content["per_class"].items()]
    if isinstance(content.get("slice"), dict):
        found["slice"] = [
            {"column": column, "value": value, **row}
            for column, values in content["slice"].items()
            for value, row in values.items()
        ]
    return found


def params(folder: Path) -> dict[str, Any]:
    """What `log_params` recorded."""
    path = folder / "params.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
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


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
