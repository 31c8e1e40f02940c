"""Adopting: every column of a table gets a part, and what a person should see is noticed, each kind at its column."""

import numpy as np
import pandas as pd
import pytest

from pipeline.data.adopting import Adoption, adopt
from pipeline.data.cells import plain
from pipeline.errors import InputError

ROWS = 300
RANDOM = np.random.default_rng(0)


def adopted(name: str, cells: object, chosen: dict[str, object] | None = None) -> Adoption:
    """What becomes of a column beside a number and a target."""
    table = pd.DataFrame({name: cells, "x": RANDOM.random(ROWS), "y": np.arange(ROWS) % 2})
    return adopt(plain(table), "y", chosen)


def becomes(found: Adoption, name: str) -> str:
    return next(column.becomes for column in found.columns if column.name == name)


def said(found: Adoption, name: str) -> str:
    return " | ".join(f"{notice.message} {notice.setting}" for notice in found.notices if notice.column == name)


@pytest.mark.parametrize(
    ("name", "cells", "part", "setting"),
    [
        ("age", RANDOM.integers(18, 90, ROWS), "a number", ""),
        ("member", RANDOM.random(ROWS) < 0.5, "a boolean", ""),
        ("city", RANDOM.choice(["Bern", "Oslo"], ROWS), "a category", ""),
        ("EmployeeNumber", np.arange(ROWS) * 3 + 1, "the id of a row", "data.id: EmployeeNumber"),
        ("patient_id", RANDOM.integers(0, 60, ROWS), "the group of a row: stays on one side", "data.group: patient_id"),
        ("zip", RANDOM.choice(["01234", "94105"], ROWS), "a category", "data.categorical: [zip]"),
        ("plz", RANDOM.choice([1234, 94105], ROWS), "a category", "data.categorical: [plz]"),
        ("part", RANDOM.choice(["train", "test"], ROWS), "says on which side a row is", "data.split_column: part"),
        ("score", RANDOM.choice(["1", "2", "3", "4", "?"], ROWS), "a number; its words are blanks", "na_values"),
        (
            "note",
            [f"words about {n} things" for n in range(ROWS)],
            "free text: its frequent words and pairs of words",
            "data.text: {note: {max_features: 2000, ngram_range: [1, 2]}}",
        ),
        ("name", [f"John no{n}" for n in range(ROWS)], "left out: free text", "data.drop: [name]"),
        (
            "day",
            pd.date_range("2024-01-01", periods=ROWS),
            "a date: month, day, weekday, days",
            "data.dates: {day: [month, day, weekday, days]}",
        ),
        ("days", [f"{n} days" for n in range(ROWS)], "left out: dates", "data.drop: [days]"),
        ("nothing", [None] * ROWS, "left out: no row has a value", ""),
    ],
)
def test_every_kind_of_column_gets_its_part(name: str, cells: object, part: str, setting: str) -> None:
    found = adopted(name, cells)
    assert becomes(found, name) == part
    assert setting in said(found, name)
    assert not found.undecided


MOMENTS = pd.Series(pd.date_range("2023-01-01", periods=ROWS, freq="37h"))


@pytest.mark.parametrize(
    ("cells", "how", "words"),
    [
        (MOMENTS.dt.strftime("%d.%m.%Y"), "%d.%m.%Y", "dates, 2023-01-01 to 2024-04-05"),
        (MOMENTS.dt.strftime("%m/%d/%Y %I:%M %p"), "%m/%d/%Y %I:%M %p", ""),
        (MOMENTS.dt.strftime("%d-%b-%y"), "%d-%b-%y", ""),
        (MOMENTS.dt.strftime("%Y%m%d").astype(int), "%Y%m%d", ""),
        (MOMENTS.dt.day.map("{:02}/02/2024".format).str.replace("31", "1").str.replace("30", "2"), "%d/%m/%Y", ""),
        (["01/02/2024", "03/04/2024"] * (ROWS // 2), "%m/%d/%Y", "or does 01/02/2024 mean %d/%m/%Y?"),
        (["0000-00-00", "?"] * 20 + MOMENTS.dt.strftime("%Y-%m-%d").tolist()[40:], "", "0000-00-00, ? read as blank"),
    ],
    ids=["points", "am and pm", "months", "whole numbers", "day first", "either", "words"],
)
def test_dates_are_proposed_as_they_are_written(cells: object, how: str, words: str) -> None:
    found = adopted("day", cells)
    proposed = found.data["dates"]["day"]
    assert (proposed["format"] if how else how) == how
    assert "days" in (proposed["parts"] if how else proposed)
    assert words in said(found, "day")
    if "blank" in words:
        assert found.data["read"] == {"na_values": {"day": ["0000-00-00", "?"]}}


def test_only_the_parts_that_vary_are_proposed() -> None:
    found = adopted("day", MOMENTS)
    assert found.data["dates"] == {"day": ["year", "month", "day", "weekday", "hour", "days"]}
    assert adopted("day", ["2024-01-31", "2024-01-30"] * (ROWS // 2)).data["dates"] == {
        "day": ["day", "weekday", "days"]
    }
    assert becomes(adopted("day", ["2024-01-31"] * ROWS), "day") == "left out: dates"
    assert becomes(adopted("day", ["2024-01-31", "31.01.2024"] * (ROWS // 2)), "day") == "left out: dates"


def test_many_codes_become_what_the_target_is_in_them() -> None:
    rows = 6000
    codes = [f"{code:05}" for code in RANDOM.integers(0, 5000, rows)]
    table = pd.DataFrame({"zip": codes, "x": RANDOM.random(rows), "y": np.arange(rows) % 2})
    found = adopt(plain(table), "y")
    assert becomes(found, "zip") == "the shares of the classes in it" and found.data["categories"] == {"zip": "target"}
    many = adopt(plain(table.assign(y=np.arange(rows) % 12)), "y")
    assert many.data["categories"] == {"zip": "frequent"}


def test_what_a_person_chose_stays() -> None:
    found = adopted("EmployeeNumber", np.arange(ROWS) * 3, {"drop": ["EmployeeNumber"]})
    assert becomes(found, "EmployeeNumber") == "as you chose: data.drop"
    assert found.data == {"target": "y", "drop": ["EmployeeNumber"]}
    found = adopted("day", MOMENTS, {"dates": {"day": ["hour"], "other": ["year"]}})
    assert becomes(found, "day") == "as you chose: data.dates"
    assert found.data["dates"] == {"day": ["hour"], "other": ["year"]}
    table = pd.DataFrame({"one": MOMENTS, "two": MOMENTS, "y": np.arange(ROWS) % 2})
    assert list(adopt(plain(table), "y", {"dates": {"two": ["hour"]}}).data["dates"]) == ["one", "two"]


def test_rows_with_dates_are_divided_by_time_but_not_by_birthdays() -> None:
    days = pd.Series(pd.date_range("2020-01-01", periods=ROWS).strftime("%Y-%m-%d"))
    found = adopted("since", days)
    assert found.moment == "since" and "prepare.split: {by: since}" in said(found, "since")
    for name, cells in (
        ("birth_date", days),
        ("since", days.mask(np.arange(ROWS) < 9)),
        ("since", [days[0], days[1]] * 150),
    ):
        assert adopted(name, cells).moment is None


def test_the_target_in_other_letters_is_meant() -> None:
    with pytest.raises(InputError, match="did you mean 'y'"):
        adopt(plain(pd.DataFrame({"x": [1, 2], "y": [0, 1]})), "Y")


def test_all_that_must_be_decided_is_said_at_once() -> None:
    table = pd.DataFrame({"x": RANDOM.random(ROWS), "y": np.where(np.arange(ROWS) < 9, np.nan, RANDOM.random(ROWS))})
    found = adopt(plain(table), "y")
    assert [text[:40] for text in found.undecided] == [
        "column 'y': 9 of 300 rows have no class;",
        "column 'y' (data.target): 291 different ",
    ]


@pytest.mark.parametrize(
    ("share", "primary"), [(0.5, "accuracy"), (0.8, "balanced_accuracy"), (0.97, "average_precision")]
)
def test_the_primary_metric_goes_by_the_share_of_the_commonest_class(share: float, primary: str) -> None:
    rows = 1000
    table = pd.DataFrame({"x": RANDOM.random(rows), "y": np.where(np.arange(rows) < share * rows, "no", "yes")})
    found = adopt(plain(table), "y")
    assert found.primary == primary and found.commonest == share
