"""A stage's side of the follower: starts it, keeps the records for it, tells it how the stage ended."""

import atexit
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from pipeline.files import write_json
from pipeline.text import shown
from pipeline.tracking import settings

# What stands in the bundle of a recording, `wandb/mirror/<run>`:
OUTCOME = "outcome"  # the exit code
RECORDS = "records"  # a copy of the DVCLive folder
ORDER = "order.json"  # what was to be followed, beside copies of what the stage began with:
BEGAN_WITH = ("params.yaml", "dvc.lock")

SHELLS = {"sh", "bash", "dash", "zsh"}
NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)  # a follower that is gone must not end the stage


@dataclass(frozen=True)
class Order:
    """What is to be followed, as the stage knows it when it begins."""

    run: str
    folder: str  # of DVCLive, absolute
    root: str  # the repository that has the ledger
    tree: str  # the folder of dvc.yaml, elsewhere with `dvc exp run --temp`
    in_dvc: bool
    stage: str  # DVC's name
    experiment: str
    group: str  # as the user wants it
    runner: int  # the process that runs all stages of this execution, and when it began
    started: float
    command: int  # the runner's process for this stage
    pid: int  # the process that records, mostly the same
    follower: int
    lock: list[int]  # what dvc.lock was, as `changed` says

    @classmethod
    def of(cls, folder: Path, root: Path, follower: int) -> "Order":
        """The order to follow a DVCLive folder of this process."""
        inside = "DVC_STAGE" in os.environ
        # A stage runs at the root of its tree, which `--temp` makes another than DVC_ROOT.
        tree = Path.cwd() if inside else settings.tree(folder)
        command, runner = _runner(inside)
        return cls(
            run=os.urandom(8).hex(),
            folder=str(folder.resolve()),
            root=str(root),
            tree=str(tree),
            in_dvc=inside,
            # DVC puts the file before the name where that is another folder's.
            stage=os.environ.get("DVC_STAGE", "").rpartition(":")[2],
            experiment=os.environ.get("DVC_EXP_NAME", ""),
            group=os.environ.get("WANDB_RUN_GROUP") or os.environ.get("DVC_EXP_NAME", ""),
            runner=runner.pid,
            started=runner.create_time(),
            command=command.pid,
            pid=os.getpid(),
            follower=follower,
            lock=changed(tree / "dvc.lock"),
        )


class Follower:
    """One follower process: the outcome goes in, at most one line of complaint comes out."""

    def __init__(self, process: subprocess.Popen[bytes], line: socket.socket, folder: Path, order: Order) -> None:
        self._process, self._line = process, line
        self._folder, self.records = folder, Path(order.folder)  # as the user names it, and wherever the stage goes
        self._bundle = settings.home(Path(order.root)) / order.run
        self._in_dvc = order.in_dvc
        self._owner = os.getpid()
        self._told = self._failing = self._complained = self._overtaken = False

    @classmethod
    def start(cls, folder: Path) -> "Follower | None":
        """Start following a DVCLive folder; None if W&B is disabled, missing, or no process can be started."""
        if settings.mode() == "disabled":
            return None
        if not _installed("wandb"):
            _warn("W&B is not installed", folder)
            return None
        root = Path(os.environ.get("DVC_ROOT") or settings.repository(folder))
        try:
            process, line = _spawn(root)
            order = Order.of(folder, root, process.pid)
        except (OSError, psutil.Error) as error:
            _warn(f"W&B cannot be started ({getattr(error, 'strerror', error)})", folder)
            return None
        follower = cls(process, line, folder, order)
        follower._begin(order)
        exits.watch(follower)
        return follower

    def _begin(self, order: Order) -> None:
        """Give the order, and keep it with what the stage began with: the follower may start late, or never."""
        with contextlib.suppress(OSError):  # no disk: it goes without
            settings.make_home(Path(order.root))
            self._bundle.mkdir()
            for name in BEGAN_WITH:
                if (Path(order.tree) / name).is_file():
                    shutil.copyfile(Path(order.tree) / name, self._bundle / name)
            write_json(self._bundle / ORDER, asdict(order))
        self._send(asdict(order))

    def ended(self, error: BaseException | None = None) -> None:
        """The recording has ended, with what ended it if that is no good end. A DVC stage may yet end otherwise."""
        if os.getpid() != self._owner:
            return  # a fork that leaves the `with` block
        if not self._told:
            self._told = True
            self._failing = exit_code(error) != 0
            self._keep()
            if not self._in_dvc:  # in a script or a notebook the recording is all there is
                self._write_down(exit_code(error))
            self._send({"ended": exit_code(error)})
        self._pass_on_complaint()

    def another(self, records: Path) -> None:
        """Another recording begins in `records`: what will stand there is no longer ours, if that is our folder."""
        self._overtaken |= records == self.records
        if self._told and not self._in_dvc and self._process.poll() is not None:  # a sweep has many recordings
            self._pass_on_complaint()
            self._line.close()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def exited(self, code: int) -> None:
        """The process ends with `code`."""
        if os.getpid() == self._owner:
            if self._in_dvc or not self._told:
                self._write_down(code)
                if code == 0 and not self._failing and not self._overtaken:
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
            keep(self.records, self._bundle)

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the follower is gone; the complaint says so
            self._line.sendall(json.dumps(message).encode() + b"\n", NO_SIGNAL)

    def _pass_on_complaint(self) -> None:
        assert self._process.stdout is not None
        if self._complained or self._process.stdout.closed:
            return
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
        for earlier in self._followers:
            earlier.another(follower.records)
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
    """Keep a copy of a DVCLive folder as it is now, in place of an earlier one; that stays if there is none to make."""
    copy, fresh, old = bundle / RECORDS, bundle / "fresh", bundle / "old"
    images = str(folder / "plots" / "images")

    def take(source: str, target: str) -> None:
        try:
            if not source.startswith(images):
                raise OSError
            os.link(source, target)  # the bulk; DVCLive does not write into one that is there
        except OSError:
            shutil.copyfile(source, target)

    bundle.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(folder, fresh, copy_function=take)
    if copy.exists():
        copy.rename(old)
    fresh.rename(copy)
    shutil.rmtree(old, ignore_errors=True)


def changed(path: Path) -> list[int]:
    """What tells that a file was written: its time, and its size for clocks that are coarse; empty if there is none."""
    try:
        return [path.stat().st_mtime_ns, path.stat().st_size]
    except OSError:
        return []


def _installed(package: str) -> bool:
    """Whether a package could be imported; it is not."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _runner(in_dvc: bool) -> tuple[psutil.Process, psutil.Process]:
    """The process of this stage's command, and the one that runs all stages, mostly `dvc`; a script is both itself."""
    this = psutil.Process()
    parents = _parents(this) if in_dvc else []
    others = (parent for parent in parents if parent.name() not in SHELLS)  # where a program uses DVC as a library
    runner = next(filter(_runs_dvc, parents), next(others, this))
    line = [this, *parents]
    return line[max(line.index(runner) - 1, 0)], runner


def _parents(process: psutil.Process) -> list[psutil.Process]:
    """The processes that this one comes from, as far as they may be looked at."""
    found: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        while parent := process.parent():
            parent.name()
            found.append(process := parent)
    return found


def _runs_dvc(process: psutil.Process) -> bool:
    """Whether a process is `dvc`, `python .../dvc` or `python -m dvc`, which wrappers may part from its stages."""
    try:
        return "dvc" in [Path(part).name for part in process.cmdline()[:3]]
    except psutil.Error:
        return False


def _spawn(root: Path) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the follower, detached: it outlives the stage, and holds neither its terminal nor its folder."""
    ours, its = socket.socketpair()
    environment = dict(os.environ)
    if "PYTHONPATH" in environment:  # `src`, relative to a folder that `dvc exp run --temp` deletes
        parts = environment["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(part).resolve()) for part in parts)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "pipeline.tracking.follow"],
        stdin=its.fileno(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=root,
        env=environment,
        start_new_session=True,
    )
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    its.close()
    return process, ours


def _warn(problem: str, folder: Path) -> None:
    message = f"{problem}; the records are safe, mirror them with: pipeline mirror {folder}"
    sys.stderr.write(f"warning: {shown(message)}\n")
