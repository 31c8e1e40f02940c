"""Temporary folders of the mirror: gone in the end, also those of a process that was killed."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.tracking.scratch import PREFIX, scratch

WAITING = """
from pipeline.tracking.scratch import in_scratch
import tempfile
with in_scratch():
    open(tempfile.mkdtemp() + "/staged", "w").close()
    print(tempfile.gettempdir(), flush=True)
    input()
"""


def test_what_a_killed_follower_left_goes_with_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"{PREFIX}of-another").mkdir()  # which has only just been made
    command = [sys.executable, "-c", WAITING]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": {"TMPDIR": str(tmp_path)}}
    with subprocess.Popen(command, **pipes) as killed, subprocess.Popen(command, **pipes) as living:
        left, used = (Path(process.stdout.readline().strip()) for process in (killed, living))
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert left.parent == used.parent == tmp_path and left.is_dir()
        with scratch() as variables:
            own = Path(variables["TMPDIR"])
            assert own.is_dir() and used.is_dir() and not left.exists()
        living.communicate("\n")
    assert [path.name for path in tmp_path.iterdir()] == [f"{PREFIX}of-another"]
