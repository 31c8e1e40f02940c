"""A row to try the package with, made of medians and commonest values: it is no row of anybody's."""

from typing import Any

import pandas as pd

from pipeline.data.date_format import write
from pipeline.data.dates import numbers
from pipeline.data.schema import WRITTEN, Feature, Schema

COMMONEST = 5  # words of a text


def example_row(table: pd.DataFrame, schema: Schema) -> dict[str, Any]:
    """A cell for each feature, from the columns of a prepared table; None where most rows have no value."""
    return {feature.name: _typical(table[feature.name], feature) for feature in schema.features}


def _typical(column: pd.Series, feature: Feature) -> Any:
    if feature.type == "text":
        words = [(weight, term) for term, weight in zip(feature.terms, feature.weights, strict=True) if " " not in term]
        return " ".join(term for _, term in sorted(words)[:COMMONEST])
    present = column[column != ""] if feature.type in WRITTEN else column.dropna()
    if present.empty:
        return None
    if feature.type == "date":
        return write(numbers(present, feature.format)["days"].median(), feature.format)
    if feature.type != "number":
        counts = present.value_counts()
        if counts.iloc[0] == 1 < len(present):  # what stands once is some row's own
            return None
        commonest = min(counts[counts == counts.iloc[0]].index)
        return bool(commonest) if feature.type == "boolean" else str(commonest)
    median = float(present.median())
    whole = bool((present == present.round()).all())
    return round(median) if whole else median
