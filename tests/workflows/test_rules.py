"""The workflows hold to the rules that keep a stranger's pull request harmless."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.tools import needs

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
by_name = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def read(path: Path) -> dict[str, Any]:
    # BaseLoader: YAML 1.1 would read the key `on` as true
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing() -> None:
    run(needs("zizmor"), "--offline", "--no-progress", str(FOLDER))


def test_the_schema_of_workflows_is_met() -> None:
    run(needs("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS))


@by_name
def test_actions_are_pinned_by_commit_with_their_version_beside(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if "uses:" in line:
            assert re.search(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@by_name
def test_checkout_leaves_no_token_behind(path: Path) -> None:
    steps = [step for job in read(path)["jobs"].values() for step in job["steps"]]
    checkouts = [step for step in steps if "checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)


@by_name
def test_every_job_has_a_time_limit_and_least_permissions(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    assert all(int(job["timeout-minutes"]) <= 90 for job in workflow["jobs"].values())


def test_ci_knows_one_secret_in_one_step() -> None:
    jobs = read(FOLDER / "ci.yml")["jobs"]
    job = jobs["review"]
    assert not any("permissions" in job for job in jobs.values())
    knowing = [step for step in job["steps"] if "secrets." in str(step) or "github.token" in str(step)]
    server = "${{ vars.WANDB_BASE_URL || 'https://api.wandb.ai' }}"  # not by the tree
    assert [(step["id"], step["env"]) for step in knowing] == [
        ("mirror", {"WANDB_API_KEY": "${{ secrets.WANDB_API_KEY }}", "WANDB_BASE_URL": server})
    ]
    assert (FOLDER / "ci.yml").read_text().count("secrets.") == 1


def test_ci_runs_every_python_that_the_readme_names() -> None:
    jobs = read(FOLDER / "ci.yml")["jobs"]
    (first,) = (step["with"]["python-version"] for step in jobs["review"]["steps"] if step.get("id") == "python")
    others = jobs["pythons"]["strategy"]["matrix"]["python"]
    named = re.search(r"^Python (.+?), git and make are enough", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert named and named[1] == f"{first}, {' or '.join(others)}"


def test_comment_may_write_and_so_runs_the_default_branch_alone() -> None:
    workflow = read(FOLDER / "comment.yml")
    assert list(workflow["on"]) == ["workflow_run"]
    group = workflow["concurrency"]["group"]
    assert (
        "workflow_run.head_repository.id" in group and "workflow_run.head_sha" in group
    )  # two forks may have one commit
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "read", "actions": "read", "pull-requests": "write"}
    checkout, comment = job["steps"]
    assert checkout["with"]["ref"] == "${{ github.event.repository.default_branch }}"
    assert comment["run"] == "python3 -P -m pipeline.comment"


def test_promote_waits_for_a_reviewer_before_anything_may_write() -> None:
    workflow = read(FOLDER / "promote.yml")
    assert set(workflow["on"]) == {"workflow_dispatch", "push"} and workflow["permissions"] == {}
    decide, promote = workflow["jobs"]["decide"], workflow["jobs"]["promote"]
    assert decide["permissions"] == {"contents": "read", "pull-requests": "read"}
    assert decide["if"] == "${{ github.ref_name == github.event.repository.default_branch }}"
    assert promote["needs"] == "decide" and promote["environment"] == "production"
    assert promote["permissions"] == {"contents": "write", "actions": "write"}
    assert promote["concurrency"] == {"group": "promote", "cancel-in-progress": "false"}
    assert [step["name"] for step in promote["steps"] if "secrets." in str(step)] == ["Compare, and promote"]


def test_a_merge_group_is_checked_and_gets_no_comment() -> None:
    """It has no pull request of its own: its run's number is 0, and what it found stands in the step summary."""
    assert {"pull_request", "merge_group", "push"} == set(read(FOLDER / "ci.yml")["on"])
    (job,) = read(FOLDER / "comment.yml")["jobs"].values()
    assert job["if"] == "${{ github.event.workflow_run.event == 'pull_request' }}"


def test_apple_silicon_has_a_workflow_of_its_own_which_a_team_can_delete() -> None:
    """It runs the pipeline and judges by equivalence; nothing else knows of it."""
    (job,) = read(FOLDER / "macos.yml")["jobs"].values()
    assert job["runs-on"].startswith("macos")
    said = "".join(step.get("run", "") for step in job["steps"])
    assert "make repro" in said and "pipeline verify --equivalent" in said
    others = [*(path for path in WORKFLOWS if path.name != "macos.yml"), ROOT / "Makefile", ROOT / ".ci/run"]
    assert not [path.name for path in others if "macos" in path.read_text(encoding="utf-8")]


def test_the_long_simulations_run_every_week_and_for_every_number_of_classes() -> None:
    from benchmarks.bench_simulations import SHARES

    workflow = read(FOLDER / "weekly.yml")
    assert set(workflow["on"]) == {"schedule", "workflow_dispatch"} and workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"]["classes"] == list(SHARES)
    assert "secrets." not in str(workflow) and "benchmarks/bench_simulations.py" in job["steps"][-1]["run"]
