"""Divides rows by time: the latest are the test rows, those before them the validation rows."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.data.cells import is_boolean, is_text, row_name
from pipeline.data.dates import formats_of, numbers
from pipeline.errors import InputError
from pipeline.params import Dates
from pipeline.text import count, have

ISO = r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2}(?:[T ][0-9:.]+(?:Z|[+-][0-9:]+)?)?)?"  # whose order is that of its text


def order(column: pd.Series, how: Dates | None = None) -> npt.NDArray[np.int64]:
    """The place of each row's time among the different times of a plain column, from 0; `how` its dates are written.

    Raises:
        InputError: a row without a time, or times that have no order.
    """
    blank = np.flatnonzero(column.isna())
    if len(blank):
        raise InputError(
            f"prepare.split.by: column '{column.name}': {count(len(blank), 'row')} {have(len(blank))} no date (row "
            f"{row_name(int(blank[0]), column)}); fill them, or take those rows out"
        )
    if not is_text(column) and not is_boolean(column):
        return np.unique(column.to_numpy(), return_inverse=True)[1]
    texts = column.astype("str")
    if texts.str.fullmatch(ISO).all():
        return pd.factorize(texts, sort=True)[0]
    formats = [how.format] if how else formats_of(texts)
    times = numbers(texts, formats[0]) if formats else pd.DataFrame({"days": [np.nan], "hour": [np.nan]})
    hours = (24 * times["days"] + times["hour"]).to_numpy()
    if np.isnan(hours).any():
        raise InputError(
            f"prepare.split.by: column '{column.name}': no dates that can be put in order, such as "
            f"'{texts.iloc[0][:40]}'; say how they are written in data.dates"
        )
    return np.unique(hours, return_inverse=True)[1]


def divide(
    places: npt.NDArray[np.int64], groups: pd.Series | None, validation_size: float, test_size: float
) -> npt.NDArray[np.str_]:
    """The side of each row by the place of its time; rows of one time are on one side, and rows of one group as well.

    A group is where its latest row is. The sides are as near to their shares as whole times allow.
    """
    if groups is not None:
        codes = pd.factorize(groups)[0]
        latest = np.zeros(codes.max() + 1, dtype=np.int64)
        np.maximum.at(latest, codes, places)
        places = latest[codes]
    times, of_row, rows = np.unique(places, return_inverse=True, return_counts=True)
    later = np.cumsum(rows[::-1])  # rows of the latest time, of the two latest, ...
    side = np.full(len(times), "train", dtype="<U10")
    start = 0
    for name, share in (("test", test_size), ("validation", validation_size)):
        done = int(later[start - 1]) if start else 0
        if start < len(times):
            end = start + int(np.argmin(np.abs(later[start:] - done - share * len(places)))) + 1
            side[start:end] = name
            start = end
    sides: npt.NDArray[np.str_] = side[::-1][of_row]
    return sides
