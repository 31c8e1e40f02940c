"""What the README promises to someone who has just cloned the repository."""

import os
import sys
from pathlib import Path

import pytest

from tests.conftest import Clone
from tests.tools import needs
from tests.workflows.act import link_environment

ODD = "Ünï cöde (1) it's"  # a folder that people have above their clones


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


def put_program(path: Path, script: str) -> None:
    """A program in place of one that would ask the package index."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_environment_is_made_in_a_folder_of_any_name(before_the_run: Clone, tmp_path: Path) -> None:
    clone = before_the_run.path.rename(tmp_path / ODD)
    put_program(clone / ".venv/bin/uv", 'test -d "$VIRTUAL_ENV/bin" && echo "uv $*" >> called')
    Clone(clone).run(needs("make"), "--old-file=.venv/.uv", "install")
    assert (
        "uv --system-certs pip install --quiet --require-hashes -r requirements.lock" in (clone / "called").read_text()
    )


def test_every_command_works_below_a_folder_of_any_name(reproduced: Clone, tmp_path: Path) -> None:
    (tmp_path / ODD).mkdir()
    clone = Clone(reproduced.path.rename(tmp_path / ODD / "repository"))
    link_environment(clone.path / ".venv")
    for stamp in (".uv", ".installed", ".tested"):
        os.utime(clone.path / ".venv" / stamp)
    put_program(clone.path / ".venv/bin/uv", "exit 0")
    table = clone.path.parent / "tables (ü).csv"
    table.write_text("x,target\n" + "".join(f"{number * 7 % 13},{'ab'[number % 2]}\n" for number in range(300)))

    assert "pytest ends with 0" in clone.run("make", "test").stdout
    assert "Nothing to be done" in clone.run("make", "test").stdout
    os.utime(clone.path / "src/pipeline/text.py")
    assert "pytest ends with 0" in clone.run("make", "test").stdout
    assert "[100%]" in clone.run(".venv/bin/python", "-m", "pytest", "-q", "-n", "0", "tests/test_text.py").stdout
    clone.run("make", "remote", "URL=../the team's remote ü")
    clone.run("dvc", "push")
    assert (table.parent / "the team's remote ü/files/md5").is_dir()
    clone.commit("a remote")
    assert "ok: every output is in the remote" in clone.run("pipeline", "verify", "--remote").stdout
    clone.run("pipeline", "mirror", env={"WANDB_MODE": "offline"})
    assert len(list((clone.path / "wandb").glob("offline-run-*"))) == 4
    clone.run("pipeline", "report", "--base", "HEAD~1")
    assert (clone.path / "report/report.html").is_file()
    predictions = "data/predictions/test.parquet"
    assert "0 from right to wrong" in clone.run("pipeline", "compare", predictions, predictions).stdout
    assert "nothing was written" in clone.run("pipeline", "adopt", str(table), "--target", "target").stdout
    clone.run("pipeline", "adopt", str(table), "--target", "target", "--yes")
    assert "data/raw/tables (ü).csv" in (clone.path / "params.yaml").read_text(encoding="utf-8")
