"""What changed between two sides: data, parameters, code, environment, and the stages that ran again for it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.data.schema import CONTENT, KEY, TARGET
from pipeline.files import read_json, read_parquet
from pipeline.repository import lock
from pipeline.repository.packages import pinned
from pipeline.tracking.facts import load_yaml, read

PACKAGES = "requirements.lock"
SPLITS = ("train", "validation", "test", "holdout")
JUDGING = ("gate", "review")  # sections of params.yaml that change the verdict, not the model


@dataclass(frozen=True)
class Change:
    """One thing with an old and a new value as text; None where it was not there before, or is not any more."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class RowChange:
    """Rows of one split, told apart by key: how many there are on both sides, and what became of them.

    `added` are in no split of the base, `removed` in none of the head, `moved` came from another split; `changed` kept
    their key while their content or label changed.
    """

    split: str
    base: int
    head: int
    added: int
    removed: int
    changed: int
    moved: int


@dataclass(frozen=True)
class StageChange:
    """A stage whose entry in dvc.lock differs: the kinds of input that changed, and the code files among them."""

    stage: str
    because: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True)
class Changes:
    """Every cause that can be told from the files of both sides; all empty: nothing that the pipeline reads."""

    rows: tuple[RowChange, ...]
    classes: tuple[Change, ...]
    schema: tuple[Change, ...]
    parameters: tuple[Change, ...]
    judging: tuple[Change, ...]
    environment: tuple[Change, ...]
    stages: tuple[StageChange, ...]

    @property
    def code(self) -> tuple[str, ...]:
        """The changed files of code, each once."""
        return tuple(sorted({file for stage in self.stages for file in stage.files}))


def find_changes(base: Path, head: Path) -> Changes:
    """Compare the folders of two sides."""
    old, new = (lock.stages(lock.read(side)) for side in (base, head))
    parameters = _values(*(_flat(load_yaml(read(side / "params.yaml"))) for side in (base, head)))
    same_data = _hashes(old, "data/prepared") == _hashes(new, "data/prepared") != {}
    return Changes(
        rows=() if same_data else row_changes(base, head),
        classes=() if same_data else class_changes(base, head),
        schema=() if same_data else schema_changes(base, head),
        parameters=tuple(change for change in parameters if not change.name.startswith(JUDGING)),
        judging=tuple(change for change in parameters if change.name.startswith(JUDGING)),
        environment=_values(packages(base / PACKAGES), packages(head / PACKAGES)),
        stages=stage_changes(old, new),
    )


def stage_changes(old: dict[str, Any], new: dict[str, Any]) -> tuple[StageChange, ...]:
    """The stages of dvc.lock whose inputs or outputs differ, in the new file's order."""
    made = {out["path"] for stages in (old, new) for stage in stages.values() for out in stage.get("outs", [])}
    found = []
    for name in [*new, *(gone for gone in old if gone not in new)]:
        one, other = old.get(name), new.get(name)
        if one == other:
            continue
        if one is None or other is None:
            found.append(StageChange(name, ("new" if one is None else "gone",), ()))
            continue
        before, after = ({dep["path"]: dep.get("md5") for dep in side.get("deps", [])} for side in (one, other))
        paths = [path for path in {**before, **after} if before.get(path) != after.get(path)]
        files = sorted(path for path in paths if path.endswith(".py") and path not in made)
        because = {
            "command": one.get("cmd") != other.get("cmd"),
            "parameters": one.get("params") != other.get("params"),
            "code": bool(files),
            "packages": PACKAGES in paths,
            "data": any(path not in made and path not in files and path != PACKAGES for path in paths),
            "an earlier stage": any(path in made for path in paths),
        }
        reasons = tuple(reason for reason, applies in because.items() if applies) or ("results only",)
        found.append(StageChange(name, reasons, tuple(files)))
    return tuple(found)


def row_changes(base: Path, head: Path) -> tuple[RowChange, ...]:
    """Rows by key, per split; only splits that both sides have and that differ."""
    old, new = (
        {split: rows for split in SPLITS if (rows := identities(side, split)) is not None} for side in (base, head)
    )
    splits = [split for split in SPLITS if split in old and split in new]
    if not splits:
        return ()
    before, after = pd.concat(old.values()), pd.concat(new.values())
    found = []
    for split in splits:
        here, there = new[split], old[split]
        known = here.index[here.index.isin(before.index)]
        row = RowChange(
            split,
            base=len(there),
            head=len(here),
            added=len(here) - len(known),
            removed=int((~there.index.isin(after.index)).sum()),
            changed=int((before.loc[known] != here.loc[known]).any(axis=1).sum()),
            moved=int((~known.isin(there.index)).sum()),
        )
        if row.added or row.removed or row.changed or row.moved:
            found.append(row)
    return tuple(found)


def identities(folder: Path, split: str) -> pd.DataFrame | None:
    """The content hash and the label of every row of a prepared table, by key; None where no table has them."""
    path, columns = folder / "data" / "prepared" / f"{split}.parquet", [KEY, CONTENT, TARGET]
    if not path.is_file():
        return None
    table = read_parquet(path, columns)
    if list(table) != columns:
        return None
    return table.astype(str).set_index(KEY)


def class_changes(base: Path, head: Path) -> tuple[Change, ...]:
    """Share of every class among all rows, where it moved by 0.1 % of the rows or more."""
    old, new = _shares(base), _shares(head)
    moved = [label for label in {**old, **new} if abs(old.get(label, 0) - new.get(label, 0)) >= 0.001]
    return tuple(Change(label, _percent(old.get(label)), _percent(new.get(label))) for label in sorted(moved))


def schema_changes(base: Path, head: Path) -> tuple[Change, ...]:
    """Columns, their types and categories, and classes that came, went or changed."""
    return _values(_columns(base), _columns(head))


def packages(path: Path) -> dict[str, str]:
    """Version of every package of a requirements.lock; several versions, by platform, are joined."""
    pins = pinned(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {name: ", ".join(versions) for name, versions in pins.items()}


def _shares(folder: Path) -> dict[str, float]:
    tables = [table for split in SPLITS if (table := identities(folder, split)) is not None]
    if not tables:
        return {}
    return {str(label): float(share) for label, share in pd.concat(tables)[TARGET].value_counts(normalize=True).items()}


def _columns(folder: Path) -> dict[str, str]:
    path = folder / "data" / "prepared" / "schema.json"
    schema = read_json(path) if path.is_file() else {}
    found = {f"target {schema['target']}": f"{len(schema['classes'])} classes"} if schema else {}
    for feature in schema.get("features", []):
        inside = len(feature["categories"]) or len(feature.get("terms", [])) or ", ".join(feature.get("parts", []))
        found[feature["name"]] = f"{feature['type']} ({inside})" if inside else feature["type"]
    return found


def _hashes(stages: dict[str, Any], prefix: str) -> dict[str, str]:
    outs = [out for stage in stages.values() for out in stage.get("outs", [])]
    return {out["path"]: out.get("md5", "") for out in outs if out["path"].startswith(prefix)}


def _flat(node: Any, prefix: str = "") -> dict[str, str]:
    """Leaves of nested mappings by dotted name, and of the gate's rules by what they are about."""
    if prefix == "gate" and isinstance(node, list):
        node = _rules(node)
    if isinstance(node, dict) and (node or not prefix):
        return {k: v for key in node for k, v in _flat(node[key], f"{prefix}.{key}" if prefix else str(key)).items()}
    return {prefix: _text(node)}


def _text(value: Any) -> str:
    """A value as JSON; a text without quotes unless it would then be taken for another value, such as "0.01"."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _rules(rules: list[Any]) -> dict[str, Any]:
    """The gate's rules by metric and kind, so that a rule that goes does not rename those after it."""
    found: dict[str, Any] = {}
    for rule in rules:
        known = dict(rule) if isinstance(rule, dict) else {"metric": rule}
        metric, action = known.pop("metric", "?"), known.pop("action", "block")
        for kind, limit in known.items() or [("rule", "?")]:
            name = f"{metric} {kind}"
            found[name] = " and ".join(filter(None, (found.get(name), f"{limit} ({action})")))
    return found


def _values(old: dict[str, str], new: dict[str, str]) -> tuple[Change, ...]:
    names = sorted({**old, **new})
    return tuple(Change(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name))


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.1f} %"
