"""Packages, and services that run."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.serving.active import Active, load
from pipeline.serving.settings import Settings
from tests.conftest import ROOT, STARTED, environment
from tests.serving import packages


@pytest.fixture(scope="session")
def table_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of a table's own columns; not to be changed."""
    return packages.table(tmp_path_factory.mktemp("serving") / "table")


@pytest.fixture(scope="session")
def array_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of one array; not to be changed."""
    return packages.array(tmp_path_factory.mktemp("serving") / "array")


@pytest.fixture(scope="session")
def table(table_folder: Path) -> Active:
    return load(table_folder, Settings())


@pytest.fixture(scope="session")
def array(array_folder: Path) -> Active:
    return load(array_folder, Settings())


@pytest.fixture(scope="session")
def serving_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the serving lock and nothing else."""
    folder = tmp_path_factory.mktemp("serving-environment") / "venv"
    uv = [str(ROOT / ".venv/bin/uv"), "--system-certs"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    lock = ["--require-hashes", "-r", str(ROOT / "requirements-serving.lock")]
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(folder / "bin/python"), *lock], check=True)
    return folder / "bin/python"


class Running:
    """A service in a process of its own, as a user starts it."""

    def __init__(self, package: Path, *arguments: str, python: str = sys.executable, **env: str) -> None:
        self.process = subprocess.Popen(
            [python, "-m", "pipeline.serving", str(package), "--port", "0", *arguments],
            env=environment() | {"PYTHONPATH": str(ROOT / "src")} | env,
            stderr=subprocess.PIPE,
            text=True,
        )
        STARTED.append(self.process)
        self.address = self.event("serving")["url"]

    def event(self, name: str) -> dict[str, Any]:
        """Wait for a line of the log."""
        assert self.process.stderr
        for line in self.process.stderr:
            if line.startswith("{") and (found := json.loads(line))["event"] == name:
                return found
        pytest.fail(f"the service ended with {self.process.wait()} before it logged {name!r}")

    def ask(self, path: str, content: object = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """Status, content and headers of the answer; bytes are sent as they are, all else as JSON."""
        body = content if isinstance(content, bytes) or content is None else json.dumps(content).encode()
        named = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
        request = urllib.request.Request(self.address + path, body, named)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, found, said = answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            status, found, said = error.code, error.read(), dict(error.headers)
        kind = said.get("content-type", "")
        return status, json.loads(found) if kind == "application/json" else found.decode(), said

    def metric(self, line: str) -> float:
        """A value of /metrics, of the line that begins so."""
        return sum(float(one.rsplit(" ", 1)[1]) for one in self.ask("/metrics")[1].splitlines() if one.startswith(line))

    def end(self) -> int:
        """Its exit code after SIGTERM."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        if self.process.stderr:
            self.process.stderr.close()
        return code


@pytest.fixture(scope="module")
def server(table_folder: Path) -> Iterator[Running]:
    """A service of the table; a test that uses it is slow."""
    running = Running(table_folder)
    STARTED.remove(running.process)  # it outlives the test that asked first
    yield running
    assert running.end() == 0
