"""Whether a package predicts what `evaluate` saw: labels exactly, probabilities within a tolerance."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.data.columns import Columns, Dense
from pipeline.data.schema import Schema
from pipeline.package.graph import encoding_alone
from pipeline.package.table_model import TableModel

EXAMPLES = 3
ROUNDING = 2.0**-23  # of a float32 below 2


@dataclass(frozen=True)
class Parity:
    """The rows that differ, as positions, and what to say about them."""

    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.int64]
    message: str

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return not (len(self.labels) or len(self.probabilities))


def parity(
    keys: npt.NDArray[Any],
    expected: npt.NDArray[Any],
    actual: npt.NDArray[Any],
    expected_probabilities: npt.NDArray[np.float64] | None,
    actual_probabilities: npt.NDArray[Any] | None,
    tolerance: float,
) -> Parity:
    """Compare what was expected of each row with what the package says; probabilities are None where there are none.

    A probability that is not a number is a difference. One side without probabilities is a difference in every row.
    """
    labels = np.flatnonzero(expected != actual)
    if expected_probabilities is None and actual_probabilities is None:
        differences = np.zeros(len(keys))
    elif (
        expected_probabilities is None
        or actual_probabilities is None
        or expected_probabilities.shape != actual_probabilities.shape
    ):
        differences = np.full(len(keys), np.inf)
    else:
        differences = np.nan_to_num(np.abs(expected_probabilities - actual_probabilities).max(axis=1), nan=np.inf)
    probabilities = np.flatnonzero(differences > tolerance)
    parts = []
    if len(labels):
        rows = [f"{keys[i]}: {expected[i]}, package {actual[i]}" for i in labels[:EXAMPLES]]
        parts.append(f"{len(labels)} of {len(keys)} test rows get another label ({_list(rows, len(labels))})")
    if len(probabilities):
        worst = probabilities[np.argsort(-differences[probabilities], kind="stable")]
        rows = [f"{keys[i]}: off by {differences[i]:.2g}" for i in worst[:EXAMPLES]]
        parts.append(
            f"{len(probabilities)} of {len(keys)} test rows get probabilities beyond the tolerance {tolerance:g} "
            f"({_list(rows, len(probabilities))})"
        )
    return Parity(labels, probabilities, "; ".join(parts))


def encoding_differs(
    content: bytes, columns: Columns, table: pd.DataFrame, schema: Schema
) -> Iterator[npt.NDArray[np.bool_]]:
    """For each feature, which rows of a prepared table the graph `content` encodes otherwise than the step `columns`.

    The graph is cut off behind its encoding; what it takes is what the package's own loader makes of the rows.
    """
    different = np.zeros((len(schema.features), len(table)), dtype=bool)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.onnx").write_bytes(encoding_alone(content))
        Path(folder, "schema.json").write_text(json.dumps(schema.to_dict()), encoding="utf-8")
        model = TableModel(folder)
        for start in range(0, len(table), model.at_once):
            rows = table.iloc[start : start + model.at_once]
            [theirs], ours = model.session.run(None, model.cells(rows)), Dense().transform(columns.transform(rows))
            unequal = (ours != theirs) & ~(np.isnan(ours) & np.isnan(theirs))
            for feature, places in enumerate(schema.places.values()):
                if schema.features[feature].type == "text":  # a length, whose sum may be rounded in another order
                    unequal[:, places] &= np.abs(ours - theirs)[:, places] > ROUNDING
                different[feature, start : start + len(rows)] = unequal[:, places].any(axis=1)
    yield from different


def _list(rows: list[str], count: int) -> str:
    return "; ".join(rows) + (f"; and {count - len(rows)} more" if count > len(rows) else "")
