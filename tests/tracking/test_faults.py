"""Whatever happens to W&B: exit code, outputs and dvc.lock are the same; one line says so; later it works."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.tools import mounted
from tests.tracking.conftest import REPRO, Project, until
from tests.tracking.wandb_server import KEY, Server

pytestmark = pytest.mark.slow  # servers that fail

LONG = {"steps": 20, "seconds": 4}
COMPLAINT = 60  # seconds that a stage waits for what it ends at once when it is there
HIDDEN = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "wandb": raise ModuleNotFoundError("No module named 'wandb'", name="wandb")
sys.meta_path.insert(0, Hide())
"""


def results(project: Project) -> dict[str, bytes]:
    """dvc.lock and everything that the pipeline made."""
    tops = ["dvc.lock", "metrics", "models", "data"]
    files = [f for top in tops for f in [project.path / top, *(project.path / top).rglob("*")] if f.is_file()]
    return {str(file.relative_to(project.path)): file.read_bytes() for file in files}


def online(url: str) -> dict[str, str]:
    return {"WANDB_BASE_URL": url, "WANDB_API_KEY": KEY, "WANDB_MODE": "online"}


@contextmanager
def full_disk(project: Project) -> Iterator[None]:
    """A small file system at wandb/."""
    folder = project.path / "wandb"
    folder.mkdir()
    with mounted(folder, "-o", "size=64k"):
        yield


@contextmanager
def unwritable(project: Project) -> Iterator[None]:
    """A file stands where the folder should be: as unwritable as it gets, for root too."""
    (project.path / "wandb").write_text("")
    yield
    (project.path / "wandb").unlink()


@pytest.fixture(scope="session")
def expected(project_template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results without W&B."""
    import subprocess

    path = tmp_path_factory.mktemp("tracking") / "expected"
    subprocess.run(["cp", "-a", str(project_template), str(path)], check=True)
    project = Project(path)
    project.run("dvc", "repro", WANDB_MODE="disabled", STAGE=json.dumps(LONG))
    return results(project)


@pytest.mark.parametrize("fault", ["refused", "hang", "500", "401", "no disk", "unwritable", "not installed", "no key"])
def test_a_fault_costs_one_warning_and_the_command_in_it_repairs(
    fault: str, project: Project, server: Server, expected: dict[str, bytes], tmp_path: Path
) -> None:
    env = online(server.url)
    unnoted = fault in ("unwritable", "not installed")  # the complaint comes from a follower that has just started
    stage = json.dumps(LONG | {"after": 5 if unnoted else COMPLAINT})
    around = {"no disk": full_disk, "unwritable": unwritable}.get(fault, lambda _: nullcontext())
    if fault == "refused":
        server.stop()
    elif fault == "not installed":
        (tmp_path / "hide").mkdir()
        (tmp_path / "hide/sitecustomize.py").write_text(HIDDEN)
        env["PYTHONPATH"] = str(tmp_path / "hide")
    elif fault == "no key":
        env |= {"WANDB_API_KEY": "", "NETRC": "/nowhere"}
    elif fault.isdigit() or fault == "hang":
        server.fault = fault
    with around(project):
        done = project.run("dvc", "repro", check=False, STAGE=stage, **env)
        if (project.path / "wandb").is_dir():
            until(lambda: all(entry["state"] != "following" for entry in project.ledger()) or None)
    assert done.returncode == 0, done.stderr
    assert results(project) == expected
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning:")]
    assert len(warnings) == 1, done.stderr
    command = warnings[0].partition("mirror them with: ")[2].split()
    assert command[:2] == ["pipeline", "mirror"]
    server.fault = None
    if fault == "refused":
        server.start()
    project.run(*command, **online(server.url))
    project.run(*command, **online(server.url))
    ((name, run),) = server.runs.items()
    assert [row["step"] for row in server.rows(name) if "train/loss" in row] == list(range(20))
    assert run["state"] == "finished"


def test_a_server_that_dies_during_the_run_gets_the_rest_later_and_no_row_twice(
    project: Project, server: Server, expected: dict[str, bytes]
) -> None:
    going_on = project.path / "wandb" / "go"
    stage = {"steps": 20, "seconds": 4, "after": COMPLAINT, "until": str(going_on)}
    process = project.start(REPRO, STAGE=json.dumps(stage), **online(server.url))
    until(lambda: server.runs and any(len(server.rows(name)) > 2 for name in server.runs))
    server.stop()
    going_on.touch()
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0
    assert results(project) == expected
    assert errors.count("warning:") == 1, errors
    before = {name: len(server.rows(name)) for name in server.runs}
    server.start()
    project.run("pipeline", "mirror", "--wait", "100", **online(server.url))
    ((name, run),) = server.runs.items()
    assert before[name] < 20
    assert [row["step"] for row in server.rows(name) if "train/loss" in row] == list(range(20))
    assert run["state"] == "finished"


def test_a_follower_that_is_killed_is_noticed_and_its_run_is_completed_later(
    project: Project, server: Server, expected: dict[str, bytes]
) -> None:
    going_on = project.path / "go"
    stage = json.dumps({"steps": 20, "until": str(going_on)})
    process = project.start(REPRO, STAGE=stage, **online(server.url))
    (entry,) = until(lambda: [e for e in project.ledger() if e["pid"]] if (project.path / "wandb").exists() else None)
    os.kill(entry["pid"], signal.SIGKILL)
    going_on.touch()
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0
    assert results(project) == expected
    assert errors.count("warning:") == 1, errors
    project.run("pipeline", "mirror", **online(server.url))
    ((name, _),) = server.runs.items()
    assert name == entry["id"]
    assert [row["step"] for row in server.rows(name) if "train/loss" in row] == list(range(20))


def test_a_killed_followers_run_has_its_own_records_whatever_stands_there_now(
    reproduced_project: Project, server: Server
) -> None:
    project = reproduced_project
    going_on = project.path / "wandb" / "go"
    stage = json.dumps({"steps": 6, "until": str(going_on), "score": 0.25})
    process = project.start(REPRO.replace("'repro'", "'repro', '-f', 'train'"), STAGE=stage, **online(server.url))
    (entry,) = until(lambda: [e for e in project.ledger() if e["pid"]] if (project.path / "wandb").exists() else None)
    os.kill(entry["pid"], signal.SIGKILL)
    going_on.touch()
    process.communicate(timeout=300)
    project.run("git", "checkout", "-q", ".")
    project.run("dvc", "checkout", "-q")
    project.run("pipeline", "mirror", **online(server.url))
    losses = [row["train/loss"] for row in server.rows(entry["id"]) if "train/loss" in row]
    assert losses == [0.25 / step for step in range(1, 7)]
    (own,) = [e["recording"] for e in project.ledger() if e["id"] == entry["id"]]
    assert (own.outputs, own.config.get("dvc")) == ([], None)


def test_what_followers_that_died_at_once_left_is_mirrored_later(
    project: Project, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "die").mkdir()
    die = "import os, sys\nif 'pipeline.tracking.follow' in sys.orig_argv: os._exit(9)\n"
    (tmp_path / "die/sitecustomize.py").write_text(die)
    for score, end in ((0.5, ""), (0.25, "exit")):
        stage = json.dumps({"score": score, "end": end})
        env = online(server.url) | {"PYTHONPATH": str(tmp_path / "die"), "STAGE": stage}
        done = project.run("dvc", "repro", "-f", "train", check=False, **env)
        assert (done.returncode == 0) == (end == "")
    project.run("pipeline", "mirror", "--wait", "100", **online(server.url))
    first = {server.rows(name)[0]["train/loss"]: run["exit_code"] for name, run in server.runs.items()}
    assert first == {0.5: 0, 0.25: 4}


def test_what_another_version_left_stops_nothing(project: Project, server: Server) -> None:
    home = project.path / "wandb" / "mirror"
    (home / "0123456789abcdef").mkdir(parents=True)
    (home / "0123456789abcdef" / "order.json").write_text("{}")
    (home / "0123456789abcdef.warned").touch()
    server.fault = "500"
    done = project.run("dvc", "repro", "train", STAGE=json.dumps({"after": COMPLAINT}), **online(server.url))
    assert "ended early" not in done.stderr and done.stderr.count("warning:") == 1
    server.fault = None
    project.run("pipeline", "mirror", **online(server.url))
    assert [run["state"] for run in server.runs.values()] == ["finished"]


def test_every_execution_of_a_group_that_the_user_names_hears_of_a_fault(project: Project, server: Server) -> None:
    server.stop()
    stage = json.dumps({"after": COMPLAINT})
    for _ in range(2):
        done = project.run("dvc", "repro", "-f", "train", STAGE=stage, WANDB_RUN_GROUP="nightly", **online(server.url))
        assert done.stderr.count("warning:") == 1


def test_a_stage_survives_its_follower_also_where_a_broken_pipe_kills(project: Project, server: Server) -> None:
    script = """
import os, signal, time
from pipeline.tracking import Live
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
with Live("records") as live:
    live.log_metric("loss", 1.0)
    while not os.path.exists("go"): time.sleep(0.05)
print("survived")
"""
    process = project.start(script, **online(server.url))
    (entry,) = until(lambda: [e for e in project.ledger() if e["pid"]] if (project.path / "wandb").exists() else None)
    os.kill(entry["pid"], signal.SIGKILL)
    (project.path / "go").touch()
    process.communicate(timeout=300)
    assert process.returncode == 0


def test_a_parameter_that_json_cannot_hold_is_shown_as_text(project: Project) -> None:
    script = """
import datetime
from pipeline.tracking import Live
with Live("records") as live:
    live.log_params({"limit": float("inf"), "day": datetime.date(2026, 1, 2)})
    live.log_metric("loss", 1.0)
"""
    assert project.script(script).returncode == 0
    (entry,) = project.settle()
    assert (entry["state"], entry["problem"]) == ("mirrored", "")
    (run,) = project.offline_runs()
    assert (run.config["limit"], run.config["day"]) == ("inf", "2026-01-02")


@pytest.mark.parametrize(
    ("end", "state", "code"), [("", "finished", 0), ("exit", "failed", 4), ("kill", "failed", 255)]
)
def test_a_run_whose_follower_was_killed_ends_in_the_state_of_its_stage(
    project: Project, server: Server, end: str, state: str, code: int
) -> None:
    going_on = project.path / "go"
    stage = json.dumps({"steps": 6, "until": str(going_on), "end": end})
    process = project.start(REPRO, STAGE=stage, **online(server.url))
    (entry,) = until(lambda: [e for e in project.ledger() if e["pid"]] if (project.path / "wandb").exists() else None)
    os.kill(entry["pid"], signal.SIGKILL)
    going_on.touch()
    process.communicate(timeout=300)
    project.run("pipeline", "mirror", **online(server.url))
    ((_, run),) = server.runs.items()
    assert (run["state"], run["exit_code"]) == (state, code)


def test_waiting_is_bounded_and_says_so(reproduced_project: Project, server: Server) -> None:
    server.fault = "hang"
    done = reproduced_project.run("pipeline", "mirror", "--wait", "2", check=False, **online(server.url))
    assert done.returncode == 3
    assert "pipeline mirror" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2
