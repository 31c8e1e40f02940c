"""Dates as people write them: what a format says, which cells fit it, and the numbers that a model takes of a date.

A date is taken as it is written: of a time in UTC (`Z`) the hour of UTC, and none is moved to another zone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.params import DatePart

PARTS: tuple[DatePart, ...] = get_args(DatePart)
# What people write, the likelier first where a cell can be read in two ways. "" is ISO 8601.
FORMATS = (
    "",
    *(
        f"{day}{time}"
        for day in ("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d")
        for time in ("", " %H:%M", " %H:%M:%S")
    ),
    *(
        "%m/%d/%Y %I:%M %p",
        "%m/%d/%Y %I:%M:%S %p",
        "%Y-%m-%d",
        "%d-%m-%Y",
        "%m-%d-%Y",
        "%d.%m.%y",
        "%m/%d/%y",
        "%d/%m/%y",
    ),
    *("%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%d%b%Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%Y-%b-%d"),
    *("%a, %d %b %Y %H:%M:%S", "%Y-%m", "%b %Y", "%B %Y", "%Y%m%d"),
)
_MONTHS = re.findall("[a-z]+", "january february march april may june july august september october november december")
_DAYS = re.findall("[a-z]+", "monday tuesday wednesday thursday friday saturday sunday")
LOOKED_AT = 100  # different dates that are tried in every format
_ISO = (
    "(?P<year>[0-9]{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12][0-9]|3[01])"
    "(?:[T ](?P<hour>[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?Z?)?"
)


def _written(names: Sequence[str], length: int | None = None) -> dict[str, int]:
    """Names in the three ways in which they are written (Jan, JAN, jan), with their places from 1."""
    short = [name[:length] for name in names]
    return {way: place for place, name in enumerate(short, 1) for way in (name.title(), name.upper(), name)}


MONTHS = _written(_MONTHS) | _written(_MONTHS, 3)  # also what the package looks a month up in
AFTERNOON = {"AM": 0, "am": 0, "PM": 12, "pm": 12}
# Of a directive: its name, what it looks like beside something else, and with digits beside it (then of fixed width).
_DIGITS = {
    "Y": ("year", "[0-9]{4}", "[0-9]{4}"),
    "y": ("short_year", "[0-9]{2}", "[0-9]{2}"),
    "m": ("month", "0?[1-9]|1[0-2]", "0[1-9]|1[0-2]"),
    "d": ("day", "0?[1-9]|[12][0-9]|3[01]", "0[1-9]|[12][0-9]|3[01]"),
    "H": ("hour", "[01]?[0-9]|2[0-3]", "[01][0-9]|2[0-3]"),
    "I": ("half_hour", "0?[1-9]|1[0-2]", "0[1-9]|1[0-2]"),
    "M": ("minute", "[0-5]?[0-9]", "[0-5][0-9]"),
    "S": ("second", "[0-5]?[0-9]", "[0-5][0-9]"),
    "f": ("fraction", "[0-9]{1,9}", ""),
}
_WORDS = {
    "b": ("month_name", "|".join(_written(_MONTHS, 3))),
    "B": ("month_name", "|".join(_written(_MONTHS))),
    "a": ("weekday", "|".join(_written(_DAYS, 3))),
    "A": ("weekday", "|".join(_written(_DAYS))),
    "p": ("afternoon", "|".join(AFTERNOON)),
}
KNOWN = " ".join(f"%{letter}" for letter in (*_DIGITS, *_WORDS))


@dataclass(frozen=True)
class Token:
    """Where a value stands in a date: the place of its word or run of digits, and which digits of the run it is.

    The digits are `run // divisor % modulus`; both are 1 and 0 if it is the whole run, or a word.
    """

    place: int
    divisor: int = 1
    modulus: int = 0


@dataclass(frozen=True)
class Layout:
    """How dates are written: an expression for all of a cell, one for the words and runs of digits in it, and what
    each of those says, by name: year, short_year, month, month_name, day, hour, half_hour, afternoon.
    """

    pattern: str
    words: str
    tokens: dict[str, Token]


@cache
def layout(format: str) -> Layout:
    """How dates of a format are written: directives as in `strptime`, or "" for ISO 8601.

    Expressions mean the same to Python and to RE2, which reads them in the package.

    Raises:
        ValueError: a directive that is not known, or that cannot be told from what stands beside it; no year or month.
    """
    if not format:
        return Layout(
            _ISO, "[0-9]+", {name: Token(place) for place, name in enumerate(("year", "month", "day", "hour"))}
        )
    runs: list[list[str]] = [[]]  # directives with nothing between them, literal text in lists of its own
    for piece in re.findall(r"%.?|[^%]+", format, re.DOTALL):
        if piece[0] != "%":
            runs += [[piece], []]
        elif piece[1:] not in _DIGITS and piece[1:] not in _WORDS:
            raise ValueError(f"'{piece}' is not known; known are {KNOWN}")
        elif runs[-1] and (piece[1:] in _DIGITS) != (runs[-1][-1][1:] in _DIGITS):
            runs.append([piece])
        else:
            runs[-1].append(piece)
    named = any(piece[1:] in _WORDS for run in runs for piece in run if piece[0] == "%")
    pattern, tokens, place = "", dict[str, Token](), 0
    for run in filter(None, runs):
        if run[0][0] != "%":
            if re.search("[A-Za-z0-9]" if named else "[0-9]", run[0]):
                raise ValueError(f"'{run[0]}' between the directives may hold no letters or digits")
            pattern += re.escape(run[0])
            continue
        for behind, piece in enumerate(run, 1):
            name, alone, beside = _DIGITS.get(piece[1:]) or (*_WORDS[piece[1:]], "")
            if name in tokens or (len(run) > 1 and not beside):
                raise ValueError(f"'{piece}' stands twice, or has nothing between it and its neighbour")
            pattern += f"(?P<{name}>{beside if len(run) > 1 else alone})"
            width = 4 if name == "year" else 2
            after = sum(4 if other == "%Y" else 2 for other in run[behind:])
            tokens[name] = Token(place, 10**after, 10**width) if len(run) > 1 else Token(place)
        place += 1
    if not tokens.keys() & {"year", "short_year"} or not tokens.keys() & {"month", "month_name"}:
        raise ValueError("a date has a year and a month at least")
    if ("half_hour" in tokens) != ("afternoon" in tokens):
        raise ValueError("%I and %p belong together")
    return Layout(pattern, "[0-9]+|[A-Za-z]+" if named else "[0-9]+", tokens)


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
    year = value("year").fillna(short + np.where(short < 69, 2000, 1900))  # as POSIX divides the centuries
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


def write(days: float, format: str) -> str:
    """The date so many days after 1970-01-01 as text, its time, if it has one, midnight."""
    date = np.datetime64(int(days), "D").item()
    month, weekday = _MONTHS[date.month - 1].title(), _DAYS[date.weekday()].title()
    texts = {"Y": f"{date.year:04}", "y": f"{date.year % 100:02}", "m": f"{date.month:02}", "d": f"{date.day:02}"}
    texts |= {"B": month, "b": month[:3], "A": weekday, "a": weekday[:3], "I": "12", "p": "AM", "f": "0"}
    return re.sub("%(.)", lambda found: texts.get(found[1], "00"), format or "%Y-%m-%d")
