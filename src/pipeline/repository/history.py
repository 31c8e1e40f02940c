"""Which models the test rows have judged: what the dvc.lock of every commit says, read from Git in one go."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.repository import lock
from pipeline.repository.git import blobs, git
from pipeline.repository.revisions import default_branch
from pipeline.repository.sides import PREDICTIONS

DIVIDING = {"prepare": {"test_size": 0.25, "seed": 0}, "data": dict.fromkeys(("target", "id", "group", "split_column"))}


@dataclass(frozen=True)
class Judged:
    """One model as a dvc.lock records it: what it predicted (a hash), and on which rows (of which table, divided how)."""

    predictions: str
    rows: str


@dataclass(frozen=True)
class History:
    """The models of all commits that can be seen, the oldest first, each once; those of experiments beside them.

    `cut`: the clone is shallow, so there may be more.
    """

    models: tuple[Judged, ...]
    experiments: tuple[Judged, ...]
    cut: bool


def judged(text: str | None) -> Judged | None:
    """The model that the text of a dvc.lock records; None where it records no predictions, or is no dvc.lock."""
    try:
        stages = lock.stages(text)
        predictions = lock.outputs(text).get(PREDICTIONS)
    except (InputError, KeyError, TypeError, AttributeError):
        return None
    preparing = next((stage for stage in stages.values() if _makes_rows(stage)), None)
    if not predictions or preparing is None:
        return None
    params = next(iter((preparing.get("params") or {}).values()), {})
    table = str((params.get("data") or {}).get("path"))
    raw = {dep["path"]: dep.get("md5") for dep in preparing.get("deps", [])}.get(table)
    divided = {
        f"{section}.{key}": (params.get(section) or {}).get(key, default)
        for section, keys in DIVIDING.items()
        for key, default in keys.items()
    }
    return Judged(predictions, json.dumps([table, raw, divided], sort_keys=True, default=str))


def history(root: Path, *revisions: str) -> History:
    """The models of the default branch and of these revisions, with all commits that lead to them."""
    branch = default_branch(root)
    commits = [*revisions, *([branch] if branch else [])]
    experiments = git(root, "for-each-ref", "--format=%(objectname)", "refs/exps").split()
    return History(
        models=models_of(root, *commits),
        experiments=_distinct(_read(root, [name for name in experiments if name.strip("0")])),
        cut=git(root, "rev-parse", "--is-shallow-repository") == "true",
    )


def models_of(root: Path, *range_: str) -> tuple[Judged, ...]:
    """The models of a range of commits, as `git rev-list` takes it: the oldest first, each once."""
    commits = git(root, "rev-list", "--full-history", "--reverse", *range_, "--", "dvc.lock").split()
    return _distinct(_read(root, commits))


def _read(root: Path, commits: Sequence[str]) -> Iterator[Judged]:
    folder = git(root, "rev-parse", "--show-prefix")
    texts = blobs(root, [f"{commit}:{folder}dvc.lock" for commit in commits])
    known: dict[str, Judged | None] = {}
    for text in filter(None, texts):
        if text not in known:
            known[text] = judged(text)
        if found := known[text]:
            yield found


def _distinct(found: Iterator[Judged]) -> tuple[Judged, ...]:
    return tuple(dict.fromkeys(found))


def _makes_rows(stage: Any) -> bool:
    return any(
        out["path"] in ("data/prepared", "data/prepared/test.parquet") for out in (stage.get("outs") or [])
    )
