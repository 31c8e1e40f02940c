"""Numbers as people read them: percents, percentage points, four significant digits."""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pipeline.files import finite
from pipeline.params import Metric

MINUS, NOTHING = "−", "–"
PERCENT = Metric(better="higher", format="percent", tolerance=0)


def value(metric: Metric | None, number: Any) -> str:
    """A metric's value: `97.86 %`, or four significant digits."""
    if not finite(number):
        return NOTHING
    return f"{100 * number:.2f} %" if metric and metric.format == "percent" else plain(number)


def apart(metric: Metric | None, number: float, limit: float, show: Callable[..., str] = value) -> str:
    """A number beside a limit, with all its digits where it would else look like the limit and is not."""
    text = show(metric, number)
    if number == limit or text != show(metric, limit):
        return text
    _, space, unit = text.partition(" ")
    exact = Decimal(repr(float(number))) * (100 if unit in ("%", "points") else 1)
    return f"{exact.normalize():f}{space}{unit}"


def difference(metric: Metric | None, number: Any) -> str:
    """A difference with its sign, in percentage points for percents: `+0.89 points`."""
    if not finite(number):
        return NOTHING
    return f"{'+' if number > 0 else MINUS if number < 0 else '±'}{size(metric, abs(number))}"


def size(metric: Metric | None, number: Any) -> str:
    """A difference that has no sign: `0.89 points`."""
    if not finite(number):
        return NOTHING
    if not metric or metric.format != "percent":
        return plain(number)
    points = 100 * number
    # Little is not nothing, but for what rounding of floats leaves of nothing.
    return f"{points:.1g} points" if 1e-6 < points < 0.005 else f"{points:.2f} points"


def interval(metric: Metric | None, low: Any, high: Any) -> str:
    """An interval of a difference, both ends with their signs: `+0.10 to +1.68`, in the unit of the difference."""
    if not finite(low) or not finite(high):
        return NOTHING
    return " to ".join(difference(metric, end).removesuffix(" points") for end in (low, high))


def level(confidence: float) -> str:
    """The confidence of an interval: `95 %`, `99.8 %`, with as many digits as it takes to tell it from 100 %."""
    return f"{100 * confidence:.{max(3, -math.floor(math.log10(1 - confidence)))}g} %"


def interval_at(metric: Metric | None, low: Any, high: Any, confidence: Any) -> str:
    """An interval with its level: `+0.10 to +1.68 (95 %)`."""
    ends = interval(metric, low, high)
    return ends if ends == NOTHING or not finite(confidence) else f"{ends} ({level(confidence)})"


def share(number: Any) -> str:
    """A share of rows: `97.9 %`."""
    return f"{100 * number:.1f} %" if finite(number) else NOTHING


def plain(number: float) -> str:
    """A number without a unit, four significant digits or the whole ones."""
    if number and abs(number) < 1e-4:
        return f"{number:.1e}"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}" if abs(number) >= 1 else f"{number:.4f}"


def some(items: list[str], most: int = 3, between: str = ", ") -> str:
    """The first items, and how many more there are."""
    return between.join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")


def unbroken(text: str) -> str:
    """The same text, in which no line ends between a number and its unit."""
    return re.sub(r"(?<=\d) (?=%|(?:points|kB|ms)\b)", "\N{NO-BREAK SPACE}", text)


def key(text: str) -> str:
    """A row's key: of a hash the first ten characters, of a name all, or its ends where it is very long.

    A repeated row's number behind a hash stays. Digits alone are no hash but a number.
    """
    if found := re.fullmatch(r"(?=[0-9]*[a-f])([0-9a-f]{10})[0-9a-f]{6,}(-\d+)?", text):
        return found[1] + (found[2] or "")
    return text if len(text) <= 60 else f"{text[:29]}…{text[-30:]}"


def short(text: str, length: int = 60) -> str:
    """The text, cut visibly if it is longer."""
    return text if len(text) <= length else text[: length - 1] + "…"
