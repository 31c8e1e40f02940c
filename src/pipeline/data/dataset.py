"""From the columns of a plain table to what a model takes: roles, labels, types of features, float32 columns."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.data.cells import (
    AMOUNT,
    BOOLEAN,
    DATE,
    LARGEST_EXACT,
    MEASURE,
    NUMBER,
    PADDED,
    as_names,
    as_numbers,
    is_boolean,
    is_padded,
    is_text,
    row_name,
)
from pipeline.data.dates import numbers
from pipeline.data.schema import Encoding, Feature, FeatureType, Label, Schema
from pipeline.errors import InputError
from pipeline.params import Dates, Read, Text
from pipeline.text import are, count

ID_NAME = re.compile(
    r"(?i:^(id|uuid|guid|index|key|row|unnamed: 0)$|[_ .-](id|uuid|guid|key|index|nr|no)$)|[a-z]I[dD]$"
)
MAX_CATEGORIES = 1000  # distinct texts of a category at most
FREQUENT = 200  # categories that count where the others are put together
FEW_CATEGORIES = 20  # so many distinct texts are a category, however few the rows
MAX_CLASSES = 50  # so many distinct labels are classes; more only if they repeat
FEW_ROWS = 10  # below this, that all values of a column differ says nothing


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are for; those without a role are features."""

    target: str
    id: str | None = None
    group: str | None = None
    split: str | None = None
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    categories: Mapping[str, Encoding] = field(default_factory=dict)  # of many names, and what becomes of them
    dates: Mapping[str, Dates] = field(default_factory=dict)
    text: Mapping[str, Text] = field(default_factory=dict)

    def features(self, table: pd.DataFrame) -> list[str]:
        """The columns that the model may see, in the order of the table."""
        others = {self.target, self.id, self.group, self.split, *self.drop}
        return [name for name in table.columns if name not in others]

    def type_of(self, name: str) -> FeatureType | None:
        """The type that a column was given; None if its cells are to tell."""
        if name in self.dates or name in self.text:
            return "date" if name in self.dates else "text"
        return "category" if name in self.categorical or name in self.categories else None


@dataclass(frozen=True)
class Finding:
    """Something about the table that stops nothing, but that a person should see.

    `setting`: the line of params.yaml that settles it. `example`: what cells hold, shown where rows may be shown.
    """

    code: str
    column: str
    message: str
    setting: str = ""
    example: str = ""

    def told(self, rows: bool = True) -> str:
        """The message, with its example where the `rows` may be shown."""
        return f"{self.message}, such as {self.example}" if rows and self.example else self.message


@dataclass(frozen=True)
class Features:
    """Feature columns with their types: numbers and booleans as float32 (missing: NaN), categories, dates and texts as
    text (missing: ""). What is one byte a number, as pixels are, stays so: every one is a float32, in a quarter of the
    memory. `findings` tells of columns that look like features and are none.
    """

    table: pd.DataFrame
    types: dict[str, FeatureType]
    findings: tuple[Finding, ...]


def read_labels(target: pd.Series) -> pd.Series:
    """The target as classes: int64 if all are whole numbers, else text; "true" and "FALSE" are True and False.

    Whole numbers that float64 does not tell apart, and texts like "07", are names: as numbers, several would be one.

    Raises:
        InputError: the values are amounts or free text, not classes, or infinite.
    """
    numbers = as_numbers(target)
    if numbers is None:
        names = target.str.title() if is_text(target) and target.str.fullmatch(BOOLEAN).all() else as_names(target)
        if names.nunique() > max(MAX_CLASSES, len(names) // 3):
            raise InputError(
                f"column '{target.name}' (data.target): {names.nunique()} different texts in {len(names)} rows, such "
                f"as '{names.iloc[0][:40]}', are no classes; put them into a few groups, or choose another target"
            )
        return names
    infinite = np.flatnonzero(np.isinf(numbers))
    if len(infinite):
        raise InputError(
            f"column '{target.name}' (data.target): {count(len(infinite), 'row')} {are(len(infinite))} infinite, such "
            f"as row {row_name(infinite[0], target)}; give them a class, or take those rows out"
        )
    padded = is_text(target) and target.str.fullmatch(PADDED).any()
    if padded or (numbers.abs() > LARGEST_EXACT).any():
        return as_names(target)
    fractional = numbers[numbers != np.floor(numbers)]
    distinct = numbers.nunique()
    if len(fractional) or distinct > max(MAX_CLASSES, len(numbers) // 10):
        example = fractional.iloc[0] if len(fractional) else numbers.iloc[0]
        raise InputError(
            f"column '{target.name}' (data.target): {distinct} different numbers, such as {example:g}, are amounts, "
            "not classes; put a few ranges with names into a column, or choose another target"
        )
    return numbers.astype(np.int64)


def read_features(table: pd.DataFrame, roles: Roles) -> Features:
    """The features of a plain table. A column that only names the rows is left out, with a finding.

    Raises:
        InputError: there are none, or columns that no model can use as they are: dates, numbers with words between
            them, free text, an undeclared split.
    """
    columns: dict[str, Any] = {}
    types: dict[str, FeatureType] = {}
    findings = []
    problems: dict[str, list[str]] = defaultdict(list)
    for name in roles.features(table):
        column, declared = table[name], roles.type_of(name)
        any_number = name in roles.categories or declared not in (None, "category")
        if not declared and names_rows(column):
            advice = "every row has a value of its own: not used as a feature; make it data.id, or list it in data.drop"
            findings.append(Finding("id", name, advice))
        elif problem := None if any_number else problem_of(column, declared is not None):
            problems[problem].append(name)
        else:
            types[name], columns[name] = _typed(column, declared)
    for problem, names in problems.items():
        others = f" (also {', '.join(names[1:4])}{', ...' if len(names) > 4 else ''})" if len(names) > 1 else ""
        raise InputError(f"column '{names[0]}'{others}: {_advice(problem, table[names[0]])}")
    if not types:
        raise InputError("no column is left as a feature; the target, the id, data.drop and the like take them all")
    return Features(pd.DataFrame(columns, copy=False), types, tuple(findings))


def names_rows(column: pd.Series) -> bool:
    """Whether a column is the rows' id: all different, and single words or numbers that are called so.

    Numbers and dates, however they are written, are different in each row because they were measured.
    """
    called_so = ID_NAME.search(str(column.name)) is not None
    if not is_text(column) and (not called_so or is_boolean(column) or column.dtype.kind not in "iu"):
        return False
    if len(column) < FEW_ROWS or column.hasnans or not column.is_unique:
        return False
    if is_padded(column):
        return True
    if is_text(column):
        measured = column.str.fullmatch(f"{NUMBER}|{DATE}" if called_so else f"{NUMBER}|{DATE}|{MEASURE}").mean()
        return measured < 0.5 and not column.str.contains(r"\s").any()
    return column.dtype.kind in "iu" and called_so


def counts(column: pd.Series) -> bool:
    """Whether a column is whole numbers without a gap, each once: perhaps a number of the row."""
    if is_text(column) or is_boolean(column) or column.dtype.kind not in "iu" or len(column) < FEW_ROWS:
        return False
    return column.is_unique and int(column.max()) - int(column.min()) == len(column) - 1


def problem_of(column: pd.Series, declared: bool = False) -> str | None:
    """Why a column can be no feature; `declared` as a category it may be any text or number of which there are few."""
    if declared:
        return "many" if column.nunique() > MAX_CATEGORIES else None
    if not is_text(column):
        return None
    present = column.dropna()
    distinct = present.nunique()
    numeric = present.str.fullmatch(NUMBER)
    if present.str.fullmatch(DATE).mean() >= 0.8:
        return "dates"
    if not numeric.all():
        varied = distinct > max(FEW_CATEGORIES, len(present) / 2)  # with units, a few are categories: 4GB and 8GB
        if (numeric | present.str.fullmatch(MEASURE if varied else AMOUNT)).mean() >= 0.5:
            return "words"
        if varied:
            return "free text"
    if distinct > MAX_CATEGORIES and (not numeric.all() or is_padded(column)):
        return "many"
    return (
        "split" if set(present.str.lower().unique()) in ({"train", "test"}, {"train", "validation", "test"}) else None
    )


def _advice(problem: str, column: pd.Series) -> str:
    """What is wrong with a column and what to do about it."""
    present = column.dropna()
    example = f"'{str(present.iloc[0])[:40]}'"
    if problem == "dates":
        return (
            f"holds dates or times ({count(len(present), 'row')}, such as {example}); give it a line in data.dates, "
            f"such as {{{column.name}: [year, month, weekday, days]}}, or list it in data.drop"
        )
    if problem == "words":
        words = present[~present.str.fullmatch(NUMBER)]
        rows = ", ".join(row_name(row, column) for row in words.index[:3])
        written = words.str.fullmatch(MEASURE).any()
        way_on = (
            "write 1234.5: decimals need a point, and nothing else beside the digits" if written else "leave them blank"
        )
        return (
            f"{len(words)} of {len(present)} values {'is no number' if len(words) == 1 else 'are no numbers'}, such as "
            f"'{str(words.iloc[0])[:40]}' (row {rows}); "
            f"{way_on}, or list it in data.categorical if they are names, or in data.drop"
        )
    if problem == "split":
        return "says train or test in every row; make it data.split_column, or list it in data.drop"
    if problem == "many":
        return (
            f"{column.nunique()} categories, {MAX_CATEGORIES} at most; put rare ones together, give it a line in "
            "data.categories (frequent or target), or list it in data.drop"
        )
    return (
        f"{count(present.nunique(), 'different text')} in {count(len(present), 'row')}, such as {example}; "
        f"give it a line in data.text, such as {{{column.name}: {{max_features: 2000}}}}, or list it in data.drop, "
        "or in data.categorical if they are categories"
    )


def _typed(column: pd.Series, declared: FeatureType | None) -> tuple[FeatureType, Any]:
    """The type of a feature and its values."""
    if declared or is_padded(column):
        return declared or "category", as_names(column).fillna("")
    if is_boolean(column):
        return "boolean", column.to_numpy(dtype=np.float32, na_value=np.nan)
    if column.dtype == np.uint8:
        return "number", column.to_numpy()
    numbers = as_numbers(column)
    if numbers is not None:
        with np.errstate(over="ignore"):  # beyond float32 is infinite: validate.check_features refuses it
            return "number", numbers.to_numpy(dtype=np.float32)
    if column.dropna().str.fullmatch(BOOLEAN).all():
        return "boolean", column.str.lower().map({"true": 1.0, "false": 0.0}).to_numpy(dtype=np.float32)
    return "category", column.fillna("")


def fit_schema(
    table: pd.DataFrame,
    training: npt.NDArray[np.bool_],
    types: dict[str, FeatureType],
    target: str,
    classes: list[Label],
    image: tuple[int, int] | None,
    roles: Roles | None = None,
) -> Schema:
    """The schema of the prepared table: what its `training` rows hold, and where any row has a gap.

    `roles` say how categories, dates and texts are encoded.

    Raises:
        InputError: a column has no value in the training rows.
    """
    roles = roles or Roles(target)
    features = tuple(_fit(table[name], training, kind, roles) for name, kind in types.items())
    return Schema(features, target, tuple(classes), image)


def with_reading(schema: Schema, reading: Read) -> Schema:
    """The schema with what `data.read` says: the package takes rows as they stand, and must know what is a blank."""
    features = tuple(replace(feature, na_values=tuple(reading.blanks(feature.name))) for feature in schema.features)
    return replace(schema, features=features, read=reading.model_dump(mode="json", exclude_defaults=True))


def _fit(column: pd.Series, training: npt.NDArray[np.bool_], kind: FeatureType, roles: Roles) -> Feature:
    name = str(column.name)
    if kind == "category":
        encoding, values = roles.categories.get(name, "one_hot"), column[training]
        known = sorted(values.unique())
        if encoding == "frequent":
            rows = values.value_counts()
            known = sorted(sorted(known, key=lambda one: (-rows[one], one))[:FREQUENT])
        return Feature(name, kind, tuple(known), missing=bool((column == "").any()), encoding=encoding)
    if kind == "text":
        return _fit_text(name, column[training], bool((column == "").any()), roles.text[name])
    how = roles.dates.get(name)
    if how:
        seen = numbers(column[training], how.format)["days"].dropna().to_numpy()
        gaps = bool((column == "").any())
    else:
        every = column.to_numpy()
        missing, seen = np.isnan(every), every[training]
        gaps = bool(missing.any())
        seen = seen[~missing[training]] if gaps else seen
    if not len(seen):
        raise InputError(f"column '{name}': no training row has a value; fill some, or list it in data.drop")
    ends = float(seen.min()), float(seen.max())
    if how:
        return Feature(name, kind, (), *ends, gaps, parts=tuple(how.parts), format=how.format)
    return Feature(name, kind, (), *ends, gaps)


def _fit_text(name: str, texts: pd.Series, missing: bool, how: Text) -> Feature:
    from pipeline.data.text import fit

    try:
        terms, weights = fit(texts, how.max_features, how.ngram_range)
    except ValueError:
        words = f"no {how.ngram_range[0]} words in a row" if how.ngram_range[0] > 1 else "no word"
        raise InputError(f"column '{name}' (data.text): {words} in any training row; list it in data.drop") from None
    return Feature(name, "text", missing=missing, terms=terms, weights=weights)


def typed(features: Features, raw: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The feature columns as `prepare` writes them: as the model takes them if that is one array, else as they are.

    As they are: float64, booleans (missing: NA), categories, dates and texts as text (missing: "").
    """
    if schema.tensor:
        return features.table
    return pd.DataFrame({f.name: _as_it_is(features.table[f.name], raw[f.name], f) for f in schema.features})


def _as_it_is(values: pd.Series, raw: pd.Series, feature: Feature) -> pd.Series:
    if feature.type == "boolean":
        return values.astype("boolean")
    if feature.type == "number":
        return raw.astype(np.float64)
    return values
