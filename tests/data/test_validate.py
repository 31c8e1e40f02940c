"""Each check fails when it must, with the column, the count and the rows, and passes otherwise."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from pipeline.data import validate
from pipeline.data.cells import plain
from pipeline.data.dataset import Features, Roles
from pipeline.data.schema import Feature, Schema
from pipeline.errors import InputError
from pipeline.params import Dates

TABLE = plain(
    pd.DataFrame({"y": ["a", "b"] * 10, "id": range(20), "side": ["train", "Test"] * 10, "x": np.arange(20.0)})
)
LABELS = pd.Series(["a", "b"] * 10, name="y")
SIDES = np.array((["train"] * 2 + ["validation", "validation", "test", "test"]) * 3 + ["train"] * 2)
SCHEMA = Schema((Feature("n", "number"), Feature("c", "category", ("u", "v"))), "y", ("a", "b"))


def numbers(values: list[float]) -> Features:
    return Features(pd.DataFrame({"x": np.array(values, dtype=np.float32)}), {"x": "number"}, ())


PASSES: list[Callable[[], object]] = [
    lambda: validate.check_roles(TABLE, Roles("y", id="id", split="side", drop=("id",), categorical=("x",))),
    lambda: validate.check_values(TABLE, Roles("y", id="id", group="id", split="side")),
    lambda: validate.check_features(numbers([1.0, np.nan]), TABLE),
    lambda: validate.check_classes(LABELS),
    lambda: validate.check_sides(LABELS, SIDES),
    lambda: validate.check_recorded(SCHEMA, SCHEMA),
]


@pytest.mark.parametrize("check", PASSES)
def test_a_good_table_passes(check: Callable[[], object]) -> None:
    check()


FAILS: dict[str, tuple[Callable[[], object], str]] = {
    "two roles": (lambda: validate.check_roles(TABLE, Roles("y", id="y")), r"'y' is data.target and data.id"),
    "no such column": (lambda: validate.check_roles(TABLE, Roles("Y")), r"data.target: .* 'Y'; did you mean 'y'"),
    "id as a category": (
        lambda: validate.check_roles(TABLE, Roles("y", id="id", categorical=("id",))),
        r"'id' is data.id and in data.categorical",
    ),
    "blanks": (
        lambda: validate.check_values(TABLE.assign(y=[None, "a"] * 10), Roles("y")),
        r"column 'y': 10 of 20 rows \(row 1, 3, 5, 7, 9, \.\.\.\) have no value",
    ),
    "repeated ids": (
        lambda: validate.check_values(TABLE.assign(id=[7, 7, *range(18)]), Roles("y", id="id")),
        r"column 'id': 3 of 20 rows \(row 1, 2, 10\) share their value",
    ),
    "other sides": (
        lambda: validate.check_values(TABLE.assign(side=["dev", *["train"] * 19]), Roles("y", split="side")),
        r"column 'side': 1 of 20 rows \(row 1\) has another value than train, validation, test",
    ),
    "infinite": (
        lambda: validate.check_features(numbers([1.0, -np.inf]), TABLE),
        r"1 of 2 rows \(row 2\) is infinite",
    ),
    "two types": (
        lambda: validate.check_roles(TABLE, Roles("y", categorical=("x",), dates={"x": Dates(parts=["year"])})),
        r"column 'x' is in data.categorical and in data.dates at once; choose one",
    ),
    "no values": (lambda: validate.check_features(numbers([np.nan] * 3), TABLE), r"all 3 rows have no value"),
    "one class": (lambda: validate.check_classes(LABELS[::2]), r"all 10 rows are 'a'"),
    "an empty side": (
        lambda: validate.check_sides(LABELS, np.where(SIDES == "validation", "train", SIDES)),
        r"no row is left for the validation side \(20 rows in all\)",
    ),
    "training rows that equal test rows": (
        lambda: validate.check_sides(LABELS, np.where(SIDES == "train", "", SIDES)),
        r"no row is left for the train side \(20 rows in all, \d+ left out because a test row has the same features\)",
    ),
    "a split column without a side": (
        lambda: validate.check_sides(LABELS, np.where(SIDES == "test", "train", SIDES), "fold"),
        r"no row is left for the test side .* name it in column 'fold'",
    ),
    "a class that training lacks": (
        lambda: validate.check_sides(LABELS, np.where((SIDES == "train") & (LABELS == "b"), "", SIDES)),
        r"no training row: 'b' \(10\) \(rows in all; 4 left out because a test row has the same features\); add",
    ),
    "a class that only the other sides have": (
        lambda: validate.check_sides(LABELS, np.where((SIDES == "train") & (LABELS == "b"), "test", SIDES)),
        r"1 of 2 classes has no training row: 'b' \(10\) \(rows in all\); add rows of them",
    ),
    "a picture of another size": (lambda: validate.image_size((2, 3), None, 7), r"2 x 3 are 6 pixels, .* 7 features"),
    "another type": (
        lambda: validate.check_recorded(
            SCHEMA, Schema((Feature("n", "category"), SCHEMA.features[1]), "y", ("a", "b"))
        ),
        r"column 'n': recorded as a number, now a category",
    ),
    "a new class": (
        lambda: validate.check_recorded(SCHEMA, Schema(SCHEMA.features, "y", ("a", "b", "c"))),
        r"class 'c' is not in the recorded schema",
    ),
}


@pytest.mark.parametrize("case", FAILS)
def test_a_check_fails_when_it_must(case: str) -> None:
    check, words = FAILS[case]
    with pytest.raises(InputError, match=words):
        check()


def test_the_size_of_pictures_is_known_only_while_all_pixels_are_features() -> None:
    assert validate.image_size(None, (2, 3), 6) == (2, 3)
    assert validate.image_size(None, (2, 3), 5) is None
    assert validate.image_size((3, 2), (2, 3), 6) == (3, 2)
    assert validate.image_size(None, None, 6) is None
