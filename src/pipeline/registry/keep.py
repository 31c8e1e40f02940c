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
    """Remote branches with commits that no branch or tag of this clone has."""
    remote = git(root, "for-each-ref", "--format=%(refname:short)", "refs/remotes").split()
    own = {*git(root, "for-each-ref", "--format=%(objectname)", "refs/heads").split(), git(root, "rev-parse", "HEAD")}
    tips = {name: git(root, "rev-parse", name) for name in remote if not name.endswith("/HEAD") and "/" in name}
    return tuple(name for name, tip in tips.items() if tip not in own)
