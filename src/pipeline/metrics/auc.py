"""The area under the ROC curve, and what each row contributes to its error: DeLong's method.

DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated receiver operating characteristic
curves, Biometrics 44 (1988); computed from ranks, as Sun and Xu, IEEE Signal Processing Letters 21 (2014), in n log n.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Booleans = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]


def placements(positive: Booleans, score: Floats) -> Floats:
    """DeLong's structural components, one for each row.

    Of a positive row: the share of negatives with a lower score; of a negative row: the share of positives with a
    higher one; ties count half. The mean over the rows of either kind is the AUC. There must be rows of both kinds.
    """
    order = np.argsort(score)
    ranked, is_positive = score[order], positive[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    ends = np.append(starts[1:], len(score))
    negatives_before = np.concatenate(([0], np.cumsum(~is_positive)))
    negatives_below = (negatives_before[starts] + negatives_before[ends]) / 2
    positives_below = (starts + ends) / 2 - negatives_below
    negatives = int(negatives_before[-1])
    positives = len(score) - negatives
    of_positive = np.repeat(negatives_below / negatives, ends - starts)
    of_negative = np.repeat(1 - positives_below / positives, ends - starts)
    components = np.empty(len(score))
    components[order] = np.where(is_positive, of_positive, of_negative)
    return components


def auc_and_influence(truth: Codes, probabilities: Floats) -> tuple[float, Floats]:
    """The AUC (for more than two classes the mean of each against the rest) and what each row contributes to its error.

    Shapes: truth (rows,), probabilities (rows, classes), influence (rows,). The variance of the AUC, and of the
    difference of two, is the sum of the squared influences, or of their differences: for two classes that is DeLong's
    formula, term by term; for more it keeps the covariances between the classes' curves, since a row's contributions to
    all of them are added before squaring. Classes without rows are left out; NaN if fewer than two are left.
    """
    areas = []
    influence = np.zeros(len(truth))
    classes = probabilities.shape[1]
    for code in range(1, 2) if classes == 2 else range(classes):
        positive = truth == code
        positives = int(positive.sum())
        if 0 < positives < len(truth):
            components = placements(positive, probabilities[:, code])
            area = float(components[positive].mean())
            influence += np.where(
                positive,
                _deviations(components, area, positives),
                _deviations(components, area, len(truth) - positives),
            )
            areas.append(area)
    if not areas:
        return float("nan"), influence
    return float(np.mean(areas)), influence / len(areas)


def _deviations(components: Floats, area: float, rows: int) -> Floats:
    """Deviations from the mean, scaled so that their squares sum to the variance of the mean over so many rows.

    One row alone has no mean to deviate from: half, the AUC of no skill, keeps its difference between two models.
    """
    centre = area if rows > 1 else 0.5
    return np.asarray((components - centre) / np.sqrt(rows * max(rows - 1, 1)))
