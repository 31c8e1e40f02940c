"""Every command of docs/registry.md runs, in its order, where one version is released and a better model waits."""

import re

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.registry.commands import app as registry
from tests.conftest import ROOT, Clone
from tests.registry.conftest import go


def commands() -> list[str]:
    """The lines of the page's bash blocks, without their comments."""
    text = (ROOT / "docs/registry.md").read_text(encoding="utf-8")
    lines = "".join(re.findall(r"```bash\n(.*?)```", text, re.S)).splitlines()
    return [line.split("   #")[0].strip() for line in lines]


def test_every_command_of_the_page_works(published: Clone) -> None:
    published.run("pipeline", "promote")
    go(published, "better")
    for command in commands():
        published.run("bash", "-c", command)
    history = published.run("pipeline", "registry", "history").stdout.splitlines()
    assert "v1.1.0 to prod by Test: digits back to v1.1.0 at prod, from v1.0.0" in history[0]
    assert "forced: the labels of v1.1.0 were wrong" in history[1]


@pytest.mark.parametrize("verb", [command.name for command in registry.registered_commands])
def test_every_verb_of_the_registry_explains_itself(verb: str | None) -> None:
    assert verb and CliRunner().invoke(app, ["registry", verb, "--help"]).exit_code == 0


@pytest.mark.parametrize("arguments", [["--force"], ["--why", "x"], ["--force", "--why", " "]])
def test_a_reason_and_force_go_together(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, ["promote", *arguments])
    assert "--force and --why TEXT go together" in str(done.exception)
