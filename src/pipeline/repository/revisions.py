"""Which two revisions a review compares, asked of Git; nothing here changes the user's files, index or branches."""

import os
import shutil
import tempfile
from pathlib import Path

from pipeline.errors import InputError, ResourceError
from pipeline.repository.git import git

DEFAULT_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


def resolve(root: Path, revision: str) -> str:
    """The commit that a branch, tag, `HEAD~2` or short hash names.

    Raises:
        InputError: Git knows no such revision.
    """
    commit = _commit(root, revision)
    if commit is None:
        raise InputError(
            f"'{revision}' is no revision of this repository; give a commit, branch or tag that it has"
            " (a shallow clone has few: git fetch --unshallow)"
        )
    return commit


def default_base(root: Path, head: str | None) -> str | None:
    """The commit to compare `head` (None: the workspace) with, or None in a repository's first commit.

    The first parent where CI checked out the merge of a pull request; else the merge base with the default branch;
    on the default branch itself, the last commit below a changed workspace, or the first parent. A repository without
    remote and with a single branch has that as its default branch, whatever its name.

    Raises:
        InputError: where the branch began cannot be seen: no default branch is known here, or the clone is shallow and
            the history cut off, or there is no common commit.
    """
    at = resolve(root, head or "HEAD")
    parents = git(root, "rev-list", "--parents", "-n", "1", at).split()[1:]
    if head is None and os.environ.get("GITHUB_EVENT_NAME") == "pull_request" and len(parents) == 2:
        return parents[0]
    branch = default_branch(root)
    shallow = git(root, "rev-parse", "--is-shallow-repository") == "true"
    cut = InputError("the history of this clone is cut, so there is no base to see; run: git fetch --unshallow")
    if branch:
        base = _merge_base(root, at, branch)
        if base is None:
            apart = InputError("the default branch has no commit in common with this; name the base: --base REV")
            raise cut if shallow else apart
        if base != at:
            return base
    elif (parents or shallow) and not _is_only_branch(root):
        raise InputError(
            f"no default branch is known here ({', '.join(DEFAULT_BRANCHES)}), so where this one began cannot be seen;"
            " name the base, --base REV, or fetch it: git fetch origin main:main"
        )
    if head is None and git(root, "status", "--porcelain", "--untracked-files=no"):
        return at
    if not parents and shallow:
        raise cut
    return parents[0] if parents else None


def default_branch(root: Path) -> str | None:
    """The last commit of the default branch that is known here."""
    return next((commit for name in DEFAULT_BRANCHES if (commit := _commit(root, name))), None)


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
    except ResourceError:
        return None


def _commit(root: Path, revision: str) -> str | None:
    try:
        return git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except ResourceError:
        return None


def _is_only_branch(root: Path) -> bool:
    """Whether the repository knows no remote and no other branch, so that its branch is the default one."""
    return not git(root, "remote") and len(git(root, "for-each-ref", "refs/heads").splitlines()) <= 1


def _merge_base(root: Path, one: str, other: str) -> str | None:
    try:
        return git(root, "merge-base", one, other)
    except ResourceError:
        return None
