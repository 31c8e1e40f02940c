"""What the pipeline reads that is no part of the repository itself: tables in Git submodules and beside the repository.

A copy of the repository has neither. What cannot be seen counts by its hash in dvc.lock; a pipeline that is run in the
copy is given it.
"""

import contextlib
import os
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.files import parse_yaml
from pipeline.repository import lock
from pipeline.repository.git import GitError, ask, git


def is_outside(folder: Path, path: str) -> bool:
    """Whether a path that dvc.lock in `folder` names is of another repository, or of none."""
    return is_beside(path) or any(_holds(name, os.path.normpath(path)) for name in submodules(folder))


def is_beside(path: str) -> bool:
    """Whether a path leads out of the repository, so that no commit knows what is there."""
    place = PurePosixPath(os.path.normpath(path))
    return place.is_absolute() or place.parts[:1] == ("..",)


def submodules(folder: Path) -> dict[str, str]:
    """The commit of each Git submodule below `folder`, by its path from there; none outside a Git repository."""
    if not (folder / ask(folder, "rev-parse", "--show-cdup") / ".gitmodules").is_file():
        return {}
    entries = ask(folder, "ls-files", "--stage", "-z").split("\0")
    return {name: about.split()[1] for about, _, name in (e.partition("\t") for e in entries) if about[:6] == "160000"}


def check_out_submodules(root: Path, copy: Path) -> None:
    """Put what dvc.lock names of a submodule into `copy`, as of the submodule's commit there.

    Taken from the submodule's clone in `root`; what is not in there stays away.
    """
    wanted = _named(copy)
    for name, commit in submodules(copy).items():
        paths = [str(PurePosixPath(path).relative_to(name)) for path in wanted if _holds(name, path)]
        if not paths or not (root / name / ".git").exists():
            continue
        index = git(root / name, "rev-parse", "--absolute-git-dir") + f"/index-{os.getpid()}"
        with contextlib.suppress(GitError):
            place = (f"--work-tree={copy / name}", "-c", "core.hooksPath=/dev/null")
            git(root / name, *place, "checkout", commit, "--", *paths, env={"GIT_INDEX_FILE": index})
        Path(index).unlink(missing_ok=True)


def link(root: Path, copy: Path, scratch: Path) -> None:
    """Make what the pipeline of `copy` reads by a relative path out of the repository reachable in `scratch`."""
    for name in _named(copy):
        place = Path(os.path.normpath(copy / name))
        if place.is_relative_to(scratch) and not (place.is_relative_to(copy) or place.exists()):
            there = Path(os.path.normpath(root / name))
            if there.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(there.resolve())


def _named(folder: Path) -> set[str]:
    """Paths that the pipeline in `folder` reads, by dvc.lock and by params.yaml, which may be newer."""
    entries = lock.stages(lock.read(folder)).values()
    found = {os.path.normpath(dep["path"]) for entry in entries for dep in entry.get("deps", [])}
    with contextlib.suppress(OSError, ValueError, AttributeError, KeyError, TypeError):
        params: dict[str, Any] = parse_yaml((folder / "params.yaml").read_text(encoding="utf-8"))
        found.add(os.path.normpath(params["data"]["path"]))
        _, idx, idx_folder = params["load"]["dataset"].rpartition("idx:")
        found |= {os.path.normpath(idx_folder)} if idx else set()
    return found


def _holds(folder: str, path: str) -> bool:
    return PurePosixPath(path).is_relative_to(folder)
