"""Runs a workflow's steps on this machine with act, GitHub's own actions replaced by the stubs beside this file.

The stub of checkout fetches from the repository given, as on GitHub: the event's ref, or the branch that the workflow
names. It proves nothing about `permissions` and `concurrency`.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import environment
from tests.tools import needs

CHECKERS = ("ruff", "mypy", "pytest")
STUBS = Path(__file__).parent / "stubs"


@dataclass(frozen=True)
class Ended:
    """A workflow run that has ended: its exit code, each step's result by name, and everything that it printed."""

    exit_code: int
    steps: dict[str, str]
    output: str

    def jobs(self) -> list[dict[str, Any]]:
        """The run's job as GitHub's interface lists it."""
        steps = [{"name": name, "conclusion": result} for name, result in self.steps.items()]
        return [{"name": "review", "conclusion": "failure" if self.exit_code else "success", "steps": steps}]


def run_workflow(
    repository: Path,
    workflow: str,
    event_name: str,
    event: dict[str, Any],
    scratch: Path,
    env: dict[str, str],
    secrets: dict[str, str],
) -> Ended:
    """Run .github/workflows/<workflow> of a repository on an event."""
    act, path = needs("act"), repository / ".github" / "workflows" / workflow
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "event.json").write_text(json.dumps(event))
    command = [act, event_name, "-W", str(path), "-P", "ubuntu-latest=-self-hosted", "-e", str(scratch / "event.json")]
    command += ["--no-cache-server", "--no-skip-checkout", "--json", "--env", f"STUB_REPOSITORY={repository}"]
    for used in sorted(uses(path)):
        owner, name = used.partition("@")[0].split("/")[:2]
        command += ["--local-repository", f"{owner}/{name}@{used.partition('@')[2]}={STUBS / name}"]
    command += ["--job", "review"] if workflow == "ci.yml" else []  # the other Pythons are not on this machine
    for option, values in (("--env", env), ("--secret", secrets)):
        command += [part for name, value in values.items() for part in (option, f"{name}={value}")]
    home = {"HOME": str(scratch), "XDG_CACHE_HOME": str(scratch / "cache"), "XDG_CONFIG_HOME": str(scratch / "config")}
    home["DVC_SITE_CACHE_DIR"] = str(scratch / "dvc-site")
    clean = {name: value for name, value in environment().items() if not name.startswith(("ACT", "RUNNER_"))}
    clean.pop("WANDB_MODE")
    with (scratch / "log").open("w+") as log:  # a file, which can be watched while it runs
        code = subprocess.run(
            command, cwd=repository, env=clean | home, stdout=log, stderr=subprocess.STDOUT, timeout=540
        ).returncode
        log.seek(0)
        lines = [json.loads(line) for line in log if line.startswith("{")]
    steps = {line["step"]: line["stepResult"] for line in lines if line.get("stage") == "Main" and "stepResult" in line}
    return Ended(code, steps, "\n".join(str(line.get("msg", "")).rstrip() for line in lines))


def uses(workflow: Path) -> set[str]:
    """Every action that a workflow names."""
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    return {step["uses"] for job in jobs for step in job["steps"] if "uses" in step}


def link_environment(target: Path, tests_exit: int = 0) -> Path:
    """An environment made of links to this one, up to date for make; its ruff, mypy and pytest end at once with a code.

    They stand in because `make test` would run these very tests again.
    """
    real = Path(needs("dvc")).parent.parent
    (target / "bin").mkdir(parents=True)
    (target / "lib").symlink_to(real / "lib")
    (target / "pyvenv.cfg").write_text((real / "pyvenv.cfg").read_text())
    for program in (real / "bin").iterdir():
        if program.name not in CHECKERS:
            (target / "bin" / program.name).symlink_to(program)
    for name in CHECKERS:
        (target / "bin" / name).write_text(f"#!/bin/sh\necho {name} ends with {tests_exit}\nexit {tests_exit}\n")
        (target / "bin" / name).chmod(0o755)
    for stamp in (".uv", ".installed", ".tested"):
        (target / stamp).touch()
        os.utime(target / stamp, (4e9, 4e9))
    return target
