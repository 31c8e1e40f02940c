"""From a column as `prepare` wrote it to what the model computes with: float32."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.data.cells import is_text
from pipeline.data.schema import Feature


def encode(column: pd.Series, feature: Feature) -> npt.NDArray[np.float32]:
    """A column of a prepared table as float32: a category as its place in the schema, -1 if training did not have it.

    What is encoded already, as in tables that are one array, stays.
    """
    if feature.type == "category" and is_text(column):
        return pd.Index(feature.categories).get_indexer(pd.Index(column)).astype(np.float32)
    return column.to_numpy(dtype=np.float32, na_value=np.nan)
