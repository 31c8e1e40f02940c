"""Checks that stop `prepare`: columns, roles, values, classes and sides, each error with its column, count and rows."""

import difflib
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.data.cells import is_boolean, is_text, row_name
from pipeline.data.dataset import Features, Roles
from pipeline.data.date_format import READABLE, layout
from pipeline.data.dates import formats_of, unreadable
from pipeline.data.schema import RESERVED, WRITTEN, Schema
from pipeline.data.split import SIDES
from pipeline.errors import InputError
from pipeline.params import Read
from pipeline.text import count, have

SHOWN = 5  # examples in a message


def check_roles(table: pd.DataFrame, roles: Roles) -> None:
    """Every column that has a role is there, and has no other role."""
    columns = dict.fromkeys(table.columns)  # in order, and quickly looked up
    for name in RESERVED:
        if name in columns:
            raise InputError(f"column '{name}': the pipeline uses this name itself; rename the column")
    single = {"target": roles.target, "id": roles.id, "group": roles.group, "split_column": roles.split}
    types = {"categorical": roles.categorical, "categories": tuple(roles.categories), "dates": tuple(roles.dates)}
    types["text"] = tuple(roles.text)
    listed = {"drop": roles.drop, **types}
    named = [(key, name) for key, name in single.items() if name is not None]
    for key, name in named + [(key, name) for key, names in listed.items() for name in names]:
        if name not in columns:
            raise InputError(f"data.{key}: the table has no column '{name}'; {closest(name, list(columns))}")
    taken: dict[str, str] = {}
    for key, name in named:
        if name in taken:
            raise InputError(f"column '{name}' is data.{taken[name]} and data.{key} at once; choose one")
        taken[name] = key
    for key, names in listed.items():
        for name in names:
            if name == roles.target or (key != "drop" and name in taken):
                raise InputError(f"column '{name}' is data.{taken[name]} and in data.{key} at once; choose one")
    for key, name in [(key, name) for key, names in types.items() for name in names]:
        if other := next((other for other in types if other != key and name in types[other]), None):
            raise InputError(f"column '{name}' is in data.{key} and in data.{other} at once; choose one")


def check_blanks(table: pd.DataFrame, reading: Read) -> None:
    """Every column of which data.read says what is a blank is there."""
    columns = list(table.columns)
    for name in reading.na_values if isinstance(reading.na_values, dict) else ():
        if name not in columns:
            raise InputError(f"data.read.na_values: the table has no column '{name}'; {closest(name, columns)}")


def check_values(table: pd.DataFrame, roles: Roles) -> None:
    """Target, id, group and split have a value in every row; ids are unique, splits are sides."""
    single = [name for name in (roles.target, roles.group, roles.id) if name]
    if (
        not roles.split
        and not any(table[name].hasnans for name in single)
        and (not roles.id or table[roles.id].is_unique)
    ):
        return  # as nearly always: pandera, which takes a second to be imported, says what is wrong
    import pandera.pandas as pa

    columns = {roles.target: pa.Column(nullable=False)}
    if roles.group:
        columns[roles.group] = pa.Column(nullable=False)
    if roles.id:
        columns[roles.id] = pa.Column(nullable=False, unique=True)
    if roles.split:
        columns[roles.split] = pa.Column(
            nullable=False, coerce=True, dtype="str", checks=pa.Check(_is_side, name="side")
        )
    advice = {
        "not_nullable": "have no value; fill them, or take those rows out",
        "field_uniqueness": "share their value with another row, but data.id must be unique; take repeated rows out",
        "side": f"have another value than {', '.join(SIDES)}; correct data.split_column",
    }
    _demand(pa.DataFrameSchema(columns), table[list(columns)], advice)


def check_dates(features: Features, roles: Roles, raw: pd.DataFrame) -> None:
    """Every cell of a date column is blank or a date as it is written there; all columns are told of at once."""
    problems, readable = [], ""
    for name in [name for name, kind in features.types.items() if kind == "date"]:
        column, format = features.table[name], roles.dates[name].format
        try:
            layout(format)
        except ValueError as error:
            raise InputError(f"data.dates.{name}: format: {error}") from None
        wrong = np.flatnonzero(unreadable(column, format))
        if len(wrong):
            rows = ", ".join(row_name(row, raw) for row in wrong[:SHOWN]) + (", ..." if len(wrong) > SHOWN else "")
            written = format or READABLE
            example = column.iloc[wrong[0]][:40]
            problems.append(
                f"column '{name}': {len(wrong)} of {len(column)} cells are no date as in {written}, such as "
                f"'{example}' (row {rows})"
            )
            if fitting := formats_of(column[column != ""]):
                readable += f"; all of '{name}' can be read as {fitting[0] or 'ISO 8601'}"
    if problems:
        advice = "correct or blank those cells, or write another format into data.dates"
        raise InputError("; ".join(problems) + f"\n{advice}{readable}")


def check_features(features: Features, raw: pd.DataFrame) -> None:
    """Numbers are finite as float32, and each column has a value. Whole numbers need no look."""
    names = [name for name in features.types if not _whole(raw[name]) and not _sound(features.table[name])]
    if not names:
        return
    import pandera.pandas as pa

    finite = pa.Check(lambda values: ~np.isinf(values), name="finite")
    some = pa.Check(lambda values: bool(values.notna().any()), name="some", ignore_na=False)
    text = pa.Check(lambda values: bool((values != "").any()), name="some")
    columns = {
        name: pa.Column(nullable=True, checks=text if features.types[name] in WRITTEN else [finite, some])
        for name in names
    }
    advice = {
        "finite": "are infinite, or too large for float32 (3.4e38); leave them blank, or rescale the column",
        "some": "have no value; fill some, or list it in data.drop",
    }
    table = features.table[names]
    table.attrs = raw.attrs
    _demand(pa.DataFrameSchema(columns), table, advice)


def check_classes(labels: pd.Series) -> None:
    """There are two classes at least."""
    classes = labels.unique()
    if len(classes) < 2:
        raise InputError(
            f"column '{labels.name}' (data.target): all {len(labels):,} rows are '{classes[0]}'; two classes are needed"
        )


def check_sides(
    labels: pd.Series, sides: npt.NDArray[np.str_], split: str | None = None, parts: int | None = None
) -> None:
    """No side is empty, and training sees every class.

    `sides` is "" for rows that are left out, because a test row has the same features; `split` is the column that
    says where rows belong, if there is one; else the rows were divided in `parts`, which stay together.
    """
    left_out = int((sides == "").sum())
    for side in SIDES:
        if (sides == side).any():
            continue
        found, advice = f"{len(labels)} rows in all", "add rows or groups, or change"
        if parts and parts < len(labels):
            found += f", of {count(parts, 'group')} or sorts that stay together"
            advice = "add rows or groups, or columns that tell rows apart, or change"
        if left_out and side != "test":
            found += f", {left_out} left out because a test row has the same features"
            advice = "add columns that tell rows apart, or data.id, which does, or change"
        elif split:
            advice = f"name it in column '{split}' (data.split_column), or change"
        raise InputError(
            f"no row is left for the {side} side ({found}); "
            f"{advice} prepare.test_size, prepare.validation_size or prepare.seed"
        )
    known = set(labels[sides == "train"].unique())
    if len(known) < labels.nunique():
        of_unseen = ~labels.isin(known)
        unseen = labels[of_unseen].value_counts(sort=False).sort_index()
        which = ", ".join(f"'{label}' ({count})" for label, count in unseen.head(SHOWN).items())
        which += ", ..." if len(unseen) > SHOWN else ""
        advice = "add rows of them, put them together with others"
        if lost := int((of_unseen & (sides == "")).sum()):
            which += f" (rows in all; {lost} left out because a test row has the same features)"
            advice = "add columns that tell rows apart, or data.id, which does"
        else:
            which += " (rows in all)"
        raise InputError(
            f"{len(unseen)} of {labels.nunique()} classes {have(len(unseen))} no training row: {which}; "
            f"{advice}, or change prepare.seed"
        )


def image_size(
    declared: tuple[int, int] | None, known: tuple[int, int] | None, features: int
) -> tuple[int, int] | None:
    """The pictures' height and width: as declared, or as `known` of the whole table if all its pixels are there."""
    if declared:
        height, width = declared
        if height * width != features:
            raise InputError(
                f"data.image: {height} x {width} are {height * width} pixels, but there are {features} features"
            )
        return declared
    height, width = known or (0, 0)
    return (height, width) if height * width == features else None


def check_recorded(recorded: Schema, found: Schema) -> None:
    """Columns, their types and the classes are those of the recorded schema."""
    advice = "correct the table, or record it anew (docs/own-table.md)"
    types = {feature.name: feature.type for feature in found.features}
    for feature in recorded.features:
        now = types.get(feature.name)
        if now is None:
            raise InputError(f"column '{feature.name}': recorded as a {feature.type}, now no feature; {advice}")
        if now != feature.type:
            raise InputError(f"column '{feature.name}': recorded as a {feature.type}, now a {now}; {advice}")
    names, classes = set(recorded.names), set(recorded.classes)
    added: dict[str, list[Any]] = {
        "column": [name for name in found.names if name not in names],
        "class": [label for label in found.classes if label not in classes],
    }
    for what, new in added.items():
        if new:
            raise InputError(f"{what} '{new[0]}' is not in the recorded schema ({len(new)} such); {advice}")


def _sound(values: pd.Series) -> bool:
    """Whether a feature has a value, and no infinite one."""
    if is_text(values):
        return bool((values != "").any())
    numbers = values.to_numpy()
    missing = np.isnan(numbers)
    return not np.isinf(numbers).any() and not missing.all()


def _whole(column: pd.Series) -> bool:
    return not is_text(column) and not is_boolean(column) and column.dtype.kind in "iu"


def _is_side(values: pd.Series) -> pd.Series:
    return values.str.lower().isin(SIDES)


def _demand(schema: Any, table: pd.DataFrame, advice: dict[str, str]) -> None:
    """Validate with pandera; its failures become one error on the first column that has any."""
    import pandera.pandas as pa

    try:
        schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        failures = errors.failure_cases
        first = failures.iloc[0]
        same = failures[(failures["column"] == first["column"]) & (failures["check"] == first["check"])]
        rows = same["index"].dropna().astype(int)
        which = (
            f"{len(rows)} of {len(table)} rows (row {_rows(rows, table)})" if len(rows) else f"all {len(table)} rows"
        )
        other = failures["column"].nunique() - 1
        also = f" ({count(other, 'more column')} likewise)" if other else ""
        verb, _, rest = advice[first["check"]].partition(" ")
        if len(rows) == 1:
            verb = {"have": "has", "are": "is", "share": "shares"}[verb]
        raise InputError(f"column '{first['column']}': {which} {verb} {rest}{also}") from None


def _rows(rows: pd.Series, table: pd.DataFrame) -> str:
    """The first few of some rows of a table."""
    return ", ".join(row_name(row, table) for row in rows.head(SHOWN)) + (", ..." if len(rows) > SHOWN else "")


def closest(name: str, columns: list[str]) -> str:
    """Which column was meant: the same in other letters, or nearly the same; else which there are."""
    same = [column for column in columns if column.casefold().strip() == name.casefold().strip()]
    close = same or difflib.get_close_matches(name, columns, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    few = columns if len(columns) <= 8 else [*columns[:6], "...", columns[-1]]
    return f"it has {', '.join(few)}"
