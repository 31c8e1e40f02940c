"""From a table's cells to what the graph takes, with a mark at each that training did not see. Nothing of HTTP."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.data.date_format import EPOCH, day_of, write
from pipeline.data.schema import Feature, Schema
from pipeline.package.graph import INPUT, input_names

BLANK = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null")  # as data/cells.py, which needs pandas
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"([+-]?[0-9]+)\.0+")
PADDED = re.compile(r"[+-]?0[0-9]+")
NUMBERS = ("number", "boolean")  # types whose cells are numbers to the graph; those of all others are text
FREE: str = "text"
MARKS = 100  # that an answer lists; all are counted


class Mark(NamedTuple):
    """A cell that is answered unproven. Rows count from 0."""

    row: int
    column: str
    kind: str  # "unseen": a category; "outside": a number or a date
    text: str


@dataclass(frozen=True)
class Taken:
    """Rows as the graph takes them."""

    feed: dict[str, npt.NDArray[Any]]
    rows: int
    marks: Sequence[Mark] = ()  # at most MARKS
    marked: Counter[tuple[str, str]] | None = None  # how many cells of a column, by (column, kind); None: no cell


class RefusedCellError(ValueError):
    """A cell is a gap where the model never saw one, a number neither true nor false, or a text that is no date."""


class Cells:
    """The columns of a schema."""

    def __init__(self, schema: Schema) -> None:
        self.tensor = schema.tensor
        numbers = [(place, feature) for place, feature in enumerate(schema.features) if feature.type in NUMBERS]
        self.places = [place for place, _ in numbers]
        self.features = [feature for _, feature in numbers]
        self.low = _column([feature.minimum for feature in self.features], -np.inf)
        self.high = _column([feature.maximum for feature in self.features], np.inf)
        self.gapless = np.array([[not feature.missing] for feature in self.features], dtype=bool)
        self.booleans = [at for at, feature in enumerate(self.features) if feature.type == "boolean"]
        self.blanks = [(at, blank) for at, feature in enumerate(self.features) for blank in blank_numbers(feature)]
        self.texts: list[tuple[int, Names | Dates | Words]] = [
            (place, _texts(feature)) for place, feature in enumerate(schema.features) if feature.type not in NUMBERS
        ]
        names = [] if schema.tensor else input_names(schema)
        self.number_inputs = [names[place] for place in self.places] if names else []
        self.text_inputs = [names[place] for place, _ in self.texts]

    def take(self, columns: Sequence[Sequence[Any]]) -> Taken:
        """Columns in the order of the schema, each of as many cells: numbers, booleans, texts, None for a gap.

        Raises:
            RefusedCellError: a cell cannot be answered. It does not say which: `explain` does, for all of them.
        """
        rows = len(columns[0])
        marks: list[Mark] = []
        marked: Counter[tuple[str, str]] = Counter()
        feed: dict[str, npt.NDArray[Any]] = {}
        if self.places:
            numbers = self._numbers([columns[place] for place in self.places])
            outside = (numbers < self.low) | (numbers > self.high)
            if outside.any():
                self._mark(outside, marks, marked)
            if self.tensor:
                return Taken({INPUT: np.ascontiguousarray(numbers.T, dtype=np.float32)}, rows, marks, marked or None)
            feed.update(zip(self.number_inputs, numbers, strict=True))
        for (place, texts), name in zip(self.texts, self.text_inputs, strict=True):
            feed[name] = texts.read(columns[place], marks, marked)
        return Taken(feed, rows, marks[:MARKS], marked or None)

    def _numbers(self, columns: list[Sequence[Any]]) -> npt.NDArray[np.float64]:
        """Shape (columns, rows), NaN where there is none."""
        numbers = np.array(columns, dtype=np.float64)
        for at, blank in self.blanks:
            numbers[at, numbers[at] == blank] = np.nan
        gaps = np.isnan(numbers)
        if gaps.any() and (gaps & self.gapless).any():
            raise RefusedCellError
        for at in self.booleans if self.tensor else ():  # as 1 and 0 they come in lists only
            if not (gaps[at] | (numbers[at] == 0) | (numbers[at] == 1)).all():
                raise RefusedCellError
        return numbers

    def _mark(self, outside: npt.NDArray[np.bool_], marks: list[Mark], marked: Counter[tuple[str, str]]) -> None:
        for at, row in np.argwhere(outside)[:MARKS].tolist():
            feature = self.features[at]
            seen = f"training saw {feature.minimum:g} to {feature.maximum:g}"
            marks.append(Mark(row, feature.name, "outside", seen))
        for at, count in enumerate(outside.sum(axis=1).tolist()):
            if count:
                marked[self.features[at].name, "outside"] += count


class Names:
    """The names of one category."""

    def __init__(self, feature: Feature) -> None:
        self.feature = feature
        self.known = {name: name for name in feature.categories if name}
        self.gap = takes_gap(feature)
        self.blanks = blanks(feature)
        self.other = "?"  # stands for every name that training did not see: which, is the same to the graph
        while self.other in self.known:
            self.other += "?"

    def read(
        self, cells: Sequence[Any], marks: list[Mark], marked: Counter[tuple[str, str]]
    ) -> npt.NDArray[np.object_]:
        """The names as training wrote them, "" for a gap."""
        found = np.empty(len(cells), dtype=object)
        for row, cell in enumerate(cells):
            name = self.known.get(cell) or self._name(cell)
            if name is None:
                marked[self.feature.name, "unseen"] += 1
                if len(marks) < MARKS:
                    marks.append(Mark(row, self.feature.name, "unseen", "training did not see this category"))
            found[row] = self.other if name is None else name
        return found

    def _name(self, cell: Any) -> str | None:
        """The name that training knows: 1 and 1.0 are "1", true is "true" or "True"; None if it knows none."""
        if cell is None or bare(cell) in self.blanks:
            if not self.gap:
                raise RefusedCellError
            return ""
        if isinstance(cell, str):
            names = [cell.strip(), bare(cell)]
        elif isinstance(cell, bool):
            names = [str(cell), str(cell).lower(), str(cell).upper()]
        else:
            number = float(cell)
            names = [str(int(number)) if number.is_integer() else str(number), str(cell)]
        return next((name for name in names if name in self.known), None)


class Dates:
    """The dates of one column."""

    def __init__(self, feature: Feature) -> None:
        self.feature = feature
        self.blanks = blanks(feature)
        low, high = feature.minimum, feature.maximum
        self.low = -math.inf if low is None else low
        self.high = math.inf if high is None else high

    def read(
        self, cells: Sequence[Any], marks: list[Mark], marked: Counter[tuple[str, str]]
    ) -> npt.NDArray[np.object_]:
        """The dates as they are written, "" for a gap."""
        found = np.empty(len(cells), dtype=object)
        for row, cell in enumerate(cells):
            found[row] = text = "" if cell is None or bare(cell) in self.blanks else bare(cell)
            day = day_of(text, self.feature.format) if text else None
            if day is None and (text or not self.feature.missing):
                raise RefusedCellError
            if day and not self.low <= day.toordinal() - EPOCH <= self.high:
                marked[self.feature.name, "outside"] += 1
                if len(marks) < MARKS:
                    low, high = (write(end, self.feature.format) for end in (self.low, self.high))
                    marks.append(Mark(row, self.feature.name, "outside", f"training saw {low} to {high}"))
        return found


class Words:
    """The free texts of one column."""

    def __init__(self, feature: Feature) -> None:
        self.blanks = blanks(feature)

    def read(
        self, cells: Sequence[Any], marks: list[Mark], marked: Counter[tuple[str, str]]
    ) -> npt.NDArray[np.object_]:
        """The texts, "" for a gap; there is none that the model cannot have seen the like of."""
        found = np.empty(len(cells), dtype=object)
        for row, cell in enumerate(cells):
            text = "" if cell is None else bare(cell)
            found[row] = "" if text in self.blanks else text
        return found


def _texts(feature: Feature) -> Names | Dates | Words:
    if feature.type == "category":
        return Names(feature)
    return Dates(feature) if feature.type == "date" else Words(feature)


def takes_gap(feature: Feature) -> bool:
    """Whether a cell of this column may be empty; a free text always may."""
    return feature.missing or "" in feature.categories or feature.type == FREE


def takes_numbers(feature: Feature) -> bool:
    """Whether names of this category may come as numbers: where they are some, and none has leading zeros."""
    return not any(map(PADDED.fullmatch, feature.categories)) and any(map(NUMBER.fullmatch, feature.categories))


def takes_booleans(feature: Feature) -> bool:
    """Whether names of this category may come as true and false."""
    return any(name.lower() in ("true", "false") for name in feature.categories)


def blanks(feature: Feature) -> frozenset[str]:
    """The texts that say that there is none, as training read them."""
    return frozenset({*BLANK, *map(bare, feature.na_values)})


def bare(cell: Any) -> str:
    """A cell as text, a whole number without decimals."""
    text = str(cell).strip()
    return WHOLE.sub(r"\1", text) if WHOLE.fullmatch(text) else text


def blank_numbers(feature: Feature) -> list[float]:
    """The numbers that say that there is none."""
    return [float(value) for value in feature.na_values if NUMBER.fullmatch(str(value))]


def _column(values: Sequence[float | None], unknown: float) -> npt.NDArray[np.float64]:
    return np.array([[unknown if value is None else value] for value in values], dtype=np.float64).reshape(-1, 1)
