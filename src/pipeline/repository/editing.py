"""Edits params.yaml and dvc.yaml as a person would: what is not changed stays as it is, comments and all."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import InputError


class Document:
    """A YAML file whose `content` may be changed and written again.

    Raises:
        InputError: it cannot be read.
    """

    def __init__(self, file: Path) -> None:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        self._yaml = YAML()  # keeps comments, order and quotes
        self._yaml.preserve_quotes = True
        self._yaml.width = 4096
        self._yaml.indent(mapping=2, sequence=4, offset=2)
        self._yaml.representer.add_representer(
            type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
        )
        try:
            self.content: Any = self._yaml.load(file.read_text(encoding="utf-8"))
        except (OSError, YAMLError, UnicodeDecodeError) as error:
            raise InputError(f"{file.name}: cannot be read ({str(error).splitlines()[0]})") from None

    def text(self) -> str:
        """What the file is to say now."""
        stream = io.StringIO()
        self._yaml.dump(self.content, stream)
        return stream.getvalue()


def put(section: Any, key: str, value: Any) -> None:
    """Let `key` of a section be `value`, all of it; what says the same already stays as it was written."""
    if key not in section:
        # Not at the end, behind which the blank line before the next section is.
        section.insert(min(1, len(section)), key, _in_style(value))
    elif section[key] != value:
        section[key] = _in_style(value)


def name_model(pipeline: Any, name: str, description: str) -> None:
    """Let the model among the artifacts of dvc.yaml, if it is there, have this name and say this of itself."""
    artifacts: Any = pipeline.get("artifacts") or {}
    old = next((known for known, entry in artifacts.items() if entry.get("path") == "models/package"), None)
    if old is None:
        return
    if old != name:
        artifacts.insert(list(artifacts).index(old), name, artifacts.pop(old))
    if artifacts[name].get("desc") != description:
        artifacts[name]["desc"] = description


def _in_style(value: Any) -> Any:
    """Lists and mappings on one line, as params.yaml has them, but a list of mappings: a line each."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if isinstance(value, Mapping):
        mapping = CommentedMap({key: _in_style(item) for key, item in value.items()})
        mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list):
        sequence = CommentedSeq([_in_style(item) for item in value])
        if not any(isinstance(item, Mapping) for item in value):
            sequence.fa.set_flow_style()
        return sequence
    return value
