"""What is noticed in a column: each kind by an example, and what only looks like it is left alone."""

import numpy as np
import pandas as pd
import pytest

from pipeline.data.cells import plain
from pipeline.data.dataset import Finding
from pipeline.data.noticing import blank_tells, of_feature, sentinel_of, spellings

ROWS = 300
RANDOM = np.random.default_rng(0)


def noticed(name: str, cells: object) -> list[Finding]:
    return list(of_feature(plain(pd.DataFrame({name: cells}))[name]))


@pytest.mark.parametrize(
    ("name", "cells", "code", "setting", "words"),
    [
        ("city", ["Bern", "bern", "Oslo"] * 100, "spelling", "", "how they are spelled, such as Bern, bern"),
        ("zip", ["01234", "94105"] * 150, "code", "data.categorical: [zip]", "kept as names, such as 01234"),
        ("plz", [1234, 94105] * 150, "code", "data.categorical: [plz]", "not amounts, such as 1234"),
        ("weight", ["40kg", "41kg", "42 kg"] * 100, "units", "", "numbers with units"),
        ("EmployeeNumber", np.arange(ROWS) * 3, "id", "data.id: EmployeeNumber", "names the rows"),
        ("patient_id", np.arange(ROWS) // 5, "group", "data.group: patient_id", "its 60 values come back"),
        ("patient_id", [f"p{i // 5}" for i in range(ROWS)], "group", "data.group: patient_id", "make it data.group"),
        ("ts", 1_600_000_000 + np.arange(ROWS) * 7919, "time", "data.drop: [ts]", "seconds since 1970"),
        ("ts", (1_600_000_000 + np.arange(ROWS)) * 1000, "time", "data.drop: [ts]", "milliseconds since 1970"),
        ("ymd", [20230101 + i % 28 + 100 * (i % 12) for i in range(ROWS)], "time", "data.drop: [ymd]", "20240131"),
        ("age", [-999, 30, 40, 50, 60] * 60, "sentinel", "data.read.na_values: {age: [-999]}", "in 60 rows: a blank?"),
        ("serial", 2**53 + 2 * (np.arange(ROWS) % 90), "precision", "", "make it data.group"),
        ("serial", 2**45 + 1 + 2 * np.arange(ROWS), "precision", "", "make it data.id"),
        ("bytes", [2**24 + 1, *range(ROWS)], "precision", "", "1 whole number of 301 is rounded to float32, by less"),
    ],
)
def test_each_kind_is_noticed_with_what_settles_it(
    name: str, cells: object, code: str, setting: str, words: str
) -> None:
    [finding] = noticed(name, cells)
    assert (finding.code, finding.column, finding.setting) == (code, name, setting)
    assert words in finding.told()


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("age", RANDOM.integers(18, 90, ROWS)),
        ("income", RANDOM.normal(30000, 9000, ROWS)),
        ("country", RANDOM.choice(["Norway", "Kenya"], ROWS)),
        ("member", RANDOM.random(ROWS) < 0.5),
        ("digits", RANDOM.choice(["1", "2", "10"], ROWS)),
        ("share", RANDOM.choice(["0.5", "0.25"], ROWS)),
        ("views", RANDOM.integers(0, 2**31, ROWS) // 2**10 * 2**10),
    ],
)
def test_what_is_as_it_should_be_is_left_alone(name: str, cells: object) -> None:
    assert noticed(name, cells) == []


def test_what_was_declared_a_category_is_one() -> None:
    column = plain(pd.DataFrame({"plz": [1234, 94105] * 150}))["plz"]
    assert list(of_feature(column, declared=True)) == []


def test_cells_are_shown_only_where_rows_may_be() -> None:
    [finding] = noticed("weight", ["40kg", "41kg", "42 kg"] * 100)
    assert "40kg" in finding.told() and "40kg" not in finding.told(rows=False)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["Yes", "yes", "No"], "Yes, yes"),
        (["true", "1", "false", "0"], "1, true; 0, false"),
        (["N", "no", "Y", "yes"], "N, no; Y, yes"),
        (["new  york", "New York", "Rome"], "New York, new  york"),
        (["1", "2", "3"], ""),
        (["a", "b"], ""),
    ],
)
def test_spellings_of_one_meaning(texts: list[str], expected: str) -> None:
    assert spellings(pd.Series(texts, dtype="str")) == expected


@pytest.mark.parametrize(
    ("usual", "odd", "found"),
    [
        (RANDOM.normal(70, 9, 95), -999, -999),
        (RANDOM.integers(0, 50, 95), 9999, 9999),
        (RANDOM.normal(0, 9, 95), -1, None),
        (RANDOM.integers(0, 5, 95), -1, None),
    ],
    ids=["-999", "9999", "-1 among others", "-1 beside 0"],
)
def test_a_number_far_from_all_others_and_often_there_is_a_blank(
    usual: object, odd: float, found: float | None
) -> None:
    assert sentinel_of(pd.Series([*usual, *[odd] * 5])) == found  # type: ignore[misc]


def test_where_a_column_is_blank_may_give_the_class_away() -> None:
    labels = np.array(list("aaabbbccc") * 20, dtype=object)
    assert blank_tells(pd.Series(np.where(labels == "a", 1.0, np.nan)), labels) == "a"
    assert blank_tells(pd.Series(np.where(labels == "b", np.nan, 1.0)), labels) == "b"
    assert blank_tells(pd.Series(np.where(np.arange(180) % 2, 1.0, np.nan)), labels) is None
