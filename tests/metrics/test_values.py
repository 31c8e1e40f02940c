"""The metrics have scikit-learn's values."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from pipeline.metrics import values as metrics


def rows(seed: int, n: int, classes: int, decimals: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random truth, prediction and probabilities; few decimals make ties, few rows leave classes out."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, n)
    scores = np.round(random.random((n, classes)) + np.eye(classes)[truth] / 2, decimals) + 0.01
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    return truth, probabilities.argmax(axis=1), probabilities


anything = given(
    seed=st.integers(0, 10_000), n=st.integers(2, 60), classes=st.integers(2, 6), decimals=st.sampled_from([1, 6])
)


@anything
@settings(max_examples=60, deadline=None, derandomize=True)
def test_values_equal_scikit_learn(seed: int, n: int, classes: int, decimals: int):
    truth, prediction, probabilities = rows(seed, n, classes, decimals)
    labels = np.arange(classes)
    ours = metrics.measure(truth, prediction, probabilities)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "accuracy": reference.accuracy_score(truth, prediction),
            "balanced_accuracy": reference.balanced_accuracy_score(truth, prediction),
            "macro_f1": reference.f1_score(
                truth, prediction, average="macro", labels=np.unique(truth), zero_division=0
            ),
            "log_loss": reference.log_loss(truth, probabilities, labels=labels),
            "brier": reference.brier_score_loss(truth, probabilities, labels=labels),
        }
        if classes > 2 and decimals > 1:  # without ties, which scikit-learn takes by the order of the columns
            expected["top_2_accuracy"] = reference.top_k_accuracy_score(truth, probabilities, k=2, labels=labels)
        if len(np.unique(truth)) == classes:
            score = probabilities[:, 1] if classes == 2 else probabilities
            expected["roc_auc"] = reference.roc_auc_score(truth, score, multi_class="ovr")
    assert {name: ours[name] for name in expected} == pytest.approx(expected, abs=1e-12)


@anything
@settings(max_examples=40, deadline=None, derandomize=True)
def test_calibration_error_equals_the_definition_written_out(seed: int, n: int, classes: int, decimals: int):
    truth, prediction, probabilities = rows(seed, n, classes, decimals)
    bins, expected = 7, 0.0
    for index in range(bins):
        inside = [i for i in range(n) if index / bins < probabilities[i].max() <= (index + 1) / bins]
        if inside:
            right = np.mean([truth[i] == prediction[i] for i in inside])
            confidence = np.mean([probabilities[i].max() for i in inside])
            expected += len(inside) / n * abs(right - confidence)
    assert metrics.calibration_error(truth, prediction, probabilities, bins) == pytest.approx(expected, abs=1e-12)


def test_auc_of_a_class_without_rows_is_left_out_of_the_mean():
    truth, prediction, probabilities = rows(0, 50, 3)
    keep = truth != 2
    truth, prediction, probabilities = truth[keep], prediction[keep], probabilities[keep]
    per_class = [reference.roc_auc_score(truth == code, probabilities[:, code]) for code in (0, 1)]
    assert metrics.roc_auc(truth, prediction, probabilities) == pytest.approx(np.mean(per_class))


def test_without_probabilities_only_metrics_of_labels_remain():
    truth, prediction, _ = rows(0, 50, 3)
    assert set(metrics.measure(truth, prediction, None)) == {"accuracy", "balanced_accuracy", "macro_f1"}


def test_rows_of_one_class_have_no_auc():
    truth, prediction, probabilities = rows(0, 20, 2)
    values = metrics.measure(np.zeros_like(truth), prediction, probabilities)
    assert "roc_auc" not in values
    assert "log_loss" in values


def test_two_classes_have_no_top_2_accuracy():
    assert "top_2_accuracy" not in metrics.measure(*rows(0, 20, 2))


def test_certain_but_wrong_probabilities_have_a_finite_log_loss():
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0]])
    truth = np.array([1, 1])
    expected = reference.log_loss(truth, probabilities, labels=[0, 1])
    assert metrics.log_loss(truth, truth, probabilities) == pytest.approx(expected)


def test_statistics_of_many_resamples_give_each_resample_its_value():
    truth, prediction, _ = rows(3, 80, 4)
    random = np.random.default_rng(0)
    picks = random.integers(0, 80, (20, 80))
    matrices = np.stack([metrics.confusion_matrix(truth[pick], prediction[pick], 4) for pick in picks])
    expected = [metrics.macro_f1(truth[pick], prediction[pick]) for pick in picks]
    assert metrics.macro_f1_from(matrices) == pytest.approx(expected)
    assert metrics.balanced_accuracy_from(matrices) == pytest.approx(
        [metrics.balanced_accuracy(truth[pick], prediction[pick]) for pick in picks]
    )
