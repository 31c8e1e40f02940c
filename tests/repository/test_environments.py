"""A revision with another lock runs with the packages of that lock, or the report says that it did not."""

import hashlib
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from pipeline.repository.sides import PREDICTIONS, revision
from tests.conftest import Clone
from tests.repository.small import set_param
from tests.repository.test_sides import picture

pytestmark = pytest.mark.slow  # makes environments from locks


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")


def wheel(folder: Path) -> str:
    """A package `mini` that brings all of this environment along; its line in a lock."""
    file = folder / "mini-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mini.py", "")
        archive.writestr("mini.pth", "\n".join(path for path in sys.path if path.endswith("site-packages")))
        archive.writestr("mini-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: mini\nVersion: 1.0\n")
        archive.writestr("mini-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("mini-1.0.dist-info/RECORD", "mini.py,,\nmini.pth,,\n")
    return f"mini==1.0 --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"


def commit_with_another_lock(results: Clone, lock: str) -> str:
    """A commit that has this lock and was not run; the workspace is back at the commit before it."""
    results.write("requirements.lock", lock)
    set_param(results, "train.arguments.skill", 0.5)
    commit = results.commit("another lock")
    results.run("git", "checkout", "-q", "HEAD~1")
    return commit


def test_a_revision_with_another_lock_runs_in_an_environment_of_its_own(results: Clone, tmp_path: Path) -> None:
    text = (results.path / "dvc.yaml").read_text(encoding="utf-8")
    results.write("dvc.yaml", text.replace(sys.executable, "python3"))
    results.edit("pipe.py", "import numpy", "import mini\nimport numpy")  # which only the other environment has
    commit = commit_with_another_lock(results, f"--no-index\n--find-links {tmp_path}\n{wheel(tmp_path)}")
    before = picture(results)
    for _ in range(2):
        with revision(results.path, commit) as side:
            assert side.source == "a run in a temporary worktree, in an environment of its own requirements.lock"
            assert len(pd.read_parquet(side.folder / PREDICTIONS))
        (tmp_path / "mini-1.0-py3-none-any.whl").unlink(missing_ok=True)  # it is made once
    assert picture(results) == before


def test_a_revision_whose_lock_cannot_be_installed_runs_here_and_the_report_says_so(
    results: Clone, tmp_path: Path
) -> None:
    wrong = f"--no-index\n--find-links {tmp_path}\n{wheel(tmp_path)[:-5]}dead\n"
    with revision(results.path, commit_with_another_lock(results, wrong)) as side:
        assert side.source.startswith(
            "a run in a temporary worktree, in the packages of this environment, since those of its own "
            "requirements.lock could not be installed ("
        )
        assert "mini" in side.source
    assert list((results.path / ".dvc/tmp/environments").iterdir()) == []
