"""A stage's side of the follower: starts it, tells it how the stage ended, passes its complaint on to the user."""

import atexit
import contextlib
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from pipeline.tracking import settings

OUTCOME = "outcome"  # file with the exit code
RECORDS = "records"  # folder with a copy of the DVCLive folder
SHELLS = {"sh", "bash", "dash", "zsh"}


class Follower:
    """One follower process, connected by two pipes: the outcome goes in, at most one line of complaint comes out."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, root: Path, name: str, in_dvc: bool) -> None:
        self._process = process
        self._folder, self._records = folder, folder.resolve()  # as the user names it, and wherever the stage goes
        self._root = root
        self._bundle = settings.home(root) / name
        self._in_dvc = in_dvc
        self._owner = os.getpid()
        self._told = self._failing = self._complained = False

    @classmethod
    def start(cls, folder: Path) -> "Follower | None":
        """Start following a DVCLive folder; None if W&B is disabled, missing, or no process can be started."""
        if settings.mode() == "disabled":
            return None
        if not _installed("wandb"):
            _warn("W&B is not installed", folder)
            return None
        root = Path(os.environ.get("DVC_ROOT") or settings.repository(folder))
        inside, name = "DVC_STAGE" in os.environ, os.urandom(8).hex()
        try:
            process = _spawn(root)
            follower = cls(process, folder, root, name, inside)
        except OSError as error:
            _warn(f"W&B cannot be started ({error.strerror})", folder)
            return None
        place = {"folder": str(folder.resolve()), "root": str(root), "tree": str(tree(folder, inside))}
        lock = changed(tree(folder, inside) / "dvc.lock")
        runner = _runner(inside)
        execution = {"runner": runner.pid, "started": runner.create_time()}
        follower._send({**place, **execution, "run": name, "pid": os.getpid(), "stage": inside, "lock": lock})
        exits.watch(follower)
        return follower

    def ended(self, error: BaseException | None = None) -> None:
        """The recording has ended, with what ended it if that is no good end. A DVC stage may yet end otherwise."""
        if not self._told:
            self._told = True
            self._failing = exit_code(error) != 0
            self._keep()
            if not self._in_dvc:  # in a script or a notebook the recording is all there is
                self._write_down(exit_code(error))
            self._send({"ended": exit_code(error)})
        self._pass_on_complaint()

    def exited(self, code: int) -> None:
        """The process ends with `code`."""
        if os.getpid() == self._owner:
            if self._in_dvc or not self._told:
                self._write_down(code)
                if code == 0 and not self._failing:
                    self._keep()
            self._send({"exit": code})
            self._pass_on_complaint()

    def _write_down(self, code: int) -> None:
        """Leave the outcome where `pipeline mirror` finds it if the follower was killed."""
        with contextlib.suppress(OSError):  # no disk, or nothing kept of a run that is on W&B already
            (self._bundle / OUTCOME).write_text(str(code), encoding="utf-8")

    def _keep(self) -> None:
        """Keep the records before anyone changes them.

        A stage that fails puts its last good outputs back, `dvc exp run --temp` deletes the whole folder, and the next
        execution may begin at once; the follower may still be starting.
        """
        with contextlib.suppress(OSError):  # no disk: the folder itself must do
            settings.make_home(self._root)
            keep(self._records, self._bundle)

    def _send(self, message: dict[str, Any]) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps(message).encode() + b"\n")
            stdin.flush()
        except OSError:  # the follower is gone; the complaint says so
            return

    def _pass_on_complaint(self) -> None:
        if self._complained:
            return
        assert self._process.stdout is not None
        complaint = (self._process.stdout.read() or b"").decode(errors="replace").strip()
        if complaint:
            self._complained = True
            _warn(complaint.splitlines()[0], self._folder)
        elif self._process.poll() not in (None, 0):
            self._complained = True
            _warn(f"the process that mirrors to W&B ended early ({self._process.returncode})", self._folder)


class _Exits:
    """Learns how this process ends.

    Python tells an exit handler neither the exit code nor the exception, so sys.exit and sys.excepthook are wrapped
    (W&B's client does the same). That misses a `raise SystemExit(4)`; in a stage, the follower learns it from DVC.
    """

    def __init__(self) -> None:
        self._followers: list[Follower] = []
        self._code = 0

    def watch(self, follower: Follower) -> None:
        """Tell `follower` when the process ends."""
        if not self._followers:
            self._exit, self._excepthook = sys.exit, sys.excepthook
            sys.exit, sys.excepthook = self._on_exit, self._on_exception  # type: ignore[assignment]
            atexit.register(self._on_end)
        self._followers.append(follower)

    def _on_exit(self, code: Any = None) -> None:
        self._code = exit_code(SystemExit(code))
        self._exit(code)

    def _on_exception(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        self._code = exit_code(error)
        for follower in self._followers:
            follower.ended(error)  # now: the next hook may put the last good outputs back
        self._excepthook(kind, error, traceback)

    def _on_end(self) -> None:
        for follower in self._followers:
            follower.exited(self._code)


exits = _Exits()


def exit_code(error: BaseException | None) -> int:
    """The exit code of a process that ends with this exception."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, KeyboardInterrupt):
        return 130
    return int(error is not None)


def keep(folder: Path, bundle: Path) -> None:
    """Keep a copy of a DVCLive folder as it is now."""
    copy = bundle / RECORDS
    bundle.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)


def changed(path: Path) -> int:
    """When a file was last written, in nanoseconds; 0 if there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def tree(folder: Path, in_dvc: bool) -> Path:
    """The working tree of the recording: a stage runs at its root, which `--temp` makes another than DVC_ROOT."""
    return Path.cwd() if in_dvc else settings.repository(folder)


def _installed(package: str) -> bool:
    """Whether a package could be imported; it is not."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _runner(in_dvc: bool) -> psutil.Process:
    """The process that runs all stages of this execution, mostly `dvc`; a script is an execution of its own."""
    this = psutil.Process()
    parents = this.parents() if in_dvc else []
    others = (parent for parent in parents if parent.name() not in SHELLS)  # where a program uses DVC as a library
    return next(filter(_runs_dvc, parents), next(others, this))


def _runs_dvc(process: psutil.Process) -> bool:
    """Whether a process is `dvc`, `python .../dvc` or `python -m dvc`, which wrappers may part from its stages."""
    try:
        return "dvc" in [Path(part).name for part in process.cmdline()[:3]]
    except psutil.Error:
        return False


def _spawn(root: Path) -> subprocess.Popen[bytes]:
    """Start the follower, detached: it outlives the stage, and holds neither its terminal nor its folder."""
    environment = dict(os.environ)
    if "PYTHONPATH" in environment:  # `src`, relative to a folder that `dvc exp run --temp` deletes
        parts = environment["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(part).resolve()) for part in parts)
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.tracking.follow"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=root,
        env=environment,
        start_new_session=True,
    )
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    return process


def _warn(problem: str, folder: Path) -> None:
    sys.stderr.write(f"warning: {problem}; the records are safe, mirror them with: pipeline mirror {folder}\n")
