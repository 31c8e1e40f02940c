"""Columns of any kind that pandas has become numbers, booleans or text; features become float32."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow
import pytest

from pipeline.data.cells import as_names, plain
from pipeline.data.dataset import Roles, fit_schema, read_features, read_labels
from pipeline.data.encode import encode
from pipeline.data.schema import Schema
from pipeline.errors import InputError
from pipeline.params import Dates

DAY = datetime.date(2024, 1, 31)


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        (pd.Series([1, 2, None], dtype="Int64"), [1.0, 2.0, None]),
        (pd.Series([2**60 + 1, 2], dtype="Int64"), [2**60 + 1, 2]),
        (pd.Series([1.5, None], dtype="Float32"), [1.5, None]),
        (pd.Series([True, None], dtype="boolean"), [True, None]),
        (pd.Series([True, None], dtype=object), [True, None]),
        (pd.Series(["a", " b ", None], dtype="category"), ["a", "b", None]),
        (pd.Series([1, 2, 1], dtype="category"), [1, 2, 1]),
        (pd.Series(["x", None], dtype="string"), ["x", None]),
        (pd.Series([decimal.Decimal("1.5"), None]), [1.5, None]),
        (pd.Series([decimal.Decimal(2**60 + 1), decimal.Decimal(3), None]), [str(2**60 + 1), "3", None]),
        (pd.Series([2**70 + 1, 2**70]), [str(2**70 + 1), str(2**70)]),
        (pd.Series([1, None], dtype=pd.ArrowDtype(pyarrow.int64())), [1.0, None]),
        (pd.Series(["a", None], dtype=pd.ArrowDtype(pyarrow.string())), ["a", None]),
        (pd.Series([True, None], dtype=pd.ArrowDtype(pyarrow.bool_())), [True, None]),
        (pd.Series([DAY, None], dtype=pd.ArrowDtype(pyarrow.date32())), ["2024-01-31", None]),
        (
            pd.Series(pd.to_datetime(["2024-01-31", None]), dtype=pd.ArrowDtype(pyarrow.timestamp("us"))),
            ["2024-01-31", None],
        ),
        (pd.Series([1, "x", None, True], dtype=object), ["1", "x", None, "True"]),
        (pd.Series([None, None], dtype=object), [None, None]),
        (pd.to_datetime(pd.Series(["2024-01-31", None])), ["2024-01-31", None]),
        (
            pd.to_datetime(pd.Series(["2024-01-31 12:30:00", "2024-01-31"], dtype=object), format="ISO8601"),
            ["2024-01-31 12:30:00", "2024-01-31"],
        ),
        (pd.Series([DAY, None], dtype=object), ["2024-01-31", None]),
    ],
    ids=str,
)
def test_what_pandas_has_becomes_plain(column: pd.Series, cells: list[object]) -> None:
    found = plain(pd.DataFrame({"x": column}))["x"]
    assert [None if pd.isna(cell) else cell for cell in found] == cells


@pytest.mark.parametrize(
    ("column", "names"),
    [
        (["007", "7.0", "7.50", "x"], ["007", "7", "7.50", "x"]),
        ([1, 2**60 + 1], ["1", str(2**60 + 1)]),
        ([1.0, 2.5, np.nan], ["1", "2.5", None]),
        ([True, False], ["True", "False"]),
    ],
)
def test_names_of_rows_read_the_same_from_text_and_numbers(column: list[object], names: list[str | None]) -> None:
    found = as_names(plain(pd.DataFrame({"x": column}))["x"])
    assert [None if pd.isna(cell) else cell for cell in found] == names


def features(**columns: object) -> dict[str, str]:
    table = plain(pd.DataFrame(columns))
    return dict(read_features(table.assign(target=0), Roles("target")).types)


def test_a_column_of_different_amounts_is_no_id() -> None:
    rng = np.random.default_rng(0)
    amounts = rng.permutation(10_000)[:100]
    assert features(income=amounts, weight=rng.random(100)) == {"income": "number", "weight": "number"}


def test_few_rows_say_nothing_about_ids() -> None:
    assert features(a=[1, 2, 3], b=["x", "y", "z"]) == {"a": "number", "b": "category"}


@pytest.mark.parametrize(
    "name", ["id", "ID", "user_id", "userId", "PassengerId", "uuid", "Unnamed: 0", "row", "customer key"]
)
def test_names_of_ids(name: str) -> None:
    values = np.random.default_rng(0).permutation(10_000)[:100]
    assert features(**{name: values}, x=np.ones(100)) == {"x": "number"}


@pytest.mark.parametrize(
    "codes",
    [
        [f"{123456789 * n % 2**32:08x}" for n in range(1, 201)],  # some of them are digits alone
        [f"AB-{n}" for n in range(200)],
    ],
    ids=["hashes", "numbered"],
)
def test_words_that_differ_in_every_row_are_ids(codes: list[str]) -> None:
    assert features(code=codes, x=np.ones(200)) == {"x": "number"}


def test_a_number_with_a_letter_is_an_id_if_it_is_called_so() -> None:
    assert features(ticket_id=[f"{n}A" for n in range(200)], x=np.ones(200)) == {"x": "number"}


@pytest.mark.parametrize("name", ["paid", "humid", "width", "idle", "keyboard", "grid"])
def test_names_that_only_look_like_ids(name: str) -> None:
    values = np.random.default_rng(0).permutation(10_000)[:100]
    assert features(**{name: values}) == {name: "number"}


WRITTEN = {
    "decimal commas": "3,{:06}",
    "percent": "12.{:04}%",
    "dollars": "$3.{:04}",
    "euros behind": "{}.5 €",
    "thousands": "1,{:03}.5",
    "a sign": "-3,{:04}",
    "a unit": "{}kg",
    "a unit behind a space": "{}.5 km/h",
}


@pytest.mark.parametrize("case", WRITTEN)
def test_numbers_that_people_wrote_are_refused_with_advice_though_they_differ_in_every_row(case: str) -> None:
    with pytest.raises(
        InputError, match=r"column 'm': 100 of 100 values are no numbers, such as .*decimals need a point"
    ):
        features(m=[WRITTEN[case].format(i) for i in range(100)], x=np.ones(100))


def test_a_few_sizes_with_units_are_categories_and_a_few_decimal_commas_are_not() -> None:
    assert features(size=["4GB", "8GB", "16GB"] * 30) == {"size": "category"}
    with pytest.raises(InputError, match="decimals need a point"):
        features(size=["1,5", "2,5", "4"] * 30)


@pytest.mark.parametrize(
    "written", ["%d-%b-%Y", "%d%b%Y", "%B %d, %Y", "%a, %d %b %Y %H:%M:%S", "%G-W%V-%u", "%Y-%b-%d"]
)
def test_dates_with_names_of_months_or_weeks_are_dates_and_no_ids(written: str) -> None:
    days = pd.date_range("2024-01-31", periods=100).strftime(written)
    with pytest.raises(InputError, match=r"column 'day': holds dates .* give it a line in data.dates, such as {day: "):
        features(day=days, x=np.ones(100))


@pytest.mark.parametrize("word", ["c{}", "MARS{:04}", "DECK-{}", "{:08x}a1b2c3", "SN-20{:04}-W"])
def test_other_words_that_differ_in_every_row_are_ids(word: str) -> None:
    assert features(code=[word.format(i) for i in range(100)], x=np.ones(100)) == {"x": "number"}


def test_text_that_says_true_and_false_is_boolean_and_other_pairs_are_categories() -> None:
    assert features(a=["true", "FALSE", None] * 9, b=["yes", "no", "no"] * 9) == {"a": "boolean", "b": "category"}


def test_the_first_problem_names_the_other_columns_that_share_it() -> None:
    day = [f"2024-01-{1 + i % 28:02}" for i in range(100)]
    with pytest.raises(InputError, match=r"column 'a' \(also b, c, d, \.\.\.\): holds dates .*'2024-01-01'"):
        features(**dict.fromkeys("abcde", day))


def test_amounts_are_no_labels_but_many_repeated_numbers_are() -> None:
    with pytest.raises(InputError, match="amounts"):
        read_labels(pd.Series([1.5, 2.0, 3.0], name="y"))
    with pytest.raises(InputError, match="100 different numbers"):
        read_labels(pd.Series(range(100), name="y"))
    assert read_labels(pd.Series(list(range(100)) * 20, name="y")).dtype == np.int64


@pytest.mark.parametrize("labels", [[2**60 + 1, 2**60 + 2], ["1e20", "2e20"], ["01", "1"]])
def test_labels_that_would_be_one_number_stay_two_classes(labels: list) -> None:
    assert read_labels(plain(pd.DataFrame({"y": labels}))["y"]).tolist() == [str(label) for label in labels]


def test_true_and_false_are_two_classes_however_they_are_written() -> None:
    assert read_labels(plain(pd.DataFrame({"y": ["true", "FALSE", "True"]}))["y"]).tolist() == ["True", "False", "True"]


@pytest.mark.parametrize("infinite", [np.inf, -np.inf, "inf"])
def test_an_infinite_label_is_refused_with_its_row(infinite: object) -> None:
    with pytest.raises(InputError, match=r"1 row is infinite, such as row 2"):
        read_labels(plain(pd.DataFrame({"y": [1.0 if infinite != "inf" else "1", infinite]}))["y"])


def test_a_schema_describes_the_training_rows_and_encodes_any_rows() -> None:
    table = plain(
        pd.DataFrame({"n": [1.0, np.nan, 5.0, 99.0], "c": ["b", None, "a", "new"], "f": [True, None, False, True]})
    )
    read = read_features(table.assign(target=0), Roles("target"))
    training = np.array([True, True, True, False])
    schema = fit_schema(read.table, training, read.types, "target", ["x", "y"], None)
    number, category, boolean = schema.features
    assert (number.minimum, number.maximum, number.missing) == (1.0, 5.0, True)
    assert (category.categories, category.missing) == (("", "a", "b"), True)
    assert (boolean.type, boolean.missing) == ("boolean", True)
    columns = {feature.name: encode(read.table[feature.name], feature)[:, 0] for feature in schema.features}
    assert all(values.dtype == np.float32 for values in columns.values())
    assert columns["c"].tolist() == [2.0, 0.0, 1.0, -1.0]
    assert columns["n"].tolist()[::2] == [1.0, 5.0] and np.isnan(columns["f"][1])


def test_a_date_is_described_by_its_days_and_encoded_as_its_parts() -> None:
    table = plain(pd.DataFrame({"d": ["31.01.2024", None, "1.2.1999", "29.02.2100"], "n": range(4)}))
    how = Dates(parts=["hour", "weekday", "year"], format="%d.%m.%Y")
    read = read_features(table.assign(target=0), roles := Roles("target", dates={"d": how}))
    training = np.array([True, True, True, False])
    date, number = fit_schema(read.table, training, read.types, "target", ["x", "y"], None, roles).features
    assert (date.type, date.missing, date.width, number.width) == ("date", True, 3, 1)
    assert date.minimum == (datetime.date(1999, 2, 1) - datetime.date(1970, 1, 1)).days and date.maximum == 19753
    encoded = encode(read.table["d"], date)
    assert encoded.dtype == np.float32 and encoded[[0, 2]].tolist() == [[0, 2, 2024], [0, 0, 1999]]
    assert np.isnan(encoded[1]).all() and np.isnan(encoded[3]).all(), "a blank, and a day that is not in the calendar"
    schema = Schema((date, number), "target", ("x", "y"))
    assert Schema.from_dict(schema.to_dict()) == schema
    assert schema.places == {"d": range(3), "n": range(3, 4)}


def test_a_gap_in_any_row_is_known_so_that_the_model_learns_to_fill_it() -> None:
    table = pd.DataFrame({"n": [1.0, 2.0, np.nan]})
    schema = fit_schema(table, np.array([True, True, False]), {"n": "number"}, "target", [0, 1], None)
    assert schema.features[0].missing


def test_a_column_without_a_value_in_training_is_refused() -> None:
    table = pd.DataFrame({"n": [np.nan, np.nan, 1.0]})
    with pytest.raises(InputError, match="column 'n': no training row"):
        fit_schema(table, np.array([True, True, False]), {"n": "number"}, "target", [0, 1], None)
