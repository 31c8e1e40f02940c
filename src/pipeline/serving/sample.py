"""Writes rows and their answers as JSON lines, one file a worker, rotated and bounded; never slowing an answer.

A line: `time`, `request_id`, `key`, `version`, `row`, `prediction`, `probabilities`, and of a shadow the same three.
Rows that come faster than the disk takes them are left out and counted.
"""

import os
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pipeline.errors import ResourceError
from pipeline.serving.active import Active
from pipeline.serving.cells import RefusedCellError
from pipeline.serving.log import log
from pipeline.serving.metrics import Metrics
from pipeline.serving.model import Answer, Model
from pipeline.serving.request import Asked
from pipeline.serving.settings import Settings

FILES = 4  # of a worker, the one that is written included
MOST_WAITING = 50_000  # rows


class _Offered(NamedTuple):
    moment: float
    request_id: str
    model: Model
    asked: Asked
    answer: Answer


class Sample:
    """A thread that writes, and the queue before it."""

    def __init__(self, settings: Settings, shadow: Active | None, metrics: Metrics) -> None:
        """Open the file.

        Raises:
            ResourceError: the folder cannot be written.
        """
        assert settings.sample
        self.shadow, self._metrics = shadow, metrics
        self._path = settings.sample / f"rows-{settings.worker}.jsonl"
        self._largest = max(settings.sample_bytes // settings.workers // FILES, 1)
        try:
            settings.sample.mkdir(parents=True, exist_ok=True)
            self._file = _open(self._path)
        except OSError as error:
            raise ResourceError(f"{self._path}: {error.strerror}; --sample must be a folder to write in") from None
        self._queue: deque[_Offered] = deque()
        self._offered = self._taken = 0  # rows; each is counted by one thread alone
        self._awake, self._ended = threading.Event(), False
        self._thread = threading.Thread(target=self._work, name="sample", daemon=True)
        self._thread.start()

    def offer(self, model: Model, asked: Asked, answer: Answer, request_id: str) -> None:
        """Take an answer to be written, or leave it out if too much waits."""
        kept = self._offered - self._taken + asked.taken.rows <= MOST_WAITING
        self._metrics.sampled(kept, asked.taken.rows)
        if kept:
            self._offered += asked.taken.rows
            self._queue.append(_Offered(time.time(), request_id, model, asked, answer))
            self._awake.set()

    def close(self) -> None:
        """Write what waits, and end."""
        self._ended = True
        self._awake.set()
        self._thread.join(30)

    def _work(self) -> None:
        while not (self._ended and not self._queue):
            self._awake.wait()
            self._awake.clear()
            while self._queue:
                offered = self._queue.popleft()
                self._taken += offered.asked.taken.rows
                try:
                    self._write(offered)
                except Exception as error:  # a full disk ends the sample of this row, not the service
                    self._metrics.sampled(False, offered.asked.taken.rows)
                    log("sample failed", error=type(error).__name__, why=getattr(error, "strerror", None))
            if self._ended:
                self._awake.set()
        self._file.close()

    def _write(self, offered: _Offered) -> None:
        lines = b"".join(msgspec.json.encode(line) + b"\n" for line in lines_of(offered, self.shadow))
        if self._file.tell() and self._file.tell() + len(lines) > self._largest:
            self._rotate()
        self._file.write(lines)
        self._file.flush()

    def _rotate(self) -> None:
        """rows-0.jsonl becomes rows-0.1.jsonl, that rows-0.2.jsonl, and the last goes."""
        self._file.close()
        for place in range(FILES - 1, 0, -1):
            older = self._path.with_suffix(f".{place - 1}.jsonl") if place > 1 else self._path
            if older.exists():
                older.replace(self._path.with_suffix(f".{place}.jsonl"))
        self._file = _open(self._path)


def lines_of(offered: _Offered, shadow: Active | None) -> list[dict[str, Any]]:
    """What is written of an answer: a line for each row."""
    asked, moment = offered.asked, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(offered.moment))
    names = offered.model.schema.names
    answers = _said(offered.model, offered.answer)
    second = _shadow(shadow, names, asked) if shadow else None
    lines = []
    for place, cells in enumerate(zip(*asked.columns, strict=True)):
        own = asked.keys[place] if asked.keys else None
        number = f"/{place + 1}" if asked.taken.rows > 1 else ""
        lines.append(
            {
                "time": moment,
                "request_id": offered.request_id,
                "key": f"{offered.request_id}{number}" if own is None else own,
                **answers[place],
                "row": dict(zip(names, cells, strict=True)),
                **({"shadow": second[place]} if second else {}),
            }
        )
    return lines


def _shadow(shadow: Active, names: list[str], asked: Asked) -> list[dict[str, Any]]:
    """What the second model says of the same cells."""
    columns = [asked.columns[names.index(name)] for name in shadow.model.schema.names]
    try:
        return _said(shadow.model, shadow.model.predict(shadow.reader.cells.take(columns).feed))
    except (RefusedCellError, ValueError, TypeError):
        return [{"version": shadow.model.version, "refused": True}] * asked.taken.rows


def _said(model: Model, answer: Answer) -> list[dict[str, Any]]:
    labels, stated = answer.labels.tolist(), [of.tolist() for of in answer.probabilities]
    said: list[dict[str, Any]] = [{"version": model.version, "prediction": label} for label in labels]
    names = [str(label) for label in model.schema.classes]
    for row, probabilities in zip(said, zip(*stated, strict=True), strict=True) if stated else ():
        row["probabilities"] = dict(zip(names, probabilities, strict=True))
    return said


def _open(path: Path) -> Any:
    """Open to append, for the owner's eyes only: the rows may be of people."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")
