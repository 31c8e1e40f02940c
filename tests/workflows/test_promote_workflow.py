"""promote.yml's own steps, run by act: a merged pull request with the label, one without it, and by hand."""

from pathlib import Path
from typing import Any

from tests.conftest import Clone
from tests.workflows.act import Ended, link_environment, run_workflow
from tests.workflows.github_server import TOKEN, GitHub, serving

BRANCH = {"repository": {"default_branch": "main", "full_name": GitHub.repository}}


def run(repository: Clone, github: GitHub, event_name: str, event: dict[str, Any], scratch: Path) -> Ended:
    """Run promote.yml on an event."""
    scratch.mkdir(parents=True)
    env = {
        "STUB_VENV": str(link_environment(scratch / "venv")),
        "PYTHONPATH": "src",
        "GITHUB_API_URL": github.url,
        "GITHUB_REPOSITORY": github.repository,
        "WANDB_MODE": "disabled",
    }
    secrets = {"GITHUB_TOKEN": TOKEN}
    ended = run_workflow(repository.path, "promote.yml", event_name, event, scratch / "act", env, secrets)
    assert TOKEN not in ended.output
    return ended


def test_a_labelled_pull_request_is_promoted_on_merge_and_its_release_started(
    reproduced: Clone, tmp_path: Path
) -> None:
    reproduced.edit(".dvc/config", "url = ../../dvc-remote", f"url = {tmp_path / 'dvc-remote'}")
    reproduced.write(".github/workflows/release.yml", "on: workflow_dispatch\njobs: {}\n")
    reproduced.run("dvc", "push")
    head = reproduced.commit("Merge pull request #3")
    push = {"ref": "refs/heads/main", "after": head, **BRANCH}
    with serving(GitHub()) as github:
        github.merged[head] = ["docs"]
        ended = run(reproduced, github, "push", push, tmp_path / "unlabelled")
        assert ended.exit_code == 0 and "Compare, and promote" not in ended.steps, ended.output
        github.merged[head] = ["docs", "promote"]
        ended = run(reproduced, github, "push", push, tmp_path / "labelled")
        assert ended.exit_code == 0, ended.output
        assert reproduced.run("git", "tag").stdout.split() == ["digits#prod#1", "digits@v1.0.0"]
        assert github.dispatched == [("release.yml", "digits@v1.0.0")]
        assert "prod: v1.0.0 since" in ended.output

        by_hand = {"ref": "refs/heads/main", "inputs": {"version": "v9.0.0", "stage": "staging", "why": ""}, **BRANCH}
        ended = run(reproduced, github, "workflow_dispatch", by_hand, tmp_path / "by-hand")
        assert ended.exit_code == 1 and "digits has no version 'v9.0.0'; it has: v1.0.0" in ended.output
    assert github.dispatched == [("release.yml", "digits@v1.0.0")]
