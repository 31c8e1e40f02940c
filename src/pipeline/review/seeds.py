"""How much of a difference is luck of the seed: both sides trained again with further seeds, in temporary copies."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import pandas as pd
import yaml

from pipeline.errors import PipelineError
from pipeline.params import Params, Train, parse_params
from pipeline.review.compare import compare
from pipeline.review.revisions import snapshot
from pipeline.review.sides import PREDICTIONS, Side, reproduce, say, worktree
from pipeline.review.where import changed_rows


@dataclass(frozen=True)
class Noise:
    """The primary metric's difference over pairs of trainings that differ in nothing but their seeds.

    `spread` is the standard deviation of one pair's difference; `low` and `high` bound the mean difference over all
    seeds (Student's t on the pairs, 95 %). `without_randomness` names the sides that come out the same every time.
    """

    differences: tuple[float, ...]
    mean: float
    spread: float
    low: float
    high: float
    without_randomness: tuple[str, ...]

    @property
    def exceeded(self) -> bool:
        """Whether the difference is larger than the seeds explain."""
        return self.low > 0 or self.high < 0


def training_noise(root: Path, base: Side, head: Side, seeds: int, params: Params) -> Noise:
    """Train both sides with `seeds` further seeds and compare the primary metric pair by pair on the shared rows."""
    old, new = retrain(root, base, seeds), retrain(root, head, seeds)
    fixed = tuple(name for name, found in (("base", old), ("head", new)) if len(found) == 1)
    pairs = 1 if len(fixed) == 2 else seeds + 1
    exclude = changed_rows(base.folder, head.folder)
    name = params.review.primary
    metrics = {name: params.review.metrics[name]}
    compared = [
        compare(
            old[place % len(old)], new[place % len(new)], metrics, primary=name, exclude=exclude
        ).headline.difference
        for place in range(pairs)
    ]
    return summarise(tuple(d for d in compared if d is not None), fixed)


def summarise(differences: tuple[float, ...], fixed: tuple[str, ...] = ()) -> Noise:
    """Mean, spread and Student's t interval (95 %) of the differences; a single one has no spread."""
    from scipy.stats import t

    if len(differences) == 1:
        return Noise(differences, differences[0], 0.0, differences[0], differences[0], fixed)
    spread = stdev(differences)
    half = float(t.ppf(0.975, len(differences) - 1)) * spread / len(differences) ** 0.5
    middle = mean(differences)
    return Noise(differences, middle, spread, middle - half, middle + half, fixed)


def retrain(root: Path, side: Side, seeds: int) -> list[pd.DataFrame]:
    """The side's predictions with its own seed and `seeds` more; only the first where the seed changes nothing."""
    found = [pd.read_parquet(side.folder / PREDICTIONS)]
    params = parse_params(side.text("params.yaml") or "", f"params.yaml of {side.name}")
    if not is_random(params.train):
        return found
    commit = snapshot(root) if side.folder == root else side.commit
    with worktree(root, commit) as folder:
        for number in range(1, seeds + 1):
            say(f"{side.name}: training with seed {params.train.seed + number} ({number} of {seeds})")
            _set_seed(folder / "params.yaml", params.train.seed + number)
            reproduce(folder, side.name, "evaluate")
            found.append(pd.read_parquet(folder / PREDICTIONS))
            if number == 1 and found[0].equals(found[1]):
                return found[:1]
    return found


def is_random(train: Train) -> bool:
    """Whether the estimator or a preprocessing step takes a seed; True where that cannot be told."""
    from pipeline.ml.estimators import find

    names = [step if isinstance(step, str) else next(iter(step)) for step in train.preprocessing]
    try:
        classes = [find(train.estimator, "classifier", "train.estimator")]
        classes += [find(name, "transformer", "train.preprocessing") for name in names]
    except PipelineError:
        return True
    return any("random_state" in inspect.signature(found).parameters for found in classes)


def _set_seed(params: Path, seed: int) -> None:
    content = yaml.safe_load(params.read_text(encoding="utf-8"))
    content["train"]["seed"] = seed
    params.write_text(yaml.safe_dump(content), encoding="utf-8")
