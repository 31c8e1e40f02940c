"""Rows in groups count as groups: false alarms and coverage by simulation, and what is said of them."""

import numpy as np
import pandas as pd
import pytest

from pipeline.comparison.align import pair
from pipeline.comparison.compare import compare
from pipeline.comparison.measures import measure
from pipeline.errors import InputError
from pipeline.metrics.variance import Sampling, centred

METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "roc_auc", "brier")


def tables(random, groups, rows, alike, base=1.5, head=1.5):
    """Two models whose noise is in part the same in all rows of a group, of which each has rows of both classes."""
    of = np.repeat(np.arange(groups), rows)
    truth = random.integers(0, 2, len(of))
    found = []
    for skill in (base, head):
        noise = alike**0.5 * random.normal(size=(groups, 2))[of] + (1 - alike) ** 0.5 * random.normal(size=(len(of), 2))
        scores = np.exp(noise + skill * np.eye(2)[truth])
        probabilities = scores / scores.sum(axis=1, keepdims=True)
        columns = {"key": np.arange(len(of)), "truth": truth, "prediction": probabilities.argmax(axis=1), "group": of}
        found.append(pd.DataFrame({**columns, "proba_0": probabilities[:, 0], "proba_1": probabilities[:, 1]}))
    return found


@pytest.mark.parametrize(
    ("groups", "rows", "alike"),
    [
        (50, 20, 0.5),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((100, 5, 0.5), (20, 50, 0.9), (12, 9, 0.7))),
    ],
)
def test_models_of_equal_skill_are_called_different_in_at_most_5_percent(groups, rows, alike):
    """120 changes that change nothing: 5 % and two standard errors. Counting rows it is 13 % to 72 %."""
    random = np.random.default_rng(0)
    alarms = dict.fromkeys(METRICS, 0)
    for _ in range(120):
        pairs = pair(*tables(random, groups, rows, alike))
        for name in METRICS:
            alarms[name] += measure(name, pairs, 10).estimate.p < 0.05
    for name, count in alarms.items():
        assert count / 120 <= 0.05 + 2 * (0.05 * 0.95 / 120) ** 0.5, name


@pytest.mark.slow
def test_the_interval_of_a_difference_holds_it_in_93_percent():
    """200 pull requests that make the model better; the true difference is that of 20,000 groups."""
    random = np.random.default_rng(1)
    true = {name: row.difference for name, row in compare(*tables(random, 20_000, 10, 0.5, 1.5, 1.8)).metrics.items()}
    held = dict.fromkeys(METRICS, 0)
    for _ in range(200):
        pairs = pair(*tables(random, 40, 10, 0.5, 1.5, 1.8))
        for name in METRICS:
            low, high = measure(name, pairs, 10).estimate.interval(0.05)
            held[name] += low <= true[name] <= high
    for name, count in held.items():
        assert count / 200 >= 0.93 - 2 * (0.95 * 0.05 / 200) ** 0.5, name


def test_the_variance_of_groups_is_that_of_drawing_groups():
    random = np.random.default_rng(0)
    sizes = random.integers(1, 30, 60)
    of = np.repeat(np.arange(60), sizes)
    values = random.normal(size=60)[of] + random.normal(size=len(of))
    found = Sampling(np.zeros(len(of), dtype=int), of).spread(centred(values, np.zeros(len(of), dtype=int)))
    sums, drawn = np.bincount(of, weights=values), random.integers(0, 60, (4000, 60))
    expected = np.std(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    assert found.variance**0.5 == pytest.approx(expected, rel=0.08)
    assert 20 < found.degrees < 59


def test_degrees_of_freedom_are_those_of_bell_and_mccaffrey_written_out():
    sizes = np.array([1, 4, 9, 2, 30, 7, 7, 12, 3, 5])
    share = sizes / sizes.sum()
    residuals = np.eye(10) - np.outer(share, np.ones(10))
    covariance = residuals @ np.diag(sizes**2.0) @ residuals.T
    expected = np.trace(covariance) ** 2 / np.trace(covariance @ covariance)
    of = np.repeat(np.arange(10), sizes)
    assert Sampling(np.zeros(len(of), dtype=int), of).degrees == pytest.approx([expected])
    assert Sampling(np.zeros(40, dtype=int), np.repeat(np.arange(10), 4)).degrees == pytest.approx([9])


def test_groups_of_one_row_are_rows():
    random = np.random.default_rng(0)
    base, head = tables(random, 300, 1, 0.0, 1.0, 1.3)
    alone = compare(base.drop(columns="group"), head.drop(columns="group"))
    grouped = compare(base, head)
    assert (alone.groups, grouped.groups) == (None, 300)
    for name in METRICS:
        ours, expected = grouped.metrics[name], alone.metrics[name]
        assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high), abs=4e-3)


def test_fewer_than_ten_groups_cannot_tell():
    random = np.random.default_rng(0)
    found = compare(*tables(random, 9, 200, 0.0, 0.0, 3.0))
    for result in found.metrics.values():
        assert (result.verdict in ("no detectable change", "not comparable"), result.low) == (True, None)
    assert found.headline.reason == "rows of 9 groups: 10 groups are needed"
    assert compare(*tables(random, 10, 200, 0.0, 0.0, 3.0)).headline.verdict == "better"


def test_classes_and_slices_count_their_own_groups():
    random = np.random.default_rng(0)
    base, head = tables(random, 30, 20, 0.0, 0.0, 3.0)
    where = pd.DataFrame({"key": base["key"], "site": np.where(base["group"] < 5, "small", "large")})
    found = compare(base, head, slices=where)
    assert found.slices["site"]["large"].accuracy.verdict == "better"
    assert found.slices["site"]["small"].accuracy.reason == "rows of 5 groups: 10 groups are needed"
    assert found.classes["0"].accuracy.counted == "groups"


def test_any_column_can_say_the_groups_and_one_side_is_enough():
    random = np.random.default_rng(0)
    base, head = (side.rename(columns={"group": "patient"}) for side in tables(random, 30, 5, 0.5))
    assert compare(base, head).groups is None
    assert compare(base, head, group="patient").groups == 30
    assert compare(base.drop(columns="patient"), head, group="patient").groups == 30
    assert compare(base, head.drop(columns="patient"), group="patient").groups == 30
    with pytest.raises(InputError, match="no column site, which is to say the groups"):
        compare(base, head, group="site")
    with pytest.raises(InputError, match="head: 1 row has no patient, the first is row 3 of 150"):
        compare(base, head.assign(patient=head["patient"].where(head.index != 2)), group="patient")
