"""The follower: a process beside a stage that mirrors its records while they grow, and finishes the run after it.

`pipeline.tracking.follower` starts it and writes to its stdin, one JSON object per line: first what to follow, then
how it ends. A complaint goes back through stdout. It outlives the stage and does not need its folder afterwards.
"""

import contextlib
import json
import os
import select
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import PipelineError
from pipeline.tracking import facts, lineage, server, settings
from pipeline.tracking.follower import Order, changed
from pipeline.tracking.ledger import FOLLOWING, PENDING, Entry, Ledger
from pipeline.tracking.recording import KILLED, Bundle, Source, begun, complete, relative, tracking
from pipeline.tracking.records import History
from pipeline.tracking.scratch import in_scratch

if TYPE_CHECKING:
    from pipeline.tracking.wandb_run import WandbRun

INTERVAL = 0.1  # seconds between looks at the files
CHECK = 2.0  # seconds between looks at the server
FAILED = 1  # the exit code of a stage of which only DVC knows that it failed
LOCK_REST = 1.0  # seconds without a change after which dvc.lock is whole
LOCK_WAIT = 120.0  # seconds that DVC may take to hash a stage's outputs
FAILURE_WAIT = 10.0  # the same where the stage said that it failed, if DVC goes on with other stages
DEADLINE = 90.0  # seconds after the stage in which the run must be finished


class Stage(threading.Thread):
    """Listens to the stage and then to DVC, at once, whatever W&B is doing meanwhile: the next execution may begin."""

    def __init__(self, order: Order, bundle: Bundle, name: str, source: Source) -> None:
        super().__init__(daemon=True)
        self.folder = Path(order.folder)
        self.exit_code = KILLED
        self.source = source  # with the dvc.lock that DVC wrote for the stage, once `judged`
        self.done = threading.Event()
        self.ended = threading.Event()  # the recording; the stage may go on
        self.judged = threading.Event()  # by DVC too
        self._name_in_dvc = name
        self._tree = Path(order.tree)
        self._lock_before = order.lock
        self._process, self._command, self._runner = map(facts.process, (order.pid, order.command, order.runner))
        self._in_dvc = order.in_dvc
        self._bundle = bundle

    def run(self) -> None:
        """Listen until the stage is over and DVC has taken it."""
        try:
            self._listen()
            if self._in_dvc:
                self._hear_dvc()
        finally:
            self.done.set()
            self.judged.set()

    def _listen(self) -> None:
        rest = b""
        while not self.done.is_set():
            over = not facts.running(self._process)  # asked first: what it said at last is in the pipe then
            heard, _, _ = select.select([0], [], [], 0.1)
            received = os.read(0, 1 << 16) if heard else b""
            *lines, rest = (rest + received).split(b"\n")
            for line in lines:
                self._hear(json.loads(line))
            if heard and not received:
                time.sleep(0.05)  # the pipe is closed: the stage is ending
            if over and not received and not self.done.is_set():
                self._copy()
                self.done.set()

    def _hear(self, message: dict[str, Any]) -> None:
        if "ended" in message:
            self.ended.set()
            if not self._in_dvc:  # in a script or a notebook the recording is all there is
                self.exit_code = KILLED if message["ended"] > 128 else message["ended"]
                self.done.set()
        elif "exit" in message:
            code = message["exit"]
            self.exit_code = KILLED if code > 128 else code
            self.done.set()

    def _copy(self) -> None:
        """Keep the records of a stage that was killed before it could do it itself."""
        if self.ended.is_set():
            return  # what stands there now may be the last good outputs, or another recording
        with contextlib.suppress(OSError):  # no disk: the folder itself must do
            self._bundle.copy(self.folder)

    def _hear_dvc(self) -> None:
        """Take dvc.lock as DVC writes it after a stage, with the hashes of the outputs that it has yet to read.

        DVC writes it for a stage that succeeded. It knows exit codes that the stage could not tell us: Python shows an
        exit handler nothing of `raise SystemExit(4)`, `os._exit(0)` runs none, and a `sys.exit(3)` may be caught.
        """
        told, before = self.exit_code, self.source.entry(self._name_in_dvc)
        entry = before
        for written in self._locks(LOCK_WAIT if told in (0, KILLED) else FAILURE_WAIT):
            entry = lineage.stages(written["lock"]).get(self._name_in_dvc)
            # Where a failure was told, an entry as before may have been written with another stage's.
            if entry and self._is_ours(entry) and (told == 0 or entry != before):
                self.source, self.exit_code = replace(self.source, **written), 0
                return
        if told == 0:
            refused = not facts.running(self._runner) and facts.declares(self._tree, self._name_in_dvc)
            if refused and entry == before:  # else a later execution was faster than we
                self.exit_code = FAILED
            self.source = replace(self.source, lock={}, lock_hash="")  # what it says of the stage is not of this run

    def _locks(self, patience: float) -> Iterator[dict[str, Any]]:
        """What DVC writes to dvc.lock, until it has ended, has taken too long since the stage, or the tree is gone.

        DVC writes it in pieces, and half of it is valid YAML: it must rest before it counts. A stage with a `wdir` runs
        in a folder that is not its dvc.yaml's; its dvc.lock is not looked for.
        """
        path, seen, since = self._tree / "dvc.lock", self._lock_before, time.monotonic()
        latest: dict[str, Any] | None = None
        over = not facts.declares(self._tree, self._name_in_dvc)
        while not over and time.monotonic() - since < patience:
            # Asked first: what was written at last is there then. `dvc exp run --temp` deletes the tree.
            over = not facts.running(self._runner) or not path.with_name("dvc.yaml").exists()
            if (now := changed(path)) and now != seen:
                seen, latest, rests_since = now, Source.lock_of(self._tree), time.monotonic()
            if latest and (over or time.monotonic() - rests_since > LOCK_REST):
                yield latest
                latest = None
            elif not over:
                time.sleep(0.05)
            if facts.running(self._command):
                since = time.monotonic()

    def _is_ours(self, entry: dict[str, Any]) -> bool:
        """Whether an entry of dvc.lock names what the stage wrote.

        The copy has it, which no later execution changes, or the folder, which a later command of the stage may change.
        """
        place, records = relative(self.folder, self._tree), self._bundle.records
        return facts.holds(entry, place, records) or facts.holds(entry, place, self.folder)


class Follower:
    """One run, from the stage's first record to the last."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._root, self._tree = Path(order.root), Path(order.tree)
        self._ledger = Ledger(self._root)
        self._bundle = self._ledger.bundle(order.run)
        self._recording, source = begun(order, self._bundle)
        self._recording.exit_code = KILLED  # unless we hear otherwise
        self._bundle.path.mkdir(exist_ok=True)  # the stage writes its outcome there
        self._entry = Entry(self._recording, FOLLOWING, pid=os.getpid(), followed=order.folder)
        self._stage = Stage(order, self._bundle, self._recording.stage, source)

    def run(self) -> None:
        """Mirror the recording; whatever goes wrong leaves it pending, with a complaint."""
        self._stage.start()
        try:
            self._ledger.write(self._entry)
            self._follow()
        except PipelineError as error:
            self._leave(str(error))
        except OSError as error:
            self._leave(f"W&B's files cannot be written ({error.strerror})")
        except Exception as error:  # W&B's client raises many kinds
            self._leave(f"W&B: {type(error).__name__}: {error}")

    def _follow(self) -> None:
        self._repeat_complaint()
        mode = settings.mode()
        if mode == "online":
            server.check()  # before W&B's client is imported: the stage may be short, and should hear of it
        from pipeline.tracking.wandb_run import WandbRun

        run = WandbRun(self._recording, self._root, mode, tracking(self._stage.source.params))
        self._entry.server, self._entry.target = run.server, run.target
        self._ledger.write(self._entry)
        history = History(self._stage.folder)
        checked = time.monotonic()
        while not self._stage.done.wait(INTERVAL):
            if self._stage.ended.is_set() and self._bundle.records.exists():
                history.move(self._bundle.records)
            self._log(run, history, final=False)
            if mode == "online" and time.monotonic() - checked > CHECK:
                self._complain_if_gone()
                checked = time.monotonic()
        self._conclude()
        if self._bundle.records.exists():
            history.move(self._bundle.records)
        self._log(run, history, final=True)
        run.complete(self._recording, self._bundle)
        run.finish(self._recording.exit_code)
        self._ledger.mirrored(self._entry, run.note, run.partial)

    def _complain_if_gone(self) -> None:
        """Say that the server has died while the stage can pass it on; W&B's client goes on trying, and may succeed."""
        try:
            server.check()
        except PipelineError as error:
            self._complain(str(error))

    def _log(self, run: "WandbRun", history: History, final: bool) -> None:
        """Send what is new, noting first what is sent together: another attempt must send the same rows."""
        history.read()
        rows, batch = history.rows(final)
        if rows:
            self._bundle.note(batch)
            run.log(rows)

    def _conclude(self) -> None:
        """Add what is known now that the stage is over; bounds what is left to do."""
        self._stage.judged.wait()
        self._recording.exit_code = self._stage.exit_code
        threading.Thread(target=self._expire, daemon=True).start()
        records = self._bundle.records if self._bundle.records.exists() else self._stage.folder
        complete(self._recording, self._stage.source, records, self._root)
        self._bundle.keep_card(self._tree, self._recording)
        self._ledger.write(self._entry)  # with the digest, by which `pipeline mirror` knows it

    def _leave(self, problem: str) -> None:
        problem = problem.splitlines()[0]
        self._complain(problem)
        self._stage.done.wait()
        try:
            if not self._recording.digest:
                self._conclude()
            self._entry.state, self._entry.problem = PENDING, problem
            self._ledger.write(self._entry)
        except OSError:
            return  # no disk: the folder in the workspace is all there is, and `pipeline mirror` takes it from there

    def _expire(self) -> None:
        time.sleep(DEADLINE)
        self._entry.state, self._entry.problem = PENDING, f"W&B has not taken everything in {DEADLINE:.0f} s"
        self._ledger.write(self._entry)
        shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)  # this process's own: see in_scratch
        os._exit(1)

    def _repeat_complaint(self) -> None:
        """Say what an earlier stage of this execution was too short to hear."""
        for entry in self._ledger.entries():
            of_this = entry.recording.group == self._recording.group and entry.updated >= self._order.started
            if of_this and entry.state == PENDING:
                self._complain(entry.problem)

    def _complain(self, problem: str) -> None:
        """Tell the user through the stage, once in an execution."""
        if self._stage.done.is_set():
            return
        with contextlib.suppress(OSError):
            said = self._ledger.warned(self._order.runner, self._order.started)
            if not said.exists():
                sys.stdout.write(problem + "\n")
                sys.stdout.flush()
                said.touch()


def main() -> None:
    """Follow what stdin says."""
    os.nice(5)  # the training comes first
    line = b""
    while not line.endswith(b"\n"):  # one byte at a time: what follows belongs to the thread that listens
        line += os.read(0, 1) or b"\n"
    order = Order(**json.loads(line))
    try:
        with in_scratch():
            Follower(order).run()
    except OSError as error:  # the ledger: where nothing can be noted, nothing is begun
        sys.stdout.write(f"W&B's folder {settings.home(Path(order.root))} cannot be written ({error.strerror})\n")
        sys.stdout.flush()
    os._exit(0)  # W&B's client would wait again in its exit handlers


if __name__ == "__main__":
    main()
