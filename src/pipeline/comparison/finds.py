"""What a report may name beside its headline: corrected over all that it might name, so that one in twenty errs.

Sources: Holm, A simple sequentially rejective multiple test procedure, Scand J Stat 6 (1979); Fisher's exact test of
two proportions, one-sided (The design of experiments, 1935).
"""

from collections.abc import Sequence

import numpy as np
from scipy import special

from pipeline.comparison.multiple import holm_factors
from pipeline.comparison.results import GroupComparison, MetricComparison


def beyond_chance(rows: Sequence[MetricComparison], alpha: float) -> list[bool]:
    """Which of all these differ, if in a share `alpha` of reports without any difference one may be called so.

    Each metric's own table allows for the number of its kind only; here metrics, classes and slices are one family.
    """
    p = [1.0 if row.p_unadjusted is None else row.p_unadjusted for row in rows]
    factors = holm_factors(p)
    return [
        row.verdict in ("better", "worse") and value * factor < alpha
        for row, value, factor in zip(rows, p, factors, strict=True)
    ]


def stands_out(families: Sequence[Sequence[GroupComparison]], alpha: float) -> tuple[int, int] | None:
    """The group (its family, its place there) that lost or gained most, if that is more than chance; None: none did.

    A family divides the same rows: the classes, or one slice's values. More than chance: the group's own difference,
    and that more of its rows were lost (or gained) than of the other rows which could be; both over all groups.
    """
    found = []
    number = sum(map(len, families))
    for family, groups in enumerate(families):
        right = [round((group.accuracy.base or 0.0) * group.n) for group in groups]
        for place, group in enumerate(groups):
            lost = group.lost > group.gained
            moved = [other.lost if lost else other.gained for other in groups]
            could = right if lost else [other.n - count for other, count in zip(groups, right, strict=True)]
            own = 1.0 if group.accuracy.p_unadjusted is None else group.accuracy.p_unadjusted
            p = max(own, at_least(moved[place], sum(could), sum(moved), could[place]))
            if p * number < alpha:
                found.append((abs(group.lost - group.gained), -family, -place))
    if not found:
        return None
    _, family, place = max(found)
    return -family, -place


def at_least(count: int, rows: int, moved: int, drawn: int) -> float:
    """The probability that of `drawn` out of `rows` rows at least `count` moved, if `moved` of all did, anywhere."""
    if count <= 0:
        return 1.0
    counts = np.arange(count, min(moved, drawn) + 1)
    ways = _log_choose(moved, counts) + _log_choose(rows - moved, drawn - counts) - _log_choose(rows, drawn)
    return min(1.0, float(np.exp(ways).sum()))


def _log_choose(n: int, k: "int | np.ndarray") -> "np.ndarray":
    """The logarithm of the number of ways to choose k of n; minus infinity where there is none."""
    k = np.asarray(k, dtype=float)
    possible = (k >= 0) & (k <= n)
    inside = np.clip(k, 0, n)
    ways = special.gammaln(n + 1) - special.gammaln(inside + 1) - special.gammaln(n - inside + 1)
    return np.where(possible, ways, -np.inf)
