"""Each metric of the review: its value on both sides and the estimate of its difference, or why there is none."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pipeline.comparison.align import Count, Pairs, Side
from pipeline.comparison.means import Said, paired_mean, sum_of_contributions
from pipeline.comparison.proportions import PairedProportions
from pipeline.metrics import values
from pipeline.metrics.auc import auc_and_influence
from pipeline.metrics.precision import average_precision_and_influence
from pipeline.metrics.values import Codes, f1_influence
from pipeline.metrics.variance import Sampling, centred

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
FLOOR = 1e-6  # the least probability that a model is taken to give to the truth, where nothing else is declared
AT_ONCE = 50_000  # rows of which every class is looked at together, so that a million of them take no more memory
MOST_DRIVING = 5  # rows that are named, if half of a difference comes from them


class Estimate(Protocol):
    """A difference with its uncertainty; the interval at confidence 1 - alpha excludes 0 exactly if p < alpha."""

    @property
    def p(self) -> float:
        """Of the test that the true difference is 0, two-sided."""

    def interval(self, alpha: float) -> tuple[float, float]:
        """At confidence 1 - alpha."""

    def claimable(self, alpha: float) -> tuple[float, float]:
        """The interval, and what rows may cost of which none was seen."""

    def unseen(self, alpha: float) -> float:
        """What rows may cost of which none was seen."""

    def detectable(self, alpha: float) -> float | None:
        """The smallest loss that is found in 80 % of such samples; None where there is none, or none can be stated."""


@dataclass(frozen=True)
class Costs:
    """What each row costs in the base and in the head (rows,), for a metric that is their mean."""

    base: Floats
    head: Floats

    def driving(self) -> list[int]:
        """The rows, the costliest first, that make half of the difference; none if more than a few do.

        Few: at most 5, and 1 in 100.
        """
        change = self.head - self.base
        total = float(change.sum())
        most = min(MOST_DRIVING, max(1, len(change) // 100), len(change) - 1)
        if not total or most < 1:
            return []
        change *= math.copysign(1.0, total)
        largest = np.argpartition(-change, most)[:most]
        largest = largest[np.argsort(-change[largest], kind="stable")]
        enough = np.flatnonzero(np.cumsum(change[largest]) >= abs(total) / 2)
        return [int(row) for row in largest[: enough[0] + 1]] if len(enough) else []


@dataclass(frozen=True)
class Measured:
    """A metric's values and the estimate of head - base, or why there is none; from how many rows or groups."""

    base: float
    head: float
    estimate: Estimate | str
    count: Count
    costs: Costs | None = None


def measure(name: str, pairs: Pairs, bins: int, floor: float = FLOOR) -> Measured | str:
    """The metric of that name (a key of `MEASURES`), or why it cannot be compared."""
    if not len(pairs.keys):
        if pairs.truth_changed or pairs.excluded:
            return f"no row that is comparable: {pairs.truth_changed:,} with another label, {pairs.excluded:,} excluded"
        return "no shared rows"
    found = MEASURES[name](pairs, bins, floor)
    if isinstance(found, str):
        return found
    if not np.isfinite([found.base, found.head]).all():
        return "not defined on these rows"
    return replace(found, estimate=pairs.count.too_few or found.estimate)


def proportions(base: Booleans, head: Booleans, groups: Codes | None = None) -> Measured:
    """Shares of rows (at least one), by McNemar's mid-p test and the score interval; of rows in groups by their t."""
    before, after = float(base.mean()), float(head.mean())
    count = Count.over(len(base), groups)
    if count.too_few:
        return Measured(before, after, count.too_few, count)
    both, lost, gained = (int(rows.sum()) for rows in (base & head, base & ~head, head & ~base))
    if groups is None:
        return Measured(before, after, PairedProportions(len(base), both, lost, gained), count)
    sampling = Sampling(np.zeros(len(base), dtype=np.intp), np.unique(groups, return_inverse=True)[1])
    contributions = centred(head.astype(float) - base, sampling.strata)
    row, as_others = 1 / float(sampling.units[0]), _change_of_a_group(head.astype(float) - base, groups)
    estimate = sum_of_contributions(after - before, contributions, sampling, as_others, row)
    return Measured(before, after, estimate, count)


def _change_of_a_group(change: Floats, groups: Codes) -> float:
    """The mean square of what the share changed by within a group, of those in which a row did; 1 if none did.

    One more group that changed as a whole would outweigh all that was seen where groups change in part.
    """
    _, of = np.unique(groups, return_inverse=True)
    changed = np.flatnonzero(np.bincount(of, weights=np.abs(change)))
    within = np.bincount(of, weights=change) / np.bincount(of)
    return float(np.mean(within[changed] ** 2)) if len(changed) else 1.0


def _accuracy(pairs: Pairs, bins: int, floor: float) -> Measured:
    base, head = (side.prediction == pairs.truth for side in (pairs.base, pairs.head))
    return proportions(base, head, pairs.groups)


def _balanced_accuracy(pairs: Pairs, bins: int, floor: float) -> Measured:
    """The mean over classes of a mean over the rows of the class."""
    truth, sampling = pairs.truth, pairs.sampling
    base, head = (
        float(values.balanced_accuracy_from(values.confusion_matrix(truth, side.prediction)))
        for side in (pairs.base, pairs.head)
    )
    change = (pairs.head.prediction == truth).astype(float) - (pairs.base.prediction == truth)
    contributions = centred(change, truth) / len(sampling.present)
    row = max(1 / float(sampling.units.min()) / len(sampling.present), _of_absent_classes(pairs))
    return Measured(base, head, sum_of_contributions(head - base, contributions, sampling, row=row), pairs.count)


def _of_absent_classes(pairs: Pairs) -> float:
    """What a mean over all classes may lose in those that no row has: these rows tell nothing of them."""
    return 1 - len(pairs.sampling.present) / len(pairs.classes)


def _macro_f1(pairs: Pairs, bins: int, floor: float) -> Measured | str:
    """The mean over the classes that are true in these rows."""
    truth, sampling = pairs.truth, pairs.sampling
    if len(truth) < 2:
        return "a single row"
    base, head = (
        values.confusion_matrix(truth, side.prediction, len(pairs.classes)) for side in (pairs.base, pairs.head)
    )
    before, after = (float(values.macro_f1_from(confusion)) for confusion in (base, head))
    influences = f1_influence(base), f1_influence(head)
    contributions = influences[1][truth, pairs.head.prediction] - influences[0][truth, pairs.base.prediction]
    most = [np.diagonal(each) - each.min(axis=1) for each in influences]  # a row that is wrong instead of right
    row = float(np.max(np.maximum(*most)[sampling.present] * sampling.rows / sampling.units))
    row = max(row, _of_absent_classes(pairs))
    estimate = sum_of_contributions(after - before, contributions, sampling, row=row)
    return Measured(before, after, estimate, pairs.count)


def _of_probabilities(
    measured: Callable[[Pairs, Floats, Floats, float], Measured | str],
) -> Callable[[Pairs, int, float], Measured | str]:
    """Hands over the probabilities of base and head, where they can be compared."""

    def checked(pairs: Pairs, bins: int, floor: float) -> Measured | str:
        base, head = pairs.base.probabilities, pairs.head.probabilities
        if pairs.no_probabilities or base is None or head is None:
            return pairs.no_probabilities or "no probabilities"
        return measured(pairs, base, head, floor) if len(pairs.keys) > 1 else "a single row"

    return checked


def _log_loss(pairs: Pairs, base: Floats, head: Floats, floor: float) -> Measured:
    """No row costs more than the declared floor of probability says, unless one does."""
    costs = Costs(values.log_losses(pairs.truth, base), values.log_losses(pairs.truth, head))
    most = -math.log(floor)
    if max(costs.base.max(), costs.head.max()) > most:
        most = -math.log(np.finfo(np.float64).eps)
    return _mean(pairs, costs, most, math.inf, values.log_losses, values.log_losses_by_class)


def _brier(pairs: Pairs, base: Floats, head: Floats, floor: float) -> Measured:
    costs = Costs(values.brier_losses(pairs.truth, base), values.brier_losses(pairs.truth, head))
    most = 1.0 if len(pairs.classes) == 2 else 2.0
    return _mean(pairs, costs, most, most, values.brier_losses, values.brier_losses_by_class)


def _mean(
    pairs: Pairs,
    costs: Costs,
    most: float,
    largest: float,
    losses: Callable[..., Floats],
    by_class: Callable[[Floats], Floats],
) -> Measured:
    before, after = float(costs.base.mean()), float(costs.head.mean())
    scale = float(max(np.abs(costs.base).max(), np.abs(costs.head).max()))
    sampling = Sampling(np.zeros(len(pairs.truth), dtype=np.intp), pairs.groups)
    loss = _loss_of_a_row(pairs, losses) if pairs.groups is None else None  # of groups no statement held
    said = _said(pairs, after - before, by_class)
    estimate = paired_mean(after - before, costs.head - costs.base, largest, scale, sampling, most, loss, said)
    return Measured(before, after, estimate, pairs.count, costs)


def _said(pairs: Pairs, difference: float, by_class: Callable[[Floats], Floats]) -> Said:
    """How what a row costs more in the head varies if its class is drawn as both models say.

    What both say is the geometric mean of their probabilities: where they contradict each other the plain mean expects
    each to be wrong as often as the other is sure. Where the cost is that of a rare class, these rows may hold none of
    it, and then show neither its size nor its luck.
    """
    base, head = pairs.base.probabilities, pairs.head.probabilities
    assert base is not None and head is not None
    second = third = 0.0
    for start in range(0, len(base), AT_ONCE):
        old, new = base[start : start + AT_ONCE], head[start : start + AT_ONCE]
        away = by_class(new) - by_class(old) - difference
        likely = np.sqrt(old * new)
        likely /= np.maximum(likely.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        weighed = likely * away * away
        second, third = second + float(weighed.sum()), third + float(np.einsum("ij,ij->", weighed, away))
    return Said(second / len(base), abs(third) / second if second else 0.0)


def _loss_of_a_row(pairs: Pairs, losses: Callable[..., Floats]) -> float | None:
    """What a mean over rows loses by a right row that turns wrong: mean square over mean, of both sides' right rows.

    Such a row is thought of as one whose two largest probabilities change places.
    """
    square = mean = 0.0
    for side in (pairs.base, pairs.head):
        assert side.probabilities is not None
        right = side.prediction == pairs.truth
        probabilities, truth = side.probabilities[right], pairs.truth[right]
        if not len(truth):
            continue
        others = probabilities.copy()
        others[np.arange(len(truth)), truth] = -1.0
        second = others.argmax(axis=1)
        turned = losses(second, probabilities) - losses(truth, probabilities)
        square, mean = square + float(turned @ turned), mean + float(turned.sum())
    return square / mean / len(pairs.truth) if mean > 0 else None


def _roc_auc(pairs: Pairs, base: Floats, head: Floats, floor: float) -> Measured:
    with ThreadPoolExecutor(2) as pool:  # numpy sorts without Python's lock
        sides = pool.map(auc_and_influence, (pairs.truth, pairs.truth), (base, head))
    (before, base_influence), (after, head_influence) = sides
    contributions = head_influence - base_influence
    shortfall = 1 - (before + after) / 2
    sampling = pairs.sampling
    # what one row can move: its own class's curve from one end to the other, and a little the curves of the others
    own = 1 / sampling.units / (1 if len(pairs.classes) == 2 else len(sampling.present))
    others = 0.0 if len(pairs.classes) == 2 else 1 / float(sampling.units.sum())
    row = float(own.max()) + others
    estimate = sum_of_contributions(after - before, contributions, sampling, shortfall, row, few_rows=True)
    return Measured(before, after, estimate, pairs.count)


def _average_precision(pairs: Pairs, base: Floats, head: Floats, floor: float) -> Measured:
    sides = [average_precision_and_influence(pairs.truth, probabilities) for probabilities in (base, head)]
    (before, base_influence), (after, head_influence) = sides
    sampling, shortfall = pairs.sampling, 1 - (before + after) / 2
    # one row that is not wanted, scored above all: each wanted one after it loses, the first most, as 1/2 + 1/3 + ...
    rarest = float(sampling.units.min())
    row = (1 + math.log(max(rarest, 1.0))) / rarest / (1 if len(pairs.classes) == 2 else len(sampling.present))
    estimate = sum_of_contributions(
        after - before, head_influence - base_influence, sampling, shortfall, row, few_rows=True
    )
    return Measured(before, after, estimate, pairs.count)


def _calibration_error(pairs: Pairs, bins: int, floor: float) -> Measured | str:
    """The values alone: the error of a sample is mostly noise, the more the better a model is calibrated."""

    def value(pairs: Pairs, base: Floats, head: Floats, floor: float) -> Measured:
        sides: list[tuple[Side, Floats]] = [(pairs.base, base), (pairs.head, head)]
        before, after = (values.calibration_error(pairs.truth, side.prediction, p, bins) for side, p in sides)
        return Measured(before, after, "no verdict: of so few rows a bin's error is mostly noise", pairs.count)

    return _of_probabilities(value)(pairs, bins, floor)


def _top_2_accuracy(pairs: Pairs, base: Floats, head: Floats, floor: float) -> Measured | str:
    if len(pairs.classes) < 3:
        return "it needs three classes: of two, both are among the first two"
    return proportions(values.top_2_hits(pairs.truth, base), values.top_2_hits(pairs.truth, head), pairs.groups)


MEASURES: dict[str, Callable[[Pairs, int, float], Measured | str]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "macro_f1": _macro_f1,
    "log_loss": _of_probabilities(_log_loss),
    "roc_auc": _of_probabilities(_roc_auc),
    "average_precision": _of_probabilities(_average_precision),
    "brier": _of_probabilities(_brier),
    "calibration_error": _calibration_error,
    "top_2_accuracy": _of_probabilities(_top_2_accuracy),
}
