"""Every command of docs/deploy.md runs, with a package as the page describes it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, STARTED, environment
from tests.serving import packages
from tests.tools import free_ports

pytestmark = pytest.mark.slow
PAGE = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


def test_commands_work(tmp_path: Path) -> None:
    packages.table(tmp_path / "models/package")
    clients = [(["python3", "-c", code], "row 2" in code) for code in blocks("python")]
    [port] = free_ports(1)
    served = 0
    for line in "".join(blocks("bash")).splitlines():
        command = line.split("#")[0].strip()
        if command.startswith("make "):
            subprocess.run(["make", "--dry-run", *command.split()[1:]], cwd=ROOT, check=True, capture_output=True)
        elif command.startswith("pipeline serve"):
            served += 1
            end()
            serve(command, port, tmp_path)
        else:
            assert json.loads(ask(["bash", "-c", command], port, tmp_path))["prediction"] in ("leaves", "stays")
            for client, marks in clients:
                said = ask(client, port, tmp_path)
                assert marks and "'column': 'city'" in said
    end()
    assert served == 2 and (tmp_path / "sample/rows-0.jsonl").exists()


def serve(command: str, port: int, folder: Path) -> None:
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "pipeline"), *command.split()[1:], "--port", str(port)],
        cwd=folder,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    STARTED.append(process)
    assert process.stderr and json.loads(process.stderr.readline())["event"] == "serving"


def ask(command: list[str], port: int, folder: Path) -> str:
    at_port = [part.replace("127.0.0.1:8000", f"127.0.0.1:{port}") for part in command]
    done = subprocess.run(at_port, cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def end() -> None:
    """End the service that runs, as Ctrl-C does."""
    if STARTED:
        STARTED[-1].terminate()
        assert STARTED[-1].wait(30) == 0
        assert STARTED[-1].stderr
        STARTED[-1].stderr.close()


def test_the_refusals_of_the_page_are_those_of_the_code() -> None:
    from pipeline.serving.refusal import STATUS

    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|", PAGE, re.M)
    told = {reason: int(status) for status, reasons in rows for reason in re.findall(r"`(\w+)`", reasons)}
    assert told == {reason: status for reason, status in STATUS.items() if status not in (404, 405, 500)}
