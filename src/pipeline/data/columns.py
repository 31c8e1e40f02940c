"""The first step of a model that takes the table's own columns: it makes them the array that all later steps take."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from pipeline.data.encode import encode
from pipeline.data.schema import Feature

MOST_BYTES = 1 << 30  # of an array that sparse rows become


class Columns(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Typed columns of a prepared table, found by their names, as float32 of shape (rows, sum of features' widths).

    Sparse (CSR) if there is free text among them, whose rows hold few of the terms.
    What it knows stands in the schema, which describes the training rows; there is nothing left to fit.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self.features = features

    def fit(self, table: pd.DataFrame, labels: Any = None) -> "Columns":
        """Nothing to learn."""
        return self

    def transform(self, table: pd.DataFrame) -> Any:
        """The rows of a table that has every column; others are not looked at."""
        if any(feature.type == "text" for feature in self.features):
            from scipy import sparse

            parts = [sparse.csr_matrix(encode(table[feature.name], feature)) for feature in self.features]
            return sparse.hstack(parts, format="csr", dtype=np.float32)
        encoded = np.empty((len(table), sum(feature.width for feature in self.features)), dtype=np.float32)
        end = 0
        for feature in self.features:
            start, end = end, end + feature.width
            encoded[:, start:end] = encode(table[feature.name], feature)
        return encoded

    def __sklearn_is_fitted__(self) -> bool:
        return True


class Dense(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Sparse rows as one plain array, for the steps that take no others."""

    def fit(self, rows: Any, labels: Any = None) -> "Dense":
        """Nothing to learn.

        Raises:
            ValueError: the array would be larger than memory usually allows.
        """
        size = rows.shape[0] * rows.shape[1] * rows.dtype.itemsize
        if size > MOST_BYTES:
            raise ValueError(
                f"{rows.shape[0]:,} rows of {rows.shape[1]:,} numbers, as one array, are {size / 1e9:.1f} GB; take "
                "an estimator for sparse rows, such as linear_model.LogisticRegression, or fewer terms (data.text)"
            )
        return self

    def transform(self, rows: Any) -> Any:
        """The array, of the rows' own type."""
        return rows.toarray() if hasattr(rows, "toarray") else rows

    def __sklearn_is_fitted__(self) -> bool:
        return True
