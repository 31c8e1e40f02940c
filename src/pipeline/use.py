"""What `pipeline use` does: takes the settings of a file into params.yaml, whose comments stay."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.files import parse_yaml, replacing
from pipeline.params import SHOWN, parse_params
from pipeline.repository.editing import Document, name_model, put

Place = tuple[str, ...]  # of a value in params.yaml: ("train", "epochs")


def use_settings(root: Path, file: Path, assignments: Sequence[str] = ()) -> list[str]:
    """Take what `file` says, then each `KEY=VALUE`, into params.yaml; says what was done, a line each.

    A file holds sections as params.yaml has them. What it says of a key replaces what stands there, all of it; keys
    that it does not name stay. A new name of the package is the model's in dvc.yaml, too. All is written, or nothing.

    Raises:
        InputError: the file or an assignment cannot be read, or params.yaml would be wrong with it.
    """
    changes = _of_file(file) | dict(map(_assignment, assignments))
    params, pipeline = Document(root / "params.yaml"), Document(root / "dvc.yaml")
    before = parse_yaml(params.text())
    for place, value in changes.items():
        _put(params.content, place, value)
    text = params.text()
    package = parse_params(text, f"params.yaml with {file}").package
    if any(place[0] == "package" for place in changes):
        name_model(pipeline.content, package.name, package.purpose)
    after = parse_yaml(text)
    changed = [place for place in changes if _at(before, place) != _at(after, place)]
    done = [f"{'.'.join(place)}: {_short(_at(after, place))}" for place in changed]
    for name, new_text in (("params.yaml", text), ("dvc.yaml", pipeline.text())):
        if parse_yaml((root / name).read_text(encoding="utf-8")) != parse_yaml(new_text):
            with replacing(root / name) as new:
                new.write_text(new_text, encoding="utf-8")
            done.append(f"{name} written")
    return [*(done or ["params.yaml says all this already"]), "next: dvc repro, or dvc exp run"]


def _of_file(file: Path) -> dict[Place, Any]:
    """What a file says: a section's keys each, and what is a list, as the gate is, as a whole."""
    try:
        content = parse_yaml(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); correct the path") from None
    except ValueError as error:
        raise InputError(f"{file}: not valid YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(content, Mapping) or not all(isinstance(part, Mapping | list) for part in content.values()):
        raise InputError(f"{file}: holds no sections as params.yaml has them, such as `train:` with keys below it")
    found: dict[Place, Any] = {}
    for section, values in content.items():
        if isinstance(values, Mapping):
            found |= {(str(section), str(key)): value for key, value in values.items()}
        else:
            found[(str(section),)] = values
    return found


def _assignment(text: str) -> tuple[Place, Any]:
    """A place and its value from `train.epochs=50`, where the value is YAML, as `dvc exp run -S` takes it."""
    key, equals, value = text.partition("=")
    place = tuple(key.split("."))
    if not equals or len(place) < 2 or not all(place):
        raise InputError(f"-S {text}: write section.key=value, such as train.epochs=50")
    try:
        return place, parse_yaml(value)
    except ValueError as error:
        raise InputError(f"-S {text}: not valid YAML: {str(error).splitlines()[0]}") from None


def _put(content: Any, place: Place, value: Any) -> None:
    *above, key = place
    for name in above:
        if not isinstance(content.get(name), dict):
            put(content, name, {})
        content = content[name]
    put(content, key, value)


def _at(content: Any, place: Place) -> Any:
    for name in place:
        content = content.get(name) if isinstance(content, Mapping) else None
    return content


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
