"""The two sides of a review, each as a folder that holds a revision's files and its pipeline's results.

The workspace is such a folder already. Another revision gets a temporary Git worktree that shares the DVC cache; its
results come from the cache, else from the remote, else from running its pipeline there. The user's workspace is only
read.
"""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import CheckError, InputError
from pipeline.files import parse_yaml
from pipeline.repository import lock, outside, trust
from pipeline.repository.dvc import cache_folder, check_out, demand_idle, dvc, reason, repro
from pipeline.repository.environments import environment_for
from pipeline.repository.git import git
from pipeline.repository.revisions import resolve, text_at
from pipeline.repository.worktrees import scratch_of, worktree
from pipeline.text import shown

PREDICTIONS = "data/predictions/test.parquet"
RESULTS = (PREDICTIONS, "data/prepared", "models/package")  # the outputs that a review reads, or folders of them
PULL_SECONDS = 120  # an unreachable remote retries for minutes; running the pipeline again is often quicker


@dataclass(frozen=True)
class Side:
    """One side: a folder with the files of `commit` (the workspace: with the user's changes) and the results."""

    name: str
    commit: str
    subject: str
    folder: Path
    source: str
    branch: str = ""

    def text(self, path: str) -> str | None:
        """The text of a file, or None where this side has none."""
        file = self.folder / path
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None


def say(message: str) -> None:
    """One line of progress on stderr, where it is not part of the result."""
    sys.stderr.write(f"report: {shown(message)}\n")


def workspace(root: Path) -> Side:
    """The folder that the user stands in, as it is.

    Raises:
        CheckError: it has no results to look at.
    """
    demand_idle(root)
    if not (root / PREDICTIONS).is_file():
        raise CheckError("the workspace has no results: run `dvc repro` (or `dvc pull`) first")
    commit = resolve(root, "HEAD")
    return Side("workspace", commit, git(root, "show", "-s", "--format=%s", commit), root, "the workspace")


def has_results(root: Path, commit: str) -> bool:
    """Whether the commit has a pipeline that makes predictions, which everything else here is computed from.

    They need not be recorded in its dvc.lock: then its pipeline is run.
    """
    recorded = lock.outputs(text_at(root, commit, "dvc.lock"), f"dvc.lock of {commit[:7]}")
    return PREDICTIONS in recorded or PREDICTIONS in (text_at(root, commit, "dvc.yaml") or "")


@contextmanager
def revision(root: Path, commit: str, branch: str = "") -> Iterator[Side]:
    """A temporary folder with the files and the results of a commit; `branch` is the one that it is known to be on.

    Raises:
        CheckError: its results are nowhere and its pipeline does not run.
        InputError: its params.yaml, dvc.yaml or dvc.lock is no YAML.
    """
    _require_readable(root, commit)
    with worktree(root, commit) as folder:
        name = commit[:7]
        subject = git(root, "show", "-s", "--format=%s", commit)
        yield Side(name, commit, subject, folder, _obtain(root, folder, name), branch)


def reproduce(root: Path, folder: Path, name: str, *targets: str) -> str:
    """Run the pipeline in `folder`, a worktree of `root`, saying which stage runs; all that DVC says only if it fails.

    It runs with the revision's own packages where they can be installed; returns a remark on that where they differ.
    Tables that no stage makes come from the cache or, if it lacks them, from the remote; those of no commit (in a
    submodule, beside the repository) from where they are now.

    Raises:
        CheckError: its DVC files reach out of their folders, a stage fails, or what it reads is not what the commit's
            dvc.lock recorded.
    """
    require_trusted(root, folder, name)
    tables = [name for name in git(folder, "ls-files", "-z", "*.dvc").split("\0") if name]  # -z: no name is quoted
    if tables and not check_out(folder, tables):
        pull(folder, name, tables)
    outside.link(root, folder, scratch_of(root, folder))
    if replaced := _replaced(folder):
        raise CheckError(
            f"{name}: its results are not to be had, and its pipeline would give others: {', '.join(replaced)} has "
            "changed since; keep such tables in the repository: dvc add"
        )
    environment = environment_for(folder, root, lambda message: say(f"{name}: {message}"))
    variables = environment.variables
    said = repro(folder, *targets, tell=lambda stage: say(f"{name}: running {stage}"), variables=variables)
    if said:
        sys.stderr.writelines(f"  {name} | {line}\n" for line in said)
        reason = next((line for line in said if line.lower().startswith("error")), said[-1])
        raise CheckError(f"{name}: its results are not to be had and its pipeline does not run: {reason}")
    return environment.remark


def require_trusted(root: Path, folder: Path, name: str) -> None:
    """Raise CheckError where the DVC files of a revision in `folder` would write, or lead, out of their folders.

    As CI does before it pulls. Its .dvc/config counts for nothing here (`repository.dvc.share_cache`).
    """
    if found := list(trust.problems(folder, cache=cache_folder(root))):
        more = f" (and {len(found) - 1} more)" if found[1:] else ""
        raise CheckError(f"{name}: nothing is pulled or run for its DVC files: {found[0]}{more}")


def pull(folder: Path, name: str, wanted: list[str]) -> bool:
    """Bring outputs of a revision from the remote into its `folder`; False where that has not got them all.

    Raises:
        CheckError: the list of a folder that the remote has leads out of it.
    """
    done = dvc(folder, *wanted, timeout=PULL_SECONDS, module="pipeline.repository.bring")
    if done.returncode == CheckError.exit_code:
        raise CheckError(f"{name}: {reason(done.stderr).removeprefix('error: ')}")
    return done.returncode == 0


def require_inside(folder: Path, name: str, paths: Iterable[str]) -> None:
    """Raise CheckError where writing one of the paths in a revision's `folder` would write elsewhere."""
    top = folder.resolve()
    for path in paths:
        place = folder / path
        if place.is_symlink() or not place.parent.resolve().is_relative_to(top):
            raise CheckError(f"{name}: its {path} lies behind a symbolic link or outside; DVC would write there")


def _require_readable(root: Path, commit: str) -> None:
    """Name the file and the line; DVC says only that something is corrupted."""
    for file in ("params.yaml", "dvc.yaml", "dvc.lock"):
        try:
            parse_yaml(text_at(root, commit, file) or "")
        except ValueError as error:
            raise InputError(f"{file} of {commit[:7]} is no YAML, {error}") from None


def _replaced(folder: Path) -> list[str]:
    """What the pipeline reads from beside the repository and is not there as dvc.lock recorded it."""
    from pipeline.repository.verify import changes

    with contextlib.chdir(folder):
        return [path for _, path, state in changes() if state == "modified" and outside.is_beside(path)]


def stale_stages(folder: Path) -> list[str]:
    """Why the results that dvc.lock records are not of the files in `folder`; outputs need not be there."""
    from pipeline.repository.verify import lock_is_current

    with contextlib.chdir(folder):
        return lock_is_current().problems


def _obtain(root: Path, folder: Path, name: str) -> str:
    """Put the results of the revision into `folder`; says where they came from.

    A commit whose dvc.lock is stale (a parameter edited in the browser, say) records the results of something else.
    """
    recorded = lock.outputs(lock.read(folder), f"dvc.lock of {name}")
    wanted = [path for path in recorded if path.startswith(RESULTS)]
    require_inside(folder, name, ["dvc.lock", "metrics", *recorded])
    try:
        stale = stale_stages(folder)
    except InputError as error:  # of DVC, which does not say whose files they are
        raise CheckError(f"{name}: {error}") from None
    if wanted and not stale:
        if check_out(folder, wanted):
            return "the DVC cache"
        say(f"{name}: results are not in the cache; asking the remote")
        require_trusted(root, folder, name)
        if pull(folder, name, wanted):
            return "the DVC remote"
    say(f"{name}: running its pipeline in a temporary worktree")
    return ", ".join(filter(None, ("a run in a temporary worktree", reproduce(root, folder, name))))
