"""A column of dates in ONNX: from text of shape (rows,) to the numbers of `data.dates.numbers`, or no answer at all.

A text that is no date, or a blank where training had none, makes onnxruntime fail at a node that says so: as a gap, it
would be answered as if nobody knew the date.
"""

from itertools import accumulate

import numpy as np

from pipeline.data.date_format import AFTERNOON, EPOCH, MONTHS, Layout, layout
from pipeline.data.schema import Feature
from pipeline.package.nodes import Array, Nodes

LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # of months, February's in a common year


def date_parts(feature: Feature, column: Array, nodes: Nodes) -> Array:
    """float32 of shape (rows, parts), NaN where the column is "".

    What does not match the format is replaced before it is read, so that all that follows may rely on numbers.
    """
    how = layout(feature.format)
    written = nodes("RegexFullMatch", column, pattern=how.pattern)
    words = _words(how, nodes("Where", written, column, nodes.constant("")), nodes)
    year, month, day, hour = _values(how, words, nodes)
    zero, leap = nodes.constant(0), _leap(year, nodes)

    february = nodes.cast(nodes("And", leap, nodes("Equal", month, nodes.constant(2))), np.int64)
    length = nodes("Add", nodes("Gather", nodes.constant(LENGTHS), month), february)
    exists = nodes("And", nodes("LessOrEqual", day, length), nodes("Greater", year, zero))
    valid = nodes("And", written, exists)
    fine = nodes("Or", valid, nodes("Equal", column, nodes.constant(""))) if feature.missing else valid
    refusal = f"column '{feature.name}' holds a cell that is no date"
    nothing = nodes.cast(nodes("Where", fine, nodes.constant("0"), nodes.constant("no date")), np.float32, name=refusal)

    days = _days(year, month, day, leap, nodes)
    weekday = nodes("Mod", nodes("Add", days, nodes.constant(3)), nodes.constant(7))  # never negative, as in Python
    numbers = {"year": year, "month": month, "day": day, "weekday": weekday, "hour": hour, "days": days}
    columns = []
    for part in feature.parts:
        found = nodes("Where", valid, nodes.cast(numbers[part], np.float32), nodes.constant(float("nan")))
        columns.append(nodes("Unsqueeze", nodes("Add", found, nothing), nodes.constant([1])))
    return nodes("Concat", *columns, axis=1)


def _words(how: Layout, text: Array, nodes: Nodes) -> Array:
    """The words and runs of digits in each text, of shape (rows, words); 0 where there are none, as of a time."""
    needed = 1 + max(token.place for token in how.tokens.values())
    text = nodes("Concat", text, nodes.constant([""]), axis=0)  # of no row, Tokenizer would make one dimension less
    text = nodes("StringConcat", text, nodes.constant(" 0" * needed))
    words = nodes("Tokenizer", text, domain="com.microsoft", mark=0, mincharnum=1, pad_value="0", tokenexp=how.words)
    return nodes("Slice", words, nodes.constant([0]), nodes.constant([-1]))


def _values(how: Layout, words: Array, nodes: Nodes) -> tuple[Array, Array, Array, Array]:
    """Year, month, day and hour as int64 of shape (rows,), or () where all rows have the same."""

    def number(name: str) -> Array:
        token = how.tokens[name]
        found = nodes.cast(nodes("Gather", words, nodes.constant(token.place), axis=1), np.int64)
        if token.modulus:
            found = nodes("Div", found, nodes.constant(token.divisor))
            found = nodes("Mod", found, nodes.constant(token.modulus))
        return found

    def place(name: str, names: dict[str, int]) -> Array:
        word = nodes("Gather", words, nodes.constant(how.tokens[name].place), axis=1)
        keys, places = list(names), list(names.values())
        return nodes(
            "LabelEncoder", word, domain="ai.onnx.ml", keys_strings=keys, values_int64s=places, default_int64=0
        )

    if "year" in how.tokens:
        year = number("year")
    else:
        short = number("short_year")
        century = nodes("Where", nodes("Less", short, nodes.constant(69)), nodes.constant(2000), nodes.constant(1900))
        year = nodes("Add", short, century)
    month = number("month") if "month" in how.tokens else place("month_name", MONTHS)
    day = number("day") if "day" in how.tokens else nodes.constant(1)
    if "afternoon" in how.tokens:
        half = nodes("Mod", number("half_hour"), nodes.constant(12))
        return year, month, day, nodes("Add", half, place("afternoon", AFTERNOON))
    return year, month, day, number("hour") if "hour" in how.tokens else nodes.constant(0)


def _leap(year: Array, nodes: Nodes) -> Array:
    def divides(number: int) -> Array:
        return nodes("Equal", nodes("Mod", year, nodes.constant(number)), nodes.constant(0))

    return nodes("Or", nodes("And", divides(4), nodes("Not", divides(100))), divides(400))


def _days(year: Array, month: Array, day: Array, leap: Array, nodes: Nodes) -> Array:
    """Days since 1970-01-01, in Gregory's calendar for all years."""
    before = nodes("Gather", nodes.constant([0, *accumulate(LENGTHS[:-1])]), month)
    leap_day = nodes.cast(nodes("And", leap, nodes("Greater", month, nodes.constant(2))), np.int64)
    years = nodes("Sub", year, nodes.constant(1))
    days = nodes("Sub", nodes("Mul", years, nodes.constant(365)), nodes("Div", years, nodes.constant(100)))
    for more in (
        nodes("Div", years, nodes.constant(4)),
        nodes("Div", years, nodes.constant(400)),
        before,
        leap_day,
        day,
    ):
        days = nodes("Add", days, more)
    return nodes("Sub", days, nodes.constant(EPOCH))
