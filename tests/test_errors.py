"""What ends a command reaches the terminal as a message of one or two lines and an exit code."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import LONGEST, CheckError, InputError, ResourceError, explain, fail


@pytest.mark.parametrize(
    ("error", "exit_code", "message"),
    [
        (CheckError("the gate says no"), 1, "the gate says no"),
        (InputError("a: wrong"), 2, "a: wrong"),
        (ResourceError("no network"), 3, "no network"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 3, "not enough memory"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "models/x"), 3, "models/x: No space left on device"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES), "data"), 3, "data: Permission denied"),
        (FileNotFoundError("data/x.parquet"), 3, "FileNotFoundError: data/x.parquet; run `dvc repro`"),
        (KeyError("x"), 3, "KeyError: 'x' (a defect"),
        (ValueError("first\nsecond"), 3, "ValueError: first (a defect"),
        (ValueError(), 3, "ValueError (a defect"),
    ],
)
def test_every_error_has_a_message_and_an_exit_code(error: BaseException, exit_code: int, message: str) -> None:
    text, code = explain(error)
    assert code == exit_code
    assert text.startswith(message)


def run(body: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a program whose `main` is `body`."""
    program = f"import os, signal\nfrom pipeline.errors import *\ndef main():\n    {body}\nrun(main)\n"
    environment = {k: v for k, v in os.environ.items() if k != "DVC_STAGE"} | env
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=60)


def test_success_is_silent() -> None:
    done = run("pass")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_expected_error_is_its_message() -> None:
    done = run("raise InputError('data.csv: no rows')")
    assert (done.returncode, done.stderr) == (2, "error: data.csv: no rows\n")


def test_no_more_than_two_lines_are_printed() -> None:
    assert run("raise InputError('a\\nb\\nc\\nd')").stderr == "error: a\nb\n"


def test_what_a_terminal_would_obey_is_shown_and_a_long_line_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fail("column '\x1b]0;owned\x07\u202e': no\r\ncell " + "x" * 1_000_000, 2)
    first, second, end = capsys.readouterr().err.split("\n")
    assert (first, end) == ("error: column '\\x1b]0;owned\\x07\\u202e': no", "")
    assert len(second) == LONGEST and second.endswith("x…")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupt_is_one_line(name: str) -> None:
    done = run(f"os.kill(os.getpid(), signal.{name}); signal.pause()")
    assert (done.returncode, done.stderr) == (130, "error: interrupted\n")


def test_the_traceback_is_there_for_who_asks() -> None:
    done = run("raise InputError('wrong')", PIPELINE_DEBUG="1")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert done.stderr.endswith("error: wrong\n")


def test_what_fails_in_cleaning_up_is_the_second_line(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from pipeline.errors import *\n"
        "def clean_up():\n    raise ResourceError('the cache is gone')\n"
        "catch(clean_up)\n"
        "raise InputError('wrong')\n"
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "error: wrong\nthe cache is gone\n")


def test_an_interrupt_during_a_stages_imports_is_no_traceback(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import pipeline.stages, os, signal\nos.kill(os.getpid(), signal.SIGINT)\nsignal.pause()\n",
    )
    environment = os.environ | {"DVC_STAGE": "none"}
    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=60
    )
    assert done.returncode == 128 + signal.SIGINT
    assert done.stderr.startswith("error: interrupted\n")
    assert len(done.stderr.splitlines()) <= 2
