"""What `prepare` noticed in the data of the head, and whether the base had it, too; read from the profiles."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.files import read_json

PROFILE = "metrics/prepare/profile.json"


@dataclass(frozen=True)
class Notice:
    """A warning of the profile. `column` is empty where it is about rows; `new`: the base's profile has none such."""

    column: str
    message: str
    new: bool


def read_notices(base: Path | None, head: Path) -> tuple[Notice, ...]:
    """The warnings of the head's profile, new ones first. One of the same kind and column with other figures is not."""
    before = {_kind(warning) for warning in _warnings(base)} if base else set()
    found = [Notice(str(w["column"]), str(w["message"]), _kind(w) not in before) for w in _warnings(head)]
    return tuple(sorted(found, key=lambda notice: not notice.new))


def _warnings(folder: Path) -> list[dict[str, Any]]:
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        found = read_json(folder / PROFILE)["warnings"]
        return [w for w in found if isinstance(w, dict) and {"code", "column", "message"} <= w.keys()]
    return []


def _kind(warning: dict[str, Any]) -> tuple[str, str]:
    return str(warning["code"]), str(warning["column"])
