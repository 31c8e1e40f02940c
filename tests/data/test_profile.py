"""The profile counts what is there, and notices a feature that gives the target away without suspecting good ones."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.dataset import Features, Finding
from pipeline.data.profile import GIVEN_AWAY, condense, contradictory, find_given_away, find_in_sides, profile, told
from pipeline.data.split import row_hashes


def codes(values: object) -> np.ndarray:
    return pd.factorize(pd.Series(values), sort=True, use_na_sentinel=False)[0]


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 30), st.integers(3, 20), st.randoms(use_true_random=False))
def test_a_number_whose_ranges_are_the_classes_tells_all(classes: int, rows: int, random: object) -> None:
    values = [label + random.random() * 0.9 for label in range(classes) for _ in range(rows)]
    assert told(codes(values), np.repeat(np.arange(classes), rows)) == 1


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 20), st.integers(0, 10**6), st.floats(0.02, 0.5))
def test_a_number_that_has_nothing_to_do_with_the_target_is_not_suspected(classes: int, seed: int, rare: float) -> None:
    rng = np.random.default_rng(seed)
    shares = np.array([rare, *[(1 - rare) / (classes - 1)] * (classes - 1)])
    labels = codes(rng.choice(classes, 400, p=shares))
    for values in (rng.random(400), rng.integers(0, 5, 400), rng.integers(0, 200, 400), np.zeros(400)):
        assert told(codes(values), labels) < GIVEN_AWAY


def test_a_good_but_honest_feature_is_not_suspected() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 500)
    assert told(codes(labels * 3 + rng.normal(size=1000)), labels) < GIVEN_AWAY  # right for 93 %


def test_missing_values_that_give_the_target_away_are_noticed() -> None:
    labels = pd.Series(["ill", "well"] * 50)
    features = pd.DataFrame({"treatment": np.where(labels == "ill", 1.0, np.nan), "noise": np.arange(100) // 7 % 3})
    assert [finding.column for finding in find_given_away(features, labels, row_hashes(features))] == []  # repeats
    features["noise"] = np.arange(100.0)
    found = find_given_away(features, labels, row_hashes(features))
    assert [finding.column for finding in found] == ["treatment"]


@pytest.mark.parametrize("order", ["sorted by class", "shuffled"])
def test_only_some_rows_are_looked_at_and_they_are_the_same_of_every_class_in_any_order(order: str) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"outcome": np.arange(2000) // 1000 * 1.0, "noise": rng.random(2000)})
    labels = table["outcome"].where(rng.random(2000) > 0.005, 1 - table["outcome"])
    expected = find_given_away(table, labels, row_hashes(table), sample=200)
    assert [finding.column for finding in expected] == ["outcome"]
    rows = labels.sort_values().index if order == "sorted by class" else labels.sample(frac=1, random_state=1).index
    table, labels = table.loc[rows], labels.loc[rows]
    assert find_given_away(table, labels, row_hashes(table), sample=200) == expected


def found_in_sides(test_rows: int, distinct: int) -> list[str]:
    labels = pd.Series(["a", "b"] * 500)
    sides = np.where(
        np.arange(1000) < test_rows, "test", np.where(np.arange(1000) < test_rows + 150, "validation", "train")
    )
    hashes = np.array([str(i % distinct) for i in range(1000)], dtype=object)
    shares = {"train": 0.6, "validation": 0.15, "test": 0.25}
    return [finding.code for finding in find_in_sides(labels, sides, hashes, shares)]


def test_sides_of_about_the_size_that_was_asked_are_not_mentioned() -> None:
    assert found_in_sides(test_rows=250, distinct=1000) == found_in_sides(test_rows=220, distinct=1000) == []


def test_a_side_of_another_size_and_test_rows_that_repeat_few_are_mentioned() -> None:
    assert found_in_sides(test_rows=100, distinct=1000) == ["side_size"]
    assert found_in_sides(test_rows=250, distinct=16) == ["repeated"]


def test_rows_of_another_class_with_the_same_features_contradict_each_other() -> None:
    labels = pd.Series(["a", "b", "a", "a", "b"])
    assert contradictory(labels, np.array(["1", "1", "1", "2", "3"], dtype=object)) == 3


def test_more_than_a_few_findings_of_one_kind_become_one() -> None:
    findings = [Finding("constant", f"c{i}", "same") for i in range(6)] + [Finding("id", "key", "differs")]
    assert condense(findings) == [
        {"code": "constant", "column": "c0", "message": "same (and 5 more columns, such as c1)"},
        {"code": "id", "column": "key", "message": "differs"},
    ]
    assert len(condense(findings[1:])) == 6


@pytest.mark.parametrize("name", ["count", "rows", "index", "category"])
def test_a_category_may_have_any_name(name: str) -> None:
    features = Features(pd.DataFrame({name: ["v", "u", "u"]}), {name: "category"}, ())
    content = profile(features, pd.Series([0, 1, 1]), np.array(["train"] * 3), np.array(list("abc"), dtype=object), 0)
    assert content["columns"][0]["top"] == [{"category": "u", "rows": 2}, {"category": "v", "rows": 1}]


def test_the_profile_is_the_counts_of_the_table() -> None:
    table = pd.DataFrame({"n": np.array([1, 2, np.nan, 4], np.float32), "c": ["v", "u", "u", ""]})
    features = Features(table, {"n": "number", "c": "category"}, ())
    labels = pd.Series(["a", "a", "b", "b"], name="y")
    sides = np.array(["train", "test", "train", ""])
    content = profile(features, labels, sides, np.array(["1", "2", "3", "3"], dtype=object), 0)
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["classes"] == [
        {"class": "a", "train": 1, "validation": 0, "test": 1},
        {"class": "b", "train": 1, "validation": 0, "test": 0},
    ]
    assert content["columns"] == [
        {"column": "n", "type": "number", "missing": 1, "unique": 3, "min": 1.0, "max": 4.0, "mean": 2.33333},
        {
            "column": "c",
            "type": "category",
            "missing": 1,
            "unique": 2,
            "top": [{"category": "u", "rows": 2}, {"category": "v", "rows": 1}],
        },
    ]
    assert (content["rows"], content["rows_left_out"], content["rows_duplicate"]) == (4, 1, 1)


@pytest.mark.parametrize(
    "name", ["rows", "rows_left_out", "rows_duplicate", "rows_contradictory", "columns_not_described"]
)
def test_only_a_few_numbers_stand_outside_lists_where_dvc_metrics_shows_them(name: str) -> None:
    features = Features(pd.DataFrame({"n": np.ones(3, np.float32)}), {"n": "number"}, ())
    content = profile(features, pd.Series([0, 1, 1]), np.array(["train"] * 3), np.array(list("abc"), dtype=object), 0)
    assert {key for key, value in content.items() if not isinstance(value, list)} >= {name}
    assert len([value for value in content.values() if not isinstance(value, list)]) == 5
