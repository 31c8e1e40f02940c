"""How good predictions are: pure functions on arrays, with scikit-learn's definitions and values.

Arrays mean the same everywhere: `truth` and `prediction` are class codes (int, shape (rows,), 0 to classes - 1 in the
order of the schema's classes), `probabilities` is float of shape (rows, classes). A metric that the rows cannot tell,
such as the AUC of rows of one class, is NaN.

The functions whose name ends in `_from` take sufficient statistics with any leading axes, so that the values of
thousands of draws are computed in one call, by the same code as the value itself.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.metrics.auc import auc_and_influence
from pipeline.metrics.precision import average_precision_and_influence

Codes = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]
Metric = Callable[[Codes, Codes, Floats], float]


def measure(truth: Codes, prediction: Codes, probabilities: Floats | None, bins: int = 10) -> dict[str, float]:
    """Every metric that applies, by name; those that need missing probabilities or are NaN are left out."""
    values = {name: metric(truth, prediction) for name, metric in LABEL_METRICS.items()}
    if probabilities is not None:
        for name, metric_of_probabilities in PROBABILITY_METRICS.items():
            values[name] = metric_of_probabilities(truth, prediction, probabilities)
        values["calibration_error"] = calibration_error(truth, prediction, probabilities, bins)
        if probabilities.shape[1] < 3:
            del values["top_2_accuracy"]
    return {name: value for name, value in values.items() if np.isfinite(value)}


def accuracy(truth: Codes, prediction: Codes) -> float:
    """Share of rows whose label is predicted."""
    return float(np.mean(truth == prediction))


def balanced_accuracy(truth: Codes, prediction: Codes) -> float:
    """Mean recall of the classes that the rows have."""
    return float(balanced_accuracy_from(confusion_matrix(truth, prediction)))


def macro_f1(truth: Codes, prediction: Codes) -> float:
    """Mean F1 of the classes that the rows have: `f1_score(average="macro", labels=np.unique(truth))`.

    A class that is only predicted has no row to be right about; counted as 0 it would change what is averaged.
    """
    return float(macro_f1_from(confusion_matrix(truth, prediction)))


def log_loss(truth: Codes, prediction: Codes, probabilities: Floats) -> float:
    """Mean negative logarithm of the probability of the true class."""
    return float(np.mean(log_losses(truth, probabilities)))


def brier(truth: Codes, prediction: Codes, probabilities: Floats) -> float:
    """Mean squared error of the probabilities (Brier 1950): 0 to 1 for two classes, summed over classes, 0 to 2, else.

    This is `sklearn.metrics.brier_score_loss` with its default `scale_by_half="auto"`.
    """
    return float(np.mean(brier_losses(truth, probabilities)))


def top_2_accuracy(truth: Codes, prediction: Codes, probabilities: Floats) -> float:
    """Share of rows whose label is among the two most probable classes."""
    return float(np.mean(top_2_hits(truth, probabilities)))


def roc_auc(truth: Codes, prediction: Codes, probabilities: Floats) -> float:
    """Area under the ROC curve: of class 1 for two classes, else the mean over classes of each against the rest.

    Classes without a row, for which scikit-learn has no value, are left out of the mean.
    """
    return auc_and_influence(truth, probabilities)[0]


def average_precision(truth: Codes, prediction: Codes, probabilities: Floats) -> float:
    """Area under the precision-recall curve by steps: of the rarer of two classes, else the mean over classes."""
    return average_precision_and_influence(truth, probabilities)[0]


def calibration_error(truth: Codes, prediction: Codes, probabilities: Floats, bins: int = 10) -> float:
    """Expected calibration error: |share right - mean confidence| over equal bins of confidence, weighted by rows.

    Confidence is the probability of the predicted class; bins are open on the left, as in Guo, Pleiss, Sun and
    Weinberger, On Calibration of Modern Neural Networks, ICML 2017, equation 3 (after Naeini et al., AAAI 2015).
    """
    confidence = confidences(prediction, probabilities)
    index = confidence_bins(confidence, bins)
    right = _sums(index, truth == prediction, bins)
    return float(calibration_error_from(right - _sums(index, confidence, bins), len(truth)))


LABEL_METRICS: dict[str, Callable[[Codes, Codes], float]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
}
PROBABILITY_METRICS: dict[str, Metric] = {
    "log_loss": log_loss,
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "brier": brier,
    "calibration_error": calibration_error,
    "top_2_accuracy": top_2_accuracy,
}


def confusion_matrix(truth: Codes, prediction: Codes, classes: int = 0) -> npt.NDArray[np.int64]:
    """Counts by true class (axis 0) and predicted class (axis 1), for at least `classes` classes."""
    size = max(classes, int(truth.max(initial=-1)) + 1, int(prediction.max(initial=-1)) + 1)
    return np.bincount(truth * size + prediction, minlength=size * size).reshape(size, size)


def balanced_accuracy_from(confusion: npt.NDArray[Any]) -> Floats:
    """Balanced accuracy of confusion matrices (..., classes, classes): the mean recall of classes with rows."""
    return _mean_ratio(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1))


def macro_f1_from(confusion: npt.NDArray[Any]) -> Floats:
    """Macro F1 of confusion matrices (..., classes, classes): the mean over classes with rows."""
    right, true = np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1)
    f1 = np.nan_to_num(_ratio(2 * right, true + confusion.sum(axis=-2)))
    return _ratio(f1.sum(axis=-1), (true > 0).sum(axis=-1))


def f1_influence(confusion: npt.NDArray[Any]) -> Floats:
    """What a row adds to the error of the macro F1, by its truth and prediction (classes, classes).

    The delta method: F1 of a class is 2 right / (true + predicted), so a row counts with 2 / (true + predicted) if it
    is right, less F1 / (true + predicted) for being true and again for being predicted; over all rows that sums to 0.
    """
    true, right = confusion.sum(axis=1), np.diagonal(confusion)
    each = 1 / np.where(true > 0, true + confusion.sum(axis=0), np.inf)
    share = 2 * right * each * each
    influence = np.diag(2 * each) - share[:, None] - share
    return np.asarray(influence / np.count_nonzero(true))


def log_losses(truth: Codes, probabilities: Floats) -> Floats:
    """Log loss of each row, the probability kept off 0 by scikit-learn's epsilon."""
    epsilon = np.finfo(probabilities.dtype).eps
    chosen = probabilities[np.arange(len(truth)), truth]
    return np.asarray(-np.log(np.clip(chosen, epsilon, 1 - epsilon)), dtype=np.float64)


def brier_losses(truth: Codes, probabilities: Floats) -> Floats:
    """Squared error of each row's probabilities; half of the sum for two classes."""
    error = probabilities.astype(np.float64)
    error[np.arange(len(truth)), truth] -= 1
    total: Floats = np.einsum("ij,ij->i", error, error)
    return total / 2 if probabilities.shape[1] == 2 else total


def log_losses_by_class(probabilities: Floats) -> Floats:
    """What each row would cost if its class were this one (rows, classes): log loss."""
    epsilon = np.finfo(probabilities.dtype).eps
    return np.asarray(-np.log(np.clip(probabilities, epsilon, 1 - epsilon)), dtype=np.float64)


def brier_losses_by_class(probabilities: Floats) -> Floats:
    """What each row would cost if its class were this one (rows, classes): Brier score."""
    total = np.einsum("ij,ij->i", probabilities, probabilities)[:, None] - 2 * probabilities + 1
    return np.asarray(total / 2 if probabilities.shape[1] == 2 else total)


def top_2_hits(truth: Codes, probabilities: Floats) -> npt.NDArray[np.bool_]:
    """Whether each row's class is among its two most probable ones, whichever of equal ones comes first.

    At most one other class is as probable or more, then. (scikit-learn takes equal ones by the order of the columns.)
    """
    chosen = probabilities[np.arange(len(truth)), truth][:, None]
    hits: npt.NDArray[np.bool_] = (probabilities >= chosen).sum(axis=1) <= 2
    return hits


def confidences(prediction: Codes, probabilities: Floats) -> Floats:
    """The probability of each row's predicted class."""
    return probabilities[np.arange(len(prediction)), prediction]


def confidence_bins(confidence: Floats, bins: int) -> npt.NDArray[np.int64]:
    """The bin of each confidence: equal widths over 0 to 1, open on the left."""
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)


def calibration_error_from(gaps: Floats, rows: int) -> Floats:
    """Expected calibration error of sums per bin (..., bins) of right less confident, over so many rows."""
    return np.asarray(np.abs(gaps).sum(axis=-1) / rows)


def _mean_ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    """Mean over the last axis of part / whole, where whole is not 0."""
    return _ratio(np.nan_to_num(_ratio(part, whole)).sum(axis=-1), (whole > 0).sum(axis=-1))


def _ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    """part / whole; NaN where whole is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) != 0))


def _sums(index: Codes, values: npt.NDArray[Any], size: int) -> Floats:
    """The sum of the values at each index from 0 to size - 1."""
    return np.asarray(np.bincount(index, weights=values, minlength=size), dtype=np.float64)
