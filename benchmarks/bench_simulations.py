"""Every metric's verdicts on simulated pull requests: false alarms, coverage, claims at the tolerance, stated power.

Rows x classes x groups x skill make the cells. Each figure is a share of simulated pull requests, printed with two
standard errors, beside the bound that it is held to; the truth is the population's value, not the mean of the samples.
A figure beyond its bound by more than its error is simulated again, four times as often and from other random numbers,
and only what is then still beyond it is listed: of thousands of figures some are beyond by chance.

`--repetitions 1000` is what the weekly workflow runs; the default takes some minutes. With `--out FILE` every finished
cell is added to the file, and cells that are in it are not run again. The exit code is 1 if a figure is beyond its
bound of which that is not known.
"""

import argparse
import json
import math
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.simulated import (  # noqa: E402
    Change,
    Population,
    Sample,
    Truth,
    draw,
    pairs,
    population_values,
    turned,
    very_wrong,
)

from pipeline.comparison.measures import MEASURES, Measured, measure  # noqa: E402
from pipeline.metrics.intervals import intervals  # noqa: E402

ROWS = (30, 100, 437, 1000, 5000)
SHARES = {"2": (0.5, 0.5), "2, 1 %": (0.99, 0.01), "3": (1 / 3,) * 3, "10": (0.1,) * 10, "100": (0.01,) * 100}
SKILLS = {
    "fair": {"2": 1.5, "2, 1 %": 2.5, "3": 2.0, "10": 2.5, "100": 3.5},
    "sure": {"2": 3.5, "2, 1 %": 3.5, "3": 3.5, "10": 4.5, "100": 4.5},
}
METRICS = tuple(name for name in MEASURES if name != "calibration_error")  # which gets no verdict and no interval
POWER_OF = ("accuracy", "log_loss", "brier", "top_2_accuracy")  # that state a smallest detectable change
ALPHA = 0.05
BETTER = 0.4  # standard deviations by which the head of the scenario `better` is more skilled
TURNED = 0.05  # of the right rows, in the scenario `worse`
RARE = 4.5  # very wrong rows that a sample holds on average: as few as a claim can be made of at all
AT_ONCE = 100_000  # rows x classes, above which fewer samples are drawn
FEW_OF_A_CLASS = 10  # rows of the rarest class, with fewer of which the means of losses are known to miss
FEWEST_ROWS = 100  # from which on the coverage is promised
CONFIRMED_BY = 4  # times as many samples decide about a figure that is beyond its bound

# What each kind of figure is held to: at most so much (with two standard errors), or between two.
BOUNDS = {
    "false alarm": (0.0, 0.05),
    "misses, better": (0.0, 0.07),
    "misses, worse": (0.0, 0.07),
    "own interval misses": (0.0, 0.07),
    "passes at the limit": (0.0, 0.025),
    "passes, rare rows": (0.0, 0.025),
    "found as stated": (0.75, 0.85),
}
Figure = tuple[str, str]  # kind, metric
Hits = dict[Figure, list[bool]]


@dataclass(frozen=True)
class Cell:
    """Pull requests of one kind."""

    rows: int
    classes: str
    grouped: bool
    skill: str

    @property
    def population(self) -> Population:
        """What its rows are drawn from."""
        return Population(SHARES[self.classes], SKILLS[self.skill][self.classes], self.grouped)

    @property
    def name(self) -> str:
        """As it is printed."""
        groups = "groups" if self.grouped else "rows"
        return f"{self.rows:5,} rows  {self.classes:>6} classes  {groups:6}  {self.skill}"


def main(arguments: list[str] | None = None) -> int:
    """Simulate the cells that are asked for, print each, and list what is beyond its bound; 1 if that is news."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=60, help="samples of a cell; fewer where they are large")
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS)
    parser.add_argument("--classes", nargs="*", default=list(SHARES))
    parser.add_argument("--skill", nargs="*", default=list(SKILLS))
    parser.add_argument("--groups", choices=("with", "without"), nargs="*", default=["without", "with"])
    parser.add_argument("--out", type=Path, help="a file of finished cells, which are not run again")
    asked = parser.parse_args(arguments)
    cells = [
        Cell(rows, classes, groups == "with", skill)
        for skill in asked.skill
        for classes in asked.classes
        for groups in asked.groups
        for rows in asked.rows
    ]
    done = _finished(asked.out)
    started, beyond, figures, news = time.monotonic(), [], 0, 0
    print(f"{len(cells)} cells; shares in % of simulated pull requests, ± two standard errors; ! beyond the bound")
    for cell in cells:
        key = json.dumps([asdict(cell), asked.repetitions])
        if key not in done:
            done[key] = run(cell, asked.repetitions)
            if asked.out:
                with asked.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([key, done[key]]) + "\n")
        found = done[key]
        figures += len(found)
        show(cell, found)
        for kind, metric, hits, of in found:
            if is_beyond(kind, hits, of):
                known = is_known(cell, kind, metric)
                news += not known
                beyond.append(f"{cell.name}  {kind}, {metric}: {text(hits, of)}{'  (known)' * known}")
    print(f"\n{figures:,} figures in {time.monotonic() - started:.0f} s; beyond their bound, also when tried again:")
    print("\n".join(beyond) or "none")
    return int(news > 0)


def is_known(cell: Cell, kind: str, metric: str) -> bool:
    """Whether docs/statistics.md says that such a figure is beyond its bound."""
    few = cell.rows * min(SHARES[cell.classes]) < FEW_OF_A_CLASS
    of_losses = kind.startswith("misses") and metric in ("brier", "log_loss") and (few or cell.skill == "sure")
    of_few = kind.startswith("misses") and metric == "average_precision" and few
    return of_losses or of_few or ("misses" in kind and cell.rows < FEWEST_ROWS)


def run(cell: Cell, repetitions: int) -> list[tuple[str, str, int, int]]:
    """Every figure of a cell: kind, metric, in how many samples, of how many."""
    number = max(repetitions // 5, min(repetitions, repetitions * AT_ONCE // (cell.rows * len(SHARES[cell.classes]))))
    seed = zlib.crc32(cell.name.encode())
    found = count(simulate(cell, number, seed))
    if doubtful := {key for key, (hits, of) in found.items() if is_beyond(key[0], hits, of)}:
        again = count(simulate(cell, CONFIRMED_BY * number, seed + 1, doubtful))
        found |= {key: again[key] for key in doubtful & again.keys()}
    return [(kind, metric, hits, of) for (kind, metric), (hits, of) in found.items()]


def count(hits: Hits) -> dict[Figure, tuple[int, int]]:
    """How many samples of how many."""
    return {key: (sum(each), len(each)) for key, each in hits.items()}


def simulate(cell: Cell, number: int, seed: int, only: set[Figure] | None = None) -> Hits:
    """Draw so many samples, and judge each change on it: nothing, a better model, rows turned wrong, rare rows."""
    random = np.random.default_rng(seed)
    population = cell.population
    rare = very_wrong(min(0.5, RARE / cell.rows))
    truths = (
        true_values(population),
        true_values(population, BETTER),
        true_values(population, change=turned(TURNED)),
        true_values(population, change=rare),
    )
    shares = stated_as_share(cell, seed, truths[0].values, truths[2].values)
    hits: Hits = {}

    def wants(kind: str, metric: str) -> bool:
        return only is None or (kind, metric) in only

    def note(kind: str, metric: str, hit: object) -> None:
        if wants(kind, metric):
            hits.setdefault((kind, metric), []).append(bool(hit))

    for _ in range(number):
        sample = draw(random, population, cell.rows)
        base, better, worse, rarely = (each.over(sample.truth) for each in truths)
        old, new, skilled = sample.model(random), sample.model(random), sample.model(random, BETTER)
        for name, of in estimates(sample, old, new, [m for m in METRICS if wants("false alarm", m)]):
            note("false alarm", name, of.estimate.p < ALPHA)
        for name, of in estimates(sample, old, skilled, [m for m in METRICS if wants("misses, better", m)]):
            low, high = of.estimate.interval(ALPHA)
            note("misses, better", name, not low <= better[name] - base[name] <= high)
        wanted = [m for m in METRICS if wants("misses, worse", m) or wants("passes at the limit", m)]
        for name, of in estimates(sample, old, turned(TURNED)(random, sample, new), wanted):
            low, high = of.estimate.interval(ALPHA)
            note("misses, worse", name, not low <= worse[name] - base[name] <= high)
            note("passes at the limit", name, passes(of, name, worse[name] - base[name]))
        wanted = [m for m in METRICS if wants("passes, rare rows", m)]
        for name, of in estimates(sample, old, rare(random, sample, new), wanted):
            note("passes, rare rows", name, passes(of, name, rarely[name] - base[name]))
        for name, share in shares.items():
            if wants("found as stated", name):
                for _, of in estimates(sample, old, turned(share)(random, sample, new), [name]):
                    note("found as stated", name, of.estimate.p < ALPHA and is_worse(of, name))
        if any(wants("own interval misses", m) for m in METRICS):
            own = intervals(sample.truth, old.argmax(axis=1), old, sample.groups, 1 - ALPHA, len(population.shares))
            for name, (low, high) in own.items():
                note("own interval misses", name, not low - 1e-6 <= base[name] <= high + 1e-6)
    return hits


def true_values(population: Population, gain: float = 0.0, change: Change | None = None) -> Truth:
    """The population's values, which are known five times as well as the largest samples tell them, or better."""
    return population_values(population, gain, change, chunks=8 if len(population.shares) < 100 else 3)


def estimates(sample: Sample, base: object, head: object, names: list[str]) -> Iterator[tuple[str, Measured]]:
    """The metrics that can be judged on this sample."""
    both = pairs(sample, base, head) if names else None
    for name in names:
        found = measure(name, both, 10)
        if isinstance(found, Measured) and not isinstance(found.estimate, str):
            yield name, found


def is_worse(found: Measured, name: str) -> bool:
    """Whether the head looks worse."""
    return (found.head < found.base) == higher_is_better(name)


def higher_is_better(name: str) -> bool:
    """Whether more of the metric is better."""
    return name not in ("log_loss", "brier")


def passes(found: Measured, name: str, difference: float) -> bool:
    """Whether a rule passes whose limit is just what the head has lost; of no loss, whether it is called better."""
    low, high = found.estimate.claimable(ALPHA)
    worst, lost = (-low, -difference) if higher_is_better(name) else (high, difference)
    return worst <= max(lost, 0.0)


def stated_as_share(cell: Cell, seed: int, base: dict[str, float], worse: dict[str, float]) -> dict[str, float]:
    """Which share of right rows turned wrong makes the loss that is stated to be found in 80 %, by metric.

    The stated loss is the median of 40 samples; where most of them state none, there is none to be held to.
    """
    random = np.random.default_rng(seed + 2)
    stated: dict[str, list[float]] = {}
    for _ in range(40):
        sample = draw(random, cell.population, cell.rows)
        for name, found in estimates(sample, sample.model(random), sample.model(random), list(POWER_OF)):
            size = found.estimate.detectable(ALPHA)
            stated.setdefault(name, []).append(math.nan if size is None else size)
    shares = {}
    for name, sizes in stated.items():
        loss = abs(worse[name] - base[name]) / TURNED
        known = [size for size in sizes if not math.isnan(size)]
        if len(known) > 20 and loss > 1e-9 and (share := float(np.median(known)) / loss) < 1:
            shares[name] = share
    return shares


def is_beyond(kind: str, hits: int, of: int) -> bool:
    """Whether a share is beyond its bound by more than two standard errors of the bound."""
    least, most = BOUNDS[kind]
    error = [2 * math.sqrt(end * (1 - end) / of) for end in (least, most)]
    return not least - error[0] <= hits / of <= most + error[1]


def text(hits: int, of: int) -> str:
    """A share with two standard errors."""
    share = hits / of
    return f"{100 * share:.1f}±{200 * math.sqrt(max(share * (1 - share), 1 / of) / of):.1f}"


def show(cell: Cell, found: list[tuple[str, str, int, int]]) -> None:
    """A cell's figures: a line for each kind."""
    print(f"\n{cell.name}")
    for kind, (least, most) in BOUNDS.items():
        shown = [f"{metric} {text(h, n)}{'!' * is_beyond(kind, h, n)}" for k, metric, h, n in found if k == kind]
        bound = f"{100 * least:g} to {100 * most:g}" if least else f"<= {100 * most:g}"
        if shown:
            print(f"  {kind} ({bound}): {', '.join(shown)}", flush=True)


def _finished(file: Path | None) -> dict[str, list[tuple[str, str, int, int]]]:
    """The cells of an earlier run; a last line that is cut off is not one."""
    done = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file and file.is_file() else []:
        try:
            key, found = json.loads(line)
        except ValueError:
            continue
        done[key] = [tuple(figure) for figure in found]
    return done


if __name__ == "__main__":
    sys.exit(main())
