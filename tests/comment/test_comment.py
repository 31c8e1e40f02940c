"""What a pull request's comment says and when it is left alone, against a stand-in GitHub that enforces its rules."""

import json
from typing import Any

import pytest

from tests.comment.conftest import Comment
from tests.workflows.github_server import BASE, BOT, FORK, HEAD, OLD, OTHER, TOKEN, GitHub, archive

MARKER = "<!-- pipeline-review run={} attempt={} head=" + HEAD + " -->"


def leave_artifact(github: GitHub, report: str | None = "## Better", number: int = 7, attempt: int = 1, **changes: Any):
    """Leave what ci.yml leaves: run.json, the report and logs."""
    record = {"pull_request": 3, "head": HEAD, "base": BASE, "run_id": 500 + number, "run_attempt": attempt}
    logs = changes.pop("logs", {})
    record |= {"steps": {"repro": "success"}} | changes
    files = {"run.json": json.dumps(record)} | {f"logs/{step}.log": log for step, log in logs.items()}
    github.artifacts = {f"review-{attempt}": archive(files | ({} if report is None else {"report.md": report}))}


def fail_at(github: GitHub, *steps: str) -> None:
    """Let GitHub say that these steps of the run failed."""
    listed = [{"name": "Set up job", "conclusion": "success"}]
    listed += [{"name": step, "conclusion": "failure"} for step in steps]
    github.jobs = [{"name": "review", "conclusion": "failure", "steps": listed}]


@pytest.mark.parametrize("fork", [False, True])
def test_the_first_comment_names_base_and_head_and_holds_the_report(
    github: GitHub, comment: Comment, fork: bool
) -> None:
    github.open_pull(3, fork=fork)
    leave_artifact(github)
    owner = {"id": 2, "owner": {"login": "stranger"}} if fork else {"id": 1, "owner": {"login": "team"}}
    done = comment(github.event(head_repository=owner))
    assert (done.returncode, done.stderr) == (0, "")
    (body,) = github.bot_comments(3)
    assert body.startswith(MARKER.format(7, 1) + "\n**✅ CI passed**")
    assert HEAD[:12] in body and BASE[:12] in body and "## Better" in body


def test_a_later_run_updates_the_comment_in_place(github: GitHub, comment: Comment) -> None:
    for number, attempt, report in ((7, 1, "first"), (7, 2, "second"), (8, 1, "third")):
        leave_artifact(github, report, number, attempt)
        assert comment(github.event(number=number, attempt=attempt)).returncode == 0
        (body,) = github.bot_comments(3)
        assert report in body and body.startswith(MARKER.format(number, attempt))


@pytest.mark.parametrize(("number", "attempt"), [(7, 1), (8, 1), (7, 9)])
def test_an_older_run_changes_nothing(github: GitHub, comment: Comment, number: int, attempt: int) -> None:
    newer = github.add_comment(3, MARKER.format(8, 2) + "\nnewer", BOT)
    leave_artifact(github, "older", number, attempt)
    done = comment(github.event(number=number, attempt=attempt))
    assert done.returncode == 0 and "newer" in done.stdout
    assert github.comments[3] == [newer] and newer["body"].endswith("newer")


def test_a_run_of_a_commit_that_is_no_longer_the_head_changes_nothing(github: GitHub, comment: Comment) -> None:
    github.open_pull(3, head=OTHER)
    leave_artifact(github)
    done = comment(github.event())
    assert done.returncode == 0 and "no open pull request" in done.stdout
    assert github.comments == {}


def test_the_comment_is_found_among_250_by_marker_and_author(github: GitHub, comment: Comment) -> None:
    marker = MARKER.format(1, 1)
    for i in range(120):
        github.add_comment(3, f"comment {i}", {"login": f"user{i}", "type": "User"})
    github.add_comment(3, f"{marker}\nforged by a person", {"login": "mallory", "type": "User"})
    github.add_comment(3, f"another tool of the bot that quotes {marker}", BOT)
    for i in range(108):
        github.add_comment(3, f"comment {i}", {"login": f"user{i}", "type": "User"})
    ours = github.add_comment(3, f"{marker}\nold", BOT)
    for i in range(19):
        github.add_comment(3, f"comment {i}", {"login": f"user{i}", "type": "User"})
    assert len(github.comments[3]) == 250
    before = [dict(c) for c in github.comments[3]]
    leave_artifact(github, "the new report")
    assert comment(github.event()).returncode == 0
    assert "the new report" in ours["body"]
    assert [c for c in before if c["id"] != ours["id"]] == [c for c in github.comments[3] if c is not ours]
    assert not [request for request in github.requests if request.startswith("POST")]


def test_a_failure_says_which_step_and_shows_what_it_printed(github: GitHub, comment: Comment) -> None:
    github.add_comment(3, MARKER.format(6, 1) + "\n**✅ CI passed** all green", BOT)
    fail_at(github, "Reproduce the pipeline", "Lint and test")
    log = "\n".join(f"line {i}" for i in range(100)) + "\n\x1b[31mERROR: @user failed\x1b[0m ```"
    leave_artifact(github, None, steps={"repro": "failure", "tests": "success"}, logs={"repro": log, "tests": "quiet"})
    assert comment(github.event("failure")).returncode == 0
    (body,) = github.bot_comments(3)
    assert "❌ CI failed at `Reproduce the pipeline`, `Lint and test`" in body
    assert "ERROR: @user failed ```\n````\n" in body and "line 99" in body and "line 50\n" not in body
    assert "all green" not in body and "quiet" not in body and "no report" in body


def test_a_run_that_failed_before_it_had_a_commit_names_the_pull_requests_base(
    github: GitHub, comment: Comment
) -> None:
    fail_at(github, "Check out")
    leave_artifact(github, None, base="", steps={"repro": "skipped"})
    assert comment(github.event("failure")).returncode == 0
    (body,) = github.bot_comments(3)
    assert "❌ CI failed at `Check out`" in body and BASE[:12] in body and "refused" not in body


def test_a_chatty_step_that_succeeded_costs_no_report(github: GitHub, comment: Comment) -> None:
    leave_artifact(github, "## Better", logs={"repro": "Iteration\n" * 300_000})
    assert comment(github.event()).returncode == 0
    (body,) = github.bot_comments(3)
    assert "## Better" in body and "Iteration" not in body


@pytest.mark.parametrize("conclusion", ["failure", "timed_out", "cancelled", "startup_failure"])
def test_a_run_without_an_artifact_is_commented_too(github: GitHub, comment: Comment, conclusion: str) -> None:
    github.jobs = [{"name": "review", "conclusion": conclusion, "steps": []}]
    assert comment(github.event(conclusion)).returncode == 0
    (body,) = github.bot_comments(3)
    assert "CI" in body and "at `review`" in body and "no report" in body and BASE[:12] in body


def test_an_oversized_report_is_cut_to_what_github_takes(github: GitHub, comment: Comment) -> None:
    leave_artifact(github, "```diff\n" + "+ 😀 row\n" * 50_000 + "```\n<details>\nend")
    assert comment(github.event()).returncode == 0
    (body,) = github.bot_comments(3)
    assert 60_000 < len(body.encode("utf-16-le")) // 2 <= 65_536
    assert body.rstrip().endswith("the whole report is in the run's artifact.") and body.count("```") == 2


def test_logs_and_report_together_fit(github: GitHub, comment: Comment) -> None:
    steps = ("environment", "repro", "verify", "report", "tests")
    fail_at(github, *("😀" * 300 for _ in range(50)))
    leave_artifact(
        github, "x @y\n" * 100_000, steps=dict.fromkeys(steps, "failure"), logs=dict.fromkeys(steps, "😀" * 400_000)
    )
    assert comment(github.event("failure")).returncode == 0
    assert len(github.bot_comments(3)) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pull_request": 4}, "names a pull request"),
        ({"head": OTHER}, "another run or commit"),
        ({"run_id": 1}, "another run or commit"),
        ({"run_attempt": 2}, "another run or commit"),
        ({"base": OTHER}, "no commit of main"),
        ({"base": OLD}, "older than where the pull request leaves main"),
        ({"base": "d" * 40}, "no commit of main"),
        ({"steps": {"@user": "failure"}}, "steps in run.json"),
    ],
)
def test_a_forged_artifact_is_refused_and_said_so_on_the_right_pull_request(
    github: GitHub, comment: Comment, changes: dict[str, Any], reason: str
) -> None:
    github.open_pull(4, head=OTHER, branch="other")
    leave_artifact(github, "forged", **changes)
    if "run_attempt" in changes:
        github.artifacts = {"review-1": github.artifacts.pop("review-1")}
    assert comment(github.event()).returncode == 0
    (body,) = github.bot_comments(3)
    assert reason in body and "forged" not in body and BASE[:12] in body
    assert github.bot_comments(4) == []


def test_a_base_between_the_pull_requests_beginning_and_the_branchs_end_is_its_base(
    github: GitHub, comment: Comment
) -> None:
    later = "3" * 40
    github.main.append(later)  # the branch went on while CI ran
    for number, base in ((7, FORK), (8, BASE), (9, later)):
        leave_artifact(github, "## Better", number, base=base)
        assert comment(github.event(number=number)).returncode == 0
        (body,) = github.bot_comments(3)
        assert "## Better" in body and f"base `{base[:12]}`" in body


def test_after_merging_the_branch_or_a_force_push_of_it_an_old_base_is_none(github: GitHub, comment: Comment) -> None:
    github.fork = BASE  # the pull request has merged the branch as it was at BASE
    leave_artifact(github, "## Better", base=FORK)
    assert comment(github.event()).returncode == 0
    (body,) = github.bot_comments(3)
    assert "older than where" in body and "## Better" not in body
    github.fork, github.main = OLD, [OLD, "4" * 40]
    leave_artifact(github, "## Better", 8, base=BASE)
    assert comment(github.event(number=8)).returncode == 0
    (body,) = github.bot_comments(3)
    assert "no commit of main now" in body and "## Better" not in body


@pytest.mark.parametrize(
    "content",
    [
        archive({"../run.json": "{}"}),
        archive({"run.json": "{}", "report.md": b"\0" * 50_000_000}),
        b"no zip file",
        b"PK" * 16_000_001,
    ],
    ids=["traversal", "bomb", "no-zip", "too-large"],
)
def test_a_hostile_file_is_refused_and_said_so(github: GitHub, comment: Comment, content: bytes) -> None:
    github.artifacts = {"review-1": content}
    assert comment(github.event()).returncode == 0
    (body,) = github.bot_comments(3)
    assert "is refused: " in body


def test_a_hostile_report_is_neutral_and_cannot_take_the_comment_over(github: GitHub, comment: Comment) -> None:
    attack = (
        f"{MARKER.format(99999, 1)}\n@team/all fixes #1 ![x](https://e.vil/x.png) [ok](https://e.vil) <img src=//e.vil>"
        "<script>alert(1)</script>\n<!--\n```text\n@user\n"
    )
    leave_artifact(github, attack)
    assert comment(github.event()).returncode == 0
    (body,) = github.bot_comments(3)
    prose = body.partition("are taken out")[2].partition("```text")[0]
    for syntax in ("@team", "#1", "![", "](", "://", "<img", "<script", "<!--"):
        assert syntax not in prose
    leave_artifact(github, "the next run", 8)
    assert comment(github.event(number=8)).returncode == 0
    (body,) = github.bot_comments(3)
    assert "the next run" in body


def test_two_pull_requests_of_one_commit_are_told_apart(github: GitHub, comment: Comment) -> None:
    github.open_pull(5)
    leave_artifact(github, pull_request=5)
    assert comment(github.event()).returncode == 0
    assert (len(github.bot_comments(3)), len(github.bot_comments(5))) == (0, 1)


def test_of_two_pull_requests_of_one_commit_a_run_without_artifact_takes_no_others_comment(
    github: GitHub, comment: Comment
) -> None:
    github.open_pull(5)
    leave_artifact(github)
    assert comment(github.event()).returncode == 0
    github.artifacts = {}
    assert comment(github.event("cancelled", number=8)).returncode == 0
    (first,), (second,) = github.bot_comments(3), github.bot_comments(5)
    assert "## Better" in first and "CI was cancelled" in second


@pytest.mark.parametrize(
    "changes",
    [
        {"event": "push"},
        {"path": ".github/workflows/evil.yml"},
        {"conclusion": "action_required"},
        {"conclusion": "skipped"},
        {"head_repository": None},
        {"head_repository": {"id": 9, "owner": {"login": "team"}}},
    ],
)
def test_other_runs_are_not_commented(github: GitHub, comment: Comment, changes: dict[str, Any]) -> None:
    leave_artifact(github)
    done = comment(github.event(**changes))
    assert (done.returncode, github.comments) == (0, {})
    assert done.stdout.startswith("nothing to comment")


def test_a_passing_fault_of_github_is_tried_again_and_a_lasting_one_is_one_line(
    github: GitHub, comment: Comment
) -> None:
    leave_artifact(github)
    github.faults = [502]
    assert comment(github.event()).returncode == 0
    assert len(github.bot_comments(3)) == 1
    github.faults = [500] * 3
    done = comment(github.event())
    assert done.returncode == 3 and done.stderr.count("\n") == 1 and "HTTP 500" in done.stderr


@pytest.mark.parametrize("path", ["/storage/", "/repos/team/models/pulls", "/repos/team/models/issues"])
def test_an_answer_that_breaks_off_is_asked_for_again(github: GitHub, comment: Comment, path: str) -> None:
    leave_artifact(github)
    github.add_comment(3, MARKER.format(6, 1) + "\n**✅ CI passed**", BOT)
    github.cuts = {path: 1}
    done = comment(github.event())
    assert (done.returncode, done.stderr) == (0, "")
    (body,) = github.bot_comments(3)
    assert "## Better" in body and "refused" not in body


def test_a_download_that_always_breaks_off_is_told_and_no_older_green_comment_stays(
    github: GitHub, comment: Comment
) -> None:
    leave_artifact(github)
    github.add_comment(3, MARKER.format(6, 1) + "\n**✅ CI passed**", BOT)
    github.cuts = {"/storage/": 3}
    assert comment(github.event("failure")).returncode == 0
    (body,) = github.bot_comments(3)
    assert "❌ CI failed" in body and "could not be fetched" in body and "too early" in body


def test_an_answer_that_always_breaks_off_is_one_line(github: GitHub, comment: Comment) -> None:
    github.cuts = {"/repos/team/models/pulls": 3}
    done = comment(github.event())
    assert done.returncode == 3 and done.stderr.count("\n") == 1 and "broke off" in done.stderr


def test_a_wrong_token_is_one_line_and_never_shown(github: GitHub, comment: Comment) -> None:
    done = comment(github.event(), token="wrong-" + TOKEN)
    assert done.returncode == 3 and "HTTP 401" in done.stderr and done.stderr.count("\n") == 1
