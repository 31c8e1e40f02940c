"""What is known about where the head's results come from: of these files, committed, and the same when run again."""

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.files import finite, leaves, read_json, read_parquet, write_json
from pipeline.params import Metric
from pipeline.repository.dvc import cache_folder, cached
from pipeline.repository.git import git
from pipeline.repository.lock import outputs, read, sources
from pipeline.repository.packages import RECORDED
from pipeline.repository.revisions import snapshot, text_at
from pipeline.repository.sides import PREDICTIONS, Side, stale_stages

Lock = Literal["current", "stale", "not committed", "missing"]
Again = Literal["identically", "equivalently", "differently", "not run again"]

RECORD = ".dvc/tmp/reproduced.json"  # of this clone alone, ignored by Git: what a full run gave beside which dvc.lock
METRICS = "metrics/evaluate/metrics.json"
LITTLE = 0.01  # of a number, or of probability: more than other processors make, less than is worth making up


@dataclass(frozen=True)
class Proof:
    """The state of the head.

    `stale`: why results are not of the files beside them; empty: they are.
    `lock`: whether the *committed* dvc.lock records what these files give; `patch` (for `git apply`) makes it so. It is
    stale where the commit has these files, and not committed where they are not either: right after `dvc repro`.
    `again`: how results that were computed again compare with the first ones from the same inputs.
    """

    stale: tuple[str, ...]
    lock: Lock
    again: Again
    patch: str

    @property
    def lock_patch(self) -> str:
        """The part of `patch` that a person reads, dvc.lock; the rest is metrics, plots and pictures."""
        files = re.split(r"^(?=diff --git )", self.patch, flags=re.MULTILINE)
        return "".join(part for part in files if re.match(r"diff --git a/(.+/)?dvc\.lock b/", part))


def find_proof(head: Side, metrics: Mapping[str, Metric]) -> Proof:
    """Compare the head's folder with what its commit records, and with a full run if `record_run` noted one."""
    committed, now = text_at(head.folder, "HEAD", "dvc.lock"), head.text("dvc.lock") or ""
    stale = tuple(stale_stages(head.folder))
    patch = results_patch(head.folder)
    if committed is None or sources(committed) != sources(now):
        lock: Lock = "missing" if committed is None else "not committed" if _edited(head.folder) else "stale"
        return Proof(stale, lock, _recorded(head.folder), patch)
    if outputs(committed) == outputs(now):
        return Proof(stale, "current", _recorded(head.folder), "")
    before = cached(cache_folder(head.folder), outputs(committed).get(PREDICTIONS, ""))
    old_metrics, new_metrics = (_values(text) for text in (text_at(head.folder, "HEAD", METRICS), head.text(METRICS)))
    equivalent = (
        before is not None
        and same_labels(before, head.folder / PREDICTIONS)
        and within_tolerance(old_metrics, new_metrics, metrics)
    )
    return Proof(stale, "current", "equivalently" if equivalent else "differently", patch)


def _edited(folder: Path) -> bool:
    """Whether files other than results are not as the last commit has them."""
    results = (":(exclude)dvc.lock", ":(exclude)metrics")
    return bool(git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".", *results))


def results_patch(folder: Path) -> str:
    """What turns the results that HEAD records, dvc.lock and metrics/, into those in `folder`: for `git apply`."""
    paths = ("dvc.lock", "metrics")
    own = ("--unified=3", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative")  # whatever Git's settings
    form = ("--binary", *own, "--src-prefix=a/", "--dst-prefix=b/")
    patch = git(folder, "diff", *form, "HEAD", snapshot(folder, *paths), "--", *paths)
    return f"{patch}\n" if patch else ""  # without its last line break, `git apply` calls a patch corrupt


def record_run(here: Path, again: Path, metrics: Mapping[str, Metric]) -> Again:
    """Note in the clone `here` how the results of a full run of the same files, in the folder `again`, compare."""
    found: Again = "differently"
    first, second = (outputs(read(folder)) for folder in (here, again))
    if first == second:
        found = "identically"
    elif same_labels(here / PREDICTIONS, again / PREDICTIONS) and _same_figures(here, again, metrics):
        found = "equivalently"
    write_json(here / RECORD, {"again": found, "lock": _digest(here / "dvc.lock")})
    return found


def _same_figures(here: Path, again: Path, metrics: Mapping[str, Metric]) -> bool:
    """Whether all that a review shows or judges is as good as the same: nobody may make up a size or a probability.

    Probabilities may differ by LITTLE on average, a number by the tolerance of the metric that it is of, or by LITTLE
    of itself. How the training went, metrics/train, judges nothing, and may have taken another step.
    """
    before, after = (read_parquet(folder / PREDICTIONS).filter(like="proba_") for folder in (here, again))
    if list(before) != list(after) or (before - after).abs().mean().gt(LITTLE).any():
        return False
    for name in ("prepare", "evaluate", "package"):
        old, new = (_figures(folder / f"metrics/{name}/metrics.json") for folder in (here, again))
        if old.keys() != new.keys() or not all(_near(key, old[key], new[key], metrics) for key in old):
            return False
    return True


def _figures(path: Path) -> dict[str, Any]:
    with contextlib.suppress(FileNotFoundError, ValueError):
        return {key: value for key, value in leaves(read_json(path)) if key != RECORDED}
    return {}


def _near(key: str, old: Any, new: Any, metrics: Mapping[str, Metric]) -> bool:
    if old == new or not (finite(old) and finite(new)):
        return bool(old == new)
    tolerance = max((metric.tolerance for name, metric in metrics.items() if name in key.split(".")), default=0.0)
    return bool(abs(old - new) <= max(tolerance, LITTLE * abs(old)))


def same_labels(before: Path, after: Path) -> bool:
    """Whether two prediction tables have the same rows, truths and predicted labels."""
    columns = ["key", "truth", "prediction"]
    if not (before.is_file() and after.is_file()):
        return False
    return read_parquet(before, columns).equals(read_parquet(after, columns))


def within_tolerance(old: Mapping[str, Any], new: Mapping[str, Any], metrics: Mapping[str, Metric]) -> bool:
    """Whether no declared metric differs by more than its tolerance, or is on one side only."""
    return all(
        finite(old.get(name)) == finite(new.get(name))
        and (not finite(old.get(name)) or abs(old[name] - new[name]) <= metric.tolerance)
        for name, metric in metrics.items()
    )


def _values(text: str | None) -> dict[str, Any]:
    """The content of a metrics file; nothing where it cannot be read."""
    with contextlib.suppress(ValueError):
        content = json.loads(text or "{}")
        return content if isinstance(content, dict) else {}
    return {}


def _recorded(folder: Path) -> Again:
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
        record = read_json(folder / RECORD)
        if record["lock"] == _digest(folder / "dvc.lock"):
            again: Again = record["again"]
            return again
    return "not run again"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
