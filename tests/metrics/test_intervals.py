"""The intervals hold the truth as often as they say, and are there where nothing went wrong."""

import tracemalloc
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from pipeline.metrics import values as metrics
from pipeline.metrics.intervals import area, calibration, intervals, posterior, wilson


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
    assert found.keys() == values.keys()
    for name, (low, high) in found.items():
        assert 0 <= low < high
        assert low - 1e-6 <= values[name] <= high + 1e-6


def test_intervals_of_many_rows_are_those_of_a_bootstrap():
    truth, prediction, probabilities = predicted(400, 3, 1.0)
    found = intervals(truth, prediction, probabilities, resamples=4000)
    random = np.random.default_rng(2)
    picks = random.integers(0, 400, (1000, 400))
    measured = [metrics.measure(truth[pick], prediction[pick], probabilities[pick]) for pick in picks]
    del found["calibration_error"]  # whose draws are mirrored at the value
    for name, (low, high) in found.items():
        expected = np.quantile([value[name] for value in measured], [0.025, 0.975])
        assert high - low == pytest.approx(expected[1] - expected[0], rel=0.12)


def test_calibration_errors_are_drawn_as_those_of_resampled_rows_are_spread():
    truth, prediction, probabilities = predicted(200, 3, 2.0)
    drawn = calibration(truth, prediction, probabilities, 10, 4000, np.random.default_rng(1))
    random = np.random.default_rng(2)
    picks = random.integers(0, 200, (2000, 200))
    expected = [metrics.calibration_error(truth[pick], prediction[pick], probabilities[pick]) for pick in picks]
    assert np.mean(drawn) == pytest.approx(np.mean(expected), rel=0.03)
    assert np.std(drawn) == pytest.approx(np.std(expected), rel=0.08)


@pytest.mark.parametrize(("positives", "at_least"), [(2, 0.80), (3, 0.86), (5, 0.86), (40, 0.90)])
@pytest.mark.parametrize("distance", [0.74, 1.8])
def test_the_interval_of_the_auc_covers_also_with_few_rows_of_a_class(positives: int, at_least: float, distance: float):
    """A bootstrap covers 50 % with two positives, 70 % with three."""
    random = np.random.default_rng(0)
    truth = (np.arange(300) < positives).astype(int)
    true = NormalDist().cdf(distance / 2**0.5)
    held = []
    for _ in range(300):
        score = random.normal(size=300) + distance * truth
        if found := area(truth, np.column_stack([-score, score])):
            held.append(found[0] <= true <= found[1])
            assert 0 < found[0] < found[1] < 1
    assert len(held) > 280
    assert np.mean(held) >= at_least


@pytest.mark.parametrize(("n", "skill", "at_least"), [(50, 1.0, 0.92), (200, 1.0, 0.93), (200, 3.0, 0.90)])
def test_intervals_of_losses_cover(n: int, skill: float, at_least: float):
    large, _, probabilities = predicted(100_000, 2, skill, seed=1)
    losses = {"log_loss": metrics.log_losses, "brier": metrics.brier_losses}
    true = {name: loss(large, probabilities).mean() for name, loss in losses.items()}
    held = []
    for seed in range(300):
        truth, prediction, probabilities = predicted(n, 2, skill, seed + 2)
        found = intervals(truth, prediction, probabilities, resamples=100)
        held.append([found[name][0] <= true[name] <= found[name][1] for name in losses])
    assert (np.mean(held, axis=0) >= at_least).all()


def test_an_auc_of_test_rows_with_one_positive_is_nearly_unknown():
    score = np.linspace(0, 1, 100)
    truth = (np.arange(100) == 90).astype(int)
    low, high = intervals(truth, truth, np.column_stack([1 - score, score]))["roc_auc"]
    assert low < 0.2
    assert high > 0.99


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 30),
    classes=st.integers(2, 4),
    place=st.integers(0, 4),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_class_that_no_row_has_changes_no_interval_wherever_it_stands(seed: int, n: int, classes: int, place: int):
    truth, prediction, _ = predicted(n, classes, 1.0, seed)
    with_gap = [codes + (codes >= place) for codes in (truth, prediction)]
    assert intervals(*with_gap, None, resamples=100) == intervals(truth, prediction, None, resamples=100)


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
    for name, (low, high) in intervals(*rows, confidence=confidence, resamples=100).items():
        assert 0 <= low <= values[name] + 1e-6
        assert values[name] - 1e-6 <= high <= largest.get(name, 1)


def test_a_class_without_a_row_that_is_predicted_counts_as_in_the_value():
    truth, prediction = np.zeros(100, int), np.where(np.arange(100) < 30, 1, 0)
    found = intervals(truth, prediction, None)
    assert found["balanced_accuracy"] == pytest.approx(found["accuracy"], abs=0.03)
    assert found["macro_f1"][0] < metrics.macro_f1(truth, prediction) < found["macro_f1"][1] < 0.5


def test_many_classes_and_draws_need_little_memory():
    truth = np.arange(2000) % 200
    tracemalloc.start()
    intervals(truth, np.where(np.arange(2000) % 7, truth, 0), None, resamples=400)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 80_000_000  # the matrices of all draws have 128 MB


def test_a_perfect_result_is_not_certain():
    truth = np.arange(40) % 3
    probabilities = np.eye(3)[truth] * 0.9 + 0.1 / 3
    found = intervals(truth, truth, probabilities)
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        assert found[name][0] < 0.97
        assert found[name][1] == 1
    assert "roc_auc" not in found


@pytest.mark.parametrize(("n", "accuracy"), [(40, 0.95), (450, 0.98)])
def test_intervals_of_the_confusion_matrix_cover(n: int, accuracy: float):
    cells = np.full((3, 3), (1 - accuracy) / 6) + np.eye(3) * (accuracy / 3 - (1 - accuracy) / 6)
    true = float(metrics.macro_f1_from(cells))
    random = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        matrix = random.multinomial(n, cells.ravel()).reshape(3, 3)
        drawn = metrics.macro_f1_from(next(posterior(matrix, 400, random)))
        low, high = np.quantile(drawn, [0.025, 0.975])
        held += low <= true <= high or (low <= true and metrics.macro_f1_from(matrix) == 1)
    assert held / 300 >= 0.91


def test_calibration_of_a_calibrated_model_may_be_perfect():
    random = np.random.default_rng(0)
    sure = random.uniform(0.5, 1, 400)
    truth = (random.random(400) > sure).astype(int)
    probabilities = np.column_stack([sure, 1 - sure])
    low, high = intervals(truth, np.zeros(400, int), probabilities)["calibration_error"]
    assert low < 0.02
    assert high > metrics.calibration_error(truth, np.zeros(400, int), probabilities) > low


def test_the_same_rows_give_the_same_intervals():
    rows = predicted(100, 4, 1.0)
    assert intervals(*rows) == intervals(*rows)


def test_equal_losses_have_no_interval_however_they_are_rounded():
    for n in range(2, 200):
        codes = np.zeros(n, dtype=np.int64)
        found = intervals(codes, codes, np.tile([0.95, 0.05], (n, 1)), resamples=100)
        assert not {"log_loss", "brier", "calibration_error"} & set(found)
