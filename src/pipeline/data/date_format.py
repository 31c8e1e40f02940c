"""How dates are written: what a format says, whether a text is a date, and a date as text. Without pandas."""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

EPOCH = datetime.date(1970, 1, 1).toordinal()
READABLE = "1999-12-31 or 1999-12-31 12:30:00"  # ISO 8601, to a person
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


def day_of(text: str, format: str) -> datetime.date | None:
    """The date that a text says; None if it is none of the format."""
    found = re.fullmatch(layout(format).pattern, text)
    said = found.groupdict() if found else {}
    if not said:
        return None
    short = int(said.get("short_year") or 0)
    year = int(said.get("year") or short + century(short))
    month = said.get("month") or MONTHS[said["month_name"]]
    try:
        return datetime.date(year, int(month), int(said.get("day") or 1))
    except ValueError:
        return None


def century(short_year: int) -> int:
    """What POSIX adds to the last two digits of a year."""
    return 2000 if short_year < 69 else 1900


def write(days: float, format: str) -> str:
    """The date so many days after 1970-01-01 as text, its time, if it has one, midnight."""
    date = datetime.date.fromordinal(EPOCH + int(days))
    month, weekday = _MONTHS[date.month - 1].title(), _DAYS[date.weekday()].title()
    texts = {"Y": f"{date.year:04}", "y": f"{date.year % 100:02}", "m": f"{date.month:02}", "d": f"{date.day:02}"}
    texts |= {"B": month, "b": month[:3], "A": weekday, "a": weekday[:3], "I": "12", "p": "AM", "f": "0"}
    return re.sub("%(.)", lambda found: texts.get(found[1], "00"), format or "%Y-%m-%d")
