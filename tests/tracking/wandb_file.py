"""Reads W&B's offline files: a LevelDB log of protobuf records, so that a test sees what was really logged."""

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEADER = 7
BLOCK = 32 * 1024
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def records(path: Path) -> Iterator[Any]:
    """Every record of a .wandb file, in order; a checksum that is wrong fails, a torn end is the end."""
    from wandb.proto.wandb_internal_pb2 import Record

    for payload in _payloads(path.read_bytes()):
        record = Record()
        record.ParseFromString(payload)
        yield record


def _payloads(content: bytes) -> Iterator[bytes]:
    assert content[:4] == b":W&B", "not a W&B file"
    position, parts = HEADER, b""
    while position + HEADER <= len(content):
        left = BLOCK - position % BLOCK
        if left < HEADER:
            position += left
            continue
        checksum, length, kind = struct.unpack_from("<IHB", content, position)
        if kind == 0:
            return
        data = content[position + HEADER : position + HEADER + length]
        if len(data) < length:
            return
        assert zlib.crc32(bytes([kind]) + data) == checksum, f"wrong checksum at byte {position}"
        position += HEADER + length
        parts = data if kind in (FULL, FIRST) else parts + data
        if kind in (FULL, LAST):
            yield parts


class RunFile:
    """One offline run: its rows, summary, config, artifacts and end."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        self.rows: list[dict[str, Any]] = []
        self.summary: dict[str, Any] = {}
        self.config: dict[str, Any] = {}
        self.artifacts: list[Any] = []
        self.run: Any = None
        self.exit_code: int | None = None
        for record in records(path):
            kind = record.WhichOneof("record_type")
            if kind == "run":
                self.run = record.run
                self._update(self.config, record.run.config.update)
            elif kind == "config":
                self._update(self.config, record.config.update)
            elif kind == "history":
                self.rows.append({})
                self._update(self.rows[-1], record.history.item)
            elif kind == "summary":
                self._update(self.summary, record.summary.update)
            elif kind == "artifact":
                self.artifacts.append(record.artifact)
            elif kind == "exit":
                self.exit_code = record.exit.exit_code

    @staticmethod
    def _update(target: dict[str, Any], items: Any) -> None:
        for item in items:
            *above, last = item.nested_key or [item.key]
            place = target
            for name in above:
                place = place.setdefault(name, {})
            place[last] = _value(item)

    def series(self, name: str) -> list[tuple[Any, Any]]:
        """The (step, value) pairs of one metric, in the order of logging."""
        return [(row["step"], row[name]) for row in self.rows if name in row]


def _value(item: Any) -> Any:
    """A value as JSON says it; `-0`, as W&B writes negative zero, keeps its sign."""
    return json.loads(item.value_json, parse_int=lambda text: -0.0 if text == "-0" else int(text))


def runs(root: Path) -> list[RunFile]:
    """All offline and online run files below `root`/wandb, oldest first."""
    return [RunFile(path) for path in sorted(root.glob("wandb/*run-*/run-*.wandb"))]
