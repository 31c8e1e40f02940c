"""Floors, margins and tolerances that fit a new table: what its number of test rows can show, and no less."""

import math
from typing import Any

from pipeline.comparison.power import sound_margin_of_proportions

DISCORDANT = 0.03  # share of rows on which two models of one size differ, as measured on the digits
LEVEL = 0.05  # of the intervals that the gate judges
Z_EQUAL = 1.96 + 1.96  # a whole 95 % interval fits between minus and plus the tolerance, around a difference of chance


def margin(rows: int) -> float:
    """How much accuracy may lose at most, so that a change without effect is blocked in at most 5 %."""
    return sound_margin_of_proportions(rows, max(1, round(DISCORDANT * rows)), LEVEL)


def tolerance(rows: int) -> float:
    """The smallest difference of a share below which two equal models are mostly called equivalent."""
    return max(0.005, math.ceil(1000 * Z_EQUAL * math.sqrt(DISCORDANT / rows) - 1e-6) / 1000)


def gate(rows: int, primary: str, classes: int, rarest: float = 0.5) -> list[dict[str, Any]]:
    """Rules for `rows` test rows: as good as knowing nothing is too little, and no surely worse model is let in.

    `rarest`: the share of the rarest class, which is the average precision of knowing nothing.
    """
    shares = {"accuracy": None, "balanced_accuracy": 1 / max(2, classes), "average_precision": rarest}
    floor = shares[primary]
    judged = max(1, round(rarest * rows)) if primary == "average_precision" else rows  # by the rare rows it stands
    rules: list[dict[str, Any]] = []
    if floor is not None:
        rules.append({"metric": primary, "minimum": round(floor, 3), "action": "block"})
    rules += [
        {"metric": primary, "regression": margin(judged), "action": "block"},
        {"metric": "log_loss", "regression": 0.1, "action": "inform"},
        {"metric": "size_bytes", "maximum": 100_000_000, "action": "block"},
    ]
    return rules
