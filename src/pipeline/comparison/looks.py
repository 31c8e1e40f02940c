"""Many looks at the same rows: at which level each must stand so that all together err in one of twenty cases.

Bonferroni's level: whatever the looks have in common, the chance that any of k tests at alpha / k errs is alpha at
most. Models that resemble each other err together, which makes that level stricter than need be (Mania, Miller,
Schmidt, Hardt and Recht, Model similarity mitigates test set overuse, NeurIPS 2019): it bounds, it does not estimate.
"""

ANCHOR_LOOKS = 25  # how often a model may be compared with one anchor


def confidence(looks: int, alpha: float = 0.05) -> float:
    """Of the interval of each of so many looks, such that all together are right at 1 - alpha."""
    return 1 - alpha / max(looks, 1)


def anchor_confidence(alpha: float = 0.05) -> float:
    """Of each comparison with an anchor: that of all the looks which the anchor has, so none depends on its number."""
    return confidence(ANCHOR_LOOKS, alpha)
