"""The two sides of a review, each as a folder that holds a revision's files and its pipeline's results.

The workspace is such a folder already. Another revision gets a temporary Git worktree that shares the DVC cache; its
results come from the cache, else from the remote, else from running its pipeline there. The user's workspace is only
read.
"""

import contextlib
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import CheckError, InputError
from pipeline.repository import lock
from pipeline.repository.dvc import check_out, dvc, running, share_cache
from pipeline.repository.git import git
from pipeline.repository.revisions import resolve, text_at
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
def revision(root: Path, commit: str) -> Iterator[Side]:
    """A temporary folder with the files and the results of a commit.

    Raises:
        CheckError: its results are nowhere and its pipeline does not run.
    """
    with worktree(root, commit) as folder:
        name = commit[:7]
        side = Side(name, commit, git(root, "show", "-s", "--format=%s", commit), folder, _obtain(folder, name))
        yield side


@contextmanager
def worktree(root: Path, commit: str) -> Iterator[Path]:
    """A temporary Git worktree of a commit whose DVC uses the cache and the remotes of `root`."""
    prefix = git(root, "rev-parse", "--show-prefix")
    with tempfile.TemporaryDirectory(prefix="pipeline-review-") as scratch:
        tree = Path(scratch) / "tree"
        git(root, "-c", "core.hooksPath=/dev/null", "worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            share_cache(root, tree / prefix)
            yield tree / prefix
        finally:
            git(root, "worktree", "remove", "--force", str(tree))


def reproduce(folder: Path, name: str, *targets: str) -> None:
    """Run the pipeline in `folder`, showing DVC's lines on stderr.

    Tables that no stage makes come from the cache or, if it lacks them, from the remote.

    Raises:
        CheckError: a stage fails.
    """
    tables = [name for name in git(folder, "ls-files", "-z", "*.dvc").split("\0") if name]  # -z: no name is quoted
    if tables and dvc(folder, "checkout", *tables).returncode:
        dvc(folder, "pull", *tables, timeout=PULL_SECONDS)
    run(folder, name, *targets)


def run(folder: Path, name: str, *arguments: str) -> None:
    """`dvc repro` with these arguments in `folder`, showing DVC's lines on stderr.

    Raises:
        CheckError: a stage fails.
    """
    said: deque[str] = deque(maxlen=50)
    with running(folder, "repro", *arguments) as process:
        for line in process.stdout or ():
            said.append(line.strip())
            sys.stderr.write(f"  {name} | {line}")
    if process.returncode:
        reason = next((line for line in said if line.lower().startswith("error")), said[-1] if said else "no message")
        raise CheckError(f"{name}: its results are not to be had and its pipeline does not run: {reason}")


def stale_stages(folder: Path) -> list[str]:
    """Why the results that dvc.lock records are not of the files in `folder`; outputs need not be there."""
    from pipeline.repository.verify import lock_is_current

    with contextlib.chdir(folder):
        return lock_is_current().problems


def _obtain(folder: Path, name: str) -> str:
    """Put the results of the revision into `folder`; says where they came from.

    A commit whose dvc.lock is stale (a parameter edited in the browser, say) records the results of something else.
    """
    recorded = lock.outputs(lock.read(folder), f"dvc.lock of {name}")
    wanted = [path for path in recorded if path.startswith(RESULTS)]
    try:
        stale = stale_stages(folder)
    except InputError as error:  # of DVC, which does not say whose files they are
        raise CheckError(f"{name}: {error}") from None
    if wanted and not stale:
        if check_out(folder, wanted):
            return "the DVC cache"
        say(f"{name}: results are not in the cache; asking the remote")
        if dvc(folder, "pull", *wanted, timeout=PULL_SECONDS).returncode == 0:
            return "the DVC remote"
    say(f"{name}: running its pipeline in a temporary worktree")
    reproduce(folder, name)
    return "a run in a temporary worktree"
