"""Simulated pull requests: two models judged on rows of known classes and groups, drawn from a population of which the
true values can be measured. Shared by tests and benchmarks."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.comparison.align import Pairs, Side
from pipeline.comparison.measures import FLOOR
from pipeline.metrics import values
from pipeline.metrics.values import Codes, Floats

Random = np.random.Generator
Change = Callable[[Random, "Sample", Floats], Floats]

TOO_SURE = 1.5  # logits are so many times what calibrated ones would be, as a network's are
IN_COMMON = 0.5  # of the variance of two models' noise: what is hard for one is hard for the other
ALIKE = 0.5  # of the variance of a model's noise in a group: its intraclass correlation
SAME_CLASS = 0.5  # of a group's rows, which have the class of the group
CHUNK = 50_000  # rows of one estimate of the population's values


@dataclass(frozen=True)
class Population:
    """Rows of classes with these shares, and a base that separates them by `skill` standard deviations.

    `grouped`: rows come in groups of 1 to 19, in which noise and class are in part the same.
    """

    shares: tuple[float, ...]
    skill: float
    grouped: bool = False


@dataclass(frozen=True)
class Sample:
    """Rows of a population: truth (rows,), groups (rows,) or None, and the noise in common (rows, classes)."""

    population: Population
    truth: Codes
    groups: Codes | None
    noise: Floats

    def model(self, random: Random, gain: float = 0.0) -> Floats:
        """The probabilities (rows, classes) of a model that is so much more skilled than the base."""
        own = _noise(random, self.groups, self.noise.shape)
        noise = math.sqrt(IN_COMMON) * self.noise + math.sqrt(1 - IN_COMMON) * own
        skill = self.population.skill + gain
        noise[np.arange(len(self.truth)), self.truth] += skill
        scores = TOO_SURE * (noise * skill + np.log(self.population.shares))
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        return scores

    def chosen(self, random: Random, share: float) -> npt.NDArray[np.bool_]:
        """Rows, or whole groups, each with the probability `share`."""
        if self.groups is None:
            return random.random(len(self.truth)) < share
        return (random.random(int(self.groups.max()) + 1) < share)[self.groups]


def draw(random: Random, population: Population, rows: int) -> Sample:
    """So many rows of a population."""
    classes = len(population.shares)
    groups = None
    truth = random.choice(classes, rows, p=population.shares)
    if population.grouped:
        sizes = random.integers(1, 20, rows)
        groups = np.repeat(np.arange(rows), sizes)[:rows]
        of_group = random.choice(classes, rows, p=population.shares)[groups]
        truth = np.where(random.random(rows) < SAME_CLASS, of_group, truth)
    return Sample(population, truth, groups, _noise(random, groups, (rows, classes)))


def _noise(random: Random, groups: Codes | None, shape: tuple[int, ...]) -> Floats:
    own = random.normal(size=shape)
    if groups is None:
        return own
    of_group = random.normal(size=(int(groups.max()) + 1, shape[1]))[groups]
    return math.sqrt(ALIKE) * of_group + math.sqrt(1 - ALIKE) * own


def turned(share: float) -> Change:
    """Right rows turn wrong, this share of them: their two largest probabilities change places."""

    def change(random: Random, sample: Sample, probabilities: Floats) -> Floats:
        right = probabilities.argmax(axis=1) == sample.truth
        rows = np.flatnonzero(right & (random.random(len(right)) < share))
        found = probabilities.copy()
        second = probabilities[rows].copy()
        second[np.arange(len(rows)), sample.truth[rows]] = -1
        other = second.argmax(axis=1)
        found[rows, other], found[rows, sample.truth[rows]] = (
            probabilities[rows, sample.truth[rows]],
            probabilities[rows, other],
        )
        return found

    return change


def very_wrong(share: float, floor: float = FLOOR) -> Change:
    """This share of all rows, or groups, gets the probability `floor` for its class, and another class the rest."""

    def change(random: Random, sample: Sample, probabilities: Floats) -> Floats:
        rows = np.flatnonzero(sample.chosen(random, share))
        found = probabilities.copy()
        found[rows] = 0.0
        found[rows, sample.truth[rows]] = floor
        found[rows, (sample.truth[rows] + 1) % probabilities.shape[1]] = 1 - floor
        return found

    return change


def pairs(sample: Sample, base: Floats, head: Floats) -> Pairs:
    """Both models on the sample, as `align.pair` gives them."""
    return Pairs(
        keys=pd.RangeIndex(len(sample.truth)),
        classes=tuple(map(str, range(base.shape[1]))),
        truth=sample.truth,
        base=Side(base.argmax(axis=1), base),
        head=Side(head.argmax(axis=1), head),
        no_probabilities=None,
        only_base=0,
        only_head=0,
        truth_changed=0,
        excluded=0,
        notes=[],
        groups=sample.groups,
    )


@dataclass(frozen=True, eq=False)
class Truth:
    """The population's metrics of a model, the standard errors of these estimates, and what its classes have each."""

    values: dict[str, float]
    errors: dict[str, float]
    recalls: Floats
    f1s: Floats

    def over(self, truth: Codes) -> dict[str, float]:
        """The values, of means over classes over those that these rows have: that is what the metrics are."""
        present = np.unique(truth)
        means = {"balanced_accuracy": self.recalls, "macro_f1": self.f1s}
        return self.values | {name: float(each[present].mean()) for name, each in means.items()}


@lru_cache(maxsize=64)
def population_values(
    population: Population, gain: float = 0.0, change: Change | None = None, chunks: int = 8
) -> Truth:
    """The truth about a model: the mean over chunks of many rows."""
    random = np.random.default_rng(12345)
    found: list[dict[str, float]] = []
    confusion = np.zeros((len(population.shares),) * 2)
    for _ in range(chunks):
        sample = draw(random, population, CHUNK)
        model = sample.model(random, gain)
        model = change(random, sample, model) if change else model
        prediction = model.argmax(axis=1)
        found.append(values.measure(sample.truth, prediction, model))
        confusion += values.confusion_matrix(sample.truth, prediction, len(population.shares))
    table = {name: np.array([chunk[name] for chunk in found]) for name in found[0]}
    right, true = np.diagonal(confusion), confusion.sum(axis=1)
    return Truth(
        {name: float(each.mean()) for name, each in table.items()},
        {name: float(each.std(ddof=1) / chunks**0.5) for name, each in table.items()},
        right / true,
        2 * right / (true + confusion.sum(axis=0)),
    )
