"""Which models the test rows have judged: what the dvc.lock of every commit says, read from Git in one go."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.files import parse_yaml
from pipeline.repository.git import blobs, git
from pipeline.repository.revisions import default_tips
from pipeline.repository.sides import PREDICTIONS

ROWS = re.compile(r"^    - path: data/prepared(/test\.parquet)?$", re.MULTILINE)  # what the preparing stage makes


@dataclass(frozen=True)
class Judged:
    """One model as a dvc.lock records it: what it predicted (a hash), on which rows (of which table, divided how)."""

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


def judged(text: str) -> Judged | None:
    """The model that the text of a dvc.lock records; None where it records no predictions, or is no dvc.lock.

    Only the lines that matter are parsed: YAML of a whole dvc.lock takes 50 ms, and there may be hundreds.
    """
    stages = re.split(r"^  (?=\S)", text, flags=re.MULTILINE)
    predictions = next((found for stage in stages if (found := _md5(_part(stage, "outs"), PREDICTIONS))), None)
    preparing = next((stage for stage in stages if ROWS.search(_part(stage, "outs"))), None)
    if not predictions or preparing is None:
        return None
    table, divided = _divided(_part(preparing, "params"))
    return Judged(predictions, f"{table} {_md5(_part(preparing, 'deps'), table)} {divided}")


def recorded(text: str, path: str) -> str | None:
    """The hash that the text of a dvc.lock records for one output, or None; a folder's ends in `.dir`."""
    stages = re.split(r"^  (?=\S)", text, flags=re.MULTILINE)
    return next((found for stage in stages if (found := _md5(_part(stage, "outs"), path))), None)


def _part(stage: str, name: str) -> str:
    """The lines of a stage's deps, params or outs."""
    found = re.search(rf"^    {name}:\n((?:^    [ -].*\n?)+)", stage, flags=re.MULTILINE)
    return found[1] if found else ""


def _md5(entries: str, path: str) -> str | None:
    found = re.search(
        rf"^    - path: ['\"]?{re.escape(path)}['\"]?\n(?:      .*\n)*?      md5: (\S+)", entries, flags=re.MULTILINE
    )
    return found[1] if found else None


@lru_cache(maxsize=1024)
def _divided(params: str) -> tuple[str, str]:
    """Where the table is, and what says which of its rows judge: another such setting is another set of rows."""
    try:
        content = parse_yaml(params)
    except ValueError:
        return "", params
    found = next(iter(content.values()), None) if isinstance(content, dict) else None
    sections = found if isinstance(found, dict) else {}
    data, prepare = ({} if not isinstance(sections.get(name), dict) else sections[name] for name in ("data", "prepare"))
    divided = [data.get(name) for name in ("target", "id", "group", "split_column")]
    return str(data.get("path", "")), json.dumps(
        [*divided, prepare.get("test_size", 0.25), prepare.get("seed", 0)], default=str
    )


def history(root: Path, *revisions: str) -> History:
    """The models of the default branch and of these revisions, with all commits that lead to them."""
    commits = [*revisions, *default_tips(root)]
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
    for text in filter(None, texts):
        if found := judged(text):
            yield found


def _distinct(found: Iterator[Judged]) -> tuple[Judged, ...]:
    return tuple(dict.fromkeys(found))
