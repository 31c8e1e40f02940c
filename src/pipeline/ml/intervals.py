"""How far the metrics of other test rows could lie from the measured ones: an interval for each metric."""

from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from pipeline.ml import metrics
from pipeline.ml.metrics import Codes, Floats

Interval = tuple[float, float]
CELLS_AT_ONCE = 2_000_000  # weights of resamples held in memory: 16 MB


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

    Shares of rows have Wilson's interval. Metrics of the confusion matrix are drawn from its posterior, which knows
    that errors can happen even if none was seen. The others are bootstrapped. Where all resamples give one value,
    such as an AUC of exactly 1, there is no interval.
    """
    random = np.random.default_rng(seed)
    values = metrics.measure(truth, prediction, probabilities, bins)
    found = {"accuracy": wilson(int(np.sum(truth == prediction)), len(truth), confidence)}
    matrices = posterior(metrics.confusion_matrix(truth, prediction), resamples, random)
    draws = {
        "balanced_accuracy": metrics.balanced_accuracy_from(matrices),
        "macro_f1": metrics.macro_f1_from(matrices),
    }
    if probabilities is not None:
        if "top_2_accuracy" in values:
            hits = int(metrics.top_2_hits(truth, probabilities).sum())
            found["top_2_accuracy"] = wilson(hits, len(truth), confidence)
        draws |= bootstrap(truth, prediction, probabilities, bins, resamples, random)
    for name, drawn in draws.items():
        if name in values and len(np.unique(drawn[np.isfinite(drawn)])) > 1:
            found[name] = _percentiles(name, values[name], drawn, confidence)
    return {name: (round(low, 6), round(high, 6)) for name, (low, high) in found.items()}


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Score interval of a share, n at least 1 (Wilson, Probable inference, JASA 22, 1927)."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return (0.0 if successes == 0 else centre - half), (1.0 if successes == n else centre + half)


def posterior(confusion: npt.NDArray[np.int64], draws: int, random: np.random.Generator) -> Floats:
    """Confusion matrices (draws, classes, classes) of shares, from the posterior of the one that was counted.

    The prior is a Dirichlet distribution that weighs as much as one row (Perks, J. Inst. Actuaries 73, 1947). The
    bootstrap, its limit without a prior, covers far too little near 100 %, and gives no width to a perfect result.
    """
    cells = confusion.ravel() + 1 / confusion.size
    return random.dirichlet(cells, size=draws).reshape(draws, *confusion.shape)


def bootstrap(
    truth: Codes,
    prediction: Codes,
    probabilities: Floats,
    bins: int,
    resamples: int,
    random: np.random.Generator,
) -> dict[str, Floats]:
    """Log loss, Brier score, calibration error and AUC of resampled rows, each of shape (resamples,)."""
    n = len(truth)
    confidence = metrics.confidences(prediction, probabilities)
    in_bin = np.eye(bins)[metrics.confidence_bins(confidence, bins)]
    right = in_bin * (truth == prediction)[:, None]
    losses = np.column_stack([metrics.log_losses(truth, probabilities), metrics.brier_losses(truth, probabilities)])
    statistics = np.hstack([losses, right, in_bin * confidence[:, None]])
    sums = np.empty((resamples, statistics.shape[1]))
    codes = metrics.auc_codes(probabilities.shape[1])
    rankings = [metrics.rank(truth == code, probabilities[:, code]) for code in codes]
    areas = np.empty((resamples, len(codes)))
    for chunk, weights in _resample(n, resamples, random):
        sums[chunk] = weights @ statistics
        areas[chunk] = np.column_stack([metrics.auc_from(ranking, weights) for ranking in rankings])
    present = np.isfinite(areas)
    return {
        "log_loss": sums[:, 0] / n,
        "brier": sums[:, 1] / n,
        "calibration_error": metrics.calibration_error_from(sums[:, 2 : 2 + bins], sums[:, 2 + bins :], n),
        "roc_auc": np.where(present, areas, 0).sum(axis=1) / np.maximum(present.sum(axis=1), 1),
    }


def _resample(n: int, resamples: int, random: np.random.Generator) -> Iterator[tuple[slice, Floats]]:
    """How often each of n rows is drawn in each resample, a chunk of resamples at a time."""
    size = max(1, CELLS_AT_ONCE // n)
    for start in range(0, resamples, size):
        count = min(size, resamples - start)
        picks = random.integers(0, n, (count, n)) + n * np.arange(count)[:, None]
        weights = np.bincount(picks.ravel(), minlength=count * n).reshape(count, n)
        yield slice(start, start + count), weights.astype(np.float64)


def _percentiles(name: str, value: float, drawn: Floats, confidence: float) -> Interval:
    """Percentiles of what was drawn, holding the value itself; for calibration_error mirrored at the value.

    Resampling makes calibration look worse than it is, as much as sampling did: mirrored (the basic bootstrap of
    Davison and Hinkley 1997, section 5.2) the interval takes that back.
    """
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.quantile(drawn, [0.5 - confidence / 2, 0.5 + confidence / 2])
    if name == "calibration_error":
        low, high = max(0.0, 2 * value - high), 2 * value - low
    return float(min(low, value)), float(max(high, value))
