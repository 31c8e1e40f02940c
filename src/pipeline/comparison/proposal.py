"""Floors, margins and tolerances that fit a new table: what its number of test rows can show, and no less."""

import math
from typing import Any

DISCORDANT = 0.03  # share of rows on which two models of one size differ, as measured on the digits
Z_BLOCK = 1.96 + 1.645  # a harmless change is blocked in 5 %: its 95 % interval must end before the margin
Z_EQUAL = 1.96 + 1.96
STEP = 0.001


def margin(rows: int) -> float:
    """How many points accuracy may lose at most, so that a change without effect is blocked in about 5 %."""
    return _up(Z_BLOCK * math.sqrt(DISCORDANT / rows))


def tolerance(rows: int) -> float:
    """The smallest difference of a share below which two equal models are mostly called equivalent."""
    return max(0.005, _up(Z_EQUAL * math.sqrt(DISCORDANT / rows)))


def gate(rows: int, primary: str, classes: int) -> list[dict[str, Any]]:
    """Rules for `rows` test rows: as good as knowing nothing is too little, and no surely worse model is let in."""
    floor = {"accuracy": None, "balanced_accuracy": 1 / classes, "roc_auc": 0.5}[primary]
    rules: list[dict[str, Any]] = []
    if floor is not None:
        rules.append({"metric": primary, "minimum": round(floor, 3), "action": "block"})
    rules += [
        {"metric": primary, "regression": margin(rows), "action": "block"},
        {"metric": "log_loss", "regression": 0.1, "action": "inform"},
        {"metric": "size_bytes", "maximum": 100_000_000, "action": "block"},
    ]
    return rules


def _up(share: float) -> float:
    return round(math.ceil(share / STEP - 1e-9) * STEP, 6)
