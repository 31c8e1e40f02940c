"""Reads what a CI run left for its comment. The run executed a pull request's code, so the file may hold anything.

Nothing is unpacked: the named entries are read into memory, each up to a limit, and no name in the archive is used as
a path.
"""

import io
import json
import re
import stat
import zipfile
from dataclasses import dataclass, field
from typing import Any

MAX_ARCHIVE = 32_000_000  # bytes, packed
MAX_ENTRIES = 5_000
MAX_REPORT = 1_000_000  # bytes, unpacked
MAX_RECORD = 20_000
MAX_LOG = 2_000_000
STEPS = ("environment", "repro", "verify", "report", "mirror", "tests")
OUTCOMES = ("success", "failure", "cancelled", "skipped")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


class RefusedError(Exception):
    """The artifact is not what this repository's CI writes; the message says why."""


@dataclass(frozen=True)
class Artifact:
    """What a CI run says about itself: numbers and commits that the caller must check, and untrusted text.

    `base` is empty if the run failed before it had the commits; `logs` are those of steps that failed.
    """

    pull_request: int
    head: str
    base: str
    run_id: int
    run_attempt: int
    steps: dict[str, str]
    report: str | None = None
    logs: dict[str, str] = field(default_factory=dict)


def parse(content: bytes) -> Artifact:
    """The artifact in a zip file. Raises RefusedError."""
    if len(content) > MAX_ARCHIVE:
        raise RefusedError(f"it is larger than {MAX_ARCHIVE:,} bytes")
    if (
        content.count(b"PK\x01\x02") > MAX_ENTRIES
    ):  # the mark of each entry, counted before zipfile makes objects of them
        raise RefusedError(f"it holds more than {MAX_ENTRIES:,} files")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = _entries(archive)
            record = _record(_read(archive, entries, "run.json", MAX_RECORD))
            report = _read(archive, entries, "report.md", MAX_REPORT)
            failed = [step for step in STEPS if record["steps"].get(step) == "failure"]
            logs = {step: _read(archive, entries, f"logs/{step}.log", MAX_LOG) for step in failed}
    except RefusedError:
        raise
    except Exception as error:  # whatever a crafted file provokes in zipfile, zlib or json
        raise RefusedError(f"it cannot be read ({type(error).__name__})") from error
    return Artifact(**record, report=report, logs={step: log for step, log in logs.items() if log is not None})


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The archive's entries by name, if they are plain files with plain names."""
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        kind = stat.S_IFMT(entry.external_attr >> 16)
        parts = entry.filename.removesuffix("/").split("/")
        if entry.filename in entries:
            raise RefusedError("it holds one name twice")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise RefusedError("it holds a link or a device")
        if any(part in ("", ".", "..") for part in parts) or re.search(r"[\\:\0]", entry.filename):
            raise RefusedError("it holds a path that leads outside of it")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise RefusedError("it is packed in an unknown way")
        entries[entry.filename] = entry
    return entries


def _read(archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], name: str, limit: int) -> str | None:
    """The text of one entry, or None if there is none. Reads at most `limit` bytes, whatever its header says."""
    if name not in entries:
        return None
    with archive.open(entries[name]) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise RefusedError(f"{name} is larger than {limit:,} bytes")
    return content.decode("utf-8", errors="replace")


def _record(text: str | None) -> dict[str, Any]:
    """The content of run.json, which has exactly these keys with these types."""
    record = json.loads(text) if text is not None else None
    if not isinstance(record, dict) or set(record) != {
        "pull_request",
        "head",
        "base",
        "run_id",
        "run_attempt",
        "steps",
    }:
        raise RefusedError("run.json has other keys than expected")
    for key in ("pull_request", "run_id", "run_attempt"):
        if type(record[key]) is not int or not 0 < record[key] < 10**15:
            raise RefusedError(f"{key} in run.json is no number")
    for key in ("head", "base"):
        if record[key] != "" and not (isinstance(record[key], str) and _COMMIT.fullmatch(record[key])):
            raise RefusedError(f"{key} in run.json is no commit")
    steps = record["steps"]
    if not isinstance(steps, dict) or any(k not in STEPS or v not in OUTCOMES for k, v in steps.items()):
        raise RefusedError("steps in run.json are not those of ci.yml")
    return record
