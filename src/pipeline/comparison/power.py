"""How often a regression rule blocks a change without effect: what these rows can tell, beside what is asked.

The rule passes if the far end of the difference's interval is within the margin. A change without effect differs in as
many rows as was seen, or scatters as much as was seen, and its true difference is 0.

For proportions the share is summed over the binomial number of rows that differ and the binomial number of these that
are lost. For means the difference is normal with the standard error that the interval shows (Connor, Sample size for
testing differences in proportions for the paired-sample design, Biometrics 43, 1987, has it for both).
"""

import math
from bisect import bisect_left
from dataclasses import replace
from functools import lru_cache

import numpy as np
from scipy import special

from pipeline.comparison.gate import Harmless, Outcome
from pipeline.comparison.proportions import MANY, PairedProportions, score
from pipeline.comparison.results import Comparison
from pipeline.params import Rule

FEW = 0.05  # of harmless changes: as many as a sound rule may block
MANY_BLOCKED = 0.2  # of harmless changes: so many that a report says it


def with_power(rule: Rule, outcome: Outcome, found: Comparison) -> Outcome:
    """The outcome of a rule on that comparison and, of a regression rule, how often a harmless change fails it.

    Left out where nothing differs, so that nothing is known of how much harmless changes differ.
    """
    return replace(outcome, harmless=harmless(rule, found)) if rule.regression is not None else outcome


def harmless(rule: Rule, found: Comparison) -> Harmless | None:
    """How often a change without effect that differs as much as this one fails the rule, and which margin would do."""
    row, alpha, margin = found.metrics.get(rule.metric), 1 - found.confidence, rule.regression or 0.0
    if row is None or row.low_unadjusted is None or row.high_unadjusted is None or found.identical:
        return None
    if row.unseen is not None and row.unseen > margin > 0 and not rule.strict:
        half = (row.high_unadjusted - row.low_unadjusted) / 2
        share, sound = found_worse_share(half, margin, alpha), margin
    elif rule.metric == "accuracy" and found.groups is None:
        discordant = len(found.flips.right_to_wrong) + len(found.flips.wrong_to_right)
        share = blocked_share_of_proportions(found.n, discordant, margin, alpha)
        sound = sound_margin_of_proportions(found.n, discordant, alpha) if share > FEW else margin
    else:
        # the rule is judged at what may be claimed, which allows for costly rows that were not seen, too
        lost = (row.difference or 0.0) * (-1 if row.better == "higher" else 1)
        reach = None if row.worst is None else row.worst - lost
        share = blocked_share(row.low_unadjusted, row.high_unadjusted, margin, alpha, reach)
        sound = max(margin, sound_margin(row.low_unadjusted, row.high_unadjusted, alpha, reach=reach))
    return Harmless(rule.metric, share, sound)


def found_worse_share(half: float, margin: float, alpha: float) -> float:
    """The share of changes without effect that fail a rule which so few rows cannot decide.

    What is not decided is let through, but for a head that is found worse, and by more than the margin: if its
    difference behaves like a mean whose interval at 1 - alpha is so wide to each side.
    """
    if half <= 0:
        return 0.0
    return float(special.ndtr(-float(special.ndtri(1 - alpha / 2)) * max(half, margin) / half))


def blocked_share(low: float, high: float, margin: float, alpha: float, reach: float | None = None) -> float:
    """The share that a difference blocks whose interval at 1 - alpha is this one, if it behaves like a mean.

    `reach`: how far from the difference the end lies that the rule is judged at, if that is not the interval's.
    """
    half = (high - low) / 2
    if half <= 0:
        return 0.0
    critical = float(special.ndtri(1 - alpha / 2))
    return float(special.ndtr(critical * ((half if reach is None else reach) - margin) / half))


def sound_margin(low: float, high: float, alpha: float, share: float = FEW, reach: float | None = None) -> float:
    """The smallest margin that blocks at most `share`, for a difference that behaves like a mean."""
    critical = float(special.ndtri(1 - alpha / 2))
    half = (high - low) / 2
    return (half if reach is None else reach) - half * float(special.ndtri(share)) / critical


@lru_cache(maxsize=1024)
def blocked_share_of_proportions(n: int, discordant: int, margin: float, alpha: float) -> float:
    """The share of changes without effect whose interval reaches below -margin, if `discordant` of n rows differ."""
    if n < 2:
        return 1.0
    if discordant > MANY:
        half = float(special.ndtri(1 - alpha / 2)) * math.sqrt(discordant) / n
        return blocked_share(-half, half, margin, alpha)
    share = discordant / n
    reach = 6 * math.sqrt(n * share) + 10
    numbers = np.arange(max(0, int(n * share - reach)), min(n, int(n * share + reach)) + 1)
    weights = np.diff(special.bdtr(np.append(numbers[0] - 1.0, numbers).clip(min=-1), n, share), prepend=0.0)[1:]
    if numbers[0] == 0:
        weights[0] = (1 - share) ** n
    fewest, blocked = 0, 0.0
    for number, weight in zip(numbers.tolist(), weights.tolist(), strict=True):
        # one more row that differs needs at most one more that is lost, and never fewer less one
        fewest = max(0, fewest - 1)
        while fewest <= number and not _reaches(n, fewest, number - fewest, margin, alpha):
            fewest += 1
        if fewest <= number:
            blocked += weight * float(special.bdtrc(fewest - 1, number, 0.5) if fewest else 1.0)
    return min(1.0, blocked)


def sound_margin_of_proportions(n: int, discordant: int, alpha: float, share: float = FEW) -> float:
    """The smallest margin, in whole tenths of a point, that blocks at most `share` of changes without effect."""
    return (
        bisect_left(
            range(1000), -share, key=lambda tenths: -blocked_share_of_proportions(n, discordant, tenths / 1000, alpha)
        )
        / 1000
    )


def _reaches(n: int, lost: int, gained: int, margin: float, alpha: float) -> bool:
    """Whether the interval of these counts has its lower end below -margin."""
    return score(-margin, lost, gained, n) < PairedProportions(n, n - lost - gained, lost, gained).critical(alpha)
