"""The intervals hold the truth as often as they say, and are there where nothing went wrong."""

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from pipeline.ml import metrics
from pipeline.ml.intervals import bootstrap, intervals, posterior, wilson


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


def test_bootstrap_is_what_measuring_resampled_rows_gives():
    truth, prediction, probabilities = predicted(60, 3, 1.0)
    drawn = bootstrap(truth, prediction, probabilities, 10, 4000, np.random.default_rng(1))
    random = np.random.default_rng(2)
    picks = random.integers(0, 60, (1000, 60))
    measured = [metrics.measure(truth[pick], prediction[pick], probabilities[pick]) for pick in picks]
    for name, values in drawn.items():
        expected = [value[name] for value in measured]
        assert np.mean(values) == pytest.approx(np.mean(expected), rel=0.03)
        assert np.std(values) == pytest.approx(np.std(expected), rel=0.12)


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
        drawn = metrics.macro_f1_from(posterior(matrix, 400, random))
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
