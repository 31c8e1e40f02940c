"""What misleads a team although each verdict is right, simulated: strict gates, small losses, many looks."""

import math

import numpy as np
import pandas as pd

from pipeline.comparison.compare import compare
from pipeline.comparison.finds import beyond_chance, stands_out
from pipeline.comparison.looks import ANCHOR_LOOKS, anchor_confidence, confidence
from pipeline.comparison.power import blocked_share_of_proportions, sound_margin_of_proportions
from pipeline.comparison.proportions import PairedProportions, mcnemar_mid_p

ALPHA = 0.05


def main() -> None:
    """Print the tables of docs/statistics.md; ± is two standard errors of the simulation."""
    random = np.random.default_rng(0)
    gates(random)
    anchors(random)
    many_looks(random)
    finds(random)


def share(hits: float, runs: int) -> str:
    """A simulated share with two standard errors."""
    return f"{hits:6.1%} ± {2 * math.sqrt(max(hits * (1 - hits), 1 / runs) / runs):.1%}"


def gates(random: np.random.Generator) -> None:
    """How often a regression rule fails a change without effect: as the report says, and as it happens."""
    runs = 20_000
    print(f"a change without effect fails the rule, {runs:,} simulated changes each")
    print("   rows  differing  margin   stated  simulated       margin that fails 5 %")
    for n, discordant in ((100, 0.05), (437, 0.01), (437, 0.03), (437, 0.06), (2000, 0.05), (10_000, 0.03)):
        counts = random.multinomial(n, [discordant / 2, discordant / 2, 1 - discordant], size=runs)[:, :2]
        different, times = np.unique(counts, axis=0, return_counts=True)
        low = np.array([PairedProportions(n, n - a - b, a, b).interval(ALPHA)[0] for a, b in different.tolist()])
        number = round(n * discordant)
        sound = sound_margin_of_proportions(n, number, ALPHA)
        for margin in (0.02, sound):
            found = float(np.average(low < -margin, weights=times))
            said = blocked_share_of_proportions(n, number, margin, ALPHA)
            print(f"{n:7,}  {discordant:9.0%}  {margin:6.1%}   {said:6.1%}  {share(found, runs)}   {sound:6.1%}")


def first_look(random: np.random.Generator, n: int, discordant: float, loss: float, runs: int) -> np.ndarray:
    """At which of 25 looks the head is called other than the anchor, in each run; 0: at none.

    Every head differs from the anchor in rows of its own, and has lost `loss` of all rows more with each look.
    """
    level, first = 1 - anchor_confidence(ALPHA), np.zeros(runs, dtype=int)
    for run in range(runs):
        right = random.random(n) < 0.95
        rights = int(right.sum())
        for look in range(1, ANCHOR_LOOKS + 1):
            lost = int(random.binomial(rights, discordant / 2 / 0.95 + look * loss / 0.95))
            gained = int(random.binomial(n - rights, discordant / 2 / 0.05))
            if mcnemar_mid_p(lost, gained) < level:
                first[run] = look
                break
    return first


def anchors(random: np.random.Generator) -> None:
    """Small losses against the anchor."""
    runs = 2000
    print(f"\n25 looks at one anchor, each at {1 - anchor_confidence(ALPHA):.1%}, {runs:,} series each")
    print("   rows  differing  lost each   called different   at look (median; 10 and 90 %)")
    for n in (437, 2000):
        for discordant in (0.03, 0.05):
            for loss in (0.0, 0.002):
                first = first_look(random, n, discordant, loss, runs)
                called = first[first > 0]
                low, middle, high = (
                    np.quantile(np.where(first, first, 99), q, method="lower") for q in (0.1, 0.5, 0.9)
                )
                when = f"{middle:3.0f} ({low:.0f} to {high:.0f})" if loss and len(called) > runs / 2 else ""
                print(f"{n:7,}  {discordant:9.0%}  {loss:9.1%}   {share(len(called) / runs, runs)}   {when}")


def many_looks(random: np.random.Generator) -> None:
    """The best of so many variants without effect, called better."""
    runs, n, discordant = 2000, 437, 0.06
    print(f"\nthe best of k variants without effect, {n} rows of which {discordant:.0%} differ, {runs:,} series each")
    print("   k   looks better by   called better at 5 %   at 5 % / k")
    for k in (1, 10, 30, 100):
        gains, plain, divided = [], 0, 0
        for _ in range(runs):
            rights = int(random.binomial(n, 0.95))
            lost = random.binomial(rights, discordant / 2 / 0.95, size=k)
            gained = random.binomial(n - rights, discordant / 2 / 0.05, size=k)
            best = int(np.argmax(gained - lost))
            p = mcnemar_mid_p(int(lost[best]), int(gained[best]))
            gains.append((gained[best] - lost[best]) / n)
            ahead = gained[best] > lost[best]
            plain, divided = plain + (ahead and p < ALPHA), divided + (ahead and p < 1 - confidence(k, ALPHA))
        print(f"{k:4}   {np.mean(gains):+15.1%}   {share(plain / runs, runs):>20}   {share(divided / runs, runs)}")


def finds(random: np.random.Generator) -> None:
    """Reports on two models of equal skill, with ten classes and three slice columns of five values."""
    runs, n, classes = 600, 437, 10
    named = places = tables = 0
    keys = [f"row{place}" for place in range(n)]
    for _ in range(runs):
        truth = random.integers(0, classes, n)
        hard = random.random(n) < 0.1
        sides = []
        for _ in range(2):
            wrong = random.random(n) < np.where(hard, 0.4, 0.02)
            sides.append(
                pd.DataFrame({"key": keys, "truth": truth, "prediction": np.where(wrong, (truth + 1) % classes, truth)})
            )
        slices = pd.DataFrame({"key": keys, **{name: random.integers(0, 5, n) for name in "abc"}})
        found = compare(sides[0], sides[1], slices=slices)
        families = [list(found.classes.values()), *(list(cut.values()) for cut in found.slices.values())]
        rows = [row for name, row in found.metrics.items() if name != found.primary]
        rows += [group.accuracy for family in families for group in family]
        tables += any(row.verdict in ("better", "worse") for row in rows)
        named += any(beyond_chance(rows, ALPHA))
        places += stands_out(families, ALPHA) is not None
    print(f"\nreports without any effect, {n} rows, {classes} classes, three slice columns, {runs} reports")
    print(f"  a table has a better or worse    {share(tables / runs, runs)}")
    print(f"  Also names something as sure     {share(named / runs, runs)}")
    print(f"  Where names a place              {share(places / runs, runs)}")


if __name__ == "__main__":
    main()
