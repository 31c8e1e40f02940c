"""comment.yml's own steps, run by act against a stand-in GitHub."""

import json
from pathlib import Path

import pytest

from tests.conftest import ROOT, Clone, copy_repository
from tests.workflows.act import run_workflow
from tests.workflows.github_server import BASE, BOT, HEAD, TOKEN, GitHub, archive, serving


@pytest.fixture(scope="module")
def default_branch(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A checkout of the default branch."""
    return copy_repository(tmp_path_factory.mktemp("default") / "repository")


def test_the_step_creates_then_updates_the_comment(default_branch: Clone, tmp_path: Path) -> None:
    with serving(GitHub()) as github:
        github.open_pull(3)
        for i in range(250):
            github.add_comment(3, f"comment {i}", {"login": "someone", "type": "User"})
        for number, report in ((7, "first @user"), (8, "second")):
            record = {"pull_request": 3, "head": HEAD, "base": BASE, "run_id": 500 + number, "run_attempt": 1}
            github.artifacts["review-1"] = archive(
                {"run.json": json.dumps(record | {"steps": {}}), "report.md": report}
            )
            env = {"GITHUB_API_URL": github.url, "GITHUB_REPOSITORY": github.repository}
            ended = run_workflow(
                default_branch.path,
                "comment.yml",
                "workflow_run",
                github.event(number=number),
                tmp_path / f"{number}",
                env,
                {"GITHUB_TOKEN": TOKEN},
            )
            assert ended.exit_code == 0, ended.output
            assert TOKEN not in ended.output
            (body,) = github.bot_comments(3)
            assert report.replace("@", "@\u200b") in body
    assert (len(github.comments[3]), github.comments[3][-1]["user"]) == (251, BOT)


def test_a_push_is_not_commented(default_branch: Clone, tmp_path: Path) -> None:
    with serving(GitHub()) as github:
        event = github.event(event="push")
        env = {"GITHUB_API_URL": github.url, "GITHUB_REPOSITORY": github.repository}
        ended = run_workflow(default_branch.path, "comment.yml", "workflow_run", event, tmp_path, env, {})
    assert (ended.exit_code, ended.steps, github.requests) == (0, {}, [])


def test_the_room_needs_no_file_outside_of_it_but_the_errors() -> None:
    sources = "".join(file.read_text() for file in (ROOT / "src/pipeline/comment").glob("*.py"))
    own = {line.split()[1] for line in sources.splitlines() if line.startswith(("from pipeline", "import pipeline"))}
    assert own <= {
        "pipeline.errors",
        "pipeline.text",
        *(f"pipeline.comment.{name}" for name in ("artifact", "github", "neutral")),
    }
