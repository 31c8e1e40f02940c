"""`pipeline mirror`: sends what no follower has sent, once, within a bounded time."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from pipeline.errors import InputError, ResourceError
from pipeline.files import read_json
from pipeline.tracking import facts, lineage, recording, revisions, settings
from pipeline.tracking.follower import ORDER, Order
from pipeline.tracking.ledger import FOLLOWING, LOST, MIRRORED, PARTIAL, PENDING, Entry, Ledger, alive
from pipeline.tracking.recording import Bundle, Source
from pipeline.tracking.scratch import scratch

UNSENT = (PENDING, PARTIAL)
PER_RUN = 60.0  # seconds that a run may take when no limit is given


def mirror(folders: list[Path], rev: str | None, seconds: float | None) -> list[Entry]:
    """Mirror DVCLive folders (default: the workspace's), or those of a revision; return what was looked at.

    Args:
        folders: DVCLive folders, of this or another repository.
        rev: a commit, a range or an experiment, instead of the workspace.
        seconds: also wait for followers that are still at work, and end within this time.

    Raises:
        InputError: there is nothing of that name.
        ResourceError: some are not mirrored; they stay pending, and the same command tries again.
    """
    if settings.mode() == "disabled":
        return []
    deadline = time.monotonic() + seconds if seconds is not None else None
    if folders and rev:
        raise InputError("give folders or --rev, not both: --rev finds the folders of a revision itself")
    root = _root(folders)
    ledger = Ledger(root)
    if deadline is not None:
        _wait_for_followers(ledger, deadline)
    try:
        wanted = _of_revisions(root, ledger, rev) if rev else _of_workspace(root, ledger, folders)
    finally:
        _new(ledger).remove()  # half a copy, if something went wrong
    todo = [entry for entry in wanted if entry.state in UNSENT]
    if todo:
        _push(root, ledger, todo, deadline)
    now = {entry.recording.run_id: entry for entry in ledger.entries()}
    found = [now.get(entry.recording.run_id, entry) for entry in wanted]
    unwanted = UNSENT if seconds is None else (*UNSENT, FOLLOWING)
    left = [entry for entry in found if entry.state in unwanted]
    if left:
        names = " ".join(sorted({entry.recording.stage for entry in left}))
        problem = left[0].problem or f"the process that follows it has not ended in {seconds:.0f} s"
        raise ResourceError(f"{problem}; not mirrored: {names}. Nothing is lost, repeat: {_command(folders, rev)}")
    return found


def send(root: Path, entry: Entry, seconds: float) -> Entry:
    """Send an entry that is no recording of a stage, within so many seconds; what is not taken waits for `mirror`."""
    ledger = Ledger(root)
    ledger.write(entry)
    _push(root, ledger, [entry], time.monotonic() + seconds)
    return next(found for found in ledger.entries() if found.recording.run_id == entry.recording.run_id)


def status(folders: list[Path]) -> list[Entry]:
    """What is mirrored where, the oldest first."""
    ledger = Ledger(_root(folders))
    _adopt(ledger)
    return ledger.entries()


def _root(folders: list[Path]) -> Path:
    roots = {settings.repository(folder) for folder in folders} or {settings.repository()}
    if len(roots) > 1:
        raise InputError("the folders belong to several repositories; mirror them one repository at a time")
    return roots.pop()


def _of_workspace(root: Path, ledger: Ledger, folders: list[Path]) -> list[Entry]:
    """An entry for every folder of the workspace, and for what waits from earlier executions."""
    wanted = [_checked(folder) for folder in folders] or _standing(settings.tree(Path("dvclive")))
    _adopt(ledger)
    _recover(root, ledger)
    followed = {_folder(root, entry): entry for entry in ledger.entries() if entry.state == FOLLOWING}
    found = []
    for folder in wanted:
        if following := followed.get(folder.resolve()):  # what stands there is not whole yet
            found.append(following)
            continue
        tree = settings.tree(folder)
        source = Source.workspace(tree, os.environ.get("DVC_EXP_NAME", ""))
        stage = lineage.stage_of(source.lock, recording.relative(folder, tree)) or folder.name
        copy = _new(ledger)
        copy.copy(folder)
        found.append(_entry(ledger, copy, source, stage, recording.relative(folder, root), root))
        if found[-1].state == PENDING:
            ledger.bundle(found[-1].recording.run_id).keep_card(tree, found[-1].recording)
    known = {entry.recording.run_id for entry in found}
    places = {recording.relative(folder, root) for folder in wanted}
    waiting = [entry for entry in ledger.entries() if entry.state in UNSENT and entry.recording.run_id not in known]
    return [*(entry for entry in waiting if not folders or entry.recording.folder in places), *found]


def _standing(tree: Path) -> list[Path]:
    """The DVCLive folders of a working tree: those that dvc.lock names, and DVCLive's default."""
    places = [*(place for _, place in revisions.folders(Source.workspace(tree))), "dvclive"]
    return [tree / place for place in dict.fromkeys(places) if (tree / place / "metrics.json").exists()]


def _of_revisions(root: Path, ledger: Ledger, name: str) -> list[Entry]:
    """An entry for every recording of the revisions; what several of them share is one recording."""
    found: dict[str, Entry] = {}
    for revision in revisions.resolve(root, name):
        source = revisions.source(root, revision)
        files = revisions.Files(root, revision)
        for stage, place in revisions.folders(source):
            copy = _new(ledger)
            copy.remove()
            if not files.copy(place, copy.records):
                continue
            entry = _entry(ledger, copy, source, stage, place, root)
            if entry.state == PENDING and entry.recording.run_id not in found:
                for data in entry.recording.outputs:
                    if data.kind == "package":
                        files.copy(f"{data.path}/README.md", ledger.bundle(entry.recording.run_id).card)
            found.setdefault(entry.recording.run_id, entry)
    if not found:
        raise InputError(f"--rev {name}: its dvc.lock names no DVCLive folder (a metrics.json among a stage's outputs)")
    return list(found.values())


def _entry(ledger: Ledger, copy: Bundle, source: Source, stage: str, place: str, root: Path) -> Entry:
    """The ledger's entry for the records in `copy`: the one that has the same content, or a new one that is pending."""
    digests = {facts.digest(copy.records, source.entry(stage)), facts.digest(copy.records, None)}
    same = [e for e in ledger.entries() if e.recording.digest in digests and e.recording.folder == place]
    entry = next((entry for entry in same if entry.state == FOLLOWING or _is_there(entry, root)), None)
    if entry:
        copy.remove()
        return entry
    if same:
        entry = same[-1]
    else:
        digest = facts.digest(copy.records, source.entry(stage))
        known = stage in lineage.stages(source.lock)
        made = recording.describe(source, place, stage, source.label, recording.run_id(stage, place, digest), known)
        recording.complete(made, source, copy.records, root)
        entry = Entry(made, PENDING)
    entry.state = PENDING
    ledger.bundle(entry.recording.run_id).adopt(copy)
    ledger.write(entry)
    return entry


def _is_there(entry: Entry, root: Path) -> bool:
    """Whether a run is where this command would bring it: in this project, or for offline mode anywhere."""
    if entry.state != MIRRORED:
        return False
    if entry.server == "offline":
        return settings.mode() == "offline" and (root / entry.target).exists()
    if settings.mode() == "offline":
        return True
    wanted = recording.destination(recording.tracking(Source.params_of(root)))
    server, entity, project = entry.server.rsplit("/", 2)
    return (server, project) == (settings.server(), wanted["project"]) and wanted["entity"] in (entity, None)


def _adopt(ledger: Ledger) -> None:
    """Enter the recordings whose followers died before they could."""
    known = {entry.recording.run_id for entry in ledger.entries()}
    for path in ledger.home.glob(f"*/{ORDER}"):
        if path.parent.name in known:
            continue
        with contextlib.suppress(OSError, ValueError, TypeError):  # of another version of this program
            order = Order(**read_json(path))
            made, _ = recording.begun(order, Bundle(path.parent))
            starting = alive(order.follower, path.stat().st_mtime)
            problem = "" if starting else "the process that mirrors it was ended"
            state = FOLLOWING if starting else PENDING
            ledger.write(Entry(made, state, problem=problem, pid=order.follower, followed=order.folder))


def _recover(root: Path, ledger: Ledger) -> None:
    """Complete what a follower left that was killed: from the copy, or from the folder if nothing newer is in it."""
    newest = {_folder(root, entry): entry.recording.run_id for entry in ledger.entries()}
    for entry in ledger.entries():
        made, bundle = entry.recording, ledger.bundle(entry.recording.run_id)
        if entry.state != PENDING or made.digest:
            continue
        folder = _folder(root, entry)
        if not bundle.records.exists() and newest[folder] == made.run_id and folder.is_dir():
            bundle.copy(folder)
        if not bundle.records.exists():
            entry.state, entry.problem = LOST, "its records were replaced before they were mirrored"
        else:
            tree = settings.tree(folder)
            source = Source.workspace(tree)
            now = source.entry(made.stage)
            if not now or not facts.holds(now, recording.relative(folder, tree), bundle.records):
                source = replace(source, lock={}, lock_hash="")  # another execution's
            made.exit_code = bundle.outcome()
            recording.complete(made, source, bundle.records, root)
            bundle.keep_card(tree, made)
        ledger.write(entry)


def _new(ledger: Ledger) -> Bundle:
    """Where records are copied to before it is known whose they are."""
    return ledger.bundle(f"new-{os.getpid()}")


def _folder(root: Path, entry: Entry) -> Path:
    """Where the records of an entry were written: a follower's may be in the folder of `dvc exp run --temp`."""
    return Path(entry.followed) if entry.followed else root / entry.recording.folder


def _wait_for_followers(ledger: Ledger, deadline: float) -> None:
    _adopt(ledger)  # some may still be starting
    while any(entry.state == FOLLOWING for entry in ledger.entries()) and time.monotonic() < deadline:
        time.sleep(0.1)


def _push(root: Path, ledger: Ledger, entries: list[Entry], deadline: float | None) -> None:
    """Send entries in a process of its own, which is ended at the deadline: W&B's client may wait for minutes."""
    limit = deadline - time.monotonic() if deadline is not None else PER_RUN * len(entries)
    with scratch() as variables:
        runs = [entry.recording.run_id for entry in entries]
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pipeline.tracking.push", str(root), *runs],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | variables,
        )
        try:
            process.wait(max(limit, 0.1))
        except subprocess.TimeoutExpired:
            now = {entry.recording.run_id: entry for entry in ledger.entries()}
            for entry in (now.get(entry.recording.run_id, entry) for entry in entries):
                if entry.state != MIRRORED:
                    entry.state, entry.problem = PENDING, f"W&B has not taken everything in {limit:.0f} s"
                    ledger.write(entry)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _checked(folder: Path) -> Path:
    if not (folder / "metrics.json").is_file() and not (folder / "plots").is_dir():
        raise InputError(f"{folder}: no DVCLive folder (it has neither metrics.json nor plots/)")
    return folder.resolve()


def _command(folders: list[Path], rev: str | None) -> str:
    return " ".join(["pipeline mirror", *map(str, folders), *(["--rev", rev] if rev else [])])
