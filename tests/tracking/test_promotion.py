"""A promotion on W&B: the champion alias moves when the server is there, and waits for it when it is not."""

import pytest

from pipeline.repository import tags
from pipeline.tracking.promotion import told
from tests.tracking.conftest import Project
from tests.tracking.wandb_server import Server


def champions(server: Server) -> set[str]:
    """The kinds of the artifacts that have the alias."""
    return {artifact["type"] for artifact in server.artifacts.values() if "champion" in artifact["aliases"]}


def test_a_promotion_waits_for_the_server_and_is_one_run(
    reproduced_project: Project, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (reproduced_project.environment | server.environment()).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(reproduced_project.path)
    root = reproduced_project.path
    reproduced_project.run("git", "tag", "-a", "-m", "to prod", "shapes#prod#1")
    [tag] = tags.read(root)

    server.fault = "500"
    [line] = told(root, tag, "v1.0.0")
    assert line.startswith("W&B: not yet (") and "pipeline mirror sends it" in line and not champions(server)
    server.fault = None
    reproduced_project.run("pipeline", "mirror", **server.environment())
    assert champions(server) == {"model", "package"}
    assert len(server.by_job()["promote"]) == 1
    assert told(root, tag, "v1.0.0") == [f"W&B: champion is v1.0.0 ({run_address(reproduced_project)})"]
    assert len(server.by_job()["promote"]) == 1, "a tag is one run"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert told(root, tag, "v1.0.0") == []


def run_address(project: Project) -> str:
    """Where the ledger says that the promotion is."""
    return next(entry["target"] for entry in project.ledger() if entry["recording"].stage == "promote")
