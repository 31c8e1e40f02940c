"""A temporary folder for W&B's client, which leaves its own behind where its process ends without exit handlers."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def scratch() -> Iterator[dict[str, str]]:
    """The environment variable that gives a process a temporary folder of its own, which is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="pipeline-mirror-", ignore_cleanup_errors=True) as folder:
        yield {"TMPDIR": folder}


@contextmanager
def in_scratch() -> Iterator[None]:
    """The same for this process."""
    with scratch() as variables:
        os.environ.update(variables)
        tempfile.tempdir = variables["TMPDIR"]
        yield
