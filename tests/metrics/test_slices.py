"""Which slice a row belongs to, and what the slice is called."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.schema import Feature
from pipeline.errors import InputError
from pipeline.metrics.slices import decode, sliced, values

NUMBER = Feature("size", "number")
float32 = st.floats(allow_nan=False, allow_infinity=False, width=32)


def column(*cells: float) -> np.ndarray:
    return np.array(cells, dtype=np.float32)


def test_a_number_on_an_edge_is_in_the_bin_above() -> None:
    found = values(column(0.7, 0.69, 0.3, np.nan), NUMBER, [0.3, 0.7])
    assert found.tolist() == ["0.7 and more", "0.3 to below 0.7", "0.3 to below 0.7", "missing"]


def test_bins_of_close_edges_have_names_of_their_own() -> None:
    found = values(column(1234566, 1234567, 1234568), NUMBER, [1234567, 1234568, 1234569])
    assert found.tolist() == ["below 1234567", "1234567 to below 1234568", "1234568 to below 1234569"]


@pytest.mark.parametrize("edges", [[], [2, 1], [1, 1], [float("nan")], [1e39], [0.1, 0.1 + 1e-12]])
def test_edges_that_divide_no_float32_are_refused(edges: list[float]) -> None:
    with pytest.raises(InputError, match=r"evaluate\.slices\.size"):
        values(column(1, 2), NUMBER, edges)


@given(st.lists(float32, min_size=1, max_size=20))
def test_different_numbers_are_different_slices_and_read_as_they_are(cells: list[float]) -> None:
    names = values(column(*cells), NUMBER, None)
    assert len(set(names)) == len({float(cell) + 0.0 for cell in cells})
    assert [np.float32(name) for name in names] == [np.float32(cell) for cell in cells]


def test_a_category_called_missing_is_not_the_blank_one() -> None:
    feature = Feature("state", "category", ("", "missing", "new", "unknown to training"))
    found = values(column(0, 1, 2, 3, -1), feature, None)
    assert found.tolist() == ["missing", '"missing"', "new", '"unknown to training"', "unknown to training"]


def test_a_date_goes_by_its_year_and_a_gap_is_missing() -> None:
    days = pd.Series(["31.01.2024", "", "1.2.1999"], dtype="str")
    column, feature = sliced(days, Feature("day", "date", parts=("hour",), format="%d.%m.%Y"))
    assert values(column, feature, None).tolist() == ["2024", "missing", "1999"]
    assert values(column, feature, [2000]).tolist() == ["2000 and more", "missing", "below 2000"]


def test_true_and_false_are_written_as_in_the_table() -> None:
    assert values(column(0, 1, np.nan), Feature("member", "boolean"), None).tolist() == ["false", "true", "missing"]


def test_a_long_number_is_shown_as_the_table_had_it() -> None:
    assert decode(float(np.float32(1234567)), NUMBER) == 1234567
    assert decode(float(np.float32(0.1)), NUMBER) == 0.1
