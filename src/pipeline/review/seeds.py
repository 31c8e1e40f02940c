"""How much of a difference is luck of the seed: both sides trained again with further seeds, in temporary copies."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pandas as pd

from pipeline.comparison.compare import compare
from pipeline.data.schema import Schema
from pipeline.errors import InputError, PipelineError
from pipeline.files import dump_yaml, parse_yaml, read_parquet
from pipeline.params import Params
from pipeline.repository.revisions import snapshot
from pipeline.repository.sides import PREDICTIONS, Side, reproduce
from pipeline.repository.worktrees import worktree
from pipeline.review.where import changed_rows

COUNTING = ("accuracy", "balanced_accuracy", "macro_f1", "top_2_accuracy")  # metrics that move by a row or not at all


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

    def supports(self, difference: float) -> bool | None:
        """Whether over all seeds the difference has surely the sign of this one, or surely not; None: may be luck."""
        if self.low <= 0 <= self.high:
            return None
        return self.mean * difference > 0


def training_noise(root: Path, base: Side, head: Side, seeds: int, params: Params) -> Noise:
    """Train both sides with `seeds` further seeds and compare the primary metric pair by pair on the shared rows."""
    old, new = retrain(root, base, seeds), retrain(root, head, seeds)
    fixed = tuple(name for name, found in (("base", old), ("head", new)) if len(found) == 1)
    pairs = 1 if len(fixed) == 2 else seeds + 1
    exclude = changed_rows(base.folder, head.folder)
    name = params.review.primary
    metrics = {name: params.review.metrics[name]}
    compared = [
        compare(old[place % len(old)], new[place % len(new)], metrics, primary=name, exclude=exclude)
        for place in range(pairs)
    ]
    differences = tuple(found.headline.difference for found in compared if found.headline.difference is not None)
    return summarise(differences, fixed, step=1 / max(compared[0].n, 1) if name in COUNTING else 0.0)


def summarise(differences: tuple[float, ...], fixed: tuple[str, ...] = (), step: float = 0.0) -> Noise:
    """Mean, spread and Student's t interval (95 %) of the differences; a single one has no spread.

    Differences that can only be multiples of `step` may come out equal by chance, and would then look certain. So the
    variance of rounding to such steps, step² / 12, is added: of simulated seeds that change nothing at most 5 % are
    then called different, with 2 pairs as with 11, where 12 % were without.
    """
    from scipy.stats import t

    if len(differences) == 1:
        return Noise(differences, differences[0], 0.0, differences[0], differences[0], fixed)
    spread = stdev(differences)
    error = ((spread**2 + step**2 / 12) / len(differences)) ** 0.5
    half = float(t.ppf(0.975, len(differences) - 1)) * error
    middle = mean(differences)
    return Noise(differences, middle, spread, middle - half, middle + half, fixed)


def retrain(root: Path, side: Side, seeds: int) -> list[pd.DataFrame]:
    """The side's predictions with its own seed and `seeds` more; only the first where the seed changes nothing."""
    found = [read_parquet(side.folder / PREDICTIONS)]
    train = _train(side)
    if not is_random(train):
        return found
    commit = snapshot(root) if side.folder == root else side.commit
    with worktree(root, commit) as folder:
        for number in range(1, seeds + 1):
            seed = train["seed"] + number
            _set_seed(folder / "params.yaml", seed)
            reproduce(root, folder, f"{side.name}, training with seed {seed} ({number} of {seeds})", "evaluate")
            found.append(read_parquet(folder / PREDICTIONS))
            if number == 1 and found[0].equals(found[1]):
                return found[:1]
    return found


def is_random(train: Mapping[str, Any]) -> bool:
    """Whether any part of the model, however deep inside another, takes a seed; True where that cannot be told."""
    from pipeline.models.estimators import build

    arguments, steps = train.get("arguments") or {}, train.get("preprocessing") or []
    try:
        model = build(train["estimator"], arguments, steps, train.get("calibration"), 0, Schema((), "", ()))
    except (PipelineError, KeyError, TypeError, AttributeError):  # of a base whose code knows other names than this
        return True
    return any(name.rpartition("__")[2] == "random_state" for name in model.get_params())


def _train(side: Side) -> dict[str, Any]:
    """The section `train` as it stands: the base's need not fit the schema that the head has.

    Raises:
        InputError: it has no whole number as `seed`.
    """
    with suppress(ValueError, TypeError, KeyError):
        train = parse_yaml(side.text("params.yaml") or "")["train"]
        if isinstance(train["seed"], int):
            return dict(train)
    raise InputError(f"params.yaml of {side.name} has no train.seed")


def _set_seed(params: Path, seed: int) -> None:
    """Train with this seed, also the parts whose own `random_state` pins their draw: that is luck all the same."""
    content = parse_yaml(params.read_text(encoding="utf-8"))
    content["train"] = {**_unpinned(content["train"]), "seed": seed}
    params.write_text(dump_yaml(content), encoding="utf-8")


def _unpinned(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _unpinned(child) for key, child in node.items() if key != "random_state"}
    return [_unpinned(child) for child in node] if isinstance(node, list) else node
