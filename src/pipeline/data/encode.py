"""From a column as `prepare` wrote it to what the model computes with: float32."""

from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.cells import is_text
from pipeline.data.dates import numbers
from pipeline.data.schema import Feature


def encode(column: pd.Series, feature: Feature) -> Any:
    """A column of a prepared table as float32 of shape (rows, feature.width).

    A category is its place in the schema, -1 if training did not have it; a date is its parts; a text its terms'
    weights, as a sparse array. What is encoded already, as in tables that are one array, stays.
    """
    if feature.type == "text":
        from pipeline.data.text import weigh

        return weigh(column, feature.terms, feature.weights)
    if feature.type == "date":
        return numbers(column, feature.format)[list(feature.parts)].to_numpy(np.float32)
    if feature.type == "category" and is_text(column):
        return pd.Index(feature.categories).get_indexer(pd.Index(column)).astype(np.float32)[:, None]
    return column.to_numpy(dtype=np.float32, na_value=np.nan)[:, None]
