"""Dates say what pandas says of them, in every format, and what is no date is told apart."""

import datetime

import numpy as np
import pandas as pd
import pytest

from pipeline.data.date_format import FORMATS, day_of, layout, write
from pipeline.data.dates import PARTS, formats_of, numbers, unreadable

CORNERS = [
    datetime.date(year, month, day)
    for year in (1, 4, 100, 400, 1600, 1900, 1904, 1969, 1970, 2000, 2023, 2024, 2100, 9999)
    for month, day in ((1, 1), (2, 28), (3, 1), (12, 31))
] + [datetime.date(year, 2, 29) for year in (4, 400, 1600, 1904, 2000, 2024)]


def days(rows: int = 3000, first: str = "0001-01-01", last: str = "9999-12-31") -> list[datetime.date]:
    """Days between two years, every leap year's corner among them."""
    ends = np.array([first, last], "datetime64[D]").astype(int)
    found = np.random.default_rng(0).integers(*ends, rows, endpoint=True).astype("datetime64[D]").tolist()
    return [day for day in [*found, *CORNERS] if first <= day.isoformat() <= last]


def text(cells: list[str]) -> "pd.Series[str]":
    return pd.Series(cells, dtype="str", name="day")


def as_pandas_has_them(times: "pd.Series[pd.Timestamp]") -> pd.DataFrame:
    of = times.dt
    found = {"year": of.year, "month": of.month, "day": of.day, "weekday": of.day_of_week, "hour": of.hour}
    return pd.DataFrame(found | {"days": (times.dt.normalize() - pd.Timestamp("1970-01-01")).dt.days}).astype(float)


@pytest.mark.parametrize("written", ["{}", "{}T{}", "{} {}", "{}T{}Z", "{} {}.123456"])
def test_iso_dates_are_what_pandas_says(written: str) -> None:
    random = np.random.default_rng(1)
    clock = [
        f"{h:02}:{m:02}:{s:02}" for h, m, s in zip(*random.integers(0, [[24], [60], [60]], (3, 5000)), strict=True)
    ]
    cells = text([written.format(day.isoformat(), time) for day, time in zip(days(), clock, strict=False)])
    expected = as_pandas_has_them(pd.to_datetime(cells.str.removesuffix("Z"), format="ISO8601"))
    pd.testing.assert_frame_equal(numbers(cells, ""), expected)
    without_seconds = cells.str.replace(r"(:\d\d):\d\d(\.\d+)?", r"\1", regex=True)
    pd.testing.assert_frame_equal(numbers(without_seconds, ""), expected)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_what_pandas_makes_of_it(format: str) -> None:
    moments = pd.Series(days(300, "1970-01-01", "2067-12-31")).map(pd.Timestamp) + pd.Timedelta(hours=15, minutes=7)
    cells = moments.dt.strftime(format or "%Y-%m-%dT%H:%M:%S").astype("str")
    expected = pd.to_datetime(cells, format=format or "ISO8601")
    pd.testing.assert_frame_equal(numbers(cells, format), as_pandas_has_them(expected), check_names=False)
    assert format in formats_of(cells)
    days_alone = as_pandas_has_them(expected)["days"]
    assert [day_of(cell, format) for cell in cells] == expected.dt.date.tolist()
    assert [write(day, format) for day in days_alone] == expected.dt.normalize().dt.strftime(
        format or "%Y-%m-%d"
    ).tolist()


@pytest.mark.parametrize(
    ("cell", "format"),
    [
        ("2023-02-29", ""),
        ("1900-02-29", ""),
        ("2024-04-31", ""),
        ("2024-13-01", ""),
        ("2024-00-10", ""),
        ("0000-01-01", ""),
        ("2024-1-5", ""),
        ("24-01-05", ""),
        ("2024-01-31 24:00", ""),
        ("2024-01-31 12:60", ""),
        ("2024-01-31T12:30:00+02:00", ""),
        ("2024-01-31 noon", ""),
        ("2024-01-31\n", ""),
        ("٢٠٢٤-٠١-٣١", ""),
        ("31.01.2024", ""),
        ("1706659200", ""),
        ("31.02.2024", "%d.%m.%Y"),
        ("1/31/2024", "%d/%m/%Y"),
        ("31-jaN-2024", "%d-%b-%Y"),
        ("31-Mai-2024", "%d-%b-%Y"),
        ("20240230", "%Y%m%d"),
        ("2024131", "%Y%m%d"),
        ("1/31/2024 13:00 PM", "%m/%d/%Y %I:%M %p"),
    ],
)
def test_what_is_no_date_is_none(cell: str, format: str) -> None:
    cells = text([cell, ""])
    assert unreadable(cells, format).tolist() == [True, False]
    assert numbers(cells, format).isna().all(axis=None)
    assert day_of(cell, format) is None


def test_the_hour_is_counted_from_midnight() -> None:
    cells = text(["1/31/2024 12:00 AM", "1/31/2024 1:00 am", "1/31/2024 12:59 PM", "1/31/2024 11:59 PM"])
    assert numbers(cells, "%m/%d/%Y %I:%M %p")["hour"].tolist() == [0, 1, 12, 23]


def test_two_digits_of_a_year_are_of_the_century_of_posix() -> None:
    assert numbers(text(["01.01.68", "01.01.69"]), "%d.%m.%y")["year"].tolist() == [2068, 1969]


@pytest.mark.parametrize(
    ("cells", "formats"),
    [
        (["2024-01-31", "2023-12-01T10:00:00Z"], [""]),
        (["31.01.2024", "1.2.2024"], ["%d.%m.%Y"]),
        (["1/2/2024"], ["%m/%d/%Y", "%d/%m/%Y"]),
        (["1/2/2024", "13/2/2024"], ["%d/%m/%Y"]),
        (["31-Jan-2024", "1-FEB-2024"], ["%d-%b-%Y"]),
        (["20240131"], ["%Y%m%d"]),
        (["2024-01-31", "31.01.2024"], []),
        (["12:30"], []),
        ([], []),
    ],
)
def test_the_formats_of_all_cells_the_likelier_first(cells: list[str], formats: list[str]) -> None:
    assert formats_of(text(cells)) == formats


@pytest.mark.parametrize(
    ("format", "words"),
    [
        ("%d.%m", "a year and a month at least"),
        ("%Q-%Y", "'%Q' is not known; known are %Y"),
        ("%Y-%m-%", "'%' is not known"),
        ("%Y-%m-%Y", "'%Y' stands twice"),
        ("%m%Y%f", "'%f' stands twice, or has nothing between"),
        ("%Y-1-%m", "'-1-' between the directives may hold no letters or digits"),
        ("%b in %Y", "' in ' between"),
        ("%Y-%m-%d %I", "%I and %p belong together"),
    ],
)
def test_a_format_that_cannot_be_read_is_refused(format: str, words: str) -> None:
    with pytest.raises(ValueError, match="^" + words.replace("(", r"\(") + "|" + words):
        layout(format)


def test_the_parts_are_those_of_the_parameters() -> None:
    assert list(numbers(text(["2024-01-31"]), "").columns) == list(PARTS)
