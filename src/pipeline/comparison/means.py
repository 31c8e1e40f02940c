"""A difference with a standard error: Student's t, for means over rows and what behaves like them."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from pipeline.comparison.proportions import POWER
from pipeline.metrics.values import Floats
from pipeline.metrics.variance import Sampling, centred

FEWEST_LOST = 10  # rows that a loss must consist of for its power to be stated: of fewer it is not normal enough
MOST_LOST = 0.1  # of all rows, for the same: a larger loss changes what its own size is judged by


@dataclass(frozen=True)
class Said:
    """What the models' own probabilities say of a row's change: its variance, and the third moment over the second."""

    variance: float = 0.0
    cost: float = 0.0


@dataclass(frozen=True)
class StudentDifference:
    """A difference with its standard error, estimated with so many degrees of freedom; none is beyond `largest`.

    `seen`: what one row that these rows happen not to hold may well move it, as one of them does. `row`: what one row,
    or one group of rows, can move it at most. `loss`: by how much a right row that turns wrong moves it, as the mean
    square over the mean; None where no power is stated. Nor is that of a loss above `most_lost`.
    """

    difference: float
    standard_error: float
    degrees: float
    largest: float = math.inf
    row: float = 0.0
    loss: float | None = None
    seen: float = 0.0
    most_lost: float = math.inf

    @cached_property
    def p(self) -> float:
        """Two-sided."""
        if self.difference == 0:
            return 1.0
        away = abs(self.difference)
        return float(2 * special.stdtr(self.degrees, -away / math.sqrt(self.standard_error**2 + away * self.seen)))

    def interval(self, alpha: float) -> tuple[float, float]:
        """At confidence 1 - alpha; it excludes 0 exactly if `p` < alpha.

        Student's; and where few rows move the difference, the score interval of a Poisson number of such rows: if it
        were x further on, x of it would be more such rows, which adds x times what one moves to the variance.
        """
        half = self._half(alpha)
        return max(self.difference - half, -self.largest), min(self.difference + half, self.largest)

    def claimable(self, alpha: float) -> tuple[float, float]:
        """What may be claimed of the difference: the interval, and room for costly rows that were not seen.

        A few rows, each as costly as a row can be, come into a sample as a Poisson number, often as none; the standard
        error knows nothing of them. This is the score interval of such a number (Wilson's), to which the observed
        variance is added: with none observed it is the rule of three, about 3.8 rows at 95 %.
        """
        unseen = self.unseen(alpha)
        half = unseen / 2 + math.hypot(self._quantile(1 - alpha / 2) * self.standard_error, unseen / 2)
        half = max(half, self._half(alpha))
        return max(self.difference - half, -self.largest), min(self.difference + half, self.largest)

    def unseen(self, alpha: float) -> float:
        """What rows of which none was seen may cost: the rule of three, for each tail of the confidence 1 - alpha."""
        return float(special.ndtri(alpha / 2)) ** 2 * self.row

    def detectable(self, alpha: float) -> float | None:
        """The smallest loss that is found in 80 % of such samples; None if there is none, or it cannot be told.

        The head loses right rows, whichever they are. That adds to the variance, in proportion to the loss (Connor,
        Biometrics 43, 1987, for proportions): a loss is found from b on, with b² = z² (SE² + b c); and a true one of d
        comes out at b or more in 80 % of samples, with (d - b)² = z'² (SE² + d c).
        """
        if self.loss is None:
            return None
        variance, c = self.standard_error**2, self.loss
        found = _root(self._quantile(1 - alpha / 2), variance, c)
        size = found + _root(self._quantile(POWER), variance + found * c, c)
        return size if FEWEST_LOST * c <= size <= min(self.largest, self.most_lost) and size > 0 else None

    def _half(self, alpha: float) -> float:
        return _root(self._quantile(1 - alpha / 2), self.standard_error**2, self.seen)

    def _quantile(self, share: float) -> float:
        return float(special.stdtrit(self.degrees, share))


def _root(z: float, variance: float, c: float) -> float:
    """The x of which x² = z² (variance + x c)."""
    half = z**2 * c / 2
    return half + math.sqrt(half**2 + z**2 * variance)


def paired_mean(
    difference: float,
    row_differences: Floats,
    largest: float = math.inf,
    scale: float = 0.0,
    sampling: Sampling | None = None,
    row: float = 0.0,
    loss: float | None = None,
    said: Said | None = None,
) -> StudentDifference:
    """The difference of two means over the same rows, from head - base of each row (at least 2).

    A change that is the same in every row has no spread, and yet few rows do not make it certain. So one more row that
    changed as much the other way is thought of: with it p is about that of the sign test if all rows agree (5 rows:
    0.05), and of many rows it is lost among the others. Where no row changed at all, half a row that changed by `scale`
    is thought of, the size of what is averaged. Of rows in groups these are a group. `row` is what one may cost. `said`
    by the models themselves counts where its variance is more than was seen.
    """
    sampling, said = sampling or Sampling(np.zeros(len(row_differences), dtype=np.intp)), said or Said()
    [units], [degrees] = sampling.units, sampling.degrees
    if not row_differences.any():
        return StudentDifference(difference, scale / (2 * units), float(degrees), largest, row / units, loss)
    contributions = centred(row_differences, sampling.strata)
    spread = sampling.spread(contributions)
    # rows in groups count as many as independent ones with the same variance, also for what is said of them
    alone = float(contributions @ contributions)
    rows = len(row_differences) * min(1.0, alone / spread.variance) if spread.variance and alone else units
    error = math.sqrt(max(spread.variance, said.variance / rows) + (2 * difference / units) ** 2)
    most_lost = MOST_LOST * len(row_differences) * (loss or 0.0)
    return StudentDifference(difference, error, spread.degrees, largest, row / units, loss, said.cost / rows, most_lost)


def sum_of_contributions(
    difference: float,
    contributions: Floats,
    sampling: Sampling,
    shortfall: float = 1.0,
    row: float = 0.0,
    few_rows: bool = False,
) -> StudentDifference:
    """A difference whose error is the sum of independent contributions of rows, in each class of the truth around 0.

    For metrics that average over the classes. With few rows in a class that weighs as much as the others

    - the variance is itself uncertain: its degrees of freedom come from the rows of each class (Satterthwaite);
    - all its rows may happen to agree, and then show no variance at all: half a row that changed is added to each
      class, as Agresti and Min, Stat Med 24 (2005), do for two proportions. Such a row is right or wrong where labels
      count; where it has a share of right, `shortfall` is what is missing to 1 on average. What lies between 0 and 1
      varies by its mean at most; to the mean, too, half a row is added that has nothing right.

    Of rows in groups all of these are groups. `few_rows`: the difference may come from few rows that move it far.
    """
    units = sampling.units
    spread = (shortfall * units + 0.5) / (units + 1) if shortfall < 1 else 1.0
    found = sampling.spread(contributions, added=spread / 2 / (len(units) * units) ** 2)
    seen = found.seen if few_rows else 0.0
    return StudentDifference(difference, found.variance**0.5, found.degrees, 1.0, row, seen=seen)
