"""Which base is chosen, and that the workspace stays as it is."""

from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.repository.revisions import Base, default_base, named_base, resolve, snapshot, text_at
from tests.conftest import Clone
from tests.repository.small import state


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """A Git repository with two commits on main."""
    monkeypatch.delenv("GITHUB_EVENT_NAME", raising=False)
    clone = Clone(tmp_path)
    clone.run("git", "init", "-q", "-b", "main")
    for text in ("one", "two"):
        (tmp_path / "file").write_text(text)
        clone.commit(text)
    return clone


def at(clone: Clone, revision: str) -> str:
    return clone.run("git", "rev-parse", revision).stdout.strip()


def commit_of(base: Base | None) -> str:
    assert base is not None
    return base.commit


def test_a_branch_is_compared_with_where_it_began(repository: Clone) -> None:
    repository.run("git", "switch", "-q", "-c", "change")
    repository.commit("three")
    repository.run("git", "switch", "-q", "main")
    repository.commit("elsewhere")
    repository.run("git", "switch", "-q", "change")
    assert commit_of(default_base(repository.path, None)) == at(repository, "main~1")
    assert commit_of(default_base(repository.path, "change")) == at(repository, "main~1")


def test_the_default_branch_itself_is_compared_with_its_parent(repository: Clone) -> None:
    assert commit_of(default_base(repository.path, None)) == at(repository, "HEAD~1")


def test_a_changed_workspace_on_the_default_branch_is_compared_with_its_commit(repository: Clone) -> None:
    (repository.path / "file").write_text("changed")
    assert commit_of(default_base(repository.path, None)) == at(repository, "HEAD")


def test_the_merge_of_a_pull_request_is_compared_with_its_first_parent(
    repository: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.run("git", "switch", "-q", "-c", "change", "HEAD~1")
    (repository.path / "other").write_text("new")
    repository.commit("three")
    repository.run("git", "switch", "-q", "--detach", "main")
    repository.run("git", "merge", "-q", "--no-ff", "-m", "merge", "change")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    assert commit_of(default_base(repository.path, None)) == at(repository, "main")


def test_the_first_commit_has_no_base(repository: Clone) -> None:
    assert default_base(repository.path, "HEAD~1") is None


def test_a_history_that_is_cut_off_is_no_first_commit(repository: Clone, tmp_path: Path) -> None:
    repository.run("git", "clone", "-q", "--depth", "1", repository.path.as_uri(), str(tmp_path / "shallow"))
    with pytest.raises(InputError, match="git fetch --unshallow"):
        default_base(tmp_path / "shallow", None)


def clone_of(repository: Clone, target: Path, *options: str) -> Path:
    repository.run("git", "clone", "-q", *options, repository.path.as_uri(), str(target))
    return target


@pytest.fixture
def branch(repository: Clone) -> Clone:
    """A branch `change` of three commits beside main."""
    repository.run("git", "switch", "-q", "-c", "change")
    for text in ("three", "four", "five"):
        repository.commit(text)
    repository.run("git", "switch", "-q", "main")
    return repository


def test_a_clone_that_cannot_see_where_the_branch_began_says_so(branch: Clone, tmp_path: Path) -> None:
    """The last commit alone would be another question, and silently so."""
    single = clone_of(branch, tmp_path / "single", "--single-branch", "--branch", "change")
    with pytest.raises(InputError, match=r"no default branch is known here .* --base REV"):
        default_base(single, None)
    shallow = clone_of(branch, tmp_path / "shallow", "--depth", "2", "--no-single-branch", "--branch", "change")
    with pytest.raises(InputError, match="git fetch --unshallow"):
        default_base(shallow, None)
    whole = clone_of(branch, tmp_path / "whole", "--branch", "change")
    assert default_base(whole, None) == Base(at(branch, "main"), "origin/main")
    assert named_base(whole, at(branch, "main~1")).branch == "origin/main"
    assert named_base(whole, "HEAD").branch == ""


def test_of_a_stale_fork_and_what_it_was_forked_from_the_nearer_counts(branch: Clone, tmp_path: Path) -> None:
    """Else all that others have done since the fork would be counted as this branch's own."""
    clone_of(branch, tmp_path / "fork")
    branch.commit("much later, upstream")
    mine = Clone(clone_of(branch, tmp_path / "mine", "--origin", "upstream"))
    mine.run("git", "remote", "add", "origin", (tmp_path / "fork").as_uri())
    mine.run("git", "fetch", "-q", "origin")
    mine.run("git", "switch", "-q", "-c", "work")
    mine.commit("mine")
    assert default_base(mine.path, None) == Base(at(branch, "main"), "upstream/main")


def test_a_branch_without_a_common_commit_asks_for_the_base(repository: Clone) -> None:
    repository.run("git", "checkout", "-q", "--orphan", "other")
    repository.commit("from nothing")
    with pytest.raises(InputError, match="no commit in common with this; name the base"):
        default_base(repository.path, None)


def test_the_only_branch_of_a_repository_without_remote_is_its_default_branch(repository: Clone) -> None:
    repository.run("git", "branch", "-q", "-m", "main", "trunk")
    assert commit_of(default_base(repository.path, None)) == at(repository, "HEAD~1")
    repository.run("git", "branch", "-q", "other")
    with pytest.raises(InputError, match="no default branch is known here"):
        default_base(repository.path, None)


@pytest.mark.parametrize("revision", ["nonsense", "--upload-pack=x", "HEAD~9", ""])
def test_a_wrong_revision_is_the_users_input(repository: Clone, revision: str) -> None:
    with pytest.raises(InputError, match="is no revision"):
        resolve(repository.path, revision)


def test_a_snapshot_holds_changed_and_new_files_and_changes_nothing(repository: Clone) -> None:
    (repository.path / ".gitignore").write_text("ignored\n")
    for name in ("file", "new", "ignored"):
        (repository.path / name).write_text(f"{name} now")
    before = state(repository.path), repository.run("git", "status", "--porcelain").stdout
    commit = snapshot(repository.path)
    assert text_at(repository.path, commit, "file") == "file now"
    assert text_at(repository.path, commit, "new") == "new now"
    assert text_at(repository.path, commit, "ignored") is None
    assert (state(repository.path), repository.run("git", "status", "--porcelain").stdout) == before
