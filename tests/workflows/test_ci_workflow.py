"""ci.yml's own steps, run by act on a pull request, and what comment.yml's code makes of their artifact."""

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.comment.conftest import Comment
from tests.conftest import Clone
from tests.workflows.act import Ended, link_environment, run_workflow
from tests.workflows.github_server import GitHub, archive


@dataclass(frozen=True)
class Checked:
    """A pull request after CI: the commits, how the run ended, and the folder of its artifact."""

    head: str
    base: str
    ended: Ended
    artifact: Path

    @property
    def steps(self) -> dict[str, str]:
        """The outcomes that the artifact records."""
        return json.loads((self.artifact / "run.json").read_text())["steps"]


def check(repository: Clone, scratch: Path, old: str, new: str, tests_exit: int = 0) -> Checked:
    """Edit params.yaml in a pull request as GitHub's web page does, running nothing, and run ci.yml on it."""
    repository.edit("params.yaml", "seed_seconds: 60", "seed_seconds: 1")  # one further pair of trainings is enough
    base = repository.commit("base")
    repository.run("git", "checkout", "-q", "-b", "better")
    repository.edit("params.yaml", old, new)
    head = repository.commit("Update params.yaml")
    repository.run("git", "checkout", "-q", "main")
    repository.run("git", "merge", "-q", "--no-ff", "--no-edit", "better")
    repository.run("git", "update-ref", "refs/pull/3/merge", "HEAD")
    repository.run("git", "reset", "-q", "--hard", base)
    event = {
        "action": "synchronize",
        "number": 3,
        "pull_request": {"number": 3, "head": {"sha": head, "ref": "better"}},
    }
    event["pull_request"]["base"] = {"sha": base, "ref": "main"}
    ended, artifact = run_ci(repository, "pull_request", event, scratch, tests_exit)
    return Checked(head, base, ended, artifact)


def run_ci(
    repository: Clone, event_name: str, event: dict[str, Any], scratch: Path, tests_exit: int = 0
) -> tuple[Ended, Path]:
    """Run ci.yml on an event; how it ended, and the folder of its artifact."""
    (scratch / "artifacts").mkdir(parents=True)
    env = {
        "STUB_VENV": str(link_environment(scratch / "venv", tests_exit)),
        "STUB_ARTIFACTS": str(scratch / "artifacts"),
        "PYTHONPATH": "src",
        "GITHUB_RUN_ID": "507",
        "WANDB_ERROR_REPORTING": "false",
    }
    ended = run_workflow(repository.path, "ci.yml", event_name, event, scratch / "act", env, {})
    assert (scratch / "artifacts" / "review-1" / "run.json").is_file(), ended.output
    return ended, scratch / "artifacts" / "review-1"


def posted(github: GitHub, comment: Comment, checked: Checked) -> str:
    """The comment that comment.yml's code makes of a run."""
    github.open_pull(3, head=checked.head)
    github.main.append(checked.base)
    github.jobs = checked.ended.jobs()
    files = {str(f.relative_to(checked.artifact)): f.read_bytes() for f in checked.artifact.rglob("*") if f.is_file()}
    github.artifacts = {"review-1": archive(files)}
    event = github.event("failure" if checked.ended.exit_code else "success", head_sha=checked.head)
    done = comment(event)
    assert done.returncode == 0, done.stderr
    (body,) = github.bot_comments(3)
    return body


def test_a_parameter_edited_on_github_gets_a_full_comment(
    reproduced: Clone, tmp_path: Path, github: GitHub, comment: Comment
) -> None:
    checked = check(reproduced, tmp_path / "ci", "learning_rate_init: 0.003", "learning_rate_init: 0.002")
    assert checked.steps["repro"] == checked.steps["verify"] == checked.steps["tests"] == "success", (
        checked.ended.output
    )
    assert (checked.artifact / "report.html").is_file() and (checked.artifact / "report.json").is_file()
    with tarfile.open(checked.artifact / "wandb.tar.gz") as packed:  # no key: offline, and the files are handed over
        assert any(name.endswith(".wandb") for name in packed.getnames())
    body = posted(github, comment, checked)
    assert checked.head[:12] in body and checked.base[:12] in body
    assert "learning\\_rate\\_init" in body and "0.002" in body  # the cause
    assert "accuracy" in body and "```mermaid" in body  # the effect, and the curves as a chart
    assert "stale" in body and "every byte came out the same" in body  # the proof
    assert "```diff\ndiff --git a/dvc.lock b/dvc.lock" in body  # the patch, as far as a person reads it
    reproduced.run("git", "apply", "--check", str(checked.artifact / "lock.patch"))
    assert (checked.ended.exit_code == 0) == ("✅ CI passed" in body)


@pytest.mark.parametrize("name", ["push", "merge_group"])
def test_a_push_and_a_merge_group_are_compared_with_what_stood_before(
    reproduced: Clone, tmp_path: Path, name: str
) -> None:
    before = reproduced.commit("what stood")
    for number in ("first", "second"):
        reproduced.run("git", "commit", "-q", "--allow-empty", "-m", f"the {number} of two")
    after = reproduced.run("git", "rev-parse", "HEAD").stdout.strip()
    queue = "refs/heads/gh-readonly-queue/main/pr-3-" + before
    event: dict[str, Any] = {
        "push": {"ref": "refs/heads/main", "before": before, "after": after},
        "merge_group": {
            "action": "checks_requested",
            "merge_group": {"head_sha": after, "head_ref": queue, "base_sha": before, "base_ref": "refs/heads/main"},
        },
    }[name]
    ended, artifact = run_ci(reproduced, name, event, tmp_path / "ci")
    assert ended.exit_code == 0, ended.output
    report = json.loads((artifact / "report.json").read_text())
    assert (report["base"]["commit"], report["verdict"], report["allowed"]) == (before, "equivalent", True)


def test_a_run_that_fails_says_where(clone: Clone, tmp_path: Path, github: GitHub, comment: Comment) -> None:
    checked = check(clone, tmp_path / "ci", "dataset: digits", "dataset: digitz", tests_exit=1)
    assert checked.ended.exit_code == 1
    assert {name: checked.steps[name] for name in ("environment", "repro", "report", "tests")} == {
        "environment": "success",
        "repro": "failure",
        "report": "skipped",
        "tests": "failure",
    }
    assert "**Failed: repro**" in checked.ended.output  # the step summary
    body = posted(github, comment, checked)
    assert "❌ CI failed at `Reproduce the pipeline`, `Lint and test`" in body
    assert "digitz" in body and "ends with 1" in body and "no report" in body
