"""The first step of a model that takes the table's own columns: it makes them the array that all later steps take."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from pipeline.data.encode import encode
from pipeline.data.schema import Feature


class Columns(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Typed columns of a prepared table, found by their names, as float32 of shape (rows, sum of features' widths).

    What it knows stands in the schema, which describes the training rows; there is nothing left to fit.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = features

    def fit(self, table: pd.DataFrame, labels: Any = None) -> "Columns":
        """Nothing to learn."""
        return self

    def transform(self, table: pd.DataFrame) -> npt.NDArray[np.float32]:
        """The rows of a table that has every column; others are not looked at."""
        encoded = np.empty((len(table), sum(feature.width for feature in self.features)), dtype=np.float32)
        end = 0
        for feature in self.features:
            start, end = end, end + feature.width
            encoded[:, start:end] = encode(table[feature.name], feature)
        return encoded

    def __sklearn_is_fitted__(self) -> bool:
        return True
