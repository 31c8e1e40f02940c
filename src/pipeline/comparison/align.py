"""Two prediction tables become arrays over the rows that they share and that can be compared."""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.errors import InputError
from pipeline.metrics.values import Codes, Floats
from pipeline.metrics.variance import FEWEST_GROUPS, Sampling
from pipeline.text import count, have

NAMES = ("key", "truth", "prediction")
GROUP = "group"
PREFIX = "proba_"
NO_PROBABILITIES = "no probabilities"
SUM_TOLERANCE = 0.01  # of a row's probabilities, or 0.005 for each class if that is more: a table may be rounded,
LARGEST_SUM_TOLERANCE = 0.1  # but never by more than this, so that rows of zeros are none with hundreds of classes
FEWEST_SHARED = 20  # values of a column, if it may name whom rows belong to
NOTED_SUM = 1e-3  # off by more is said
TRAILING_ZEROS = r"^(-?\d+\.\d*?[1-9])0+$"
WHOLE_FLOAT = r"^(-?\d+)\.0+$"


@dataclass(frozen=True)
class Count:
    """How many pieces of evidence there are: rows, or groups of rows."""

    number: int
    of: Literal["rows", "groups"]

    @staticmethod
    def over(rows: int, groups: Codes | None) -> "Count":
        """Of so many rows, in these groups."""
        return Count(rows, "rows") if groups is None else Count(len(np.unique(groups)), "groups")

    @property
    def too_few(self) -> str | None:
        """Why they tell nothing, if they are too few."""
        if self.of == "rows" or self.number >= FEWEST_GROUPS:
            return None
        return f"rows of {self.number} group{'' if self.number == 1 else 's'}: {FEWEST_GROUPS} groups are needed"


@dataclass(frozen=True)
class Side:
    """One model on the shared rows: predicted class codes (rows,) and probabilities (rows, classes) or None."""

    prediction: Codes
    probabilities: Floats | None


@dataclass(frozen=True)
class Pairs:
    """Base and head on the same rows, in the base's order, with the truth on which both agree, and each row's group.

    Codes number `classes`, labels as text; the columns of the probabilities are `classes`. If the two sides'
    probabilities cannot be compared, they are None and `no_probabilities` says why.
    """

    keys: pd.Index
    classes: tuple[str, ...]
    truth: Codes
    base: Side
    head: Side
    no_probabilities: str | None
    only_base: int
    only_head: int
    truth_changed: int
    excluded: int
    notes: list[str]
    groups: Codes | None = None

    @cached_property
    def sampling(self) -> Sampling:
        """The rows by class, and by group."""
        return Sampling(self.truth, self.groups)

    @property
    def count(self) -> Count:
        """How much evidence there is: rows, or groups."""
        return Count.over(len(self.keys), self.groups)

    @property
    def identical(self) -> bool:
        """Whether there are rows, and no prediction and no probability differs."""
        if not len(self.keys) or not np.array_equal(self.base.prediction, self.head.prediction):
            return False
        if self.base.probabilities is None or self.head.probabilities is None:
            return self.no_probabilities == NO_PROBABILITIES
        return np.array_equal(self.base.probabilities, self.head.probabilities)


@dataclass(frozen=True)
class _Labels:
    """A column of labels: the index of each row's label in `names`, text."""

    codes: Codes
    names: list[str]
    numeric: bool

    def label(self, row: int) -> str:
        """The label of a row."""
        return self.names[int(self.codes[row])]

    def recoded(self, classes: Sequence[str]) -> Codes:
        """The index of each row's label in `classes`; -1 if it is not there."""
        places = {label: place for place, label in enumerate(classes)}
        return np.array([places.get(name, -1) for name in self.names], dtype=np.intp)[self.codes]


@dataclass(frozen=True)
class _Table:
    keys: pd.Index
    groups: npt.NDArray[np.object_] | None
    truth: _Labels
    prediction: _Labels
    probabilities: dict[str, "pd.Series[Any]"]  # by class, in the order of the columns


def pair(base: pd.DataFrame, head: pd.DataFrame, exclude: Collection[object] = (), group: str | None = None) -> Pairs:
    """Check both tables and align them by key.

    `exclude` names keys that must not be compared, for example because the features of that row changed. `group` is
    the column that says which rows belong together, in both tables or one (the head's counts); None: `group`, if it is
    there.

    Raises:
        InputError: a table is empty or lacks a column, keys repeat, values are missing, probabilities are none.
    """
    if group is not None and group not in base.columns and group not in head.columns:
        raise InputError(
            f"no column {group}, which is to say the groups; there are: {', '.join(map(str, head.columns))}"
        )
    first, second = (_checked(table, side, group or GROUP) for table, side in ((base, "base"), (head, "head")))
    if _decimals_agree(first) and _decimals_agree(second):
        first, second = _with_decimals(first), _with_decimals(second)
    notes = [note for table, side in ((base, "base"), (head, "head")) if (note := _sums(table, side))]
    if first.truth.numeric != second.truth.numeric:
        notes.append("labels are numbers on one side and text on the other: compared as text")

    position = second.keys.get_indexer(first.keys)
    shared = position >= 0
    excluded = shared & first.keys.isin(as_text(pd.Series(list(exclude), dtype=object)))
    same_truth = first.truth.recoded(second.truth.names) == second.truth.codes[position]
    rows = np.flatnonzero(shared & ~excluded & same_truth)
    if not shared.any():
        notes.append(f"a key of the base is {first.keys[0]!r}, one of the head is {second.keys[0]!r}")
    elif not same_truth[shared].any():
        row = int(np.argmax(shared))
        truths = first.truth.label(row), second.truth.label(int(position[row]))
        notes.append("the truth of key {!r} is {!r} in the base and {!r} in the head".format(first.keys[row], *truths))
    partner = position[rows]
    others = [name for name in head.columns if name not in NAMES and not str(name).startswith(PREFIX)]
    if first.groups is None and second.groups is None and (assumed := assumed_independent(head[others])):
        notes.append(assumed)
    grouped, places = (first.groups, rows) if second.groups is None else (second.groups, partner)
    groups = None if grouped is None else pd.factorize(grouped[places])[0]
    for name, table in (("base", first), ("head", second)):
        said, true = table.prediction.names, table.truth.names
        if not set(said) & set(true):
            notes.append(f"the {name} predicts no label that is true anywhere: {said[0]!r}, while {true[0]!r} is true")

    known = {
        labels.names[code]
        for labels, chosen in ((first.truth, rows), (first.prediction, rows), (second.prediction, partner))
        for code in np.unique(labels.codes[chosen])
    }
    reason = _why_no_probabilities(first, second, known)
    classes = _ordered(known) if reason else tuple(first.probabilities)

    def side(table: _Table, chosen: npt.NDArray[np.intp]) -> Side:
        columns = None if reason else [table.probabilities[label].to_numpy(np.float64)[chosen] for label in classes]
        return Side(table.prediction.recoded(classes)[chosen], None if columns is None else np.column_stack(columns))

    return Pairs(
        keys=first.keys[rows],
        classes=classes,
        truth=first.truth.recoded(classes)[rows],
        base=side(first, rows),
        head=side(second, partner),
        no_probabilities=reason,
        only_base=int((~shared).sum()),
        only_head=len(second.keys) - int(shared.sum()),
        truth_changed=int((shared & ~excluded & ~same_truth).sum()),
        excluded=int(excluded.sum()),
        notes=notes,
        groups=groups,
    )


def _checked(table: pd.DataFrame, side: str, group: str) -> _Table:
    missing = [name for name in NAMES if name not in table.columns]
    if missing:
        raise InputError(f"{side}: no column {', '.join(missing)}; there are: {', '.join(map(str, table.columns))}")
    if table.empty:
        raise InputError(f"{side}: the table has no rows")
    for name in (*NAMES, *([group] if group in table.columns else [])):
        if empty := int(table[name].isna().sum()):
            first = int(np.argmax(table[name].isna().to_numpy()))
            raise InputError(
                f"{side}: {count(empty, 'row')} {have(empty)} no {name}, the first is row {first + 1} of {len(table)}"
                " (in CSV files NA, NaN, null and nothing count as none)"
            )
    keys = pd.Index(as_text(table["key"]))
    if not keys.is_unique:
        repeated = keys[keys.duplicated()]
        verb = "repeats" if len(repeated) == 1 else "repeat"
        raise InputError(f"{side}: {count(len(repeated), 'row')} {verb} a key, for example {repeated[0]!r}")
    columns = [name for name in table.columns if str(name).startswith(PREFIX)]
    classes = [_label(name.removeprefix(PREFIX)) for name in columns]
    if twice := sorted({label for label in classes if classes.count(label) > 1}):
        raise InputError(f"{side}: several columns hold the probability of class {', '.join(twice)}")
    _check_probabilities(table[columns], keys, side)
    return _Table(
        keys=keys,
        groups=as_text(table[group]) if group in table.columns else None,
        truth=_labels(table["truth"]),
        prediction=_labels(table["prediction"]),
        probabilities={label: table[name] for label, name in zip(classes, columns, strict=True)},
    )


def _known(table: _Table) -> set[str]:
    return {*table.truth.names, *table.prediction.names, *table.probabilities}


def _decimals_agree(table: _Table) -> bool:
    """Whether no two labels differ in nothing but zeros behind a decimal: 1.10 and 1.1 of versions stay two."""
    return len({_decimal(label) for label in _known(table)}) == len(_known(table))


def _with_decimals(table: _Table) -> _Table:
    """The table with labels such as 1.50 written as 1.5, as the other side may have them."""
    return replace(
        table,
        truth=replace(table.truth, names=[_decimal(name) for name in table.truth.names]),
        prediction=replace(table.prediction, names=[_decimal(name) for name in table.prediction.names]),
        probabilities={_decimal(label): column for label, column in table.probabilities.items()},
    )


def _decimal(label: str) -> str:
    return re.sub(TRAILING_ZEROS, r"\1", label)


def _check_probabilities(probabilities: pd.DataFrame, keys: pd.Index, side: str) -> None:
    if not len(probabilities.columns):
        return
    for name in probabilities.columns:
        try:
            probabilities[name].to_numpy(dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(f"{side}: column {name} holds something that is no number") from None
    values = probabilities.to_numpy(dtype=np.float64)
    rounding = min(max(SUM_TOLERANCE, 0.005 * values.shape[1]), LARGEST_SUM_TOLERANCE) + 1e-6
    for wrong, what in (
        (~np.isfinite(values).all(axis=1), "a missing or infinite probability"),
        (((values < -1e-6) | (values > 1 + 1e-6)).any(axis=1), "a probability outside 0 to 1"),
        (np.abs(values.sum(axis=1) - 1) > rounding, "probabilities that do not sum to 1"),
    ):
        if wrong.any():
            example, rows = keys[int(np.argmax(wrong))], int(wrong.sum())
            raise InputError(f"{side}: {count(rows, 'row')} {have(rows)} {what}, for example key {example!r}")


def assumed_independent(table: pd.DataFrame) -> str | None:
    """What was assumed where rows share the values of a column as rows of one person do, and no group is declared.

    As a person does: text or whole numbers, at least 20 values, each in two rows or more on average.
    """
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_float_dtype(column) or pd.api.types.is_bool_dtype(column):
            continue
        if FEWEST_SHARED <= (values := column.nunique()) <= column.count() / 2:
            return (
                f"rows were taken as independent, though {len(column):,} share {values:,} values of {name}: if these"
                " are people, devices or documents, their rows are one group"
            )
    return None


def _sums(table: pd.DataFrame, side: str) -> str | None:
    """That probabilities do not sum to 1 as well as they could, if so: they were rounded, or are none."""
    columns = [name for name in table.columns if str(name).startswith(PREFIX)]
    sums = table[columns].to_numpy(np.float64).sum(axis=1) if columns else np.ones(1)
    off = np.abs(sums - 1)
    if off.max() <= NOTED_SUM:
        return None
    return (
        f"probabilities of the {side} do not sum to 1 in {int((off > NOTED_SUM).sum()):,} of {len(off):,} rows, but to"
        f" {sums[off.argmax()]:.4g} for example: rounded?"
    )


def as_text(column: "pd.Series[Any]") -> npt.NDArray[np.object_]:
    """Keys as text; numbers as `_label` writes them."""
    if isinstance(column.dtype, pd.StringDtype):
        return column.str.replace(WHOLE_FLOAT, r"\1", regex=True).to_numpy(dtype=object)
    labels = _labels(column)
    return np.asarray(labels.names, dtype=object)[labels.codes]


def _labels(column: "pd.Series[Any]") -> _Labels:
    codes, distinct = pd.factorize(column)
    names = [_label(value) for value in distinct.tolist()]
    merged = {name: index for index, name in enumerate(dict.fromkeys(names))}  # 3 and "3.0" in a column of both
    codes = np.array([merged[name] for name in names], dtype=np.intp)[codes]
    return _Labels(codes, list(merged), _are_numbers(merged))


def _label(value: object) -> str:
    """A label as text: 3, 3.0 and "3.0" are all 3; True and "true" both true, as Parquet and CSV write it."""
    text = str(value)
    return text.lower() if text in ("True", "False") else re.sub(WHOLE_FLOAT, r"\1", text)


def _ordered(labels: Collection[str]) -> tuple[str, ...]:
    """Labels in the order of their numbers if all are numbers, else of the alphabet."""
    numbers = _are_numbers(labels)
    return tuple(sorted(labels, key=lambda label: (float(label) if numbers else 0.0, label)))


def _are_numbers(labels: Collection[str]) -> bool:
    try:
        return all(math.isfinite(float(label)) for label in labels)
    except ValueError:
        return False


def _why_no_probabilities(base: _Table, head: _Table, known: Collection[str]) -> str | None:
    ours, theirs = set(base.probabilities), set(head.probabilities)
    if not ours and not theirs:
        return NO_PROBABILITIES
    if not ours or not theirs:
        return f"no probabilities in the {'head' if ours else 'base'}"
    if ours != theirs:
        sides = (("base", ours - theirs), ("head", theirs - ours))
        return "different classes: " + "; ".join(f"only {side}: {', '.join(_ordered(s))}" for side, s in sides if s)
    if unknown := set(known) - ours:
        return f"no probability for class {', '.join(_ordered(unknown))}"
    return None
