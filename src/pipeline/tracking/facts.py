"""What surrounds a recording: commit, branch, experiment, parameters, CI, the promoted model. Only reads."""

import contextlib
import hashlib
import json
import math
import os
import posixpath
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from pipeline.errors import ResourceError
from pipeline.files import parse_yaml
from pipeline.repository import tags
from pipeline.repository.git import ask
from pipeline.tracking import lineage


def load_yaml(text: str) -> dict[str, Any]:
    """A YAML mapping; empty if it is something else or broken."""
    try:
        content = parse_yaml(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def read(path: Path) -> str:
    """The text of a file; nothing if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def version(tree: Path, lock: dict[str, Any]) -> dict[str, Any]:
    """The commit and branch of a working tree, and whether what the pipeline reads differs from the commit."""
    commit = os.environ.get("DVC_EXP_BASELINE_REV") or ask(tree, "rev-parse", "HEAD")
    branch = os.environ.get("GITHUB_HEAD_REF") or ask(tree, "branch", "--show-current")
    # Git names files from its root, dvc.lock from the folder that it stands in.
    prefix = ask(tree, "rev-parse", "--show-prefix")
    outs = [out["path"] for entry in lineage.stages(lock).values() for out in entry.get("outs", [])]
    made = [posixpath.normpath(prefix + path) for path in ("dvc.lock", *outs)]
    changed = _changed(tree, commit) if commit else []
    dirty = any(not any(name == path or name.startswith(f"{path}/") for path in made) for name in changed)
    return {"commit": commit, "branch": branch or os.environ.get("GITHUB_REF_NAME", ""), "dirty": dirty}


def _changed(tree: Path, commit: str) -> list[str]:
    """The tracked files of a working tree that differ from a commit, as Git names them."""
    differing = ("diff", "--name-only", "-z", commit, "--")
    if "DVC_EXP_BASELINE_REV" not in os.environ:
        return list(filter(None, ask(tree, *differing).split("\0")))
    # The index that DVC writes for a queued experiment calls the changed parameters unchanged; a new one compares.
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        ask(tree, "read-tree", commit, **index)
        return list(filter(None, ask(tree, *differing, **index).split("\0")))


def ci() -> dict[str, Any]:
    """Run number, pull request and actor, in GitHub Actions."""
    if not os.environ.get("GITHUB_ACTIONS"):
        return {}
    found: dict[str, Any] = {"actor": os.environ.get("GITHUB_ACTOR")}
    if number := os.environ.get("GITHUB_RUN_NUMBER"):
        found["run_number"] = int(number)
    if pull := re.match(r"refs/pull/(\d+)/", os.environ.get("GITHUB_REF", "")):
        found["pull_request"] = int(pull[1])
    return found


def dataset(params: dict[str, Any]) -> str:
    """The name of the data set: what `load` was told, or the user's own table."""
    load, data = params.get("load"), params.get("data")
    path = str(data.get("path", "")) if isinstance(data, dict) else ""
    named = str(load.get("dataset", "")) if isinstance(load, dict) else ""
    return named if named and path in ("", "data/raw/dataset.parquet") else Path(path).stem


def process(pid: int) -> psutil.Process | None:
    """A running process; None if it is gone."""
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def running(found: psutil.Process | None) -> bool:
    """Whether a process is still at work."""
    try:
        return found is not None and found.is_running() and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def execution(pid: int, started: float) -> str:
    """A name for the execution that a process runs."""
    mark = hashlib.sha256(f"{started} {pid}".encode()).hexdigest()[:4]
    return f"{datetime.fromtimestamp(started, UTC):%Y%m%d-%H%M%S}-{mark}"


def promoted(root: Path) -> set[str]:
    """Hashes of the models and packages that are in production, by the tags of the registry."""
    hashes: set[str] = set()
    with contextlib.suppress(ResourceError, OSError):
        found = tags.read(root)
        for name in {tag.name for tag in found}:
            tag = tags.at_stage(found, name, "prod")
            lock = load_yaml(ask(root, "show", f"{tag.commit}:./dvc.lock")) if tag else {}
            for stage in lineage.stages(lock):
                hashes |= {d.md5 for d in lineage.outputs(lock, stage) if d.kind in ("model", "package")}
    return hashes


def declares(tree: Path, stage: str) -> bool:
    """Whether the dvc.yaml of a working tree has this stage: one with a `wdir` runs in a folder that is not its own."""
    stages = load_yaml(read(tree / "dvc.yaml")).get("stages")
    return isinstance(stages, dict) and stage.partition("@")[0] in stages


def plain(value: Any) -> Any:
    """A parameter as JSON can hold it: what YAML has beyond that (dates, infinity) as text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    known = value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value))
    return value if known else str(value)


def holds(entry: dict[str, Any], place: str, records: Path) -> bool:
    """Whether a stage's entry in dvc.lock names the summary that a copy of its DVCLive folder has, if it names one."""
    hashes = [out.get("md5") for out in entry.get("outs", []) if out["path"] == f"{place}/metrics.json"]
    return all(found == md5(records / "metrics.json") for found in hashes)


def md5(path: Path) -> str:
    """DVC's hash of a file; nothing if it cannot be read."""
    try:
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    except OSError:
        return ""


def digest(folder: Path, entry: dict[str, Any] | None) -> str:
    """What identifies a record: the bytes of its files and the stage's entry in dvc.lock."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    if entry is not None:
        total.update(json.dumps(entry, sort_keys=True, default=str).encode())
    return total.hexdigest()
