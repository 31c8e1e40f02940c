"""A stage that fails leaves the last good outputs where they were, and says what happened in one line."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import Clone, small_repository

pytestmark = pytest.mark.slow  # a `dvc repro` for every way to end

# A stage that ends as its parameter says, in the middle of its work.
STAGE = """
import os, signal, sys, time
from pathlib import Path

import pipeline.stages
from pipeline.errors import InputError, run
from pipeline.files import parse_yaml


def main():
    how = parse_yaml(open("params.yaml").read())["how"]
    Path("m").mkdir(exist_ok=True)
    Path("m/plot.tsv").write_text("half")
    Path("folder").mkdir()
    Path("folder/a").write_text("half")
    if how == "wrong input":
        raise InputError("params.yaml: how: 'wrong input': take another")
    if how == "defect":
        raise ZeroDivisionError("x\\ny")
    if how in ("wait", "import"):
        Path("started").touch()
        time.sleep(3600)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    Path("folder/a").write_text(how)
    Path("file").write_text(how)
    Path("m/m.json").write_text('{"x": 1}')
    Path("m/plot.tsv").write_text("step\\tx\\n0\\t1\\n")


if __name__ == "__main__":
    run(main)
"""
PIPELINE = """
stages:
  stage:
    cmd: exec python stage.py
    params: [how]
    deps: [stage.py]
    outs: [folder, file]
    metrics: [{m/m.json: {cache: false}}]
    plots: [{m/plot.tsv: {cache: false}}]
"""
OUTPUTS = ("folder", "file", "m", "dvc.lock")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one stage that ran well and was committed."""
    made = small_repository(
        tmp_path_factory.mktemp("template") / "repository",
        {"stage.py": STAGE, "dvc.yaml": PIPELINE, "params.yaml": "how: well\n"},
    )
    made.run("dvc", "repro")
    made.write(".gitignore", "/folder\n/file\nstarted\n__pycache__\n")
    made.commit("result")
    return made.path


@pytest.fixture
def repository(template: Path, tmp_path: Path) -> Clone:
    """A copy of it to break."""
    shutil.copytree(template, tmp_path / "repository")
    return Clone(tmp_path / "repository")


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 300
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("wrong input", "error: params.yaml: how: 'wrong input': take another\n"),
        ("defect", "error: ZeroDivisionError: x (a defect; PIPELINE_DEBUG=1 shows where)\n"),
    ],
)
def test_a_failing_stage_puts_its_last_outputs_back(repository: Clone, how: str, message: str) -> None:
    before = repository.contents(*OUTPUTS)
    repository.write("params.yaml", f"how: {how}\n")
    done = repository.run("dvc", "repro", check=False)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert repository.contents(*OUTPUTS) == before


def test_git_has_the_metrics_of_a_clone_without_a_cache(repository: Clone, tmp_path: Path) -> None:
    fresh = Clone(tmp_path / "fresh")
    repository.run("git", "clone", "-q", ".", str(fresh.path))
    before = fresh.contents(*OUTPUTS)
    fresh.write("params.yaml", "how: wrong input\n")
    assert fresh.run("dvc", "repro", check=False).returncode != 0
    assert {"m/m.json", "m/plot.tsv"} <= set(before)
    assert {name: data for name, data in fresh.contents(*OUTPUTS).items() if name in before} == before


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_stage_puts_its_last_outputs_back(repository: Clone, signum: signal.Signals) -> None:
    before = repository.contents(*OUTPUTS)
    repository.write("params.yaml", "how: wait\n")
    process = repository.start("dvc", "repro")
    wait_for(repository.path / "started")
    os.killpg(process.pid, signum)
    output, _ = process.communicate(timeout=300)
    assert "Traceback" not in output
    if signum == signal.SIGINT:  # a terminated dvc does not wait for the stage and its message
        assert "error: interrupted" in output
    deadline = time.monotonic() + 300
    while repository.contents(*OUTPUTS) != before:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_killed_stage_is_made_good_by_the_next_repro(repository: Clone) -> None:
    before = repository.contents(*OUTPUTS)
    repository.write("params.yaml", "how: killed\n")
    assert repository.run("dvc", "repro", check=False).returncode != 0
    repository.write("params.yaml", "how: well\n")
    repository.run("dvc", "repro")
    assert repository.contents(*OUTPUTS) == before


def test_a_stage_does_not_outlive_a_killed_dvc(repository: Clone) -> None:
    before = repository.contents(*OUTPUTS)
    repository.write("params.yaml", "how: wait\n")
    process = repository.start("dvc", "repro")
    wait_for(repository.path / "started")
    process.kill()
    output, _ = process.communicate(timeout=300)  # ends when the last process that holds the pipe has ended
    assert "error: interrupted" in output
    assert repository.contents(*OUTPUTS) == before


def test_a_full_traceback_is_there_for_who_asks(repository: Clone) -> None:
    repository.write("params.yaml", "how: defect\n")
    done = repository.run("dvc", "repro", check=False, env={"PIPELINE_DEBUG": "1"})
    assert "Traceback" in done.stderr
    assert 'raise ZeroDivisionError("x\\ny")' in done.stderr
