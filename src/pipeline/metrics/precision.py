"""Average precision, the area under the precision-recall curve by steps, and what each row contributes to its error.

The value is `sklearn.metrics.average_precision_score`. Its error by the delta method: a row moves its own precision,
the precision at every positive row that is not scored above it, and the share of positives, on which that depends.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Booleans = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]


def average_precision_and_influence(truth: Codes, probabilities: Floats) -> tuple[float, Floats]:
    """Average precision and what each row contributes to its error: their squares sum to its variance.

    Of two classes, that of the class that fewer of these rows are (of equal ones the second): the one that is searched
    for. Of more, the mean over classes of each against the rest; those without rows are left out. NaN if no class is
    left, or one alone. Shapes: truth (rows,), probabilities (rows, classes), influence (rows,).
    """
    classes = probabilities.shape[1]
    rows = np.bincount(truth, minlength=classes)
    wanted = [int(rows[0] >= rows[1])] if classes == 2 else range(classes)
    found = [one_class(truth == code, probabilities[:, code]) for code in wanted if 0 < rows[code] < len(truth)]
    if not found:
        return float("nan"), np.zeros(len(truth))
    return float(np.mean([value for value, _ in found])), np.sum([of for _, of in found], axis=0) / len(found)


def one_class(positive: Booleans, score: Floats) -> tuple[float, Floats]:
    """The same of one class, of which there are rows and of which there are others."""
    rows, positives = len(score), int(positive.sum())
    negatives = rows - positives
    order = np.argsort(-score, kind="stable")
    ranked, wanted = score[order], positive[order]
    first = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    sizes = np.diff(np.append(first, rows))
    above = np.repeat(np.cumsum(wanted)[first + sizes - 1], sizes).astype(np.float64)  # positives scored so or higher
    others = np.repeat(first + sizes, sizes) - above
    precision = above / (above + others)
    value = float(precision[wanted].mean())

    def at_or_below(values: Floats) -> Floats:
        """The sum over all rows that are not scored above each row."""
        return np.repeat(np.cumsum(values[::-1])[::-1][first], sizes)

    by_positive = np.where(wanted, others / (above + others) ** 2, 0.0)
    by_negative = np.where(wanted, -above / (above + others) ** 2, 0.0)
    own = precision - value + at_or_below(by_positive) - float(by_positive @ above) / positives
    other = (at_or_below(by_negative) - float(by_negative @ others) / negatives) * negatives / positives
    share = float((by_positive * above).sum()) * rows / positives / positives / negatives
    contributions = np.where(
        wanted,
        own / np.sqrt(positives * max(positives - 1, 1)),
        other / np.sqrt(negatives * max(negatives - 1, 1)),
    )
    contributions += (wanted - positives / rows) * share
    influence = np.empty(rows)
    influence[order] = contributions
    return value, influence
