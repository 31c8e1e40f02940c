"""Programs that some tests need and a user's machine may lack."""

import itertools
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

# Below the ports that the system gives to outgoing connections, and at another place in every test process.
PORTS = itertools.count(20000 + os.getpid() % 120 * 100)


def needs(tool: str) -> str:
    """The path of a program. Without it the test is skipped, or fails where PIPELINE_CI=1 says it belongs."""
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]
    path = shutil.which(tool, path=os.pathsep.join(places))
    if path is None:
        _lacking(f"{tool} is not installed", ".ci/run or the test extra installs it")
    return path


def needs_file(path: Path, command: str) -> Path:
    """A file that `command` brings. Without it the test is skipped, or fails where PIPELINE_CI=1 says it belongs."""
    if not path.exists():
        _lacking(f"{path.name} is not installed: {command}", ".ci/run installs it")
    return path


def find_python(version: str) -> Path:
    """Another Python, such as "3.12", from PATH or pyenv's folder. Without it the test is skipped, also in CI.

    Nothing that `.ci/run` may install brings it: PyPI has none, Debian has one version. ci.yml's matrix has them all.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    places = [
        *map(Path, sorted(pyenv.glob(f"{version}.*/bin"))),
        *map(Path, os.environ.get("PATH", "").split(os.pathsep)),
    ]
    for python in (place / f"python{version}" for place in places if place.name != "shims"):
        if os.access(python, os.X_OK):
            return python
    pytest.skip(f"there is no Python {version} here, on PATH or below {pyenv}")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, and that no other test process is going to take."""
    return list(itertools.islice(filter(_is_free, PORTS), count))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system in memory over a folder; where that is not allowed, skipped or failed likewise."""
    command = ["mount", "-t", "tmpfs", *options, "none", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        _lacking("only root may mount a file system", ".ci/run is run as root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _lacking(what: str, where: str) -> NoReturn:
    if os.environ.get("PIPELINE_CI") == "1":
        pytest.fail(f"{what}; {where}", pytrace=False)
    pytest.skip(what, allow_module_level=True)
