"""Proves that the result in the current folder is what its code, data and parameters give; works without data, too."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import ResourceError
from pipeline.files import leaves
from pipeline.repository.dvc import dvc, open_repository, reason
from pipeline.repository.lock import Stages, outputs, read, stages


@dataclass(frozen=True)
class Fact:
    """A statement about this clone, and what speaks against it; without problems it holds.

    `doubts` are worth a look, and no more than that.
    """

    statement: str
    problems: list[str]
    doubts: list[str] = field(default_factory=list)


def lock_is_current() -> Fact:
    """dvc.lock belongs to the parameters, code and data of this clone; data that is not here counts by its hash."""
    locked = stages(read(Path()))
    with open_repository() as repo:
        hashes = {str(out): out.hash_info.value for out in repo.index.outs if out.use_cache}
        missing = {stage.name for stage in repo.index.stages if stage.cmd} - locked.keys()
        status = {stage: entries for stage, entries in repo.status().items() if stage not in missing}
        problems = [
            *(f"{name}: not in dvc.lock; run: dvc repro" for name in sorted(missing)),
            *_stale(status, hashes),
            *_contradictions(locked, hashes),
        ]
    return Fact("dvc.lock is current", problems)


def metrics_are_finite() -> Fact:
    """Every metrics file that dvc.yaml declares is there, can be read, and holds numbers, all of them finite."""
    with open_repository() as repo:
        files = sorted(str(out) for out in repo.index.outs if out.metric)
    problems = [problem for file in files for problem in _metrics_problems(file)]
    return Fact(f"{len(files)} metrics files are there and finite", problems)


def outputs_are_in_remote() -> Fact:
    """Everything that dvc.lock and the .dvc files name is in the default remote, file by file."""
    with open_repository() as repo:
        if not repo.config["remote"]:
            raise ResourceError("there is no remote; name one: dvc remote add --default <name> <url>")
    done = dvc(Path(), "data", "status", "--not-in-remote", "--granular", "--json")
    if done.returncode:
        why = reason(done.stderr)
        advice = "; run: make remote" if "requires 'dvc-" in why else ""
        raise ResourceError(f"the remote cannot be asked: {why}{advice}")
    missing = json.loads(done.stdout).get("not_in_remote", [])
    return Fact("every output is in the remote", [f"{path}: not in the remote; {_put_back(path)}" for path in missing])


def _put_back(path: str) -> str:
    """The commands that bring an output into the remote again."""
    for output, md5 in outputs(read(Path())).items():
        if Path(output) in Path(path).parents and md5.endswith(".dir"):
            listing = f"files/md5/{md5[:2]}/{md5[2:]}"
            return f"DVC takes a folder's list for all of it: delete {listing} from the remote, then run: dvc push"
    return "run: dvc push"


def _stale(status: dict[str, list[Any]], hashes: dict[str, str | None]) -> Iterator[str]:
    """What `dvc status` reports, but for outputs that are just not in this clone."""
    for stage, entries in status.items():
        for entry in entries:
            if isinstance(entry, str):
                yield f"{stage}: {entry}; run: dvc repro"
                continue
            for changes in entry.values():
                for path, state in changes.items():
                    if isinstance(state, dict):
                        yield from (f"{stage}: {path}: {key} is {what}; run: dvc repro" for key, what in state.items())
                    elif state not in ("deleted", "not in cache") or not _is_output(path, hashes):
                        yield f"{stage}: {path} is {state}; run: dvc repro"


def _is_output(path: str, hashes: dict[str, str | None]) -> bool:
    return any(str(parent) in hashes for parent in (Path(path), *Path(path).parents))


def _contradictions(locked: Stages, hashes: dict[str, str | None]) -> Iterator[str]:
    """Stages that read something else in dvc.lock than what the stage before them wrote."""
    for name, entry in locked.items():
        for dep in entry.get("deps", []):
            if hashes.get(dep["path"], dep.get("md5")) != dep.get("md5"):
                yield f"{name}: {dep['path']} in dvc.lock is not what its own stage wrote; run: dvc repro"


def _metrics_problems(file: str) -> Iterator[str]:
    try:
        values = list(leaves(json.loads(Path(file).read_text(encoding="utf-8"))))
    except FileNotFoundError:
        yield f"{file}: missing; run: git restore {file}, or dvc repro"
        return
    except ValueError as error:
        yield f"{file}: cannot be read as JSON: {error}"
        return
    if not any(isinstance(value, (int, float)) for _, value in values):
        yield f"{file}: holds no number"
    yield from (f"{file}: {key} is {value}" for key, value in values if _is_not_finite(value))


def _is_not_finite(value: Any) -> bool:
    """NaN or infinite, also as the text that DVCLive writes for it."""
    if isinstance(value, str):
        return value.strip().lower().lstrip("+-") in ("nan", "inf", "infinity")
    return isinstance(value, float) and not math.isfinite(value)
