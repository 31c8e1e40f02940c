"""The intervals hold the truth as often as they say, and are there where nothing went wrong."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from pipeline.metrics import values as metrics
from pipeline.metrics.auc import auc_and_influence
from pipeline.metrics.intervals import between, intervals, wilson
from pipeline.metrics.variance import Sampling


def predicted(n: int, classes: int, skill: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, n)
    scores = np.exp(random.normal(size=(n, classes)) + skill * np.eye(classes)[truth])
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    return truth, probabilities.argmax(axis=1), probabilities


@pytest.mark.parametrize(("right", "n"), [(0, 10), (1, 10), (97, 100), (450, 450)])
def test_wilson_is_statsmodels(right: int, n: int):
    assert wilson(right, n) == pytest.approx(proportion_confint(right, n, method="wilson"), abs=1e-12)


@pytest.mark.parametrize("classes", [2, 5])
def test_every_metric_has_an_interval_that_holds_it(classes: int):
    rows = predicted(200, classes, 2.0)
    values, found = metrics.measure(*rows), intervals(*rows)
    assert found.keys() == values.keys() - {"calibration_error"}
    for name, (low, high) in found.items():
        assert 0 <= low < high
        assert low - 1e-6 <= values[name] <= high + 1e-6


def test_intervals_of_many_rows_are_those_of_a_bootstrap():
    truth, prediction, probabilities = predicted(400, 3, 1.0)
    found = intervals(truth, prediction, probabilities)
    random = np.random.default_rng(2)
    picks = random.integers(0, 400, (1000, 400))
    measured = [metrics.measure(truth[pick], prediction[pick], probabilities[pick]) for pick in picks]
    for name, (low, high) in found.items():
        expected = np.quantile([value[name] for value in measured], [0.025, 0.975])
        assert high - low == pytest.approx(expected[1] - expected[0], rel=0.15), name


@pytest.mark.parametrize("positives", [2, 5, 10, 40])
@pytest.mark.parametrize("distance", [0.74, 1.8])
def test_the_interval_of_the_auc_covers_also_with_few_rows_of_a_class(positives: int, distance: float):
    """A bootstrap covers 50 % with two positives, 70 % with three. The bound: 95 % less three standard errors."""
    random = np.random.default_rng(0)
    truth = (np.arange(300) < positives).astype(int)
    true = NormalDist().cdf(distance / 2**0.5)
    held = []
    for _ in range(300):
        score = random.normal(size=300) + distance * truth
        area, influence = auc_and_influence(truth, np.column_stack([-score, score]))
        low, high = between(area, influence, Sampling(truth), shortfall=1 - area)
        held.append(low <= true <= high)
        assert 0 <= low <= area <= high <= 1
    assert np.mean(held) >= 0.95 - 3 * (0.95 * 0.05 / 300) ** 0.5


def drawn(random: np.random.Generator, n: int, shares: tuple[float, ...], skill: float, sureness: float = 1.0):
    """Rows of classes with these shares, and a model that is calibrated if `sureness` is 1, else too sure."""
    truth = random.choice(len(shares), n, p=shares)
    scores = random.normal(size=(n, len(shares))) + skill * np.eye(len(shares))[truth]
    scores = scores * skill * sureness + np.log(shares)
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    return truth, probabilities.argmax(axis=1), probabilities


@pytest.mark.parametrize("sureness", [1.0, 2.0])
@pytest.mark.parametrize(
    ("shares", "skill", "n"),
    [
        ((0.99, 0.01), 1.5, 100),
        ((0.95, 0.05), 2.0, 437),
        pytest.param((0.5, 0.5), 1.5, 100, marks=pytest.mark.slow),
        pytest.param((0.99, 0.01), 3.0, 437, marks=pytest.mark.slow),
        pytest.param((0.99, 0.01), 1.5, 1000, marks=pytest.mark.slow),
        pytest.param((0.1,) * 10, 2.5, 100, marks=pytest.mark.slow),
        pytest.param((0.1,) * 10, 2.5, 437, marks=pytest.mark.slow),
    ],
)
def test_every_interval_holds_the_population_value_in_92_percent(shares, skill, n: int, sureness: float):
    """95 % less three points, less three standard errors of 200 samples (4.6 points); the truth is that of 200,000."""
    random = np.random.default_rng(0)
    true = metrics.measure(*drawn(random, 200_000, shares, skill, sureness))
    held: dict[str, list[bool]] = {}
    for _ in range(200):
        for name, (low, high) in intervals(*drawn(random, n, shares, skill, sureness), classes=len(shares)).items():
            held.setdefault(name, []).append(low - 1e-6 <= true[name] <= high + 1e-6)
    assert {"accuracy", "log_loss", "brier"} <= held.keys()
    for name, found in held.items():
        assert np.mean(found) >= 0.92 - 3 * (0.92 * 0.08 / len(found)) ** 0.5, name


@pytest.mark.parametrize("alike", [0.0, 0.5, 0.9])
def test_intervals_of_rows_in_groups_hold_the_population_value(alike: float):
    """40 groups of 10 rows, whose errors are alike: without groups these intervals miss in up to 50 %."""
    random = np.random.default_rng(0)

    def grouped(groups: int):
        of = np.repeat(np.arange(groups), 10)
        truth = random.integers(0, 2, len(of))
        noise = alike**0.5 * random.normal(size=(groups, 2))[of] + (1 - alike) ** 0.5 * random.normal(size=(len(of), 2))
        scores = np.exp(noise + 1.5 * np.eye(2)[truth])
        probabilities = scores / scores.sum(axis=1, keepdims=True)
        return truth, probabilities.argmax(axis=1), probabilities, of

    true = metrics.measure(*grouped(20_000)[:3])
    held: dict[str, list[bool]] = {}
    for _ in range(200):
        for name, (low, high) in intervals(*grouped(40)).items():
            held.setdefault(name, []).append(low <= true[name] <= high)
    assert held.keys() == true.keys() - {"calibration_error"}
    for name, found in held.items():
        assert np.mean(found) >= 0.92 - 3 * (0.92 * 0.08 / 200) ** 0.5, name


def test_fewer_than_ten_groups_have_no_interval():
    truth, prediction, probabilities = predicted(200, 2, 1.5)
    assert intervals(truth, prediction, probabilities, np.arange(200) % 9) == {}
    assert intervals(truth, prediction, probabilities, np.arange(200) % 10)


def test_rows_that_are_groups_of_their_own_have_the_intervals_of_rows():
    truth, prediction, probabilities = predicted(200, 3, 1.5)
    alone, grouped = (
        intervals(truth, prediction, probabilities),
        intervals(truth, prediction, probabilities, np.arange(200)),
    )
    for name in alone.keys() - {"accuracy", "top_2_accuracy"}:
        assert grouped[name] == pytest.approx(alone[name], rel=1e-3)
    for name in ("accuracy", "top_2_accuracy"):  # by Student's t instead of the normal quantile, with n - 1 for n
        assert grouped[name] == pytest.approx(alone[name], abs=2e-3)


def test_an_auc_of_test_rows_with_one_positive_is_nearly_unknown():
    score = np.linspace(0, 1, 100)
    truth = (np.arange(100) == 90).astype(int)
    low, high = intervals(truth, truth, np.column_stack([1 - score, score]))["roc_auc"]
    assert low < 0.2
    assert high > 0.99


def test_means_over_classes_have_no_interval_where_a_class_has_next_to_no_rows():
    truth, prediction, _ = predicted(60, 3, 2.0)
    assert {"balanced_accuracy", "macro_f1"} <= intervals(truth, prediction, None, classes=3).keys()
    assert intervals(truth, prediction, None, classes=4).keys() == {"accuracy"}
    few = np.where(truth == 2, 0, truth)
    few[:4] = 2
    assert intervals(few, few, None, classes=3).keys() == {"accuracy", "balanced_accuracy"}


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 30),
    classes=st.integers(2, 4),
    skill=st.sampled_from([0.0, 3.0, 200.0]),
    confidence=st.sampled_from([0.5, 0.95, 0.9999]),
)
@settings(max_examples=80, deadline=None, derandomize=True)
@pytest.mark.filterwarnings("error")
def test_however_few_rows_an_interval_holds_its_metric_and_is_possible(
    seed: int, n: int, classes: int, skill: float, confidence: float
):
    rows = predicted(n, classes, skill, seed)
    values = metrics.measure(*rows)
    largest = {"log_loss": 40, "brier": 2}
    for name, (low, high) in intervals(*rows, confidence=confidence).items():
        assert 0 <= low <= values[name] + 1e-6
        assert values[name] - 1e-6 <= high <= largest.get(name, 1)


def test_a_perfect_result_is_not_certain():
    truth = np.arange(40) % 3
    probabilities = np.eye(3)[truth] * 0.9 + 0.1 / 3
    found = intervals(truth, truth, probabilities)
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        assert found[name][0] < 0.97
        assert found[name][1] == 1
    assert found["roc_auc"][0] < found["roc_auc"][1] == 1


def test_the_same_rows_give_the_same_intervals():
    rows = predicted(100, 4, 1.0)
    assert intervals(*rows) == intervals(*rows)
