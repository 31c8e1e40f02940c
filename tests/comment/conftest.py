"""A stand-in GitHub and the command that comments, run as comment.yml runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.workflows.github_server import TOKEN, GitHub, serving

Comment = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def github() -> Iterator[GitHub]:
    """A repository with one open pull request, number 3, on a stand-in GitHub."""
    with serving(GitHub()) as github:
        github.open_pull(3)
        yield github


@pytest.fixture
def comment(github: GitHub, tmp_path: Path) -> Comment:
    """Runs `python -P -m pipeline.comment` on an event; -S: with no installed package to be found."""

    def run(event: dict[str, Any], token: str = TOKEN) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "event.json"
        path.write_text(json.dumps(event))
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "src"),
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_API_URL": github.url,
            "GITHUB_REPOSITORY": github.repository,
            "GITHUB_TOKEN": token,
        }
        command = [sys.executable, "-S", "-P", "-m", "pipeline.comment"]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert TOKEN not in done.stdout + done.stderr
        return done

    return run
