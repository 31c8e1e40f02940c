"""Rules for a new table: what its number of rows can show."""

import pytest

from pipeline.comparison.power import blocked_share_of_proportions
from pipeline.comparison.proposal import DISCORDANT, LEVEL, gate, margin, tolerance


@pytest.mark.parametrize("rows", [40, 100, 437, 2000, 20000])
def test_a_harmless_change_is_blocked_in_at_most_5_percent(rows: int) -> None:
    discordant = max(1, round(DISCORDANT * rows))
    assert blocked_share_of_proportions(rows, discordant, margin(rows), LEVEL) <= 0.05
    assert blocked_share_of_proportions(rows, discordant, margin(rows) - 0.001, LEVEL) > 0.05


def test_more_rows_allow_less() -> None:
    margins, tolerances = ([f(rows) for rows in (100, 437, 2000, 20000)] for f in (margin, tolerance))
    assert margins == sorted(margins, reverse=True) and tolerances == sorted(tolerances, reverse=True)
    assert min(tolerances) >= 0.005


@pytest.mark.parametrize("primary", ["accuracy", "balanced_accuracy", "average_precision"])
def test_the_rules_are_about_the_primary_metric(primary: str) -> None:
    rules = gate(437, primary, 2, rarest=0.08)
    assert [rule["metric"] for rule in rules if rule["action"] == "block"][:-1] == [primary] * (len(rules) - 2)
    if primary == "average_precision":
        assert rules[0]["minimum"] == 0.08 and rules[1]["regression"] == margin(35)
