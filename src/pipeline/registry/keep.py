"""The `dvc gc` command that loses no released version, and what it would lose beside that."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.registry import versions
from pipeline.repository.git import git

KEPT = ("--workspace", "--all-branches", "--all-tags")


@dataclass(frozen=True)
class Keeping:
    """A command, and the branches of the remote that this clone has no branch of: the command does not see them."""

    command: str
    unseen: tuple[str, ...]


def keeping(root: Path, name: str, cloud: bool) -> Keeping:
    """What to run to make room. Every tag's data is kept, so the tags are fetched first.

    Args:
        root: the pipeline's folder.
        name: the model's name in the registry.
        cloud: make room in the DVC remote, too, and not only in this clone's cache.

    Raises:
        ResourceError: the tags cannot be fetched.
    """
    versions.current(root, name)
    command = " ".join(["dvc gc", *KEPT, *(["--cloud"] if cloud else [])])
    return Keeping(command, _unseen(root) if cloud else ())


def _unseen(root: Path) -> tuple[str, ...]:
    """Remote branches whose last commit is that of no branch or tag of this clone."""
    kept = git(root, "for-each-ref", "--format=%(objectname) %(*objectname)", "refs/heads", "refs/tags").split()
    lines = git(root, "for-each-ref", "--format=%(objectname) %(symref) %(refname:short)", "refs/remotes").splitlines()
    tips = [line.split(" ", 2) for line in lines]
    own = {*kept, git(root, "rev-parse", "HEAD")}
    return tuple(name for tip, symbolic, name in tips if not symbolic and tip not in own)
