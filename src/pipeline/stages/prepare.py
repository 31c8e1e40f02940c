"""Stage `prepare`: check the table, divide its rows by content, write typed columns."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ValidationError

from pipeline.data import by_time, noticing, profile, split, validate
from pipeline.data.cells import as_names, plain
from pipeline.data.dataset import Roles, fit_schema, read_features, read_labels, typed, with_reading
from pipeline.data.schema import CONTENT, GROUP, KEY, TARGET, Schema
from pipeline.data.tables import read_table
from pipeline.errors import InputError, run
from pipeline.files import read_json, replacing, write_json
from pipeline.params import Data, Prepare, read_params
from pipeline.text import shown
from pipeline.tracking import Live

LOADED = Path("data/raw/dataset.parquet")  # the output of `load`
RECORDED = Path("data/schema.json")
PREPARED = Path("data/prepared")
METRICS = Path("metrics/prepare")
MANY_COLUMNS = 1_000
LARGE = 5_000_000  # bytes of a table that takes about a second to read


def main() -> None:
    """Write data/prepared/ and metrics/prepare/."""
    params = read_params()
    announce(Path(params.data.path))
    raw, roles = read(params.data)
    begin = progress(*raw.shape)
    begin("reading the columns")
    validate.check_values(raw, roles)
    labels = read_labels(raw[roles.target])
    validate.check_classes(labels)
    features = read_features(raw, roles)
    begin("checking the values")
    validate.check_features(features, raw)
    validate.check_dates(features, roles, raw)

    begin("dividing the rows")
    content = split.row_hashes(raw.drop(columns=roles.target))
    keys = raw[roles.id] if roles.id else split.numbered(content, labels)
    groups = raw[roles.group] if roles.group else None
    by = groups if groups is not None else raw[roles.id] if roles.id else pd.Series(content)
    official = raw[roles.split].str.lower() if roles.split else in_time(params.prepare, raw, roles)
    sizes = params.prepare
    rest = 1 - sizes.validation_size - sizes.test_size - sizes.holdout_size
    asked = {"train": rest, "validation": sizes.validation_size, "test": sizes.test_size}
    asked |= {split.HOLDOUT: sizes.holdout_size} if sizes.holdout_size else {}
    shares = {} if official is not None else asked
    sides = split.divide(by, sizes.validation_size, sizes.test_size, sizes.seed, official, sizes.holdout_size)
    alike = split.alike(features.table)
    leaks = split.leaking(sides, alike)
    if not roles.id:  # with an id, equal rows are no copies but alike
        sides[leaks] = ""
    validate.check_sides(labels, sides, roles.split, parts=by.nunique())
    if sizes.holdout_size and not (sides == split.HOLDOUT).any():
        raise InputError(f"no row of {len(labels)} is held back; add rows, or raise prepare.holdout_size")

    training = sides == "train"
    classes = sorted(labels.unique().tolist())
    image = validate.image_size(params.data.image, own_words(params.data, raw).image, len(features.types))
    schema = fit_schema(features.table, training, features.types, roles.target, classes, image, roles)
    schema = replace(with_reading(schema, params.data.read), show_rows=params.data.show_rows)
    if recorded := read_recorded():
        validate.check_recorded(recorded, schema)

    begin("looking for what a person should see")
    contradicting = profile.contradictory(labels, alike)
    findings = [
        *noticing.of_target(raw[roles.target]),
        *profile.find_in_columns(
            raw, features, image, {*roles.categorical, *roles.categories, *roles.dates, *roles.text}
        ),
        *profile.find_given_away(features.table[training], labels[training], content[training], alike=alike[training]),
        *noticing.blank_gives_away(raw.loc[training, list(features.types)], labels[training]),
        *profile.find_in_sides(labels, sides, alike, shares),
        *profile.find_in_rows(labels, sides, contradicting, groups, int(leaks.sum())),
    ]
    described = profile.profile(features, labels, sides, alike, contradicting, schema.show_rows)
    described["warnings"] = noticed = profile.condense(findings, schema.show_rows)

    begin("writing")
    if not schema.show_rows:
        keys, groups = split.hidden(keys) if roles.id else keys, None if groups is None else split.hidden(groups)
    rows = pd.DataFrame({KEY: keys.array, CONTENT: content, TARGET: labels.array})
    if groups is not None:
        rows[GROUP] = groups.array
    write(rows, typed(features, raw, schema), sides, schema)
    record(sides, schema, described)
    for warning in noticed:
        place = f"column '{warning['column']}': " if warning["column"] else ""
        sys.stderr.write(f"warning: {shown(place + str(warning['message']))}\n")


def announce(path: Path) -> None:
    """Says on stderr that a large table is being read; how many columns it has is not known yet."""
    size = sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())
    if size >= LARGE:
        sys.stderr.write(f"prepare: reading {shown(str(path))} ({size / 1e6:,.0f} MB)\n")


def in_time(sizes: Prepare, raw: pd.DataFrame, roles: Roles) -> pd.Series | None:
    """The side of each row by its time, if prepare.split asks for that."""
    if not sizes.split:
        return None
    name = sizes.split.by
    if name not in raw.columns or name == roles.target:
        what = "is the target" if name == roles.target else "is no column of the table"
        raise InputError(f"prepare.split.by: '{name}' {what}; {validate.closest(name, list(raw.columns))}")
    places = by_time.order(raw[name], roles.dates.get(name))
    groups = raw[roles.group] if roles.group else None
    return pd.Series(by_time.divide(places, groups, sizes.validation_size, sizes.test_size))


def progress(rows: int, columns: int) -> Callable[[str], None]:
    """Says on stderr what begins, where it takes seconds: some milliseconds for each column."""

    def line(step: str) -> None:
        if columns >= MANY_COLUMNS:
            sys.stderr.write(f"prepare: {step} ({columns:,} columns, {rows:,} rows)\n")

    return line


def read(data: Data) -> tuple[pd.DataFrame, Roles]:
    """The table in plain cells and the roles of its columns; a set that `load` wrote brings its own split column."""
    names_of_rows = [name for name in (data.id, data.group) if name]
    as_written = [*names_of_rows, data.target, *data.categorical, *data.categories, *data.dates, *data.text]
    raw = plain(read_table(data.path, as_written, data.read))
    roles = Roles(
        data.target,
        data.id,
        data.group,
        data.split_column or own_words(data, raw).split_column,
        tuple(data.drop),
        tuple(data.categorical),
        data.categories,
        data.dates,
        data.text,
    )
    validate.check_roles(raw, roles)
    validate.check_blanks(raw, data.read)
    for name in names_of_rows:
        raw[name] = as_names(raw[name])
    return raw, roles


def own_words(data: Data, raw: pd.DataFrame) -> Data:
    """What the file that `load` wrote says of its pictures and its split, as if it stood in params.yaml.

    Every Parquet file can say that, where nobody sees it (pandas' attrs): of other files it is not believed.

    Raises:
        InputError: it says something that params.yaml may not say.
    """
    said = raw.attrs if Path(data.path) == LOADED else {}
    try:
        own = {name: said.get(name) for name in ("image", "split_column")}
        return Data.model_validate({"path": data.path, "target": data.target, **own})
    except ValidationError as error:
        name = error.errors()[0]["loc"][0]
        raise InputError(
            f"{data.path}: what the file says of itself, '{name}', is no {name} that params.yaml could name;"
            " run: dvc repro --force load"
        ) from None


def read_recorded() -> Schema | None:
    """The schema that the table must keep, if one was recorded."""
    try:
        content = read_json(RECORDED)
        return Schema.from_dict(content) if content else None
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"{RECORDED}: not a schema; copy {PREPARED}/schema.json there, or write {{}} into it"
        ) from None


def write(rows: pd.DataFrame, features: pd.DataFrame, sides: npt.NDArray[np.str_], schema: Schema) -> None:
    """Write one table for each side, sorted by key, and the schema; all of them or none."""
    import pyarrow
    import pyarrow.parquet

    columns = {name: rows[name].array for name in rows} | {name: features[name].array for name in schema.names}
    table = pyarrow.Table.from_pandas(pd.DataFrame(columns, copy=False), preserve_index=False)
    order = rows[KEY].argsort().to_numpy()
    with replacing(PREPARED) as folder:
        folder.mkdir()
        for side in (*split.SIDES, split.HOLDOUT):  # always: DVC wants every output, if empty
            chosen = table.take(pyarrow.array(order[sides[order] == side]))
            pyarrow.parquet.write_table(chosen, folder / f"{side}.parquet", compression="snappy")
        write_json(folder / "schema.json", schema.to_dict())


def record(sides: npt.NDArray[np.str_], schema: Schema, described: dict[str, object]) -> None:
    """Write the counts that a review compares, and the profile."""
    with Live(METRICS) as live:
        for side in split.SIDES:
            live.log_metric(f"rows/{side}", int((sides == side).sum()), plot=False)
        if held := int((sides == split.HOLDOUT).sum()):
            live.log_metric(f"rows/{split.HOLDOUT}", held, plot=False)
        live.log_metric("classes", len(schema.classes), plot=False)
        live.log_metric("features", len(schema.features), plot=False)
    write_json(METRICS / "profile.json", described)


if __name__ == "__main__":
    run(main)
