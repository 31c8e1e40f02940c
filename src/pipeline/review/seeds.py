"""How much of a difference is luck of the seed: both sides trained again with further seeds, in temporary copies."""

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import mean, stdev
from time import monotonic
from typing import Any

from pipeline.comparison.compare import compare
from pipeline.data.schema import Schema
from pipeline.errors import InputError, PipelineError
from pipeline.files import dump_yaml, parse_yaml, read_parquet
from pipeline.params import MOST_SEEDS, Params, Seeds
from pipeline.repository.revisions import snapshot
from pipeline.repository.sides import PREDICTIONS, Side, reproduce, say
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


def training_noise(root: Path, base: Side, head: Side, seeds: Seeds, params: Params) -> Noise:
    """Train both sides with further seeds and compare the primary metric pair by pair on the shared rows.

    `auto`: the first pair's time decides how many fit into `review.seed_seconds`; what comes out of it decides nothing.
    """
    with ExitStack() as stack:
        sides = [stack.enter_context(Retraining(root, side)) for side in (base, head)]
        number, most = 0, 1 if seeds == "auto" else seeds
        while number < most and not all(side.fixed for side in sides):
            number, started = number + 1, monotonic()
            for side in sides:
                side.train(number, "the first" if seeds == "auto" and number == 1 else f"{number} of {most}")
            if seeds == "auto" and number == 1:
                took = monotonic() - started
                most = fitting(took, params.review.seed_seconds)
                say(f"a pair of trainings takes {took:.0f} s: {most} further seeds in {params.review.seed_seconds:g} s")
    fixed = tuple(name for name, side in zip(("base", "head"), sides, strict=True) if side.fixed)
    old, new = (side.found for side in sides)
    exclude = changed_rows(base.folder, head.folder)
    name = params.review.primary
    metrics = {name: params.review.metrics[name]}
    compared = [
        compare(old[place % len(old)], new[place % len(new)], metrics, primary=name, exclude=exclude)
        for place in range(max(len(old), len(new)))
    ]
    differences = tuple(found.headline.difference for found in compared if found.headline.difference is not None)
    return summarise(differences, fixed, step=1 / max(compared[0].n, 1) if name in COUNTING else 0.0)


def fitting(took: float, seconds: float) -> int:
    """How many further seeds fit into so many seconds, if one took that long: at least the one."""
    return max(1, min(MOST_SEEDS, int(seconds / max(took, 1e-3))))


def may_differ(side: Side) -> bool:
    """Whether another training of this side might come out differently; True where that cannot be told."""
    try:
        return is_random(_train(side))
    except InputError:
        return True


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


class Retraining:
    """One side trained again, in a temporary copy: `found` are its predictions, its own first.

    `fixed`: it has no randomness, or a second seed changed nothing; its predictions are then those of every seed.
    """

    def __init__(self, root: Path, side: Side) -> None:
        self._root, self._side = root, side
        self._stack = ExitStack()
        self._section = _train(side)
        self.found = [read_parquet(side.folder / PREDICTIONS)]
        self.fixed = not is_random(self._section)

    def __enter__(self) -> "Retraining":
        """The copy is made when it is needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """The copy goes."""
        self._stack.close()

    def train(self, number: int, which: str) -> None:
        """Train with the seed that is so many higher than the side's own, and predict."""
        if self.fixed:
            return
        seed = self._section["seed"] + number
        folder = self._copy
        _set_seed(folder / "params.yaml", seed)
        reproduce(self._root, folder, f"{self._side.name}, training with seed {seed} ({which})", "evaluate")
        predictions = read_parquet(folder / PREDICTIONS)
        self.fixed = number == 1 and self.found[0].equals(predictions)
        if not self.fixed:
            self.found.append(predictions)

    @cached_property
    def _copy(self) -> Path:
        commit = snapshot(self._root) if self._side.folder == self._root else self._side.commit
        return self._stack.enter_context(worktree(self._root, commit))


def is_random(train: Mapping[str, Any]) -> bool:
    """Whether any part of the model, however deep inside another, takes a seed; True where that cannot be told."""
    from pipeline.models.estimators import build

    arguments, steps = train.get("arguments") or {}, train.get("preprocessing") or []
    try:
        schema = Schema((), "", (), image=(1, 1))  # steps for pictures are built for pictures only
        model = build(train["estimator"], arguments, steps, train.get("calibration"), 0, schema)
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
