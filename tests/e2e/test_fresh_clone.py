"""What the README promises to someone who has just cloned the repository."""

import os
import sys
from pathlib import Path

import pytest

from tests.conftest import Clone
from tests.tools import needs


@pytest.fixture
def nothing(tmp_path: Path) -> dict[str, str]:
    """An environment without settings, accounts or keys: where programs are, and an empty home."""
    (tmp_path / "home").mkdir()
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])
    return {"PATH": path, "HOME": str(tmp_path / "home")}


def make(clone: Clone, target: str, environment: dict[str, str]) -> str:
    """Run a target in the tests' own Python environment instead of a new one: that is what .ci/run makes."""
    variables = [f"{name}={value}" for name, value in environment.items()]
    done = clone.run("env", "-i", *variables, needs("make"), "--old-file=.venv/.installed", target)
    return f"{done.stdout}{done.stderr}"


def test_make_repro_gives_the_committed_result_and_then_has_nothing_to_do(
    before_the_run: Clone, nothing: dict[str, str], reproduced_template: Path
) -> None:
    first = make(before_the_run, "repro", nothing)
    assert "Running stage 'package'" in first
    assert "accuracy" in first
    assert before_the_run.contents("dvc.lock", "metrics") == Clone(reproduced_template).contents("dvc.lock", "metrics")
    assert before_the_run.contents("models/package")
    again = make(before_the_run, "repro", nothing)
    assert "Running stage" not in again
    assert "accuracy" in again


def test_a_run_from_nothing_with_other_hashes_and_threads_gives_the_same(
    reproduced: Clone, nothing: dict[str, str]
) -> None:
    other = {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "2"}
    said = make(reproduced, "reproduce-check", nothing | other)
    assert "running package" in said
    assert "ok: a run from nothing gives the same dvc.lock and metrics" in said
    assert reproduced.run("git", "status", "--porcelain").stdout == ""


def test_nothing_that_a_run_writes_is_unknown_to_git(reproduced: Clone) -> None:
    reproduced.run("pipeline", "verify")
    assert reproduced.run("git", "status", "--porcelain").stdout == ""


def test_the_environment_is_made_in_a_folder_whose_name_has_spaces(before_the_run: Clone, tmp_path: Path) -> None:
    clone = before_the_run.path.rename(tmp_path / "my 'first' clone")
    uv = clone / ".venv/bin/uv"  # in place of the real one, which would ask the package index
    uv.parent.mkdir(parents=True)
    uv.write_text('#!/bin/sh\ntest -d "$VIRTUAL_ENV/bin" && echo "uv $*" >> called\n')
    uv.chmod(0o755)
    Clone(clone).run(needs("make"), "--old-file=.venv/.uv", "install")
    assert (
        "uv --system-certs pip install --quiet --require-hashes -r requirements.lock" in (clone / "called").read_text()
    )
