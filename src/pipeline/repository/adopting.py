"""Makes a table the pipeline's own: tracked by DVC, named in params.yaml and dvc.yaml, whose comments stay."""

import filecmp
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import InputError, ResourceError
from pipeline.files import replacing
from pipeline.repository import editing
from pipeline.repository.dvc import dvc, reason

RAW = Path("data/raw")


def place_of(root: Path, file: Path) -> Path:
    """Where the table is to stand, from the repository's root: where it is, or in data/raw if that is elsewhere."""
    inside = file.resolve()
    if inside.is_relative_to(root.resolve()):
        return inside.relative_to(root.resolve())
    return RAW / file.name


def take(root: Path, file: Path, sections: Mapping[str, Any], artifact: Mapping[str, Any]) -> list[str]:
    """Track the table and write the settings; says what was done, a line each. Written is all of it or nothing.

    `sections` are params.yaml's: they replace what stands there key by key, of `review` also what is inside a key, and
    an empty mapping all of it. `artifact` is the model's entry in dvc.yaml.

    Raises:
        InputError: params.yaml or dvc.yaml cannot be read, or another file stands where the table would.
        ResourceError: DVC does not take it.
    """
    place = place_of(root, file)
    done = []
    params, pipeline = _edited_params(root / "params.yaml", sections), _edited_pipeline(root / "dvc.yaml", artifact)
    if not (root / place).exists():
        with replacing(root / place) as new:
            (shutil.copytree if file.is_dir() else shutil.copy2)(file, new)
        done.append(f"copied to {place}")
    elif (root / place).resolve() != file.resolve() and not _same(root / place, file):
        raise InputError(f"{place}: another file of this name is there; rename one of them")
    added = dvc(root, "add", "--quiet", str(place))
    if added.returncode:
        raise ResourceError(f"dvc add {place}: {reason(added.stderr)}")
    done.append(f"dvc add {place}")
    for name, text in (("params.yaml", params), ("dvc.yaml", pipeline)):
        if text != (root / name).read_text(encoding="utf-8"):
            with replacing(root / name) as new:
                new.write_text(text, encoding="utf-8")
            done.append(f"{name} written")
    return done


def _same(one: Path, other: Path) -> bool:
    """Whether two files, or two folders, hold the same bytes."""
    if one.is_file() and other.is_file():
        return filecmp.cmp(one, other, shallow=False)
    found = [{f.relative_to(top): f for f in top.rglob("*") if f.is_file()} for top in (one, other)]
    return found[0].keys() == found[1].keys() and all(
        filecmp.cmp(file, found[1][name], shallow=False) for name, file in found[0].items()
    )


def _edited_params(file: Path, sections: Mapping[str, Any]) -> str:
    document = editing.Document(file)
    for section, values in sections.items():
        if isinstance(values, Mapping) and isinstance(document.content.get(section), dict):
            _update(document.content[section], values, inside=section == "review")
        else:
            editing.put(document.content, section, values)
    return document.text()


def _update(section: Any, values: Mapping[str, Any], inside: bool) -> None:
    """Set the values of a section; with `inside`, those of a mapping in it one by one."""
    for key, value in values.items():
        if inside and value and isinstance(value, Mapping) and isinstance(section.get(key), dict):
            _update(section[key], value, inside)
        else:
            editing.put(section, key, value)


def _edited_pipeline(file: Path, artifact: Mapping[str, Any]) -> str:
    """dvc.yaml without `load`, which would write another table, and with the model under its new name."""
    document = editing.Document(file)
    document.content.get("stages", {}).pop("load", None)
    editing.name_model(document.content, artifact["name"], artifact["desc"])
    return document.text()
