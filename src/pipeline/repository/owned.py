"""Temporary folders that a process holds: one that a killed process left is known by its lock, which nobody has."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OWNED = "owned"  # a file in the folder, locked by the process whose folder it is


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a new temporary folder for a block, and no longer than this process lives, however it ends."""
    fresh = folder / f".{OWNED}"
    with fresh.open("w") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        fresh.rename(folder / OWNED)  # never seen without its lock
        yield


@contextmanager
def left(folder: Path) -> Iterator[bool]:
    """Whether nobody holds the folder any more; nobody else takes it for left during the block."""
    with (folder / OWNED).open() as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
