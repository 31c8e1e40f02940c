"""A difference with a standard error: Student's t, for means over rows and what behaves like them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import special

from pipeline.ml.metrics import Codes, Floats
from pipeline.review.proportions import POWER


@dataclass(frozen=True)
class StudentDifference:
    """A difference with its standard error, estimated with so many degrees of freedom."""

    difference: float
    standard_error: float
    degrees: float

    @cached_property
    def p(self) -> float:
        """Two-sided."""
        if self.difference == 0:
            return 1.0
        if self.standard_error == 0:
            return 0.0
        return float(2 * special.stdtr(self.degrees, -abs(self.difference) / self.standard_error))

    def interval(self, alpha: float) -> tuple[float, float]:
        """At confidence 1 - alpha; it excludes 0 exactly if `p` < alpha."""
        half = self._quantile(1 - alpha / 2) * self.standard_error
        return self.difference - half, self.difference + half

    def detectable(self, alpha: float) -> float | None:
        """The smallest true difference that is detected with 80 % power; None if no row differs."""
        return (self._quantile(1 - alpha / 2) + self._quantile(POWER)) * self.standard_error or None

    def _quantile(self, share: float) -> float:
        return float(special.stdtrit(self.degrees, share))


def paired_mean(difference: float, row_differences: Floats) -> StudentDifference:
    """The difference of two means over the same rows, from head - base of each row (at least 2)."""
    n = len(row_differences)
    return StudentDifference(difference, float(np.std(row_differences, ddof=1)) / n**0.5, n - 1)


def sum_of_contributions(difference: float, contributions: Floats, truth: Codes) -> StudentDifference:
    """A difference whose error is the sum of independent contributions of rows, in each class of the truth around 0.

    With few rows in a class that weighs as much as the others, the variance is itself uncertain: degrees of freedom
    after Satterthwaite, Biometrics Bulletin 2 (1946), with one for each row of a class less one (at least one).
    """
    variances = np.bincount(truth, weights=contributions**2)
    degrees = np.maximum(np.bincount(truth) - 1, 1)
    total = float(variances.sum())
    effective = total**2 / float(np.sum(variances**2 / degrees)) if total > 0 else 1.0
    return StudentDifference(difference, total**0.5, effective)


def centred(values: npt.NDArray[np.floating], truth: Codes) -> Floats:
    """Deviations from the mean of each row's class, scaled so that their squares sum to the variance of those means.

    A single row of a class deviates from 0.
    """
    rows = np.bincount(truth)
    means = np.bincount(truth, weights=values) / np.maximum(rows, 1) * (rows > 1)
    return np.asarray((values - means[truth]) / np.sqrt(rows * np.maximum(rows - 1, 1))[truth])
