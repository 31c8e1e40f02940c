"""A stage whose command found the wrong Python runs in the right one, or ends before anything is lost."""

import ast
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.repository.packages import differences
from tests.conftest import ROOT, Clone, small_repository
from tests.tools import find_python

STAGE = """
import sys
from pathlib import Path

import pipeline.stages
from pipeline.errors import run
from pipeline.tracking import Live


def main():
    Path("out").write_text(sys.prefix)
    with Live("m") as live:
        live.log_metric("x", 1, plot=False)


if __name__ == "__main__":
    run(main)
"""
PIPELINE = f"""
stages:
  stage:
    cmd: exec env PYTHONPATH={ROOT}/src:. python3 -m stage
    deps: [requirements.lock]
    outs: [out]
    metrics:
      - m/metrics.json: {{cache: false}}
"""
LOCKED = Path(sys.prefix)
IGNORED = "/out\n/.venv\n__pycache__/\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with this one's lock and a stage that writes down its Python; it ran once and is committed."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    files = {
        "stage.py": STAGE,
        "dvc.yaml": PIPELINE,
        "requirements.lock": lock,
        ".gitignore": "/out\n/.venv\n__pycache__/\n",
    }
    clone = small_repository(tmp_path_factory.mktemp("interpreter") / "repository", files)
    clone.run("dvc", "repro")
    clone.commit("results")
    return clone.path


@pytest.fixture
def repository(template: Path, tmp_path: Path) -> Clone:
    shutil.copytree(template, tmp_path / "repository", symlinks=True)
    return Clone(tmp_path / "repository")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has nothing but its standard library."""
    return bare_environment(tmp_path_factory.mktemp("foreign") / "environment")


def bare_environment(home: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    return home


def outdated(home: Path) -> Path:
    """An environment of this one's packages, but that scikit-learn is said to be another version."""
    site = next(bare_environment(home).glob("lib/python3*/site-packages"))
    (site / "locked.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    (site / "scikit_learn-1.8.0.dist-info").mkdir()
    return home


def repro(clone: Clone, python: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """`dvc repro` as an editor or cron calls it: by its path, with another Python first on PATH."""
    path = os.pathsep.join([str(python / "bin"), "/usr/bin", "/bin"])
    without = {"VIRTUAL_ENV": "", "CONDA_PREFIX": ""}
    return clone.run(str(LOCKED / "bin/dvc"), "repro", "-f", env=without | env | {"PATH": path}, check=False)


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What the stage wrote on stderr, between what DVC says of it."""
    return [line for line in done.stderr.splitlines() if line and not line.startswith(("ERROR: failed", "WARNING:"))]


def test_a_foreign_python_hands_over_to_the_repositorys_environment(repository: Clone, foreign: Path) -> None:
    (repository.path / ".venv").symlink_to(LOCKED)
    done = repro(repository, foreign)
    assert done.returncode == 0, done.stderr
    assert (repository.path / "out").read_text() == str(repository.path / ".venv")
    assert json.loads((repository.path / "m/metrics.json").read_text()) == {"x": 1}


def test_a_worktree_has_the_environment_of_the_main_one(repository: Clone, foreign: Path) -> None:
    (repository.path / ".venv").symlink_to(LOCKED)
    repository.run("git", "worktree", "add", "-q", "../tree")
    tree = Clone(repository.path.parent / "tree")
    done = repro(tree, foreign)
    assert done.returncode == 0, done.stderr
    assert (tree.path / "out").read_text() == str(repository.path / ".venv")


def test_an_active_environment_that_holds_the_lock_comes_first(repository: Clone, foreign: Path) -> None:
    (repository.path / ".venv").symlink_to(foreign)
    done = repro(repository, foreign, VIRTUAL_ENV=str(LOCKED))
    assert done.returncode == 0, done.stderr
    assert (repository.path / "out").read_text() == str(LOCKED)


@pytest.mark.parametrize("version", ["this one's", "3.6", "3.9"])
def test_where_no_environment_is_gits_outputs_come_back_and_the_others_are_named(
    repository: Clone, foreign: Path, version: str
) -> None:
    python = foreign if version == "this one's" else find_python(version).parent.parent
    done = repro(repository, python, CONDA_PREFIX=str(foreign))
    assert done.returncode != 0
    first, second = said(done)
    assert first.startswith(f"error: {python}/bin/python3 (Python 3.")
    assert "no scikit-learn 1." in first and first.endswith("and there is no .venv here; run: make install")
    assert second == "DVC had deleted out before; what its cache has comes back by: dvc checkout"
    assert repository.run("git", "status", "--porcelain").stdout == ""
    repository.run("dvc", "checkout", "-q")
    assert (repository.path / "out").exists()


def test_an_environment_without_packages_is_not_called_absent(repository: Clone, foreign: Path) -> None:
    (repository.path / ".venv").symlink_to(foreign)
    done = repro(repository, foreign)
    assert said(done)[0].endswith("and 6 more); run: make install")


def test_another_version_is_refused_and_all_outputs_are_back(repository: Clone, tmp_path: Path) -> None:
    before = repository.contents("out", "m", "dvc.lock")
    environment = outdated(tmp_path / "environment")
    done = repro(repository, environment)
    assert done.returncode != 0
    first, second = said(done)
    assert first == (
        f"error: {environment} is not what requirements.lock asks for: scikit-learn 1.8.0 instead of 1.9.1;"
        " run: make install"
    )
    assert "PIPELINE_ENVIRONMENT=any" in second
    assert repository.contents("out", "m", "dvc.lock") == before


def test_another_version_is_let_through_where_it_may_be_and_the_records_say_so(
    repository: Clone, tmp_path: Path
) -> None:
    done = repro(repository, outdated(tmp_path / "environment"), PIPELINE_ENVIRONMENT="any")
    assert done.returncode == 0, done.stderr
    other = "scikit-learn 1.8.0 instead of 1.9.1"
    assert f"warning: stage runs with other packages than requirements.lock's: {other}" in done.stderr
    assert json.loads((repository.path / "m/metrics.json").read_text()) == {"x": 1, "other_packages": other}


def test_any_environment_changes_nothing_where_the_packages_are_the_locked_ones(repository: Clone) -> None:
    before = repository.contents("m", "dvc.lock")
    done = repro(repository, LOCKED, PIPELINE_ENVIRONMENT="any")
    assert done.returncode == 0 and "other packages" not in done.stderr
    assert repository.contents("m", "dvc.lock") == before


def test_the_question_costs_less_than_50_ms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    spent = []
    for _ in range(5):
        start = time.process_time()
        assert differences() == []
        spent.append(time.process_time() - start)
    assert min(spent) < 0.05


def test_any_python_comes_as_far_as_the_message() -> None:
    """The syntax of 3.6, and no import but the standard library's and each other."""
    names = ("stages/__init__.py", "stages/interpreter.py", "repository/packages.py", "__init__.py")
    for name in names:
        ast.parse((ROOT / "src/pipeline" / name).read_text(encoding="utf-8"), feature_version=(3, 6))


def test_make_after_a_pull_that_changed_the_lock_installs_what_it_asks_for(repository: Clone, foreign: Path) -> None:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, repository.path / name)
    home = outdated(repository.path / ".venv")
    uv = home / "bin/uv"  # in place of the real one, which would ask the package index
    uv.write_text(
        '#!/bin/sh\necho "$*" >> called\nrm -rf .venv/lib/python3*/site-packages/scikit_learn-1.8.0.dist-info\n'
    )
    uv.chmod(0o755)
    (home / ".installed").touch()
    install = ("make", "--old-file=.venv/.uv", "install")
    assert "Nothing to be done" in repository.run(*install).stdout
    assert repro(repository, foreign).returncode != 0  # what a person sees who calls `dvc` himself

    with (repository.path / "requirements.lock").open("a") as lock:
        lock.write("# as `git pull` brought it\n")
    done = repository.run(*install)
    assert done.stderr.startswith("installing requirements.lock into .venv;")
    assert "--quiet" in (repository.path / "called").read_text()
    assert repro(repository, foreign).returncode == 0
    assert (repository.path / "out").read_text() == str(home)


def test_an_installation_shows_its_progress_on_a_terminal(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    ours, theirs = os.openpty()
    plan = ["make", "--dry-run", "--old-file=.venv/.uv", "--old-file=pyproject.toml", "install"]
    (tmp_path / "requirements.lock").touch()
    done = subprocess.run(plan, cwd=tmp_path, stderr=theirs, stdout=subprocess.PIPE, text=True)
    os.close(ours)
    assert "pip install  --require-hashes -r requirements.lock" in done.stdout
