"""A revision with another lock runs with the packages of that lock, or the report says that it did not."""

import hashlib
import json
import re
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from pipeline.repository.sides import PREDICTIONS, revision
from tests.conftest import ROOT, Clone
from tests.repository.small import set_param
from tests.repository.test_sides import picture

pytestmark = pytest.mark.slow  # makes environments from locks


SMMAP = """smmap==5.0.1 \\
    --hash=sha256:dceeb6c0028fdb6734471eb07c0cd2aae706ccaecab45965ee83f11c8d3b1f62 \\
    --hash=sha256:e6d8668fa5f93e706934a62d7b4db19c8d9eb8cf2adbb75ef1b675aa332b69da
"""
CHECK_SMMAP = "from importlib.metadata import version\nassert version('smmap') == '5.0.1'\n"


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


def test_a_base_with_another_whole_lock_runs_with_its_packages_from_the_index(results: Clone) -> None:
    """The whole of it, as after a pull request that raises one small package: resolved and hashed by uv, and told."""
    own = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    older, count = re.subn(r"^smmap==.*\n(    --hash.*\n)+", SMMAP, own, flags=re.MULTILINE)
    assert count == 1
    results.write("dvc.yaml", (results.path / "dvc.yaml").read_text().replace(sys.executable, "python3"))
    results.edit("pipe.py", "import numpy", CHECK_SMMAP + "import numpy")  # the base's pipeline runs nowhere else
    base = commit_with_another_lock(results, older)
    results.write("requirements.lock", own)
    results.commit("the lock of today")
    done = results.run(
        "pipeline", "report", "--base", base, "--seeds", "0", "--out", "report", check=False, timeout=900
    )
    content = json.loads((results.path / "report/report.json").read_text(encoding="utf-8"))
    source = "a run in a temporary worktree, in an environment of its own requirements.lock"
    assert (content["problem"], content["base"]["source"]) == (None, source), done.stderr
    assert source in (results.path / "report/report.md").read_text(encoding="utf-8")
    assert f"report: {base[:7]}: installing the packages of its own requirements.lock, once\n" in done.stderr
