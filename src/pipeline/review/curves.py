"""The learning curves of both sides, read from DVCLive's files and thinned to what a chart can hold."""

import csv
from dataclasses import dataclass
from pathlib import Path

POINTS = 150  # of one line; GitHub's Mermaid draws an error past about 2 x 2,000
SERIES = ("validation/loss", "train/loss", "validation/accuracy", "train/accuracy")

Line = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Curve:
    """One series of both sides as (step, value); a side that did not learn in steps has no points."""

    name: str
    base: Line
    head: Line


def read_curves(base: Path | None, head: Path) -> tuple[Curve, ...]:
    """The series of which at least one side has two points."""
    curves = (Curve(name, _line(base, name) if base else (), _line(head, name)) for name in SERIES)
    return tuple(curve for curve in curves if max(len(curve.base), len(curve.head)) > 1)


def _line(folder: Path, name: str) -> Line:
    path = folder / "metrics/train/plots/metrics" / f"{name}.tsv"
    if not path.is_file():
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            (int(row["step"]), _number(row[name.rsplit("/", 1)[-1]])) for row in csv.DictReader(file, delimiter="\t")
        ]
    line = [(step, value) for step, value in rows if value is not None]
    stride = -(-len(line) // POINTS) or 1
    thinned = line[::stride]
    return tuple(thinned if not line or thinned[-1] == line[-1] else [*thinned, line[-1]])


def _number(text: str) -> float | None:
    value = float(text)  # DVCLive writes nan and inf by name
    return value if abs(value) < float("inf") else None
