"""Creates or updates a pull request's one comment when a CI run has ended: `python -P -m pipeline.comment`.

Trusted: what GitHub says of the run (the event, its jobs, its open pull requests). Untrusted: the run's artifact, since
the run executed a pull request's code. So GitHub says which pull request this is and which steps failed, the artifact
only supplies text, which `neutral` makes harmless.
"""

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.comment.artifact import MAX_ARCHIVE, Artifact, RefusedError, parse
from pipeline.comment.github import GitHub
from pipeline.comment.neutral import inline, length, neutralise, shorten, verbatim
from pipeline.errors import ResourceError, run
from pipeline.text import shown

WORKFLOW = ".github/workflows/ci.yml"
BOT = "github-actions[bot]"
MAX_COMMENT = 65_536
MARKER = re.compile(r"<!-- pipeline-review run=(\d{1,15}) attempt=(\d{1,9}) head=([0-9a-f]+) -->")
MARKER_START = "<!-- pipeline-review "
ENDED = {
    "success": "✅ CI passed",
    "failure": "❌ CI failed",
    "timed_out": "❌ CI ran out of time",
    "startup_failure": "❌ CI could not start",
    "cancelled": "⚪ CI was cancelled",
}


@dataclass(frozen=True)
class Run:
    """A CI run that has ended, as GitHub describes it."""

    id: int
    number: int
    attempt: int
    conclusion: str
    head: str
    head_repository: int
    head_label: str
    url: str

    @property
    def order(self) -> tuple[int, int]:
        """Later runs compare greater."""
        return self.number, self.attempt

    @property
    def marker(self) -> str:
        """The hidden first line by which the comment is found again."""
        return f"{MARKER_START}run={self.number} attempt={self.attempt} head={self.head} -->"


def main() -> None:
    """Comment on the run that the event names."""
    ended = run_of(json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8")))
    if ended is None:
        say("nothing to comment: not an ended CI run of a pull request")
        return
    github = GitHub.from_environment()
    pulls = open_pulls(github, ended)
    if not pulls:
        say(f"nothing to comment: no open pull request has {ended.head} as its head; a newer commit has its own run")
        return
    failed = failed_steps(github, ended)
    artifact, refusal = None, ""
    try:
        artifact = artifact_of(github, ended, pulls)
    except RefusedError as reason:
        refusal = f"is refused: {reason}"
    except ResourceError as reason:
        refusal = f"could not be fetched: {reason}"
    if refusal:
        say(f"the artifact {refusal}")
    unsure = artifact is None and len(pulls) > 1
    for pull in pulls:
        if artifact is None or artifact.pull_request == pull["number"]:
            base = (artifact and artifact.base) or pull["base"]["sha"]
            say(publish(github, ended, pull["number"], body_of(ended, base, failed, artifact, refusal), unsure))


def run_of(event: dict[str, Any]) -> Run | None:
    """The CI run in a `workflow_run` event, or None if it is not one to comment on."""
    data = event["workflow_run"]
    if (data["path"].partition("@")[0], data["event"]) != (WORKFLOW, "pull_request") or not data["head_repository"]:
        return None
    if data["conclusion"] not in ENDED:
        return None
    return Run(
        id=data["id"],
        number=data["run_number"],
        attempt=data["run_attempt"],
        conclusion=data["conclusion"],
        head=data["head_sha"],
        head_repository=data["head_repository"]["id"],
        head_label=f"{data['head_repository']['owner']['login']}:{data['head_branch']}",
        url=data["html_url"],
    )


def open_pulls(github: GitHub, ended: Run) -> list[dict[str, Any]]:
    """The open pull requests whose head is the run's commit now. Branch or fork: the event names both."""
    pulls = github.pages("/pulls", state="open", head=ended.head_label)
    return [
        pull
        for pull in pulls
        if pull["head"]["sha"] == ended.head and (pull["head"]["repo"] or {}).get("id") == ended.head_repository
    ]


def failed_steps(github: GitHub, ended: Run) -> list[str]:
    """The names of the steps that did not succeed, or of jobs that failed outside of any step."""
    names: list[str] = []
    for job in github.pages(f"/actions/runs/{ended.id}/attempts/{ended.attempt}/jobs", key="jobs"):
        bad = [step["name"] for step in job.get("steps", []) if step["conclusion"] in ("failure", "timed_out")]
        names += bad or ([job["name"]] if job["conclusion"] not in ("success", "skipped") else [])
    return names[:20]


def artifact_of(github: GitHub, ended: Run, pulls: list[dict[str, Any]]) -> Artifact | None:
    """The run's artifact, if it has one. Raises RefusedError if it is not of this run and these pull requests."""
    name = f"review-{ended.attempt}"
    listed = github.pages(f"/actions/runs/{ended.id}/artifacts", key="artifacts", name=name)
    found = [item for item in listed if item["name"] == name and not item["expired"]]
    if not found:
        return None
    if found[0]["size_in_bytes"] > MAX_ARCHIVE:
        raise RefusedError(f"it is larger than {MAX_ARCHIVE:,} bytes")
    artifact = parse(github.download(f"/actions/artifacts/{int(found[0]['id'])}/zip", MAX_ARCHIVE))
    if (artifact.run_id, artifact.run_attempt, artifact.head) != (ended.id, ended.attempt, ended.head):
        raise RefusedError("it says that it is of another run or commit")
    pull = next((pull for pull in pulls if pull["number"] == artifact.pull_request), None)
    if pull is None:
        raise RefusedError("it names a pull request that does not have this commit as its head")
    if artifact.base:
        require_base(github, artifact, pull["base"]["ref"])
    return artifact


def require_base(github: GitHub, artifact: Artifact, branch: str) -> None:
    """Raise RefusedError unless the artifact's base is what its head could be merged into.

    CI compares with the first parent of GitHub's merge commit: what the branch's last commit was when the run began.
    Of that GitHub keeps no record. But it is on the branch, and not older than where the pull request leaves it: an
    older base, where the model was worse, would make anything look better. Merging the branch into the pull request
    moves that point forward; after a force push of the branch the old commits are none of it.
    """
    place = quote(branch, safe="")
    if not leads_to(github, artifact.base, place):
        raise RefusedError(f"it names a base that is no commit of {branch} now; run CI again")
    fork = github.get(f"/compare/{place}...{artifact.head}", per_page=1)["merge_base_commit"]["sha"]
    if not leads_to(github, fork, artifact.base):
        raise RefusedError(
            f"it names a base that is older than where the pull request leaves {branch}, {fork[:12]}; run CI again"
        )


def leads_to(github: GitHub, commit: str, later: str) -> bool:
    """Whether a commit is `later`, a commit or a branch, or an ancestor of it."""
    try:
        compared = github.get(f"/compare/{commit}...{later}", per_page=1)
    except ResourceError:  # there is no such commit
        return False
    return compared["status"] in ("ahead", "identical")


def body_of(ended: Run, base: str, failed: list[str], artifact: Artifact | None, refusal: str) -> str:
    """The whole comment: first what GitHub says of the run, then what the run says."""
    where = f" at {', '.join(inline(name) for name in failed)}" if failed else ""
    head = [
        ended.marker,
        f"**{ENDED[ended.conclusion]}{where}** · head `{ended.head[:12]}`, base `{base[:12]}` · "
        f"[run {ended.number}, attempt {ended.attempt}]({ended.url})",
        "",
    ]
    if artifact is not None:
        for step, outcome in artifact.steps.items():
            if outcome == "failure" and step in artifact.logs:
                log = verbatim(artifact.logs[step], lines=15)
                head.append(f"<details><summary>The end of what <code>{step}</code> printed</summary>{log}</details>\n")
        if artifact.steps.get("mirror") == "failure":
            head.append("The run was not mirrored to W&B; that blocks nothing, the step says why.\n")
    if artifact is None or artifact.report is None:
        reason = f"⚠️ The artifact of this run {refusal}." if refusal else "This run left no report."
        return "\n".join([*head, reason]) + "\n"
    head.append(
        "<sub>What follows was written by the pull request's own code. Mentions, links, pictures and foreign HTML "
        "are taken out.</sub>\n\n"
    )
    start = "\n".join(head)
    note = "**Shortened here**, to what a comment can hold; the whole report is in the run's artifact."
    return start + shorten(neutralise(artifact.report), MAX_COMMENT - length(start), note)


def publish(github: GitHub, ended: Run, number: int, body: str, unsure: bool = False) -> str:
    """Create the comment or update it in place, unless it holds a newer result; says which.

    `unsure`: this run may be of another pull request with the same head, since nothing of it says of which. Then the
    comment that another run left on this very commit stays.
    """
    for comment in github.pages(f"/issues/{number}/comments"):
        if comment["user"] and comment["user"]["login"] == BOT and comment["body"].startswith(MARKER_START):
            marker = MARKER.match(comment["body"])
            if marker and (int(marker[1]), int(marker[2])) > ended.order:
                return f"pull request {number}: its comment is of a newer run and stays"
            if marker and unsure and marker[3] == ended.head and int(marker[1]) != ended.number:
                return f"pull request {number}: its comment is of another run on the same commit and stays"
            github.patch(f"/issues/comments/{int(comment['id'])}", {"body": body})
            return f"pull request {number}: comment {comment['id']} updated"
    github.post(f"/issues/{number}/comments", {"body": body})
    return f"pull request {number}: comment created"


def say(message: str) -> None:
    """Print a line for the workflow's log; a message of ours never starts with a workflow command."""
    sys.stdout.write(shown(message) + "\n")


if __name__ == "__main__":
    run(main)
