"""However `dvc repro` is interrupted, running it again gives the same result as a run that was left alone."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from tests.conftest import ROOT, Clone

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
RESULT = ("dvc.lock", "metrics")


def start_and_wait_for(clone: Clone, stage: str) -> subprocess.Popen[str]:
    """Start `dvc repro` and return as soon as it has begun a stage."""
    process = clone.start("dvc", "repro")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"Running stage '{stage}'"):
            return process
    pytest.fail(f"{stage} did not run")


def wait_until_it_writes(process: subprocess.Popen[str], folder: Path) -> None:
    """Return when a file appeared in a folder, or when the process has ended before that was seen."""
    deadline = time.monotonic() + 300
    while process.poll() is None and not any(files for _, _, files in os.walk(folder)):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def wait_until_it_catches(process: subprocess.Popen[str], stage: str) -> None:
    """Return when the stage's Python has come so far that its signal handlers stand, or when the process has ended."""
    deadline = time.monotonic() + 300
    while process.poll() is None and not any(
        catches(child, stage) for child in psutil.Process(process.pid).children(recursive=True)
    ):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def catches(child: psutil.Process, stage: str) -> bool:
    """Whether a process runs the stage and, as far as Linux tells, has a handler for SIGTERM."""
    try:
        if f"pipeline.stages.{stage}" not in child.cmdline():
            return False
        if sys.platform != "linux":
            return True
        status = Path(f"/proc/{child.pid}/status").read_text()
    except (OSError, psutil.Error):
        return False
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> signal.SIGTERM - 1 & 1)


def end(process: subprocess.Popen[str], signum: signal.Signals) -> str:
    """Send a signal to all processes of a command, as a terminal does, and return the rest of what it said."""
    with contextlib.suppress(ProcessLookupError):  # it has ended already
        os.killpg(process.pid, signum)
    return process.communicate(timeout=300)[0]


def test_ctrl_c_as_each_stage_starts(before_the_run: Clone, reproduced_template: Path) -> None:
    for stage in STAGES:
        process = start_and_wait_for(before_the_run, stage)
        wait_until_it_catches(process, stage)
        output = end(process, signal.SIGINT)
        assert "Traceback" not in output
    before_the_run.run("dvc", "repro")
    assert before_the_run.contents(*RESULT) == Clone(reproduced_template).contents(*RESULT)


def test_kill_as_each_stage_writes(before_the_run: Clone, reproduced_template: Path) -> None:
    for stage, content in STAGES.items():
        process = start_and_wait_for(before_the_run, stage)
        first = content.get("metrics", content["outs"])[0]
        wait_until_it_writes(
            process, (before_the_run.path / (first if isinstance(first, str) else next(iter(first)))).parent
        )
        end(process, signal.SIGKILL)
    before_the_run.run("dvc", "repro")
    assert before_the_run.contents(*RESULT) == Clone(reproduced_template).contents(*RESULT)


def test_ctrl_c_in_a_second_training_keeps_the_first(reproduced: Clone) -> None:
    before = reproduced.contents(*RESULT, "data", "models")
    reproduced.edit("params.yaml", "epochs: 60", "epochs: 100000")
    reproduced.edit("params.yaml", "patience: 15", "patience: 0")
    process = start_and_wait_for(reproduced, "train")
    wait_until_it_writes(process, reproduced.path / "metrics" / "train")
    assert "error: interrupted" in end(process, signal.SIGINT)
    assert reproduced.contents(*RESULT, "data", "models") == before
    reproduced.edit("params.yaml", "epochs: 100000", "epochs: 60")
    reproduced.edit("params.yaml", "patience: 0", "patience: 15")
    assert "Data and pipelines are up to date." in reproduced.run("dvc", "repro").stdout
