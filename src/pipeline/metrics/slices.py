"""Which test rows belong to which slice: each class, category of a column, declared bin of a number, year of a date."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.data.dates import numbers
from pipeline.data.encode import encode
from pipeline.data.schema import Feature, Label, Schema
from pipeline.errors import InputError
from pipeline.metrics.intervals import share
from pipeline.metrics.values import Codes, confusion_matrix
from pipeline.metrics.variance import FEWEST_GROUPS, Sampling

Edges = Sequence[float] | None
MOST_VALUES = 50
LONGEST = 200  # characters of a cell that are shown
MISSING, UNKNOWN, REST = "missing", "unknown to training", "less frequent ones"


def per_class(truth: Codes, prediction: Codes, classes: Sequence[Label]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1, test rows and answers of each class; 0 where a class is never predicted or has no rows."""
    confusion = confusion_matrix(truth, prediction, len(classes))
    right, true, predicted = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        str(label): {
            "precision": float(right[i] / max(predicted[i], 1)),
            "recall": float(right[i] / max(true[i], 1)),
            "f1": float(2 * right[i] / max(true[i] + predicted[i], 1)),
            "rows": int(true[i]),
            "predicted": int(predicted[i]),
        }
        for i, label in enumerate(classes)
    }


def per_slice(
    table: pd.DataFrame,
    right: npt.NDArray[np.bool_],
    schema: Schema,
    slices: Mapping[str, Edges],
    confidence: float = 0.95,
    groups: Codes | None = None,
) -> dict[str, dict[str, dict[str, float]]]:
    """Accuracy with its interval and rows of each slice, by column and value; `table` is a prepared one.

    Rows of one group (rows,) count as one piece of evidence; a slice of fewer than ten groups has no interval.

    Raises:
        InputError: a column that does not exist or cannot be sliced as declared.
    """
    found: dict[str, dict[str, dict[str, float]]] = {}
    for column, edges in slices.items():
        if column not in schema.names:
            raise InputError(
                f"params.yaml: evaluate.slices.{column}: the prepared table has no such column; it has "
                f"{', '.join(schema.names[:20])}{' ...' if len(schema.names) > 20 else ''}"
            )
        encoded, feature = sliced(table[column], schema.features[schema.names.index(column)])
        names = values(encoded, feature, edges)
        found[column] = {}
        for name in dict.fromkeys(names[np.argsort(_position(encoded), kind="stable")]):
            rows = names == name
            inside = right[rows]
            of = None if groups is None else np.unique(groups[rows], return_inverse=True)[1]
            found[column][str(name)] = {"accuracy": float(inside.mean())}
            if of is None or of.max() + 1 >= FEWEST_GROUPS:
                low, high = share(inside, Sampling(np.zeros(len(inside), dtype=np.intp), of), confidence)
                found[column][str(name)] |= {"low": round(low, 6), "high": round(high, 6)}
            found[column][str(name)]["rows"] = len(inside)
    return found


def sliced(column: pd.Series, feature: Feature) -> tuple[npt.NDArray[np.float32], Feature]:
    """What the slices of a prepared column go by, of shape (rows,), and as what: a date goes by its year, a text by
    the number of its characters."""
    if feature.type == "date":
        years = numbers(column, feature.format)["year"].to_numpy(np.float32)
        return years, replace(feature, type="number")
    if feature.type == "text":
        lengths = column.str.len().astype(np.float32).mask(column == "")
        return lengths.to_numpy(np.float32), replace(feature, type="number")
    return encode(column, feature)[:, 0], feature


def values(column: npt.NDArray[np.float32], feature: Feature, edges: Edges) -> npt.NDArray[Any]:
    """The name of each row's slice.

    Raises:
        InputError: edges for a column that is no number, edges that do not rise, or too many values to be slices.
    """
    key = f"params.yaml: evaluate.slices.{feature.name}"
    if edges is None:
        return _categories(column, feature, key)
    if feature.type != "number":
        raise InputError(f"{key}: the column holds {feature.type} values, not numbers; write null for each value")
    with np.errstate(over="ignore"):
        limits = np.asarray(edges, dtype=np.float32)  # as the column: 0.7 is not below the edge 0.7
    if not edges or np.any(np.diff(limits) <= 0) or not np.all(np.isfinite(limits)):
        raise InputError(f"{key}: {list(edges)}: inner edges of bins are rising numbers (also as float32), as [30, 50]")
    shown = [_shortest(limit) for limit in limits]
    between = [f"{low} to below {high}" for low, high in pairwise(shown)]
    bins = np.array([f"below {shown[0]}", *between, f"{shown[-1]} and more"], dtype=object)
    names = bins[np.digitize(column, limits)]
    names[np.isnan(column)] = MISSING
    return names


def decode(value: Any, feature: Feature) -> str | float | bool | None:
    """What the raw table said where the prepared one says `value`, encoded or not; None for a missing value."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[:LONGEST]}..."
    if pd.isna(value):
        return None
    if feature.type == "category":
        if value < 0:
            return REST if feature.encoding == "frequent" else UNKNOWN
        return feature.categories[int(value)]
    if feature.type == "boolean":
        return bool(value)
    number = float(value) if isinstance(value, np.float64) else float(_shortest(value))
    return int(number) if number.is_integer() else number


def _categories(column: npt.NDArray[np.float32], feature: Feature, key: str) -> npt.NDArray[Any]:
    distinct, index = np.unique(column, return_inverse=True)
    if len(distinct) > MOST_VALUES:
        raise InputError(
            f"{key}: {len(distinct)} different values are too many for slices; give the inner edges of bins, "
            f"such as [{np.nanquantile(column, 0.33):g}, {np.nanquantile(column, 0.67):g}]"
        )
    names = [_name(np.float32(value), feature) for value in distinct]
    return np.array(names, dtype=object)[index]


def _name(value: np.float32, feature: Feature) -> str:
    said = decode(value, feature)
    if said is None or said == "":
        return MISSING
    if isinstance(said, bool):
        return str(said).lower()
    if isinstance(said, (int, float)):
        return _shortest(said)
    return (
        f'"{said}"' if said in (MISSING, UNKNOWN, REST) and value >= 0 else said
    )  # a category that is really called so


def _shortest(value: float | np.float32) -> str:
    """The shortest decimal that is this float32: 30, 0.1, 1234567."""
    return repr(float(str(np.float32(value)))).removesuffix(".0")


def _position(column: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Values with missing ones last."""
    return np.where(np.isnan(column), np.float32(np.inf), column)
