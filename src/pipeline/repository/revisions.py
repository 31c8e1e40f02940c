"""Which two revisions a review compares, asked of Git; nothing here changes the user's files, index or branches."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import InputError
from pipeline.repository.git import GitError, demand, git

DEFAULT_BRANCHES = ("HEAD", "main", "master")  # of a remote, the first that it has; HEAD is known after `git clone`


@dataclass(frozen=True)
class Base:
    """The commit to compare with, and the branch that it is of; empty where that is not known."""

    commit: str
    branch: str


def resolve(root: Path, revision: str) -> str:
    """The commit that a branch, tag, `HEAD~2` or short hash names.

    Raises:
        InputError: Git knows no such revision.
        ResourceError: Git cannot be asked here.
    """
    demand(root)
    commit = _commit(root, revision)
    if commit is None:
        raise InputError(
            f"'{revision}' is no revision of this repository; give a commit, branch or tag that it has"
            " (a shallow clone has few: git fetch --unshallow)"
        )
    return commit


def named_base(root: Path, revision: str) -> Base:
    """The base that the user names, and the default branch that it is on.

    Raises:
        InputError: Git knows no such revision.
    """
    commit = resolve(root, revision)
    return Base(commit, next((name for name, tip in _default_branches(root) if _contains(root, tip, commit)), ""))


def default_base(root: Path, head: str | None) -> Base | None:
    """What to compare `head` (None: the workspace) with, or None in a repository's first commit.

    The first parent where CI checked out the merge of a pull request; else the merge base with the default branch;
    on the default branch itself, the last commit below a changed workspace, or the first parent. Of several remotes
    (a fork and what it was forked from) the one counts that leaves the fewest commits as this one's own: a fork's
    default branch is often years behind. A repository without remote and with a single branch has that as its default
    branch, whatever its name.

    Raises:
        InputError: where the branch began cannot be seen: no default branch is known here, or the clone is shallow and
            the history cut off, or there is no common commit.
    """
    at = resolve(root, head or "HEAD")
    parents = git(root, "rev-list", "--parents", "-n", "1", at).split()[1:]
    if head is None and os.environ.get("GITHUB_EVENT_NAME") == "pull_request" and len(parents) == 2:
        return Base(parents[0], os.environ.get("GITHUB_BASE_REF", ""))
    branches = _default_branches(root)
    shallow = git(root, "rev-parse", "--is-shallow-repository") == "true"
    cut = InputError("the history of this clone is cut, so there is no base to see; run: git fetch --unshallow")
    nearest = _nearest(root, at, branches)
    if branches and nearest is None:
        apart = InputError("the default branch has no commit in common with this; name the base: --base REV")
        raise cut if shallow else apart
    if nearest and nearest.commit != at:
        return nearest
    if nearest is None and (parents or shallow) and not _is_only_branch(root):
        raise InputError(
            "no default branch is known here (a remote's HEAD, main or master), so where this one began cannot be seen;"
            " name the base, --base REV, or fetch it: git fetch origin main:main"
        )
    branch = nearest.branch if nearest else git(root, "branch", "--show-current")
    if head is None and git(root, "status", "--porcelain", "--untracked-files=no"):
        return Base(at, branch)
    if not parents and shallow:
        raise cut
    return Base(parents[0], branch) if parents else None


def default_tips(root: Path) -> list[str]:
    """The last commit of every remote's default branch that is known here; without any, of this clone's own."""
    return [commit for _, commit in _default_branches(root)]


def snapshot(root: Path, *paths: str) -> str:
    """A commit of the workspace as it stands, new files included and ignored ones not; no branch points to it.

    With `paths`, what is elsewhere is left as Git's index has it.
    """
    index = Path(git(root, "rev-parse", "--absolute-git-dir")) / "index"
    known = [path for path in paths if (root / path).exists() or git(root, "ls-files", "--", path)]
    with tempfile.TemporaryDirectory() as scratch:
        env = {"GIT_INDEX_FILE": f"{scratch}/index"}
        shutil.copy(index, env["GIT_INDEX_FILE"])
        if known or not paths:
            git(root, "add", "--all", "--", *known, env=env)
        tree = git(root, "write-tree", env=env)
    person = {f"GIT_{role}_{what}": "pipeline" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return git(root, "commit-tree", tree, "-p", "HEAD", "-m", "workspace", env=person)


def text_at(root: Path, commit: str, path: str) -> str | None:
    """The text of a file in a commit, or None where the commit has no such file."""
    try:
        return git(root, "show", f"{commit}:./{path}")
    except GitError:
        return None


def _commit(root: Path, revision: str) -> str | None:
    try:
        return git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except GitError:
        return None


def _default_branches(root: Path) -> list[tuple[str, str]]:
    """The default branch of every remote with its commit; without any, this clone's own main or master."""
    remotes = sorted(git(root, "remote").splitlines(), key=lambda name: name != "origin")
    found = [branch for remote in remotes if (branch := _first_branch(root, f"{remote}/", DEFAULT_BRANCHES))]
    own = None if found else _first_branch(root, "", DEFAULT_BRANCHES[1:])
    return [own] if own else found


def _first_branch(root: Path, prefix: str, names: tuple[str, ...]) -> tuple[str, str] | None:
    kind = "remotes" if prefix else "heads"
    for name in names:
        if commit := _commit(root, f"refs/{kind}/{prefix}{name}"):
            full = git(root, "rev-parse", "--abbrev-ref", f"refs/{kind}/{prefix}{name}")  # of HEAD, what it stands for
            return full, commit
    return None


def _nearest(root: Path, at: str, branches: list[tuple[str, str]]) -> Base | None:
    """Where `at` left the default branch that it left last; None where it has no commit in common with any."""
    begun = [(name, base) for name, tip in branches if (base := _merge_base(root, at, tip))]
    bases = {base: int(git(root, "rev-list", "--count", f"{base}..{at}")) for _, base in begun}
    if not begun:
        return None
    name, base = min(begun, key=lambda found: bases[found[1]])
    return Base(base, name)


def _contains(root: Path, tip: str, commit: str) -> bool:
    return _merge_base(root, tip, commit) == commit


def _is_only_branch(root: Path) -> bool:
    """Whether the repository knows no remote and no other branch, so that its branch is the default one."""
    return not git(root, "remote") and len(git(root, "for-each-ref", "refs/heads").splitlines()) <= 1


def _merge_base(root: Path, one: str, other: str) -> str | None:
    try:
        return git(root, "merge-base", one, other)
    except GitError:
        return None
