"""The failures that a user can act on, each with its exit code, and how they reach the terminal."""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType, TracebackType
from typing import NoReturn

from pipeline.text import shown

LONGEST = 2_000  # characters of a line: a name in it may be a whole file


class PipelineError(Exception):
    """A failure with a message of one or two lines: what is wrong, where, and what to do."""

    exit_code = 3


class CheckError(PipelineError):
    """The check itself works and says no: a gate, a stale lock, a package that predicts something else."""

    exit_code = 1


class InputError(PipelineError):
    """The user's input is wrong: a parameter, a table, an argument."""

    exit_code = 2


class ResourceError(PipelineError):
    """The surroundings are at fault: a missing tool, a full disk, an unreachable remote."""

    exit_code = 3


def run(main: Callable[[], None]) -> NoReturn:
    """Run `main` and exit; a failure becomes its message on stderr and its exit code."""
    if sys.excepthook is sys.__excepthook__:
        catch()
    main()
    sys.exit(0)


def catch(clean_up: Callable[[], None] = lambda: None) -> None:
    """From here on, whatever ends this process runs `clean_up` and ends in a message and an exit code.

    `PIPELINE_DEBUG=1` shows the traceback as well.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else `nohup` or a shell's `&` had it ignored
        signal.signal(signal.SIGINT, _interrupt)
    sys.excepthook = partial(_end, clean_up)


def explain(error: BaseException) -> tuple[str, int]:
    """The message and the exit code for an error that ended a command."""
    if isinstance(error, PipelineError):
        return str(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", 130
    if isinstance(error, MemoryError):
        return "not enough memory; use fewer rows or columns, or a larger machine", ResourceError.exit_code
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}; check the path, its permissions and the free disk space", 3
    name_and_first_line = ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])
    if isinstance(error, FileNotFoundError):  # a library's, with no more than the path
        return f"{name_and_first_line}; run `dvc repro`, which makes what is missing", 3
    return f"{name_and_first_line} (a defect; PIPELINE_DEBUG=1 shows where)", 3


def fail(message: str, exit_code: int) -> NoReturn:
    """Print `message` on stderr, at most two lines of it, and exit."""
    lines = [shown(line.rstrip()) for line in message.strip().split("\n")[:2]]
    cut = [line if len(line) <= LONGEST else line[: LONGEST - 1] + "…" for line in lines]
    sys.stderr.write("error: " + "\n".join(cut) + "\n")
    sys.exit(exit_code)


def _end(
    clean_up: Callable[[], None], kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> NoReturn:
    _ignore_signals()
    if os.environ.get("PIPELINE_DEBUG"):
        sys.__excepthook__(kind, error, traceback)
    message, exit_code = explain(error)
    try:
        clean_up()
    except Exception as problem:
        message = f"{message.splitlines()[0]}\n{explain(problem)[0]}"
    fail(message, exit_code)


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    # The first is enough: a terminal and the dying `dvc` send one each, and a second would cut the clean-up short.
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
