"""What is mirrored where: one small file per run below wandb/mirror, ignored by Git and DVC."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from pipeline.files import read_json, write_json
from pipeline.tracking import settings
from pipeline.tracking.recording import Bundle, Recording

# PARTIAL is mirrored, but for something that the server did not take and may take another time.
FOLLOWING, PENDING, PARTIAL, MIRRORED, LOST = "following", "pending", "partial", "mirrored", "lost"


@dataclass
class Entry:
    """One run: the recording, where it is, and what stands in its way."""

    recording: Recording
    state: str
    target: str = ""  # the address of the run, or the folder of its offline files
    server: str = ""  # the server and project, or `offline`
    problem: str = ""
    pid: int = 0
    followed: str = ""  # the folder that a follower reads, absolute
    updated: float = 0.0


class Ledger:
    """The entries of one repository."""

    def __init__(self, root: Path) -> None:
        self.home = settings.make_home(root)

    def write(self, entry: Entry) -> None:
        """Add or replace an entry."""
        content = {**vars(entry), "recording": entry.recording.to_dict(), "updated": time.time()}
        write_json(self.home / f"{entry.recording.run_id}.json", content)

    def mirrored(self, entry: Entry, note: str, partial: bool) -> None:
        """Note that a run is there. The copy of its records stays if it is to be sent again, in the same batches."""
        entry.state, entry.problem = PARTIAL if partial else MIRRORED, note
        self.write(entry)
        if not partial:
            self.bundle(entry.recording.run_id).remove()

    def entries(self) -> list[Entry]:
        """All entries, the oldest first. A follower that is gone leaves its run pending."""
        found = [_read(path) for path in self.home.glob("*.json")]
        return sorted((entry for entry in found if entry), key=lambda entry: entry.updated)

    def warned(self, runner: int, started: float) -> Path:
        """The mark that the user of this execution was told what is wrong; those of ended ones are removed."""
        mark = self.home / f"{runner}-{started:.2f}.warned"
        for other in self.home.glob("*.warned"):
            pid, _, since = other.stem.partition("-")
            try:
                ended = not alive(int(pid), float(since) + 1)
            except ValueError:  # of another version of this program
                ended = True
            if ended and other != mark:
                other.unlink(missing_ok=True)
        return mark

    def bundle(self, run_id: str) -> Bundle:
        """The kept copy of a run's records."""
        return Bundle(self.home / run_id)


def _read(path: Path) -> Entry | None:
    try:
        content: dict[str, Any] = read_json(path)
        entry = Entry(**{**content, "recording": Recording.from_dict(content["recording"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if entry.state == FOLLOWING and not alive(entry.pid, entry.updated):
        entry.state, entry.problem = PENDING, "the process that mirrored it was ended"
    return entry


def alive(pid: int, since: float) -> bool:
    """Whether the process that had this number at that time is at work; a later one may have the number now."""
    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= since)
    except psutil.Error:
        return False
