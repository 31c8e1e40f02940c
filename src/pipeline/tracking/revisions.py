"""DVCLive folders of commits, ranges and experiments, from Git and the DVC cache; the workspace is not touched."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import InputError, ResourceError
from pipeline.repository.dvc import files_of
from pipeline.repository.git import ask, demand
from pipeline.tracking import facts, lineage
from pipeline.tracking.recording import Source, parse_lock


@dataclass(frozen=True)
class Revision:
    """A commit, and the experiment that it is, if it is one."""

    commit: str
    experiment: str = ""


def resolve(root: Path, name: str) -> list[Revision]:
    """The revisions that a user means: a commit, a range `A..B` (oldest first), or an experiment by name.

    Raises:
        InputError: there is none.
        ResourceError: Git cannot be asked here.
    """
    demand(root)
    experiments = _experiments(root)
    by_commit = {commit: experiment for experiment, commit in experiments.items()}
    if name in experiments:
        return [Revision(experiments[name], name)]
    if ".." in name:
        commits = ask(root, "rev-list", "--reverse", name, "--").split()
    else:
        commits = ask(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").split()
    if not commits:
        raise InputError(f"--rev {name}: no commit, range (A..B) or experiment of this repository")
    return [Revision(commit, by_commit.get(commit, "")) for commit in commits]


def source(root: Path, revision: Revision) -> Source:
    """What a revision knows about its recordings."""
    commit = revision.commit
    branches = ask(root, "branch", "--contains", commit, "--format=%(HEAD)%(refname:short)").splitlines()
    branch = next((b[1:] for b in sorted(branches) if b.startswith("*")), branches[0][1:] if branches else "")
    return Source(
        **parse_lock(_show(root, commit, "dvc.lock")),
        params=facts.load_yaml(_show(root, commit, "params.yaml")),
        version={"commit": commit, "branch": "" if "(" in branch else branch, "dirty": False},
        experiment=revision.experiment,
        tracked=lambda path: bool(ask(root, "cat-file", "-t", f"{commit}:./{path}.dvc")),
    )


class Files:
    """The files of one revision, wherever they are: in Git, in the DVC cache, or in the remote."""

    def __init__(self, root: Path, revision: Revision) -> None:
        self._name = revision.experiment or revision.commit[:10]
        self._files: Any = files_of(root, revision.commit)

    def copy(self, path: str, target: Path) -> bool:
        """Copy a file or folder of the revision to `target`; False if the revision has none.

        Raises:
            ResourceError: the revision has it, but its content is nowhere to be had.
        """
        if not self._files.exists(path):
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._files.get(path, str(target), recursive=self._files.isdir(path))
        except Exception as error:  # DVC, the remote and the disk raise many kinds
            reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
            raise ResourceError(f"{path} of {self._name} is not to be had ({reason[0]}); try: dvc fetch") from None
        return True


def folders(of: Source) -> Iterator[tuple[str, str]]:
    """Stage and DVCLive folder of every recording that a dvc.lock names."""
    for stage, entry in lineage.stages(of.lock).items():
        for folder in lineage.record_folders(entry):
            yield stage, folder.as_posix()


def _show(root: Path, commit: str, file: str) -> str:
    text = ask(root, "show", f"{commit}:./{file}")
    return f"{text}\n" if text else ""


def _experiments(root: Path) -> dict[str, str]:
    """Commits of the experiments by name. DVC keeps them as refs/exps/<2>/<38 of the baseline>/<name>."""
    found = {}
    for line in ask(root, "for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").splitlines():
        commit, reference = line.split(" ", 1)
        if re.match(r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/", reference):
            found[reference.split("/", 4)[4]] = commit
    return found
