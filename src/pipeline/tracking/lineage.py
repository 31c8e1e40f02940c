"""Which data went into a stage and came out of it, from dvc.lock by hash. Knows nothing of W&B and reads no data."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

# The first pattern that fits a path says what it is.
KINDS = {
    r"data/raw/": "raw",
    r"data/prepared/": "prepared",
    r"data/predictions/": "predictions",
    r"models/package": "package",
    r"models?/": "model",
    r".*\.(joblib|pkl|pt|onnx)$": "model",
}


@dataclass(frozen=True)
class Data:
    """One file or folder that DVC tracks, at one version."""

    path: str
    md5: str  # 32 hex digits, with `.dir` behind them for a folder
    size: int

    @property
    def kind(self) -> str:
        """raw, prepared, model, predictions, package; or just dataset."""
        return next((kind for pattern, kind in KINDS.items() if re.match(pattern, self.path)), "dataset")

    @property
    def name(self) -> str:
        """The path as a name that W&B takes."""
        return re.sub(r"[^\w.-]+", "-", self.path).strip("-")


def inputs(lock: dict[str, Any], stage: str, tracked: Callable[[str], bool]) -> list[Data]:
    """The data that a stage read: what other stages made, and what `tracked` says was added with `dvc add`."""
    made = {data.path for other in stages(lock) for data in outputs(lock, other)}
    deps = [_data(entry) for entry in stages(lock).get(stage, {}).get("deps", []) if entry.get("md5")]
    return [data for data in deps if data.path in made or tracked(data.path)]


def outputs(lock: dict[str, Any], stage: str) -> list[Data]:
    """The data that a stage made; its records (a DVCLive folder's files) are no data."""
    entry = stages(lock).get(stage, {})
    records = [str(folder) for folder in record_folders(entry)]
    made = [_data(out) for out in entry.get("outs", []) if out.get("md5")]
    return [data for data in made if not any(data.path == r or data.path.startswith(f"{r}/") for r in records)]


def record_folders(entry: dict[str, Any]) -> list[PurePosixPath]:
    """The DVCLive folders among a stage's outputs: those that hold a metrics.json, or plots/metrics."""
    paths = [PurePosixPath(out["path"]) for out in entry.get("outs", [])]
    found = {path.parent for path in paths if path.name == "metrics.json"}
    found |= {path.parent for path in paths if path.name == "plots"}
    return sorted(folder for folder in found if folder != PurePosixPath("."))


def stage_of(lock: dict[str, Any], folder: str) -> str | None:
    """The stage that records into `folder` (a path below the root)."""
    for name, entry in stages(lock).items():
        if PurePosixPath(folder) in record_folders(entry):
            return name
    return None


def stages(lock: dict[str, Any]) -> dict[str, Any]:
    """The stages of a dvc.lock."""
    found = lock.get("stages")
    return found if isinstance(found, dict) else {}


def _data(entry: dict[str, Any]) -> Data:
    return Data(str(entry["path"]), str(entry["md5"]), int(entry.get("size") or 0))
