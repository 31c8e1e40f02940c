"""A wrong params.yaml is refused with the key, the value, what is allowed and the closest known key."""

import re
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.files import read_json
from pipeline.params import Params, json_schema, parse_params, read_params
from tests.conftest import ROOT

TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")


def changed(pattern: str, replacement: str) -> str:
    """This repository's params.yaml with one change; the pattern must be there."""
    text, count = re.subn(pattern, replacement, TEXT, count=1, flags=re.MULTILINE)
    assert count, pattern
    return text


def test_the_repositorys_own_file_is_right() -> None:
    assert isinstance(read_params(ROOT / "params.yaml"), Params)


def test_the_schema_beside_it_is_current() -> None:
    assert read_json(ROOT / "params.schema.json") == json_schema(), "run: pipeline schema"


def test_every_key_is_described_for_editors() -> None:
    """But for `action` and `format`, whose choices say it."""
    sections = json_schema()["$defs"].items()
    bare = {
        f"{section}.{key}"
        for section, content in sections
        for key, schema in content.get("properties", {}).items()
        if "description" not in schema and "$ref" not in schema
    }
    assert bare <= {"Rule.action", "Metric.format"}


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        (r"^  epochs: .*", "  epoch: 60", "train.epoch: unknown key; did you mean 'epochs'?"),
        (r"^evaluate:", "evaluation:", "evaluation: unknown key; did you mean 'evaluate'?"),
        (r"^train:", "trian:", "trian: unknown key; did you mean 'train'?"),
        (r"^  estimator:", "  estimater:", "train.estimater: unknown key; did you mean 'estimator'?"),
        (r"^  target:", "  traget:", "data.traget: unknown key; did you mean 'target'?"),
        (r"^  target:.*", "", "data.target: missing; add it"),
        (
            r"^  tolerance: .*",
            '  tolerance: "1e-5"',
            "package.tolerance: '1e-5': Input should be a valid number",
        ),
        (r"^  dataset: .*", "  dataset: diggits", "'diggits': did you mean 'digits'? allowed: digits, iris, wine"),
        (r"^  epochs: .*", "  epochs: sixty", "train.epochs: 'sixty'"),
        (r"^  epochs: .*", "  epochs: 6.5", "train.epochs: 6.5"),
        (r"^  epochs: .*", '  epochs: "8"', "train.epochs: '8': Input should be a valid integer"),
        (r"^  epochs: .*", "  epochs: 1e3", "train.epochs: 1000.0: Input should be a valid integer"),
        (r"^  epochs: .*", "  epochs: 0", "train.epochs: 0"),
        (r"^  epochs: .*", "  epochs: true", "train.epochs: True"),
        (r"^  test_size: .*", "  test_size: 1.5", "prepare.test_size: 1.5"),
        (r"^  test_size: .*", "  test_size: .nan", "prepare.test_size: nan"),
        (r"^  test_size: .*", "  test_size: 0.9", "validation_size + test_size"),
        (r"^  target: .*", "  target: [a]", "data.target: ['a']"),
        (r"^  calibration: .*", "  calibration: platt", "train.calibration: 'platt'"),
        (r"^  dataset: .*", "  dataset: numbers", "load.dataset: 'numbers'"),
        (
            r"^  name: .*",
            "  name: My Model",
            "package.name: 'My Model': allowed: its name, also in the registry: small letters",
        ),
        (r"^  primary: .*", "  primary: acuracy", "'acuracy'"),
        (r"minimum: 0.95, ", "", "exactly one of"),
        (r"minimum: 0.95, ", "minimum: 95, ", "gate.0: 95 of accuracy: it is a share of 1; write 0.95"),
        (r"action: block", "action: blok", "gate.0.action: 'blok'"),
        (r"^train:", "train: [", "not valid YAML: line "),
        (r"^train:", "train: {}\ntrain:", 'found duplicate key "train"'),
    ],
)
def test_what_is_wrong_is_said_in_one_line(pattern: str, replacement: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_params(changed(pattern, replacement))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "- a", "text"])
def test_a_file_without_sections_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected sections"):
        parse_params(text)


def test_a_missing_file_says_where_to_go(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="root of the repository"):
        read_params(tmp_path / "params.yaml")


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf"])
def test_a_bound_is_a_number(number: str) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("minimum: 0.95", f"minimum: {number}")
    with pytest.raises(InputError, match=r"gate\.0\.minimum: .*finite number"):
        parse_params(text)


def test_the_right_key_is_not_counted_as_another_mistake() -> None:
    with pytest.raises(InputError, match=r"review, tracking, train$"):
        parse_params(changed(r"^train:", "trian:"))
    with pytest.raises(InputError, match=r"did you mean 'target'\?.* \(and 1 more\)$"):
        parse_params(changed(r"^  target:", "  traget:").replace("  epochs: 60", "  epochs: sixty"))


def test_a_long_section_is_not_repeated_in_its_own_error() -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("primary: accuracy", "primary: acuracy")
    with pytest.raises(InputError) as caught:
        parse_params(text)
    assert "acuracy" in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_file_in_another_encoding_is_refused_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes("data: {target: größe}".encode("latin-1"))
    with pytest.raises(InputError, match="byte 18 is not UTF-8"):
        read_params(tmp_path / "params.yaml")
