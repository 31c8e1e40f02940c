"""Git answers alike whatever its user has set, and where it cannot answer, the reason and what to do are said."""

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.errors import ResourceError
from pipeline.repository.git import ask, demand, git
from pipeline.repository.revisions import resolve
from tests.conftest import Clone

SETTINGS = """
[log]
    showSignature = true
[color]
    ui = always
    branch = always
    diff = always
[column]
    ui = always
[i18n]
    logOutputEncoding = latin1
[gpg]
    program = false
"""


@pytest.fixture
def repository(tmp_path: Path) -> Clone:
    clone = Clone(tmp_path / "repository")
    clone.path.mkdir()
    clone.run("git", "init", "-q", "-b", "main")
    (clone.path / "größe").write_text("x")
    clone.commit("Größe: ändern")
    return clone


def test_the_users_settings_do_not_reach_an_answer(repository: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    for tag in ("b#prod#1", "a#prod#2"):
        repository.run("git", "tag", tag)
    (repository.path / "größe").write_text("y")
    (repository.path.parent / "gitconfig").write_text(SETTINGS)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(repository.path.parent / "gitconfig"))
    monkeypatch.setenv("LC_ALL", "C")
    assert git(repository.path, "show", "-s", "--format=%s", "HEAD") == "Größe: ändern"
    assert ask(repository.path, "tag", "--list", "*#prod#*").splitlines() == ["a#prod#2", "b#prod#1"]
    assert git(repository.path, "branch", "--format=%(refname:short)") == "main"
    assert git(repository.path, "diff", "--name-only") == "größe"
    assert "\x1b" not in git(repository.path, "diff", "HEAD")


def test_without_git_it_is_said_and_nothing_else_is_guessed(repository: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository.path))
    with pytest.raises(ResourceError, match="no git on the PATH; install it"):
        resolve(repository.path, "HEAD")
    assert ask(repository.path, "rev-parse", "HEAD") == ""


def test_a_folder_in_no_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=f"{tmp_path} is in no Git repository"):
        demand(tmp_path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user_is_not_called_one_without_revisions(
    repository: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In containers the folder belongs to the host's user."""
    subprocess.run(["chown", "-R", "4321", str(repository.path)], check=True)
    with pytest.raises(ResourceError) as error:
        resolve(repository.path, "HEAD")
    message = str(error.value).splitlines()
    assert len(message) == 2 and message[1].endswith(f"git config --global --add safe.directory '{repository.path}'")
    (repository.path.parent / "gitconfig").write_text(f"[safe]\n    directory = {repository.path}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(repository.path.parent / "gitconfig"))
    demand(repository.path)
