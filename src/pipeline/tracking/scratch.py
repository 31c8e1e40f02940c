"""A temporary folder for W&B's client, which leaves its own behind where its process ends without exit handlers."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.repository import owned

PREFIX = "pipeline-mirror-"


@contextmanager
def scratch() -> Iterator[dict[str, str]]:
    """The environment variable that gives a process a temporary folder of its own, which is gone after the block.

    What a process left that was killed in such a block goes first.
    """
    _remove_left(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as folder, owned.held(Path(folder)):
        yield {"TMPDIR": folder}


@contextmanager
def in_scratch() -> Iterator[None]:
    """The same for this process."""
    with scratch() as variables:
        os.environ.update(variables)
        tempfile.tempdir = variables["TMPDIR"]
        yield


def _remove_left(place: Path) -> None:
    for folder in place.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another user's, gone meanwhile, or not yet held
            if not folder.is_symlink() and folder.stat().st_uid == os.getuid():
                with owned.left(folder) as nobody:
                    if nobody:
                        shutil.rmtree(folder, ignore_errors=True)
