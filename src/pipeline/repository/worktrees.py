"""Temporary Git worktrees: a commit's files in a folder of their own that shares the DVC cache."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import CheckError, ResourceError
from pipeline.repository import outside, owned
from pipeline.repository.dvc import share_cache
from pipeline.repository.git import git

PREFIX = "pipeline-review-"


@contextmanager
def worktree(root: Path, commit: str) -> Iterator[Path]:
    """A temporary Git worktree of a commit whose DVC uses the cache and the remotes of `root`.

    It stands as deep as `root`, so that what stands above the repository (../tables) has its place in there, too.

    Raises:
        CheckError: in the commit the project's folder, below the top of the Git repository, is a link or no folder.
    """
    remove_left(root)
    prefix = git(root, "rev-parse", "--show-prefix")
    top = Path(git(root, "rev-parse", "--show-toplevel"))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as scratch, owned.held(Path(scratch)):
        tree = Path(scratch, "tree").joinpath(*top.parts[1:])
        git(root, "-c", "core.hooksPath=/dev/null", "worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            _require_folder(tree, prefix, commit)
            outside.check_out_submodules(root, tree / prefix)
            share_cache(root, tree / prefix)
            yield tree / prefix
        finally:
            git(root, "worktree", "remove", "--force", "--force", str(tree))


def _require_folder(tree: Path, prefix: str, commit: str) -> None:
    """The folder of a project below the repository's top, which a commit may have replaced by a link."""
    parts = Path(prefix).parts
    for depth in range(1, len(parts) + 1):
        place = tree.joinpath(*parts[:depth])
        if place.is_symlink() or not place.is_dir():
            what = "a symbolic link" if place.is_symlink() else "no folder"
            raise CheckError(f"{commit[:7]}: {'/'.join(parts[:depth])} is {what} there, so this project is not in it")


def scratch_of(root: Path, folder: Path) -> Path:
    """The temporary folder in which `folder` stands for `root`."""
    return folder.parents[len(root.resolve().parts) - 2]


def remove_left(root: Path) -> None:
    """Remove the worktrees that a killed process left; one whose owner lives is locked, and stays."""
    for line in git(root, "worktree", "list", "--porcelain").splitlines():
        tree = Path(line.removeprefix("worktree "))
        scratch = next((place for place in tree.parents if place.name.startswith(PREFIX)), None)
        if not line.startswith("worktree ") or scratch is None or not (scratch / owned.OWNED).is_file():
            continue
        with owned.left(scratch) as nobody:
            if nobody:
                with suppress(ResourceError):
                    git(root, "worktree", "remove", "--force", "--force", str(tree))
                shutil.rmtree(scratch, ignore_errors=True)
