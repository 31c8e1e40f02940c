"""What may be claimed of few rows, and which power is stated, by simulation."""

import math

import numpy as np
import pandas as pd
import pytest

from pipeline.comparison.align import pair
from pipeline.comparison.compare import compare
from pipeline.comparison.means import paired_mean
from pipeline.comparison.measures import FLOOR, measure
from pipeline.metrics import values

COST = -math.log(FLOOR)


def of(truth, probabilities):
    """A table of predictions."""
    columns = {f"proba_{label}": probabilities[:, label] for label in range(probabilities.shape[1])}
    return pd.DataFrame(
        {"key": np.arange(len(truth)), "truth": truth, "prediction": probabilities.argmax(1), **columns}
    )


def drawn(random, truth, noise, skill, shared=0.5):
    """A model that shares part of its noise with another, and is too sure of itself."""
    scores = shared**0.5 * noise + (1 - shared) ** 0.5 * random.normal(size=noise.shape)
    scores = np.exp(1.5 * (scores + skill * np.eye(noise.shape[1])[truth]))
    return scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("limit", [0.02, 0.1])
@pytest.mark.parametrize("cost", [COST, COST / 3])
@pytest.mark.parametrize("rows", [200, 437, 1000, 5000])
def test_a_loss_of_the_tolerance_in_rare_rows_is_claimed_away_in_at_most_2_5_percent(rows, cost, limit):
    """All of the loss comes from rows that cost so much: the plain interval denies it in up to 75 %."""
    random = np.random.default_rng(0)
    claimed, samples = 0, 600
    for lost in random.binomial(rows, limit / cost, samples).tolist():
        change = random.normal(0, 0.05, rows)
        change[:lost] += cost
        found = paired_mean(float(change.mean()), change, row=COST)
        claimed += found.claimable(0.05)[1] <= limit
    assert claimed / samples <= 0.025 + 2 * (0.025 * 0.975 / samples) ** 0.5


def test_the_claim_of_rows_that_do_not_differ_is_the_rule_of_three_and_the_words_say_how_many_rows_it_takes():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 400)
    same = of(truth, drawn(random, truth, random.normal(size=(400, 2)), 2.0))
    found = compare(same, same).metrics["brier"]
    assert found.verdict == "no detectable change"
    assert found.unseen == pytest.approx(3.84 / 400, rel=1e-3)
    needed = int(found.reason.removeprefix("equivalent is not decided: ").removesuffix(" rows are needed"))
    more = pd.concat([same] * 5, ignore_index=True).head(int(1.3 * needed))
    more["key"] = np.arange(len(more))
    assert compare(more, more).metrics["brier"].verdict == "equivalent"


def test_a_floor_of_probability_bounds_what_a_row_may_cost_unless_a_row_breaks_it():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 3000)
    table = of(truth, drawn(random, truth, random.normal(size=(3000, 2)), 1.0))
    rule = {"better": "lower", "tolerance": 0.02}
    floors = {
        floor: compare(table, table, {"log_loss": rule | {"floor": floor}}, primary="log_loss")
        for floor in (1e-6, 1e-3)
    }
    assert floors[1e-6].headline.unseen == pytest.approx(3.84 * 13.8 / 3000, rel=1e-2)
    assert floors[1e-3].headline.unseen < floors[1e-6].headline.unseen
    table.loc[0, [f"proba_{truth[0]}", f"proba_{1 - truth[0]}"]] = [0.0, 1.0]
    broken = compare(table, table, {"log_loss": rule}, primary="log_loss").headline
    assert broken.unseen == pytest.approx(3.84 * 36.04 / 3000, rel=1e-2)


def test_half_of_a_difference_that_comes_from_two_rows_is_said_and_that_of_many_is_not():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 437)
    base = of(truth, drawn(random, truth, random.normal(size=(437, 2)), 1.5))
    head = base.copy()
    for row in (5, 77):
        head.loc[row, [f"proba_{truth[row]}", f"proba_{1 - truth[row]}"]] = [0.0, 1.0]
    found = compare(base, head).metrics["log_loss"].half_from
    assert {each.key for each in found} <= {"5", "77"}
    assert found[0].head == pytest.approx(36.04, abs=0.01)
    everywhere = of(truth, drawn(random, truth, random.normal(size=(437, 2)), 0.5))
    assert compare(base, everywhere).metrics["log_loss"].half_from == ()


@pytest.mark.parametrize("name", ["log_loss", "brier"])
@pytest.mark.parametrize(
    ("rows", "classes", "skill"), [(437, 2, 1.5), pytest.param(1000, 3, 2.0, marks=pytest.mark.slow)]
)
def test_the_stated_loss_of_a_mean_is_found_in_80_percent(name, rows, classes, skill):
    """Right rows, whichever they are, turn wrong: their two largest probabilities change places."""
    random = np.random.default_rng(0)
    losses = getattr(values, f"{name}es" if name == "log_loss" else "brier_losses")

    def sides():
        truth = random.integers(0, classes, rows)
        noise = random.normal(size=(rows, classes))
        return truth, drawn(random, truth, noise, skill), drawn(random, truth, noise, skill)

    stated, costs = [], []
    for _ in range(40):
        truth, base, head = sides()
        stated.append(measure(name, pair(of(truth, base), of(truth, head)), 10).estimate.detectable(0.05))
        right = head.argmax(axis=1) == truth
        second = np.argsort(head[right], axis=1)[:, -2]
        costs.append((losses(second, head[right]) - losses(truth[right], head[right])).sum() / rows)
    share, found, samples = float(np.median(stated)) / float(np.mean(costs)), 0, 200
    for _ in range(samples):
        truth, base, head = sides()
        turned = np.flatnonzero((head.argmax(axis=1) == truth) & (random.random(rows) < share))
        order = np.argsort(head[turned], axis=1)
        first, second = order[:, -1], order[:, -2]
        head[turned, first], head[turned, second] = head[turned, second].copy(), head[turned, first].copy()
        found += measure(name, pair(of(truth, base), of(truth, head)), 10).estimate.interval(0.05)[0] > 0
    assert found / samples == pytest.approx(0.8, abs=0.05 + 2 * (0.16 / samples) ** 0.5)


def test_means_over_classes_claim_nothing_where_a_class_has_no_row():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 20_000)
    tables = [of(truth, drawn(random, truth, random.normal(size=(20_000, 3)), 3.0)) for _ in range(2)]
    rules = {name: {"better": "higher", "tolerance": 0.3} for name in ("balanced_accuracy", "macro_f1")}
    found = compare(*tables, rules, primary="macro_f1")
    assert all(row.verdict == "no detectable change" and row.low is not None for row in found.metrics.values())
    assert found.notes == [
        "no row of class 2: balanced accuracy and macro f1 are over the others, and claim nothing of all"
    ]
    both = [table.drop(columns="proba_2") for table in tables]
    for table in both:
        table["prediction"] = (table["proba_1"] > table["proba_0"]).astype(int)
        table[["proba_0", "proba_1"]] /= table[["proba_0", "proba_1"]].sum(axis=1).to_numpy()[:, None]
    found = compare(*both, rules, primary="macro_f1")
    assert all(row.within_tolerance for row in found.metrics.values()) and not found.notes


def test_no_power_is_stated_where_no_statement_holds():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 500)
    noise = random.normal(size=(500, 3))
    found = compare(of(truth, drawn(random, truth, noise, 1.0)), of(truth, drawn(random, truth, noise, 1.0))).metrics
    stated = {name for name, row in found.items() if row.smallest_detectable is not None}
    assert stated == {"accuracy", "top_2_accuracy", "log_loss", "brier"}


def test_intervals_that_are_shown_together_hold_together():
    """Ten classes that each lose 12 points, 150 reports: all ten intervals hold that in 95 %."""
    random = np.random.default_rng(0)
    truth, together = np.repeat(np.arange(10), 100), 0
    for _ in range(150):
        right = random.random(1000) < 0.95
        lost = right & (random.random(1000) < 0.12 / 0.95)
        base, head = np.where(right, truth, (truth + 1) % 10), np.where(right & ~lost, truth, (truth + 1) % 10)
        columns = {"key": np.arange(1000), "truth": truth}
        tables = (pd.DataFrame({**columns, "prediction": side}) for side in (base, head))
        classes = compare(*tables, {"accuracy": {"better": "higher", "tolerance": 0.01}}).classes.values()
        together += all(each.accuracy.low <= -0.12 <= each.accuracy.high for each in classes)
    assert together / 150 >= 0.95 - 2 * (0.95 * 0.05 / 150) ** 0.5


def test_calibration_gets_no_verdict_and_says_why():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 300)
    base, head = (of(truth, drawn(random, truth, random.normal(size=(300, 2)), skill)) for skill in (0.0, 3.0))
    found = compare(base, head).metrics["calibration_error"]
    assert (found.verdict, found.low, found.p) == ("no detectable change", None, None)
    assert found.reason.startswith("no verdict")
    assert found.difference == pytest.approx(found.head - found.base)
