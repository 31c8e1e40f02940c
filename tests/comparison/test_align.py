"""Pairing of two prediction tables: what is shared, what is left out, and which tables are refused."""

import numpy as np
import pandas as pd
import pytest

from pipeline.comparison.align import pair
from pipeline.errors import InputError


def predictions(keys="abcd", truth=(0, 1, 0, 1), prediction=(0, 1, 1, 1), **columns):
    return pd.DataFrame({"key": list(keys), "truth": list(truth), "prediction": list(prediction), **columns})


def test_rows_are_paired_by_key_whatever_their_order():
    base = predictions("abcd", truth=(0, 1, 0, 1), prediction=(0, 1, 1, 1))
    found = pair(base, base.sample(frac=1, random_state=1))
    assert list(found.keys) == list("abcd")
    assert found.identical


def test_rows_that_are_not_shared_changed_their_truth_or_are_excluded_are_left_out_and_counted():
    base = predictions("abcd", truth=(0, 1, 0, 1))
    head = predictions("bcde", truth=(1, 1, 1, 0))
    found = pair(base, head, exclude=["d", "e", "unknown"])
    assert list(found.keys) == ["b"]
    assert (found.only_base, found.only_head, found.truth_changed, found.excluded) == (1, 1, 1, 1)


@pytest.mark.parametrize("keys", [[1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0], ["1.0", "2.0", "3.0", "4.0"]])
def test_labels_and_keys_of_different_types_are_compared_as_text(keys):
    base = predictions(keys, truth=(0, 1, 0, 1))
    head = predictions("1234", truth=("0", "1", "0", "1"), prediction=("0", "1", "1", "1"))
    found = pair(base, head)
    assert found.identical
    assert len(found.keys) == 4
    assert found.notes == []


def test_labels_that_are_no_numbers_on_one_side_are_noted():
    found = pair(predictions(), predictions(truth=("0", "1", "0", "b"), prediction=("0", "1", "0", "b")))
    assert "compared as text" in found.notes[0]


def test_where_nothing_is_shared_an_example_of_both_sides_shows_why():
    other_keys = pair(predictions("abcd"), predictions("wxyz"))
    assert other_keys.notes == ["a key of the base is 'a', one of the head is 'w'"]
    other_labels = pair(predictions(), predictions(truth="nyny", prediction="nnyy"))
    assert "the truth of key 'a' is '0' in the base and 'n' in the head" in other_labels.notes


@pytest.mark.parametrize("classes", [2, 10])
def test_probabilities_rounded_to_two_digits_are_accepted(classes):
    random = np.random.default_rng(0)
    rounded = random.dirichlet(np.ones(classes), 500).round(2)
    table = predictions(range(500), np.arange(500) % 2, np.arange(500) % 2)
    assert pair(*[table.assign(**{f"proba_{k}": rounded[:, k] for k in range(classes)})] * 2).identical


def test_whole_floats_are_the_integers_that_they_stand_for():
    base = predictions(truth=(0.0, 1.0, 0.0, 1.0), prediction=(0.0, 1.0, 1.0, 1.0))
    found = pair(base, predictions())
    assert found.identical
    assert found.notes == []


def test_a_label_written_as_a_float_is_the_same_class_in_text_and_in_a_column_name():
    half = {"proba_0": 0.5, "proba_1": 0.5}
    base = predictions(truth=(0, 1, 0, 1), prediction=(0, 1, 1, 1), **half)
    head = predictions(truth=("0.0", "1.0", "0.0", "1.0"), prediction=("0.0", "1.0", "1.0", "1.0"))
    assert pair(base, head.assign(**{"proba_0.0": 0.5, "proba_1.0": 0.5})).identical


def test_probabilities_follow_their_class_whatever_the_order_of_the_columns():
    base = predictions(proba_0=[0.9, 0.1, 0.2, 0.3], proba_1=[0.1, 0.9, 0.8, 0.7])
    found = pair(base, base[["key", "proba_1", "truth", "proba_0", "prediction"]])
    assert found.classes == ("0", "1")
    np.testing.assert_array_equal(found.base.probabilities, found.head.probabilities)


@pytest.mark.parametrize(
    ("base", "head", "reason"),
    [
        ({}, {}, "no probabilities"),
        ({"proba_0": 0.5, "proba_1": 0.5}, {}, "no probabilities in the head"),
        ({}, {"proba_0": 0.5, "proba_1": 0.5}, "no probabilities in the base"),
        (
            {"proba_0": 0.5, "proba_1": 0.5},
            {"proba_0": 0.5, "proba_1": 0.4, "proba_2": 0.1},
            "different classes: only head: 2",
        ),
        ({"proba_0": 0.5, "proba_2": 0.5}, {"proba_0": 0.5, "proba_2": 0.5}, "no probability for class 1"),
    ],
)
def test_probabilities_that_cannot_be_compared_are_left_out_with_the_reason(base, head, reason):
    found = pair(predictions(**base), predictions(**head))
    assert found.no_probabilities == reason
    assert found.base.probabilities is None
    assert found.head.probabilities is None


def test_numeric_classes_are_in_the_order_of_numbers():
    labels = (10, 9, 2, 1)
    assert pair(predictions(truth=labels), predictions(truth=labels)).classes == ("0", "1", "2", "9", "10")


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (predictions().drop(columns="truth"), "head: no column truth; there are: key, prediction"),
        (predictions().iloc[:0], "head: the table has no rows"),
        (predictions("aacd"), "head: 1 row repeats a key, for example 'a'"),
        (predictions(truth=(0, 1, None, 1)), "head: 1 row has no truth"),
        (predictions(prediction=(0, None, None, 1)), "head: 2 rows have no prediction"),
        (predictions(proba_0=[0.5, np.nan, 0.5, 0.5], proba_1=0.5), "1 row has a missing or infinite probability"),
        (
            predictions(proba_0=[-0.1, 0.5, 0.5, 0.5], proba_1=[1.1, 0.5, 0.5, 0.5]),
            "outside 0 to 1, for example key 'a'",
        ),
        (predictions(proba_0=[0.5, 0.5, 0.5, 0.1], proba_1=0.5), "do not sum to 1, for example key 'd'"),
        (predictions(proba_0="much", proba_1=0.5), "holds something that is no number"),
    ],
)
def test_a_table_that_is_not_one_of_predictions_is_refused(head, message):
    with pytest.raises(InputError) as refused:
        pair(predictions(), head)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
