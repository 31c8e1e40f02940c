"""How far the metrics of other test rows could lie from the measured ones: an interval for each metric."""

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy import special

from pipeline.metrics import values as metrics
from pipeline.metrics.auc import auc_and_influence
from pipeline.metrics.values import Codes, Floats

Interval = tuple[float, float]
CELLS_AT_ONCE = 2_000_000  # of drawn confusion matrices, held in memory: 16 MB


def intervals(
    truth: Codes,
    prediction: Codes,
    probabilities: Floats | None,
    bins: int = 10,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Interval]:
    """The interval of each metric that `metrics.measure` gives, at the level `confidence`.

    Shares of rows have Wilson's interval, means of losses and the AUC Student's. Those of the confusion matrix and of
    the calibration error are percentiles of `resamples` draws. 250,000 rows take a second. Where nothing
    varies, such as with an AUC of exactly 1 or a single row, there is no interval.
    """
    random = np.random.default_rng(seed)
    values = metrics.measure(truth, prediction, probabilities, bins)
    tails = [0.5 - confidence / 2, 0.5 + confidence / 2]
    found: dict[str, Interval | None] = {"accuracy": wilson(int(np.sum(truth == prediction)), len(truth), confidence)}
    matrices = posterior(metrics.confusion_matrix(truth, prediction), resamples, random)
    drawn = [(metrics.balanced_accuracy_from(some), metrics.macro_f1_from(some)) for some in matrices]
    for name, draws in zip(("balanced_accuracy", "macro_f1"), np.concatenate(drawn, axis=1), strict=True):
        found[name] = _holding(values[name], np.quantile(draws, tails))
    if probabilities is not None:
        if "top_2_accuracy" in values:
            hits = int(metrics.top_2_hits(truth, probabilities).sum())
            found["top_2_accuracy"] = wilson(hits, len(truth), confidence)
        largest = -float(np.log(np.finfo(probabilities.dtype).eps)), 1.0 if probabilities.shape[1] == 2 else 2.0
        found["log_loss"] = mean_loss(metrics.log_losses(truth, probabilities), largest[0], confidence)
        found["brier"] = mean_loss(metrics.brier_losses(truth, probabilities), largest[1], confidence)
        found["roc_auc"] = area(truth, probabilities, confidence)
        # Drawing makes calibration look worse than it is, as much as sampling did: mirrored at the value (the basic
        # bootstrap of Davison and Hinkley 1997, section 5.2) the percentiles take that back.
        value = values["calibration_error"]
        mirrored = 2 * value - calibration(truth, prediction, probabilities, bins, resamples, random)
        found["calibration_error"] = _holding(value, np.quantile(mirrored, tails).clip(0, 1))
    rounded = {name: (round(ends[0], 6), round(ends[1], 6)) for name, ends in found.items() if ends}
    return {name: ends for name, ends in rounded.items() if ends[0] < ends[1]}  # equal losses differ by rounding


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Score interval of a share, n at least 1 (Wilson, Probable inference, JASA 22, 1927)."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return (0.0 if successes == 0 else centre - half), (1.0 if successes == n else centre + half)


def mean_loss(losses: Floats, largest: float, confidence: float = 0.95) -> Interval | None:
    """Student's interval of the logarithm of the mean of losses (rows,), none of which is below 0 or above `largest`.

    Losses are skewed, many small and few large ones. On the logarithm's scale (delta method) the interval reaches
    further up than down and never below 0, and covers better than the plain one or a bootstrap's percentiles.
    """
    n, mean = len(losses), float(np.mean(losses))
    error = float(np.std(losses, ddof=1)) / n**0.5 if n > 1 else 0.0
    if not error:
        return None
    half = float(special.stdtrit(n - 1, 0.5 + confidence / 2)) * error / mean
    return mean * float(np.exp(-half)), float(np.exp(min(np.log(mean) + half, np.log(largest))))


def area(truth: Codes, probabilities: Floats, confidence: float = 0.95) -> Interval | None:
    """Student's interval of the logit of the AUC, with DeLong's variance.

    The logit keeps it within 0 and 1 (Pepe, The Statistical Evaluation of Medical Tests, 2003, section 5.2.5). With few
    rows of a class the variance is uncertain itself: degrees of freedom after Satterthwaite, Biometrics Bulletin 2
    (1946), with one for each row of a class less one, at least one. A bootstrap covers far too little there.
    """
    value, influence = auc_and_influence(truth, probabilities)
    rows = np.bincount(truth)
    variances = np.bincount(truth, weights=influence**2)
    variance = float(variances.sum())
    if not (variance > 0 and 0 < value < 1):
        return None
    degrees = variance**2 / float(np.sum(variances**2 / np.maximum(rows - 1, 1)))
    half = special.stdtrit(degrees, 0.5 + confidence / 2) * variance**0.5 / (value * (1 - value))
    centre = special.logit(value)
    return float(special.expit(centre - half)), float(special.expit(centre + half))


def posterior(confusion: npt.NDArray[np.int64], draws: int, random: np.random.Generator) -> Iterator[Floats]:
    """Confusion matrices (some draws, classes, classes) of shares, from the posterior of the one that was counted.

    The prior is a Dirichlet distribution that weighs as much as one row (Perks, J. Inst. Actuaries 73, 1947). The
    bootstrap, its limit without a prior, covers far too little near 100 %, and gives no width to a perfect result.
    A class that has no row keeps none, and one that was not predicted either does not occur: the metrics leave such
    classes out, of the draws as of what was counted.
    """
    true, predicted = confusion.sum(axis=1) > 0, confusion.sum(axis=0) > 0
    possible = np.outer(true, true | predicted)
    cells = confusion[possible] + 1 / possible.sum()
    size = max(1, CELLS_AT_ONCE // confusion.size)
    for start in range(0, draws, size):
        matrices = np.zeros((min(size, draws - start), *confusion.shape))
        matrices[:, possible] = random.dirichlet(cells, size=len(matrices))
        yield matrices


def calibration(
    truth: Codes, prediction: Codes, probabilities: Floats, bins: int, draws: int, random: np.random.Generator
) -> Floats:
    """Calibration errors (draws,) of rows resampled with replacement, without resampling a row.

    The error depends on a sum over the rows of each bin alone, right less confident. How many rows a bin gets is
    multinomial; given that, the sum is drawn as normal, which it is where the rows are many or alike.
    """
    confidence = metrics.confidences(prediction, probabilities)
    index, n = metrics.confidence_bins(confidence, bins), len(truth)
    gaps = (truth == prediction) - confidence
    rows = np.bincount(index, minlength=bins)
    mean = np.bincount(index, weights=gaps, minlength=bins) / np.maximum(rows, 1)
    variance = np.bincount(index, weights=(gaps - mean[index]) ** 2, minlength=bins) / np.maximum(rows, 1)
    drawn = random.multinomial(n, rows / n, size=draws)
    sums = drawn * mean + np.sqrt(drawn * variance) * random.standard_normal((draws, bins))
    return metrics.calibration_error_from(sums, n)


def _holding(value: float, ends: Floats) -> Interval | None:
    """The interval, stretched to hold the value itself; None if it has no width."""
    low, high = min(float(ends[0]), value), max(float(ends[1]), value)
    return (low, high) if low < high else None
