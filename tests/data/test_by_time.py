"""Rows are divided by time: the latest are tested, ties and groups stay together, however dates are written."""

import numpy as np
import pandas as pd
import pytest

from pipeline.data.by_time import divide, order
from pipeline.errors import InputError
from pipeline.params import Dates

DAYS = pd.Series(pd.date_range("2023-01-01", periods=400).repeat(3), name="day").sample(frac=1, random_state=0)
TIME = DAYS.reset_index(drop=True)


@pytest.mark.parametrize(
    ("cells", "how"),
    [
        (TIME.dt.strftime("%Y-%m-%d"), None),
        (TIME.dt.strftime("%Y-%m-%dT%H:%M:%SZ"), None),
        (TIME.dt.strftime("%d.%m.%Y"), None),
        (TIME.dt.strftime("%m/%d/%Y"), Dates.model_validate({"parts": ["year"], "format": "%m/%d/%Y"})),
        (TIME.astype("int64") // 10**9, None),
        (TIME.dt.strftime("%Y%m%d").astype(int), None),
    ],
)
def test_however_dates_are_written_their_order_is_that_of_time(cells: pd.Series, how: Dates | None) -> None:
    column = cells.astype("str") if cells.dtype == object else cells
    expected = pd.factorize(TIME, sort=True)[0]
    assert (order(column.rename("day"), how) == expected).all()


def test_the_latest_rows_are_tested_and_those_before_them_are_the_validation_rows() -> None:
    places = order(TIME.dt.strftime("%Y-%m-%d").astype("str"))
    sides = divide(places, None, 0.15, 0.25)
    shares = {side: (sides == side).mean() for side in ("train", "validation", "test")}
    assert shares == pytest.approx({"train": 0.6, "validation": 0.15, "test": 0.25}, abs=0.005)
    assert TIME[sides == "train"].max() < TIME[sides == "validation"].min()
    assert TIME[sides == "validation"].max() < TIME[sides == "test"].min()
    again = np.random.default_rng(0).permutation(len(places))
    assert (divide(places[again], None, 0.15, 0.25) == sides[again]).all()


def test_a_group_is_where_its_latest_row_is() -> None:
    groups = pd.Series(np.arange(1200) % 150)
    sides = divide(order(TIME.dt.strftime("%Y-%m-%d").astype("str")), groups, 0.15, 0.25)
    assert pd.Series(sides).groupby(groups).nunique().max() == 1
    latest = TIME.groupby(groups).max()
    of_group = pd.Series(sides).groupby(groups).first()
    assert latest[of_group == "train"].max() < latest[of_group == "test"].min()


def test_few_times_are_whole() -> None:
    assert divide(np.array([0, 0, 0, 1, 1, 2]), None, 0.3, 0.2).tolist() == ["train"] * 3 + ["validation"] * 2 + [
        "test"
    ]
    assert set(divide(np.zeros(5, int), None, 0.15, 0.25)) == {"test"}


@pytest.mark.parametrize(
    ("cells", "words"),
    [(["2024-01-01", None], r"1 row has no date \(row 2\)"), (["soon", "later"], "no dates that can be put in order")],
)
def test_rows_without_a_time_are_refused(cells: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        order(pd.Series(cells, name="day", dtype="str"))
