"""How often a regression rule blocks a change without effect: what is said is what simulations find."""

import numpy as np
import pandas as pd
import pytest

from pipeline.comparison.compare import compare
from pipeline.comparison.gate import Outcome
from pipeline.comparison.power import (
    blocked_share,
    blocked_share_of_proportions,
    sound_margin,
    sound_margin_of_proportions,
    with_power,
)
from pipeline.comparison.proportions import PairedProportions
from pipeline.params import Rule, read_params
from tests.conftest import ROOT

SIMULATIONS = 4000


def simulated(n: int, share: float, margin: float, seed: int = 0) -> tuple[float, float]:
    """The share of changes without effect whose interval reaches below -margin, and its standard error."""
    counts = np.random.default_rng(seed).multinomial(n, [share / 2, share / 2, 1 - share], size=SIMULATIONS)
    different, times = np.unique(counts[:, :2], axis=0, return_counts=True)
    low = [PairedProportions(n, n - int(a + b), int(a), int(b)).interval(0.05)[0] for a, b in different]
    found = float(np.average(np.array(low) < -margin, weights=times))
    return found, max((found * (1 - found) / SIMULATIONS) ** 0.5, 1 / SIMULATIONS)


@pytest.mark.parametrize(
    ("n", "discordant", "margin"), [(437, 13, 0.02), (437, 13, 0.033), (100, 4, 0.05), (2000, 500, 0.02)]
)
def test_the_stated_share_of_blocked_changes_is_what_happens(n: int, discordant: int, margin: float) -> None:
    found, error = simulated(n, discordant / n, margin)
    assert blocked_share_of_proportions(n, discordant, margin, 0.05) == pytest.approx(found, abs=3 * error)


def test_two_points_on_437_rows_block_two_harmless_changes_in_five() -> None:
    assert 0.38 < blocked_share_of_proportions(437, 13, 0.02, 0.05) < 0.42


def test_a_sound_margin_blocks_one_in_twenty_and_a_tenth_less_blocks_more() -> None:
    for n, discordant in ((437, 13), (100, 4), (30, 1), (5000, 150)):
        margin = sound_margin_of_proportions(n, discordant, 0.05)
        assert blocked_share_of_proportions(n, discordant, margin, 0.05) <= 0.05
        assert blocked_share_of_proportions(n, discordant, margin - 0.001, 0.05) > 0.05


def test_means_are_blocked_as_often_as_is_said() -> None:
    random = np.random.default_rng(0)
    n, runs, margin = 400, 4000, 0.3
    half = 1.96 * 2 / n**0.5
    said = blocked_share(-half, half, margin, 0.05)
    drawn = random.normal(0, 2, (runs, n))
    far = drawn.mean(axis=1) + 1.96 * drawn.std(axis=1, ddof=1) / n**0.5
    found = float(np.mean(far > margin))
    assert said == pytest.approx(found, abs=3 * (found * (1 - found) / runs) ** 0.5)
    assert blocked_share(-half, half, sound_margin(-half, half, 0.05), 0.05) == pytest.approx(0.05)


def test_the_rules_of_params_yaml_block_at_most_one_harmless_change_in_twenty() -> None:
    """437 test rows, of which 3 % differ between two trainings."""
    rules = [rule for rule in read_params(ROOT / "params.yaml").gate if rule.metric == "accuracy" and rule.regression]
    assert rules
    for rule in rules:
        assert blocked_share_of_proportions(437, 13, rule.regression or 0.0, 0.05) <= 0.05


def test_each_regression_rule_gets_its_share_and_no_other_rule() -> None:
    random = np.random.default_rng(0)
    truth = np.arange(437) % 10
    base = pd.DataFrame({"key": np.arange(437), "truth": truth, "prediction": truth})
    for label in range(10):
        base[f"proba_{label}"] = np.where(truth == label, 0.91, 0.01)
    head = base.copy()
    wrong = random.choice(437, 13, replace=False)
    base.loc[wrong[:7], "prediction"] = (truth[wrong[:7]] + 1) % 10
    head.loc[wrong[7:], "prediction"] = (truth[wrong[7:]] + 1) % 10
    rules = [Rule(metric="accuracy", minimum=0.9), Rule(metric="accuracy", regression=0.02)]
    outcomes = [Outcome("a rule", "block", "passes", "") for _ in rules]
    found = compare(base, head)
    first, second = (with_power(rule, outcome, found) for rule, outcome in zip(rules, outcomes, strict=True))
    assert first.harmless is None and second.harmless is not None
    assert 0.38 < second.harmless.share < 0.42 and second.harmless.margin == 0.033
    assert with_power(rules[1], outcomes[1], compare(base, base)).harmless is None, "nothing differs, nothing is known"


@pytest.mark.parametrize(("strict", "least", "most"), [(False, 0.0, 0.026), (True, 0.9, 1.0)])
def test_what_is_not_decided_is_no_failure_unless_the_rule_is_strict(strict: bool, least: float, most: float) -> None:
    """30 rows cannot decide 2 points: at zero rows that differ, 11 points might hide in rows that they hold none of."""
    truth = np.arange(30) % 3
    base = pd.DataFrame({"key": np.arange(30), "truth": truth, "prediction": truth})
    base.loc[:1, "prediction"] = 2
    head = base.assign(prediction=truth)
    head.loc[10, "prediction"] = (truth[10] + 1) % 3
    found = compare(base, head)
    said = with_power(
        Rule(metric="accuracy", regression=0.02, strict=strict), Outcome("a rule", "block", "not decided", ""), found
    )
    assert said.harmless is not None and least <= said.harmless.share <= most
