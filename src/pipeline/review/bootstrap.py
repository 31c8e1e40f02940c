"""Metrics that are functions of a confusion matrix: the paired bootstrap (Efron 1979), on counts instead of rows.

Resampling rows with replacement is drawing the counts of the observed combinations (truth, base's label, head's label)
from a multinomial distribution, so the work does not grow with the number of rows.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pipeline.ml.metrics import Codes, Floats

RESAMPLES = 2000
CHUNK = 20_000_000  # numbers held at once

Counts = npt.NDArray[np.int64]


def standard_error(metric: Callable[[Counts], Floats], truth: Codes, base: Codes, head: Codes, classes: int) -> float:
    """The standard error of metric(head) - metric(base), two-sided and the same whichever is called base.

    `metric` takes confusion matrices (..., classes, classes). The draws are the same each time (fixed seed).
    """
    cells = min(_cells(truth, base, head), _cells(truth, head, base), key=np.ndarray.tolist)  # free of the order
    true, first, second, counts = cells.T
    generator = np.random.default_rng(0)
    step = max(1, CHUNK // (len(cells) + 2 * classes**2))
    differences = []
    for start in range(0, RESAMPLES, step):
        drawn = generator.multinomial(counts.sum(), counts / counts.sum(), size=min(step, RESAMPLES - start))
        one = metric(_confusions(drawn, true, first, classes))
        other = metric(_confusions(drawn, true, second, classes))
        differences.append(other - one)
    return float(np.std(np.concatenate(differences), ddof=1))


def _cells(truth: Codes, base: Codes, head: Codes) -> Counts:
    """The observed combinations and their counts, sorted: columns truth, base, head, count."""
    size = int(max(truth.max(), base.max(), head.max())) + 1
    code, count = np.unique((truth.astype(np.int64) * size + base) * size + head, return_counts=True)
    return np.column_stack((code // size**2, code // size % size, code % size, count))


def _confusions(drawn: Counts, truth: Counts, prediction: Counts, classes: int) -> Counts:
    """Confusion matrices (resamples, classes, classes) from the counts of the cells (resamples, cells)."""
    matrices = np.zeros((classes * classes, len(drawn)), dtype=np.int64)
    np.add.at(matrices, truth * classes + prediction, drawn.T)
    return matrices.T.reshape(len(drawn), classes, classes)
