"""A difference with a standard error: Student's t, for means over rows and what behaves like them."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import special

from pipeline.comparison.proportions import POWER
from pipeline.metrics.values import Codes, Floats


@dataclass(frozen=True)
class StudentDifference:
    """A difference with its standard error, estimated with so many degrees of freedom; none is beyond `largest`."""

    difference: float
    standard_error: float
    degrees: float
    largest: float = math.inf

    @cached_property
    def p(self) -> float:
        """Two-sided."""
        if self.difference == 0:
            return 1.0
        return float(2 * special.stdtr(self.degrees, -abs(self.difference) / self.standard_error))

    def interval(self, alpha: float) -> tuple[float, float]:
        """At confidence 1 - alpha; it excludes 0 exactly if `p` < alpha."""
        half = self._quantile(1 - alpha / 2) * self.standard_error
        return max(self.difference - half, -self.largest), min(self.difference + half, self.largest)

    def detectable(self, alpha: float) -> float | None:
        """The smallest true difference that is detected with 80 % power; None if there is none, or no row differs."""
        size = (self._quantile(1 - alpha / 2) + self._quantile(POWER)) * self.standard_error
        return size if 0 < size <= self.largest else None

    def _quantile(self, share: float) -> float:
        return float(special.stdtrit(self.degrees, share))


def paired_mean(
    difference: float, row_differences: Floats, largest: float = math.inf, scale: float = 0.0
) -> StudentDifference:
    """The difference of two means over the same rows, from head - base of each row (at least 2).

    A change that is the same in every row has no spread, and yet few rows do not make it certain. So one more row that
    changed as much the other way is thought of: with it p is about that of the sign test if all rows agree (5 rows:
    0.05), and of many rows it is lost among the others. Where no row changed at all, half a row that changed by `scale`
    is thought of, the size of what is averaged.
    """
    n = len(row_differences)
    if not row_differences.any():
        return StudentDifference(difference, scale / (2 * n), n - 1, largest)
    variance = float(np.var(row_differences, ddof=1)) / n + (2 * difference / n) ** 2
    return StudentDifference(difference, variance**0.5, n - 1, largest)


def sum_of_contributions(
    difference: float, contributions: Floats, truth: Codes, shortfall: float = 1.0
) -> StudentDifference:
    """A difference whose error is the sum of independent contributions of rows, in each class of the truth around 0.

    For metrics that average over the classes. With few rows in a class that weighs as much as the others

    - the variance is itself uncertain: degrees of freedom after Satterthwaite, Biometrics Bulletin 2 (1946), with one
      for each row of a class less one (at least one);
    - all its rows may happen to agree, and then show no variance at all: half a row that changed is added to each
      class, as Agresti and Min, Stat Med 24 (2005), do for two proportions. Such a row is right or wrong where labels
      count; where it has a share of right, `shortfall` is what is missing to 1 on average. What lies between 0 and 1
      varies by its mean at most; to the mean, too, half a row is added that has nothing right.
    """
    present = np.unique(truth)
    rows = np.bincount(truth)[present]
    spread = (shortfall * rows + 0.5) / (rows + 1) if shortfall < 1 else 1.0
    changed = spread / 2 / (len(rows) * rows) ** 2
    variances = np.bincount(truth, weights=contributions**2)[present] + changed
    total = float(variances.sum())
    degrees = total**2 / float(np.sum(variances**2 / np.maximum(rows - 1, 1)))
    return StudentDifference(difference, total**0.5, degrees, largest=1.0)


def centred(values: npt.NDArray[np.floating], truth: Codes) -> Floats:
    """Deviations from the mean of each row's class, scaled so that their squares sum to the variance of those means.

    A single row of a class deviates from 0.
    """
    rows = np.bincount(truth)
    means = np.bincount(truth, weights=values) / np.maximum(rows, 1) * (rows > 1)
    return np.asarray((values - means[truth]) / np.sqrt(rows * np.maximum(rows - 1, 1))[truth])
