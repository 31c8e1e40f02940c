"""Points of the ROC and the precision-recall curve, few enough to keep in Git."""

import numpy as np
import numpy.typing as npt

from pipeline.metrics.values import Codes, Floats

Points = list[dict[str, float]]
MOST_POINTS = 200


def one_against_rest(truth: Codes, probabilities: Floats) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Whether and how surely, for the curves: class 1 of two; of more, each row and class is one case (micro-average).

    Returns two arrays of shape (rows,) or (rows x classes,).
    """
    if probabilities.shape[1] == 2:
        return truth == 1, probabilities[:, 1]
    positive = np.zeros(probabilities.shape, dtype=bool)
    positive[np.arange(len(truth)), truth] = True
    return positive.ravel(), probabilities.ravel()


def roc(positive: npt.NDArray[np.bool_], score: Floats) -> Points:
    """False and true positive rates from (0, 0) to (1, 1), at most MOST_POINTS of them; none if one kind is absent."""
    found, cases, threshold = _found(positive, score)
    if not 0 < found[-1] < cases[-1]:
        return []
    fpr, tpr = (cases - found) / (cases[-1] - found[-1]), found / found[-1]
    points = [{"fpr": 0.0, "tpr": 0.0, "threshold": 1.0}]
    return points + [
        {"fpr": float(fpr[i]), "tpr": float(tpr[i]), "threshold": float(threshold[i])} for i in _corners(fpr, tpr)
    ]


def precision_recall(positive: npt.NDArray[np.bool_], score: Floats) -> Points:
    """Precision at rising recall, at most MOST_POINTS points; none if no row is positive."""
    found, cases, threshold = _found(positive, score)
    if not found[-1]:
        return []
    precision, recall = found / cases, found / found[-1]
    return [
        {"recall": float(recall[i]), "precision": float(precision[i]), "threshold": float(threshold[i])}
        for i in _corners(recall, precision)
    ]


def _found(positive: npt.NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats, Floats]:
    """Positives and cases that each distinct score, from the highest down, takes in."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    return np.cumsum(positive[order])[last].astype(np.float64), (last + 1).astype(np.float64), score[order][last]


def _corners(x: Floats, y: Floats) -> npt.NDArray[np.int64]:
    """Indices of at most MOST_POINTS - 1 points, evenly spaced along the curve, with its first and last point."""
    length = np.append(0, np.cumsum(np.hypot(np.diff(x), np.diff(y))))
    return np.unique(np.searchsorted(length, np.linspace(0, length[-1], MOST_POINTS - 1)).clip(max=len(x) - 1))
