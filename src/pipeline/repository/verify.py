"""Proves that the result in the current folder is what its code, data and parameters give; works without data, too."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import ResourceError
from pipeline.files import leaves
from pipeline.repository.dvc import dvc, in_remote, open_repository, reason
from pipeline.repository.git import demand
from pipeline.repository.lock import Stages, outputs, read, stages
from pipeline.repository.outside import is_outside
from pipeline.text import are, count

SOURCE_SECONDS = 30  # an unreachable source of an import may take minutes to fail


@dataclass(frozen=True)
class Fact:
    """A statement about this clone, and what speaks against it; without problems it holds.

    `doubts` are worth a look, and no more than that.
    """

    statement: str
    problems: list[str]
    doubts: list[str] = field(default_factory=list)


def lock_is_current() -> Fact:
    """dvc.lock belongs to the parameters, code and data of this clone; data that is not here counts by its hash.

    What an import's source holds by now decides nothing: the data is pinned by its hash (`updates`).
    """
    locked = stages(read(Path()))
    with open_repository() as repo:
        hashes = {str(out): out.hash_info.value for out in repo.index.outs if out.use_cache}
        missing = {stage.name for stage in repo.index.stages if stage.cmd} - locked.keys()
    stale = [change for change in changes() if change[0] not in missing]
    unseen = {path for _, path, state in stale if state == "deleted" and is_outside(Path(), path)}
    problems = [
        *(f"{name}: not in dvc.lock; run: dvc repro" for name in sorted(missing)),
        *(
            f"{stage}: {path} is {state}; run: dvc repro" if path else f"{stage}: {state}; run: dvc repro"
            for stage, path, state in stale
            if path not in unseen and not (state in ("deleted", "not in cache") and _is_output(path, hashes))
        ),
        *_contradictions(locked, hashes),
    ]
    doubts = [f"{path}: not here; only its hash in dvc.lock speaks for it" for path in sorted(unseen)]
    return Fact("dvc.lock is current", problems, doubts)


def imports_are_current() -> Fact:
    """The sources of imported data hold what was imported; if not, or if one cannot be asked, that is but a remark."""
    doubts = []
    for file in imports():
        done = dvc(Path(), "status", "--json", file, timeout=SOURCE_SECONDS)
        if done.returncode:
            doubts.append(f"{file}: its source cannot be asked: {reason(done.stderr)}; the pinned data stands")
        elif "update available" in done.stdout or '"changed deps"' in done.stdout:
            doubts.append(f"{file}: its source holds something newer; to take it: dvc update {file}, then dvc repro")
    return Fact("imported data is what its source holds", [], doubts)


def imports() -> list[str]:
    """The .dvc files of data that was brought by `dvc import` or `dvc import-url`."""
    with open_repository() as repo:
        return [stage.relpath for stage in repo.index.stages if stage.is_import]


def changes() -> list[tuple[str, str, str]]:
    """What `dvc status` reports: stage, path and state; where a stage itself has a state, no path.

    A parameter's path is followed by its name, its state says that it is one: `params.yaml: train.seed`, `modified`.
    """
    found = []
    with open_repository() as repo:
        status = repo.status(check_updates=False)
        names = {str(dep): dep.def_path for stage in repo.index.stages for dep in stage.deps}  # of files elsewhere, too
    for stage, entries in status.items():
        for entry in entries:
            if isinstance(entry, str):
                found.append((stage, "", entry))
                continue
            for path, state in (item for states in entry.values() for item in states.items()):
                if isinstance(state, dict):
                    found += [(stage, f"{path}: {key}", what) for key, what in state.items()]
                else:
                    found.append((stage, names.get(path, path), state))
    return found


def metrics_are_finite() -> Fact:
    """Every metrics file that dvc.yaml declares is there, can be read, and holds numbers, all of them finite."""
    with open_repository() as repo:
        files = sorted(str(out) for out in repo.index.outs if out.metric)
    problems = [problem for file in files for problem in _metrics_problems(file)]
    return Fact(f"{count(len(files), 'metrics file')} {are(len(files))} there and finite", problems)


def outputs_are_in_remote() -> Fact:
    """Everything that dvc.lock and the .dvc files name is in the default remote, file by file."""
    with open_repository() as repo:
        if not repo.config["remote"]:
            raise ResourceError("there is no remote; name one: dvc remote add --default <name> <url>")
    done = dvc(Path(), "data", "status", "--not-in-remote", "--granular", "--json")
    if done.returncode:
        demand(Path())  # DVC asks Git, and does not say what is wrong with it
        why = reason(done.stderr)
        advice = "; run: make remote" if "requires 'dvc-" in why else ""
        raise ResourceError(f"the remote cannot be asked: {why}{advice}")
    missing = json.loads(done.stdout).get("not_in_remote", [])
    return Fact(
        "every output is in the remote", [f"{path}: not in the remote; {advice}" for path, advice in _ways(missing)]
    )


def _ways(missing: list[str]) -> Iterator[tuple[str, str]]:
    """Each path with the commands that bring it into the remote again.

    Where the remote has a folder's list, `dvc push` takes it for the folder's files; where it has not, it sends both.
    """
    lists = {path: md5 for path, md5 in outputs(read(Path())).items() if md5.endswith(".dir")}
    folders = {path: next((out for out in lists if Path(out) in Path(path).parents), None) for path in missing}
    there = in_remote([lists[folder] for folder in set(folders.values()) if folder])
    for path, folder in folders.items():
        md5 = lists.get(folder or "", "")
        if md5 in there:
            listing = f"files/md5/{md5[:2]}/{md5[2:]}"
            yield path, f"DVC takes a folder's list for all of it: delete {listing} from the remote, then run: dvc push"
        else:
            yield path, "run: dvc push"


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
