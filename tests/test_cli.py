"""The `pipeline` command lists its verbs, starts quickly, and refuses what it does not know."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.files import read_json
from pipeline.params import json_schema

VERBS = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]


def test_help_names_every_verb_with_a_sentence() -> None:
    text = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    for verb in VERBS:
        assert re.search(rf"{verb}\s+\w+ .*\.", text), verb


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    assert CliRunner().invoke(app, [verb, "--help"]).exit_code == 0


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from pipeline.cli import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
        "print(*{'numpy', 'pandas', 'sklearn', 'dvc', 'wandb', 'mlflow', 'onnxruntime', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_an_unknown_verb_is_refused() -> None:
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2


def test_schema_is_written_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(["pipeline", "schema", "--check"], capture_output=True, text=True)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert CliRunner().invoke(app, ["schema"]).exit_code == 0
    assert read_json("params.schema.json") == json_schema()
    assert CliRunner().invoke(app, ["schema", "--check"]).exit_code == 0
