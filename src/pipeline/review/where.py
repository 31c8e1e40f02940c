"""What the comparison needs beyond predictions: which rows changed, the slices, and the flipped rows with pictures."""

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.comparison.align import assumed_independent
from pipeline.data.schema import CONTENT, GROUP, KEY, Schema, matrix
from pipeline.files import read_parquet
from pipeline.metrics.pictures import enlarge
from pipeline.metrics.slices import Edges, decode, sliced, values
from pipeline.repository import lock
from pipeline.repository.sides import Side
from pipeline.review.changes import identities
from pipeline.review.notices import read_notices

MODEL = ("models/model.joblib", "data/prepared/schema.json")  # what a model is: the same bytes are the same model
WORST = 12  # flipped rows shown each way
CELLS = 8  # columns of a flipped row that are shown


@dataclass(frozen=True)
class Flip:
    """A row that one side gets right and the other wrong; `confidence` is that of the wrong prediction.

    `cells`: columns and what the row holds in them, where data.show_rows allows it.
    """

    key: str
    truth: str
    base: str
    head: str
    confidence: float | None
    picture: str | None
    cells: tuple[tuple[str, str], ...] = ()


def changed_rows(base: Path, head: Path) -> list[str]:
    """Keys of the test rows that both sides have, but with other content."""
    old, new = identities(base, "test"), identities(head, "test")
    if old is None or new is None:
        return []
    both = old.index.intersection(new.index)
    return list(both[old.loc[both, CONTENT] != new.loc[both, CONTENT]])


def is_same_model(base: Side, head: Side) -> bool:
    """Whether both dvc.lock name the same bytes of model and schema: it is one model then, not only on these rows."""
    old, new = (lock.outputs(lock.read(side.folder)) for side in (base, head))
    return all(old.get(path) and old.get(path) == new.get(path) for path in MODEL)


def slice_labels(folder: Path, slices: Mapping[str, Edges]) -> pd.DataFrame:
    """The slice of every test row: a column `key`, and one column of names for each declared column.

    Raises:
        InputError: a column that does not exist or cannot be sliced as declared.
    """
    schema, table = _schema(folder), _test_rows(folder)
    features = {feature.name: feature for feature in schema.features}
    named = {
        column: values(*sliced(table[column], features[column]), edges)
        for column, edges in slices.items()
        if column in features
    }
    return pd.DataFrame({"key": table.index, **named})


def assumed(folder: Path) -> str | None:
    """What the comparison assumed of the test rows, if a column may say whom they belong to and no group is declared.

    Names of people are text; numbers count where `prepare` noticed that the column is called like an id.
    """
    schema, table = _schema(folder), _test_rows(folder)
    if GROUP in table:
        return None
    called = {notice.column for notice in read_notices(None, folder) if "make it data.group" in notice.message}
    columns = [feature.name for feature in schema.features if feature.type == "category" or feature.name in called]
    return assumed_independent(table[columns].astype(str)) if columns else None


def show_flips(flips: pd.DataFrame, wrong: str, folder: Path) -> tuple[Flip, ...]:
    """The first flipped rows with their pictures; `wrong` is the side that is wrong about them, base or head."""
    schema = _schema(folder)
    first = flips.head(WORST)
    table = _test_rows(folder)
    drawn = schema.image if schema.show_rows else None
    rows = matrix(table, schema) if drawn else np.empty((len(table), 0), np.float32)
    low, high = (float(end) for end in (np.nanmin(rows), np.nanmax(rows))) if rows.size else (0.0, 1.0)
    places = table.index.get_indexer(pd.Index(first["key"]))
    return tuple(
        Flip(
            key=str(flip.key),
            truth=str(flip.truth),
            base=str(flip.base),
            head=str(flip.head),
            confidence=_number(getattr(flip, f"{wrong}_confidence")),
            picture=picture(rows[place], drawn, low, high) if drawn else None,
            cells=_cells(table.iloc[place], schema) if schema.show_rows and not schema.image else (),
        )
        for flip, place in zip(first.itertuples(), places, strict=True)
    )


def _cells(row: "pd.Series[Any]", schema: Schema) -> tuple[tuple[str, str], ...]:
    """The first columns of a row as it stands in the table: whole numbers as such, nothing where it has a gap."""
    shown = ((feature.name, decode(row[feature.name], feature)) for feature in schema.features[:CELLS])
    return tuple((name, "" if value is None else str(value)) for name, value in shown)


def picture(row: npt.NDArray[np.float32], size: tuple[int, int], low: float, high: float) -> str:
    """A row of grey values as a PNG data URI, `low` black and `high` white."""
    file = io.BytesIO()
    enlarge(row, size, low, high).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _test_rows(folder: Path) -> pd.DataFrame:
    return read_parquet(folder / "data/prepared/test.parquet").set_index(KEY)


def _schema(folder: Path) -> Schema:
    return Schema.from_dict(json.loads((folder / "data/prepared/schema.json").read_text(encoding="utf-8")))


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
