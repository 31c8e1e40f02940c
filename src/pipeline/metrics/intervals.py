"""How far the metrics of other test rows could lie from the measured ones: an interval for each metric."""

import numpy as np
import numpy.typing as npt
from scipy import special

from pipeline.metrics import values as metrics
from pipeline.metrics.auc import auc_and_influence
from pipeline.metrics.precision import average_precision_and_influence
from pipeline.metrics.values import Codes, Floats
from pipeline.metrics.variance import FEWEST_GROUPS, Sampling, centred

Interval = tuple[float, float]
NORMAL = float(special.ndtri(0.975))
LEAST_FOR_RECALL = 3  # rows, or groups, of the rarest class, from which on the balanced accuracy's interval covers
LEAST_FOR_PRECISION = 20  # the same for the average precision
LEAST_FOR_F1 = 5  # the same for the macro F1, if one of them at least is found


def intervals(
    truth: Codes,
    prediction: Codes,
    probabilities: Floats | None,
    groups: Codes | None = None,
    confidence: float = 0.95,
    classes: int = 0,
) -> dict[str, Interval]:
    """The interval of most metrics that `metrics.measure` gives, at the level `confidence`.

    Rows of one group (rows,) count as one piece of evidence. Where nothing can be said there is no interval: with
    fewer than ten groups, of the calibration error, and of means over classes, if one of the `classes` that there are
    has next to no rows.
    """
    if groups is not None and len(np.unique(groups)) < FEWEST_GROUPS:
        return {}
    values = metrics.measure(truth, prediction, probabilities)
    by_class, alone = Sampling(truth, groups), Sampling(np.zeros(len(truth), dtype=np.intp), groups)
    right = truth == prediction
    found: dict[str, Interval | None] = {"accuracy": share(right, alone, confidence)}
    contributions = centred(right.astype(float), truth) / len(by_class.present)
    units = by_class.units.min() if len(by_class.present) >= classes else 0
    if units >= LEAST_FOR_RECALL:
        found["balanced_accuracy"] = between(values["balanced_accuracy"], contributions, by_class, confidence)
    confusion = metrics.confusion_matrix(truth, prediction)
    if units >= LEAST_FOR_F1 and np.diagonal(confusion)[by_class.present].all():
        influence = metrics.f1_influence(confusion)
        found["macro_f1"] = between(values["macro_f1"], influence[truth, prediction], by_class, confidence)
    if probabilities is not None:
        if "top_2_accuracy" in values:
            found["top_2_accuracy"] = share(metrics.top_2_hits(truth, probabilities), alone, confidence)
        found["log_loss"] = mean_loss(
            metrics.log_losses_by_class(probabilities), truth, probabilities, alone, confidence
        )
        found["brier"] = mean_loss(
            metrics.brier_losses_by_class(probabilities), truth, probabilities, alone, confidence
        )
        if "roc_auc" in values:
            area, influence = auc_and_influence(truth, probabilities)
            found["roc_auc"] = between(area, influence, by_class, confidence, shortfall=1 - area)
        if "average_precision" in values and units >= LEAST_FOR_PRECISION:
            area, influence = average_precision_and_influence(truth, probabilities)
            found["average_precision"] = between(area, influence, by_class, confidence, shortfall=1 - area)
    rounded = {name: (round(ends[0], 6), round(ends[1], 6)) for name, ends in found.items() if ends}
    return {name: ends for name, ends in rounded.items() if ends[0] < ends[1]}  # equal losses differ by rounding


def share(hits: npt.NDArray[np.bool_], sampling: Sampling, confidence: float = 0.95) -> Interval:
    """Score interval of a share of rows (Wilson, Probable inference, JASA 22, 1927).

    Rows in groups count as many as independent ones with the same variance (Korn and Graubard, Survey Methodology 24,
    1998), at most as themselves; where all rows agree, as the groups.
    """
    n, known = float(len(hits)), float(np.mean(hits))
    degrees = np.inf
    if sampling.groups is not None:
        spread = sampling.spread(centred(hits.astype(float), sampling.strata))
        n = min(n, known * (1 - known) / spread.variance) if spread.variance else float(sampling.units[0])
        degrees = spread.degrees if spread.variance else float(sampling.degrees[0])
    return wilson(known * n, n, _quantile(degrees, confidence))


def wilson(successes: float, n: float, z: float = NORMAL) -> Interval:
    """Score interval of a share of n rows, at the normal quantile z (Wilson 1927)."""
    known = successes / n
    centre = (known + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (known * (1 - known) / n + z * z / (4 * n * n)) ** 0.5
    return (0.0 if known == 0 else centre - half), (1.0 if known == 1 else centre + half)


def between(
    value: float, contributions: Floats, sampling: Sampling, confidence: float = 0.95, shortfall: float = 1.0
) -> Interval:
    """Interval of a metric between 0 and 1 that averages over classes: Wilson's of as many rows as have its variance.

    The variance is that of the rows' contributions, and half a row that is wrong in each class, as the comparison has
    it (`sum_of_contributions`): a class of few rows that are all right is not certain.
    """
    units = sampling.units
    spread = (shortfall * units + 0.5) / (units + 1) if shortfall < 1 else 1.0
    found = sampling.spread(contributions, spread / 2 / (len(units) * units) ** 2)
    least = float(np.mean(0.5 / (units + 1)))  # what is wrong with half a row more, were all right
    if value * (1 - value) > least * (1 - least):
        n = value * (1 - value) / found.variance
    else:
        n = min(least * (1 - least) / found.variance, float(units.sum()))
    if shortfall < 1 and found.seen > 0:  # what is missing to 1 comes in pieces that may be twice the largest one seen
        n = min(n, 1 / (2 * found.seen))
    return wilson(value * n, n, _quantile(found.degrees, confidence))


def mean_loss(
    losses: Floats, truth: Codes, probabilities: Floats, sampling: Sampling, confidence: float = 0.95
) -> Interval:
    """Interval of the mean of the rows' losses, which are many small and few large ones.

    `losses` (rows, classes) is what each row costs for each class that could be true. Below, Student's interval of the
    logarithm. Above, the score interval of rows that cost c each and come as a Poisson number, which has the same
    skewness: c is the third moment over the second. Where the large losses are those of a rare class, these rows may
    hold none of it, and neither moment shows. So both are also taken as the model's own probabilities say, and the
    larger counts.
    """
    n = len(truth)
    of_rows = losses[np.arange(n), truth]
    mean = float(of_rows.mean())
    spread = sampling.spread(centred(of_rows, sampling.strata))
    t, z = _quantile(spread.degrees, confidence), _quantile(np.inf, confidence)
    largest = float(losses.max())
    low = mean * float(np.exp(-t * spread.variance**0.5 / mean)) if mean else 0.0
    per_unit = float(sampling.units[0])
    away = of_rows - mean
    second, third = float(np.sum(away**2)), float(np.sum(away**3))
    away = losses - mean
    said, said_third = float(np.sum(probabilities * away**2)), float(np.sum(probabilities * away**3))
    cost = max(third / second if second else 0.0, said_third / said if said else 0.0, 0.0) / per_unit
    variance = max(spread.variance, said / n / per_unit)
    centre = mean + z**2 * cost / 2
    return low, min(centre + float(np.hypot(t * variance**0.5, z**2 * cost / 2)), largest)


def _quantile(degrees: float, confidence: float) -> float:
    level = 0.5 + confidence / 2
    return float(special.ndtri(level) if np.isinf(degrees) else special.stdtrit(degrees, level))
