"""Temporary worktrees: the user's DVC settings and not the commit's, and nothing is left, whatever ends the process."""

import shutil
import signal
import sys
from pathlib import Path

import pytest

from pipeline.errors import CheckError, InputError
from pipeline.repository.dvc import cache_folder
from pipeline.repository.sides import revision
from pipeline.repository.verify import lock_is_current
from pipeline.repository.worktrees import worktree
from tests.conftest import Clone
from tests.repository.small import copy

WAITING = """
import sys, time
from pathlib import Path
from pipeline.repository.worktrees import worktree
with worktree(Path.cwd(), "HEAD") as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_uses_is_not(results: Clone) -> None:
    killed, living = (results.start(sys.executable, "-c", WAITING) for _ in range(2))
    left, used = (Path(process.stdout.readline().strip()) for process in (killed, living) if process.stdout)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    with worktree(results.path, "HEAD"):
        assert not left.exists() and used.exists()
        assert str(left) not in results.run("git", "worktree", "list").stdout
    living.terminate()
    living.wait()


def test_below_a_folder_of_any_name(results_template: Path, tmp_path: Path) -> None:
    clone = copy(results_template, tmp_path / "Ünï cöde (1) it's" / "repository")
    clone.run("dvc", "push", "-q")
    for place in ("the DVC cache", "the DVC remote"):
        with revision(clone.path, "HEAD") as side:
            assert side.source == place
            assert cache_folder(side.folder) == clone.path / ".dvc/cache"
        (clone.path / ".dvc/cache").rename(clone.path / f".dvc/{place}")


@pytest.mark.parametrize("link", ["projects", "projects/one"])
def test_a_revision_whose_project_is_a_link_is_refused(tmp_path: Path, link: str) -> None:
    """Else its DVC settings would be written, and its results checked out, where the link leads."""
    clone, kept = Clone(tmp_path / "repository"), tmp_path / "kept"
    clone.write("projects/one/dvc.yaml", "stages: {}\n")
    (kept / "one").mkdir(parents=True)
    clone.run("git", "init", "-q", "-b", "main")
    clone.commit("a project")
    shutil.rmtree(clone.path / link)
    (clone.path / link).symlink_to(kept)
    linked = clone.commit("a link")
    clone.run("git", "checkout", "-q", "HEAD~1")
    said = f"{linked[:7]}: {link} is a symbolic link there, so this project is not in it"
    with pytest.raises(CheckError, match=said), worktree(clone.path / "projects/one", linked):
        pass
    assert [path.name for path in kept.rglob("*")] == ["one"]
    assert clone.run("git", "worktree", "list").stdout.count("\n") == 1


def test_broken_settings_of_the_base_are_left_aside_and_those_of_the_workspace_are_named(
    results: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = (results.path / ".dvc/config").read_text()
    results.write(".dvc/config", "[core\nremote = ")
    broken = results.commit("broken settings")
    monkeypatch.chdir(results.path)
    for ask in (lock_is_current, lambda: cache_folder(results.path)):
        with pytest.raises(InputError, match=r"^\.dvc/config or \.dvc/config\.local is wrong: .*; correct it$"):
            ask()
    results.write(".dvc/config", good)
    with revision(results.path, broken) as side:
        assert side.source == "the DVC cache"


def test_a_strangers_remote_does_not_stand_beside_the_users_keys(results: Clone) -> None:
    results.run("dvc", "remote", "add", "-q", "--local", "--force", "default", "ssh://mine.example/x")
    results.run("dvc", "remote", "modify", "--local", "default", "password", "secret")
    results.edit(".dvc/config", "../../dvc-remote", "ssh://attacker.example/x")
    commit = results.commit("another address")
    results.run("git", "reset", "-q", "--hard", "HEAD~1")
    with worktree(results.path, commit) as folder:
        settings = (folder / ".dvc/config").read_text() + (folder / ".dvc/config.local").read_text()
        assert "secret" in settings and "attacker" not in settings
        assert (folder / ".dvc/config.local").stat().st_mode & 0o077 == 0
