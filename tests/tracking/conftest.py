"""Fixtures: a stand-in W&B server, and a small DVC project whose stages record with Live."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import STARTED, dvc_folders, environment
from tests.tracking.wandb_file import RunFile, runs
from tests.tracking.wandb_server import Server

STAGE = """
import json, os, signal, sys, time
from pathlib import Path
from pipeline.tracking import Live

began = time.time()
params = {"steps": 5, "seconds": 0, "end": "", "score": 0.5}
params |= json.loads(os.environ.get("STAGE", "{}"))
out = Path("models/model.joblib"); out.parent.mkdir(exist_ok=True)
with Live("metrics/train") as live:
    for step in range(params["steps"]):
        live.log_metric("train/loss", params["score"] / (step + 1))
        live.log_metric("train/accuracy", 1 - params["score"] / (step + 1))
        live.next_step()
        time.sleep(params["seconds"] / params["steps"])
        while step == 5 and "until" in params and not os.path.exists(params["until"]):
            time.sleep(0.05)
    if params["end"] == "raise": raise ValueError("no")
    if params["end"] == "kill": os.kill(os.getpid(), signal.SIGKILL)
    live.summary["nested"] = {"deep": {"value": 0.25}}
end = time.monotonic() + params.get("after", 0)  # or until there was a complaint
while time.monotonic() < end and not any(m.stat().st_mtime > began for m in Path("wandb").glob("mirror/*.warned")):
    time.sleep(0.05)
if params["end"] == "caught":
    try: sys.exit(3)
    except SystemExit: pass
if params["end"] == "exit": sys.exit(4)
if params["end"] == "quiet": raise SystemExit(4)  # which Python tells no exit handler
out.write_text(Path("data/prepared/train.csv").read_text() + Path("params.yaml").read_text())
if params["end"] == "at once": os._exit(0)
"""

REPRO = "import subprocess, sys; sys.exit(subprocess.run(['dvc', 'repro']).returncode)"

DVC_YAML = """
stages:
  prepare:
    cmd: mkdir -p data/prepared && tr a-z A-Z < data/raw/table.csv > data/prepared/train.csv
    deps: [data/raw/table.csv]
    outs: [data/prepared/train.csv]
  train:
    cmd: python stage.py
    params: [train]
    deps: [data/prepared/train.csv, stage.py]
    outs: [models/model.joblib]
    metrics: [metrics/train/metrics.json: {cache: false}]
    plots: [metrics/train/plots: {cache: false}]
  package:
    cmd: mkdir -p models/package && cp models/model.joblib models/package/m && echo '# Card' > models/package/README.md
    deps: [models/model.joblib]
    outs: [models/package]
"""


class Project:
    """A small repository with a pipeline of three stages, the second of which records."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment = environment() | dvc_folders(path.parent) | {"WANDB_MODE": "offline"}

    def run(self, *command: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a user would."""
        done = subprocess.run(
            command, cwd=self.path, env=self.environment | env, text=True, capture_output=True, timeout=300
        )
        if check and done.returncode:
            pytest.fail(f"{' '.join(command)} exited {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def script(self, text: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a Python script in the project."""
        (self.path / "script.py").write_text(text)
        return self.run(sys.executable, "script.py", check=False, **env)

    def start(self, text: str, **env: str) -> subprocess.Popen[str]:
        """Start a Python script and go on."""
        (self.path / "script.py").write_text(text)
        process = subprocess.Popen(
            [sys.executable, "script.py"], cwd=self.path, env=self.environment | env, stderr=subprocess.PIPE, text=True
        )
        STARTED.append(process)
        return process

    def commit(self) -> str:
        """Commit everything."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "--allow-empty", "-m", "change")
        return self.run("git", "rev-parse", "HEAD").stdout.strip()

    def params(self, **values: Any) -> None:
        """Set the parameters of `train`."""
        self.path.joinpath("params.yaml").write_text(
            "tracking: {project: shapes}\ntrain: {" + ", ".join(f"{k}: {v}" for k, v in values.items()) + "}\n"
        )

    def status(self, **env: str) -> list[str]:
        """The lines of `pipeline mirror --status`."""
        return self.run("pipeline", "mirror", "--status", **env).stdout.splitlines()

    def settle(self) -> list[dict[str, Any]]:
        """The ledger once no follower is at work."""
        return until(lambda: self.ledger() if self._settled() else None)

    def ledger(self) -> list[dict[str, Any]]:
        """What the ledger says."""
        from pipeline.tracking.ledger import Ledger

        return [{**vars(entry), "id": entry.recording.run_id} for entry in Ledger(self.path).entries()]

    def _settled(self) -> bool:
        """No follower is at work or starting, and what is mirrored is tidied up."""
        if any(_follows(process, self.path) for process in psutil.process_iter()):
            return False
        kept = self.path / "wandb" / "mirror"
        states = {entry["id"]: entry["state"] for entry in self.ledger()}
        return all(s != "following" and not (s == "mirrored" and (kept / i).exists()) for i, s in states.items())

    def offline_runs(self) -> list[RunFile]:
        """The runs that stand in W&B's offline files."""
        return runs(self.path)


def _follows(process: psutil.Process, path: Path) -> bool:
    try:
        return "pipeline.tracking.follow" in process.cmdline() and Path(process.cwd()) == path.resolve()
    except psutil.Error:
        return False


def until(look: Callable[[], Any], seconds: float = 300) -> Any:
    """What `look` finds, as soon as it finds something; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    pytest.fail(f"not seen within {seconds} s")


@pytest.fixture(scope="session")
def project_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project before its first `dvc repro`."""
    project = Project(tmp_path_factory.mktemp("tracking") / "project")
    for folder in ("data/raw", "metrics"):
        (project.path / folder).mkdir(parents=True)
    project.params(rate=1)
    (project.path / "stage.py").write_text(STAGE)
    (project.path / "dvc.yaml").write_text(DVC_YAML)
    (project.path / "data/raw/table.csv").write_text("a,b\n1,2\n")
    (project.path / ".gitignore").write_text("/wandb/\nscript.py\n")
    project.run("git", "init", "-q", "-b", "main")
    project.run("dvc", "init", "-q")
    project.run("dvc", "config", "core.analytics", "false")
    project.run("dvc", "add", "-q", "data/raw/table.csv")
    project.commit()
    return project.path


@pytest.fixture(scope="session")
def reproduced_project_template(project_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after a `dvc repro` that nothing mirrored, committed."""
    path = tmp_path_factory.mktemp("tracking") / "reproduced"
    subprocess.run(["cp", "-a", str(project_template), str(path)], check=True)
    project = Project(path)
    project.run("dvc", "repro", "-q", WANDB_MODE="disabled")
    project.commit()
    return path


@pytest.fixture
def project(tmp_path: Path, project_template: Path) -> Project:
    """A fresh project, nothing run yet."""
    subprocess.run(["cp", "-a", str(project_template), str(tmp_path / "project")], check=True)
    return Project(tmp_path / "project")


@pytest.fixture
def reproduced_project(tmp_path: Path, reproduced_project_template: Path) -> Project:
    """A project with results that are not mirrored."""
    subprocess.run(["cp", "-a", str(reproduced_project_template), str(tmp_path / "project")], check=True)
    return Project(tmp_path / "project")


@pytest.fixture
def server() -> Iterator[Server]:
    """A stand-in W&B server; it must know everything that W&B's client asks."""
    with Server() as server:
        yield server
    assert server.unknown == set()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder outside any repository, and the process stands in it."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)
