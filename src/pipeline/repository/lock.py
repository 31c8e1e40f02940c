"""What the text of a dvc.lock records."""

from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.files import parse_yaml

Stages = dict[str, dict[str, Any]]


def read(folder: Path) -> str | None:
    """The text of the dvc.lock in a folder, or None where it has none."""
    path = folder / "dvc.lock"
    return path.read_text(encoding="utf-8") if path.is_file() else None


def stages(text: str | None, name: str = "dvc.lock") -> Stages:
    """Every stage's entry, by the stage's name; none where there is no text.

    Raises:
        InputError: this is no dvc.lock; `name` says which.
    """
    try:
        content = parse_yaml(text or "")
    except ValueError as error:
        raise InputError(
            f"{name} is no YAML, {error}; after a merge conflict: git restore dvc.lock, dvc repro"
        ) from None
    found = content.get("stages", {}) if isinstance(content, dict) else {}
    return found if isinstance(found, dict) else {}


def outputs(text: str | None, name: str = "dvc.lock") -> dict[str, str]:
    """The hash of every output, by path."""
    entries = stages(text, name).values()
    return {out["path"]: out.get("md5", "") for entry in entries for out in entry.get("outs", [])}


def sources(text: str | None, name: str = "dvc.lock") -> dict[str, Any]:
    """What results depend on: each stage's command, parameters and the dependencies that no stage makes."""
    made = outputs(text, name)
    return {
        stage: (
            entry.get("cmd"),
            entry.get("params"),
            sorted((dep["path"], dep.get("md5")) for dep in entry.get("deps", []) if dep["path"] not in made),
        )
        for stage, entry in stages(text, name).items()
    }
