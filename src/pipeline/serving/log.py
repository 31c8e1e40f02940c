"""One line of JSON for each thing that happened. No line holds a request's content."""

import logging
import sys
import time
from typing import Any

import msgspec


def log(event: str, **fields: Any) -> None:
    """Write a line to stderr, whole also where several workers write at once."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = msgspec.json.encode({"time": now, "event": event, **fields}, enc_hook=str) + b"\n"
    sys.stderr.buffer.write(line)
    sys.stderr.buffer.flush()


class Lines(logging.Handler):
    """What libraries log, in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; of an error only its type: its text may hold a request's content."""
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        log("library", logger=record.name, level=record.levelname.lower(), message=record.getMessage(), error=kind)


def take_over() -> None:
    """Let warnings and errors of libraries be lines of JSON too."""
    root = logging.getLogger()
    root.handlers[:] = [Lines()]
    root.setLevel(logging.WARNING)
