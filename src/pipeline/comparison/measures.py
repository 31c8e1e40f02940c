"""Each metric of the review: its value on both sides and the estimate of its difference, or why there is none."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pipeline.comparison.align import Pairs, Side
from pipeline.comparison.means import centred, paired_mean, sum_of_contributions
from pipeline.comparison.proportions import PairedProportions
from pipeline.metrics import values
from pipeline.metrics.auc import auc_and_influence

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]


class Estimate(Protocol):
    """A difference with its uncertainty; the interval at confidence 1 - alpha excludes 0 exactly if p < alpha."""

    @property
    def p(self) -> float:
        """Of the test that the true difference is 0, two-sided."""

    def interval(self, alpha: float) -> tuple[float, float]:
        """At confidence 1 - alpha."""

    def detectable(self, alpha: float) -> float | None:
        """The smallest true difference that is found in 80 % of such samples; None where there is none."""


@dataclass(frozen=True)
class Measured:
    """A metric's values and the estimate of head - base."""

    base: float
    head: float
    estimate: Estimate


def measure(name: str, pairs: Pairs, bins: int) -> Measured | str:
    """The metric of that name (a key of `MEASURES`), or why it cannot be compared."""
    if not len(pairs.keys):
        if pairs.truth_changed or pairs.excluded:
            return f"no row that is comparable: {pairs.truth_changed:,} with another label, {pairs.excluded:,} excluded"
        return "no shared rows"
    found = MEASURES[name](pairs, bins)
    if isinstance(found, Measured) and not np.isfinite([found.base, found.head]).all():
        return "not defined on these rows"
    return found


def proportions(base: Booleans, head: Booleans) -> Measured:
    """Shares of rows (at least one), by McNemar's mid-p test and the score interval."""
    both, lost, gained = (int(rows.sum()) for rows in (base & head, base & ~head, head & ~base))
    return Measured(float(base.mean()), float(head.mean()), PairedProportions(len(base), both, lost, gained))


def _accuracy(pairs: Pairs, bins: int) -> Measured:
    return proportions(pairs.base.prediction == pairs.truth, pairs.head.prediction == pairs.truth)


def _balanced_accuracy(pairs: Pairs, bins: int) -> Measured:
    """The mean over classes of a mean over the rows of the class."""
    truth = pairs.truth
    base, head = (
        float(values.balanced_accuracy_from(values.confusion_matrix(truth, side.prediction)))
        for side in (pairs.base, pairs.head)
    )
    change = (pairs.head.prediction == truth).astype(float) - (pairs.base.prediction == truth)
    contributions = centred(change, truth) / len(np.unique(truth))
    return Measured(base, head, sum_of_contributions(head - base, contributions, truth))


def _macro_f1(pairs: Pairs, bins: int) -> Measured | str:
    """The mean over the classes that are true in these rows: those that only one side says would change its mean."""
    truth = pairs.truth
    if len(truth) < 2:
        return "a single row"
    base, head = (values.confusion_matrix(truth, side.prediction) for side in (pairs.base, pairs.head))
    before, after = (float(np.mean(_f1_of_true_classes(confusion))) for confusion in (base, head))
    contributions = f1_influence(head)[truth, pairs.head.prediction] - f1_influence(base)[truth, pairs.base.prediction]
    return Measured(before, after, sum_of_contributions(after - before, contributions, truth))


def _f1_of_true_classes(confusion: Counts) -> Floats:
    true, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    return np.asarray((2 * np.diagonal(confusion) / np.maximum(true + predicted, 1))[true > 0])


def f1_influence(confusion: Counts) -> Floats:
    """What a row adds to the error of the macro F1 of the true classes, by its truth and prediction (classes, classes).

    The delta method: F1 of a class is 2 right / (true + predicted), so a row counts with 2 / (true + predicted) if it
    is right, less F1 / (true + predicted) for being true and again for being predicted; over all rows that sums to 0.
    """
    true, right = confusion.sum(axis=1), np.diagonal(confusion)
    each = 1 / np.where(true > 0, true + confusion.sum(axis=0), np.inf)
    share = 2 * right * each * each
    influence = np.diag(2 * each) - share[:, None] - share
    return np.asarray(influence / np.count_nonzero(true))


def _of_probabilities(
    measured: Callable[[Pairs, Floats, Floats, int], Measured | str],
) -> Callable[[Pairs, int], Measured | str]:
    """Hands over the probabilities of base and head, where they can be compared."""

    def checked(pairs: Pairs, bins: int) -> Measured | str:
        base, head = pairs.base.probabilities, pairs.head.probabilities
        if pairs.no_probabilities or base is None or head is None:
            return pairs.no_probabilities or "no probabilities"
        return measured(pairs, base, head, bins) if len(pairs.keys) > 1 else "a single row"

    return checked


def _mean_of(
    losses: Callable[[Any, Floats], Floats], largest: Callable[[int], float]
) -> Callable[[Pairs, int], Measured | str]:
    """The mean of each row's loss; `largest` says how much it can be with so many classes."""

    def measured(pairs: Pairs, base: Floats, head: Floats, bins: int) -> Measured:
        return _paired(losses(pairs.truth, base), losses(pairs.truth, head), largest(len(pairs.classes)))

    return _of_probabilities(measured)


def _paired(base: Floats, head: Floats, largest: float) -> Measured:
    before, after = float(base.mean()), float(head.mean())
    scale = float(max(np.abs(base).max(), np.abs(head).max()))
    return Measured(before, after, paired_mean(after - before, head - base, largest, scale))


def _roc_auc(pairs: Pairs, base: Floats, head: Floats, bins: int) -> Measured:
    with ThreadPoolExecutor(2) as pool:  # numpy sorts without Python's lock
        sides = pool.map(auc_and_influence, (pairs.truth, pairs.truth), (base, head))
    (before, base_influence), (after, head_influence) = sides
    contributions = head_influence - base_influence
    shortfall = 1 - (before + after) / 2
    return Measured(before, after, sum_of_contributions(after - before, contributions, pairs.truth, shortfall))


def _calibration_error(pairs: Pairs, base: Floats, head: Floats, bins: int) -> Measured:
    return _paired(
        _signed_gaps(pairs.truth, pairs.base, base, bins),
        _signed_gaps(pairs.truth, pairs.head, head, bins),
        largest=1.0,
    )


def _signed_gaps(truth: Any, side: Side, probabilities: Floats, bins: int) -> Floats:
    """What each row adds to the calibration error: its confidence less its being right, or the reverse if in its bin
    the models is right more often than it is confident. Their mean is the calibration error.
    """
    confidence = values.confidences(side.prediction, probabilities)
    gap = confidence - (side.prediction == truth)
    index = values.confidence_bins(confidence, bins)
    sign = np.where(np.bincount(index, weights=gap, minlength=bins) < 0, -1.0, 1.0)
    return np.asarray(gap * sign[index])


def _top_2_accuracy(pairs: Pairs, base: Floats, head: Floats, bins: int) -> Measured | str:
    if len(pairs.classes) < 3:
        return "needs three classes"
    return proportions(values.top_2_hits(pairs.truth, base), values.top_2_hits(pairs.truth, head))


MEASURES: dict[str, Callable[[Pairs, int], Measured | str]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "macro_f1": _macro_f1,
    "log_loss": _mean_of(values.log_losses, lambda classes: math.inf),
    "roc_auc": _of_probabilities(_roc_auc),
    "brier": _mean_of(values.brier_losses, lambda classes: 1.0 if classes == 2 else 2.0),
    "calibration_error": _of_probabilities(_calibration_error),
    "top_2_accuracy": _of_probabilities(_top_2_accuracy),
}
