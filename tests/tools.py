"""Programs that some tests need and a user's machine may lack."""

import os
import shutil
import sys
from pathlib import Path

import pytest


def needs(tool: str) -> str:
    """The path of a program. Without it the test is skipped, or fails where PIPELINE_CI=1 says it belongs."""
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]
    path = shutil.which(tool, path=os.pathsep.join(places))
    if path is None and os.environ.get("PIPELINE_CI") == "1":
        pytest.fail(f"{tool} is missing; .ci/run or the test extra installs it", pytrace=False)
    if path is None:
        pytest.skip(f"{tool} is not installed", allow_module_level=True)
    return path


def needs_file(path: Path, command: str) -> Path:
    """A file that `command` brings. Without it the test is skipped, or fails where PIPELINE_CI=1 says it belongs."""
    if not path.exists() and os.environ.get("PIPELINE_CI") == "1":
        pytest.fail(f"{path.name} is missing; .ci/run installs it: {command}", pytrace=False)
    if not path.exists():
        pytest.skip(f"{path.name} is not installed: {command}", allow_module_level=True)
    return path
