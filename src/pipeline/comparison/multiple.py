"""Several tests at once: Holm, A simple sequentially rejective multiple test procedure, Scand J Stat 6 (1979)."""

from collections.abc import Sequence


def holm_factors(p: Sequence[float]) -> list[float]:
    """What each p value is multiplied by: p_i x factor_i < alpha exactly if Holm's procedure rejects hypothesis i.

    alpha / factor_i is the level at which each test stands, and so its interval: the two cannot contradict each other.
    """
    factors = [1.0] * len(p)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        largest = max(largest, (len(p) - rank) * p[index])
        factors[index] = largest / p[index] if p[index] > 0 else float(len(p) - rank)
    return factors
