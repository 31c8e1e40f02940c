"""Two proportions measured on the same rows: McNemar's test, the score interval of the difference, its power.

Of `n` rows, `both` are right on both sides, `lost` only in the base, `gained` only in the head.
The difference is head - base = (gained - lost) / n.

Sources: McNemar, Psychometrika 12 (1947); Fagerland, Lydersen and Laake, The McNemar test for binary matched-pairs
data: mid-p and asymptotic are better than exact conditional, BMC Med Res Methodol 13:91 (2013); Tango, Equivalence test
and confidence interval for the difference in proportions for the paired-sample design, Stat Med 17 (1998); its
correction for skewness after Gart and Nam, Biometrics 46 (1990), with the variance's factor n / (n - 1), as in Laud,
Equal-tailed confidence intervals for comparison of rates, Pharm Stat 16 (2017), and his R package ratesci.
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

POWER = 0.8
MANY = 400  # discordant rows, above which the power's normal approximation is good to 0.2 %


@dataclass(frozen=True)
class PairedProportions:
    """The counts that a paired comparison of two proportions rests on."""

    n: int
    both: int
    lost: int
    gained: int

    @property
    def difference(self) -> float:
        """Head - base."""
        return (self.gained - self.lost) / self.n

    @cached_property
    def p(self) -> float:
        """McNemar's mid-p, two-sided."""
        return mcnemar_mid_p(self.lost, self.gained)

    def interval(self, alpha: float) -> tuple[float, float]:
        """The score interval at confidence 1 - alpha; it excludes 0 exactly if `p` < alpha.

        Inverting one test at every difference would give both, but no such test is as good at each: the mid-p test
        keeps its level at 0, which the score test does not quite; the score interval covers well everywhere. They
        differ about 0 only where p is close to alpha. There the score's critical value is scaled by what it is at 0
        over what the mid-p test says, so that the interval takes the side of the test.
        """
        return score_interval(self.lost, self.gained, self.n, self.critical(alpha))

    def critical(self, alpha: float) -> float:
        """How far the score of a difference in the interval is from 0 at most."""
        critical = -_normal_quantile(alpha / 2)
        at_zero = abs(score(0.0, self.lost, self.gained, self.n)) if self.n > 1 else 0.0
        if (at_zero > critical) != (self.p < alpha):
            critical *= at_zero / -_normal_quantile(self.p / 2)
        return critical

    def claimable(self, alpha: float) -> tuple[float, float]:
        """The interval: that of a share knows of rows that were not seen."""
        return self.interval(alpha)

    def unseen(self, alpha: float) -> float:
        """How large the difference could be, if no row differed."""
        return score_interval(0, 0, self.n, -_normal_quantile(alpha / 2))[1]

    def detectable(self, alpha: float) -> float | None:
        """The smallest true difference that is detected with 80 % power; None if there is none."""
        return smallest_detectable(self.n, self.both, self.lost + self.gained, alpha)


def mcnemar_exact_p(lost: int, gained: int) -> float:
    """McNemar's exact conditional test, two-sided: needlessly conservative.

    No verdict rests on it; it is here because published examples state it, against which the tests hold its parts.
    """
    return min(1.0, 2 * float(_binomial_cdf(min(lost, gained), lost + gained, 0.5)))


def mcnemar_mid_p(lost: int, gained: int) -> float:
    """McNemar's mid-p test, two-sided: the exact test with half the probability of what was observed."""
    fewer, discordant = min(lost, gained), lost + gained
    both_tails = _binomial_cdf(fewer, discordant, 0.5) + _binomial_cdf(fewer - 1, discordant, 0.5)
    return 1.0 if lost == gained else float(both_tails)


def score_interval(lost: int, gained: int, n: int, critical: float) -> tuple[float, float]:
    """The differences whose score is between -critical and critical; the whole of -1 to 1 for a single row."""
    if n < 2:
        return -1.0, 1.0
    observed = (gained - lost) / n

    def limit(sign: int) -> float:
        def excess(difference: float) -> float:
            return -sign * score(difference, lost, gained, n) - critical

        end = sign * (1 - 1e-9)  # at 1 itself the variance is 0
        if observed == sign or excess(end) <= 0:
            return float(sign)
        return float(optimize.brentq(excess, end, observed, xtol=1e-12))

    return limit(-1), limit(1)


def score(difference: float, lost: int, gained: int, n: int) -> float:
    """The score statistic of a difference, corrected for skewness: about standard normal if it is the true one."""
    discordant = _discordant_share(difference, lost, gained, n)
    variance = (discordant - difference**2) / (n - 1)
    deviation = (gained - lost) / n - difference
    if variance <= 0:
        return math.copysign(math.inf, deviation) if deviation else 0.0
    value: float = deviation / math.sqrt(variance)
    third_moment = (difference - 3 * difference * discordant + 2 * difference**3) / n**2
    skewness: float = third_moment / (6 * variance**1.5)
    if abs(skewness) < 1e-9:
        return value
    # the z with z + skewness (z² - 1) = value
    root = math.sqrt(max(0.0, 1 + 4 * skewness * (skewness + value)))
    return (root - 1) / (2 * skewness)


def _discordant_share(difference: float, lost: int, gained: int, n: int) -> float:
    """The most likely share of discordant rows if the true difference were this one (Tango 1998)."""
    linear = (2 * n + lost - gained) * difference - lost - gained
    constant = -lost * difference * (1 - difference)
    share_lost = (math.sqrt(max(0.0, linear**2 - 8 * n * constant)) - linear) / (4 * n)
    return float(2 * max(share_lost, 0.0, -difference) + difference)


@lru_cache(maxsize=4096)
def smallest_detectable(n: int, both: int, discordant: int, alpha: float) -> float | None:
    """The smallest true difference that McNemar's mid-p test at `alpha` detects in 80 % of samples of n rows.

    How well a difference is seen depends on the rows that differ besides. The question answered is: of two models as
    good as each other that differ in as many rows as were observed, one loses some of the rows that it has right,
    whichever they are. How many, at least, so that 4 of 5 such comparisons find it? None if all would not do.
    """
    share_right = (both + discordant / 2) / n
    share_discordant = discordant / n

    def shortage(lost: float) -> float:
        also_lost_by_other = lost * (discordant / 2) / (both + discordant / 2)  # were right in this one alone
        return _power(lost, share_discordant + lost - 2 * also_lost_by_other, n, alpha) - POWER

    if share_right == 0 or shortage(share_right) < 0:
        return None
    return float(optimize.brentq(shortage, 0.0, share_right, xtol=1e-7))


def _power(difference: float, discordant_share: float, n: int, alpha: float) -> float:
    """The probability that the mid-p test rejects in the direction of a positive difference.

    Summed over the binomial number of discordant rows; if many are expected, by the normal approximation (Connor,
    Sample size for testing differences in proportions for the paired-sample design, Biometrics 43, 1987).
    """
    if discordant_share <= 0:
        return 0.0
    mean = n * discordant_share
    if mean > MANY:
        critical = _normal_quantile(1 - alpha / 2) * math.sqrt(discordant_share)
        deviation = math.sqrt(max(discordant_share - difference**2, 1e-300))
        return float(special.ndtr((difference * math.sqrt(n) - critical) / deviation))
    reach = 6 * math.sqrt(mean) + 10
    discordant = np.arange(max(0, int(mean - reach)), min(n, int(mean + reach)) + 1)
    weights = np.diff(_binomial_cdf(np.append(discordant[0] - 1, discordant), n, discordant_share))
    lost = max(0.0, (discordant_share - difference) / (2 * discordant_share))
    return float(weights @ _binomial_cdf(_most_lost(alpha)[discordant], discordant, lost))


@lru_cache(maxsize=256)
def _most_lost(alpha: float) -> Counts:
    """The most lost rows with which the mid-p test rejects, by the number of discordant rows; -1 if it never does."""
    discordant = np.arange(2 * MANY)[:, None]
    about = np.floor(discordant / 2 - _normal_quantile(1 - alpha / 2) * np.sqrt(discordant) / 2).astype(np.int64)
    tries = about + np.arange(-4, 5)
    mid = (_binomial_cdf(tries, discordant, 0.5) + _binomial_cdf(tries - 1, discordant, 0.5)) / 2
    return np.asarray(np.where(mid < alpha / 2, tries, -1).max(axis=1))


def _normal_quantile(share: float) -> float:
    return float(special.ndtri(share))


def _binomial_cdf(successes: Counts | int, trials: Counts | int, share: float) -> Floats:
    """Probability of at most so many successes. (`scipy.stats.binom` takes a hundred times as long for one number.)"""
    successes = np.asarray(successes)
    return np.asarray(np.where(successes < 0, 0.0, special.bdtr(np.maximum(successes, 0), trials, share)))
