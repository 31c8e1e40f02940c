"""A column of dates: which cells are dates, and the numbers that a model takes of each.

A date is taken as it is written: of a time in UTC (`Z`) the hour of UTC, and none is moved to another zone.
"""

from typing import get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.data.date_format import AFTERNOON, FORMATS, MONTHS, century, layout
from pipeline.params import DatePart

PARTS: tuple[DatePart, ...] = get_args(DatePart)
LOOKED_AT = 100  # different dates that are tried in every format


def numbers(column: pd.Series, format: str) -> pd.DataFrame:
    """The numbers of each date of a text column, as float64 columns named as `PARTS`; NaN where there is no date.

    `weekday` is 0 on Mondays, `hour` 0 where no time is written, `days` are whole days since 1970-01-01.
    """
    codes, distinct = pd.factorize(column)
    found = _distinct_numbers(pd.Series(distinct, dtype="str"), layout(format).pattern)
    return pd.DataFrame(np.vstack([found, np.full(len(PARTS), np.nan)])[codes], columns=list(PARTS), index=column.index)


def _distinct_numbers(texts: pd.Series, pattern: str) -> npt.NDArray[np.float64]:
    groups = texts.str.extract(f"^(?:{pattern})\\Z")

    def value(name: str, names: dict[str, int] | None = None) -> "pd.Series[float]":
        """Of each text, NaN if it has none."""
        if name not in groups:
            return pd.Series(np.nan, index=texts.index)
        return groups[name].map(names) if names else groups[name].astype(np.float64)

    short = value("short_year")
    year = value("year").fillna(short + short.map(century))
    month = value("month").fillna(value("month_name", MONTHS))
    day = value("day").fillna(1)
    hour = value("hour").fillna(value("half_hour") % 12 + value("afternoon", AFTERNOON)).fillna(0)
    ok = (year >= 1) & month.notna()
    months = ((year - 1970) * 12 + month - 1).where(ok, 0).to_numpy(np.int64)
    first, next_first = (
        m.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) for m in (months, months + 1)
    )
    ok &= day <= next_first - first
    days = first + day - 1
    found = pd.DataFrame(
        {"year": year, "month": month, "day": day, "weekday": (days + 3) % 7, "hour": hour, "days": days}
    )
    return found.where(ok)[list(PARTS)].to_numpy(np.float64)


def unreadable(column: pd.Series, format: str) -> npt.NDArray[np.bool_]:
    """Which cells of a text column, with "" where blank, say something that is no date of the format."""
    return (numbers(column, format)["days"].isna() & (column != "")).to_numpy()


def formats_of(column: pd.Series) -> list[str]:
    """The formats in which every cell of a text column can be read, the likelier first; blanks say nothing."""
    distinct = pd.Series(column.dropna().unique(), dtype="str")
    if distinct.empty:
        return []
    fitting = [f for f in FORMATS if distinct.head(LOOKED_AT).str.fullmatch(layout(f).pattern).all()]
    return [format for format in fitting if not unreadable(distinct, format).any()]
