"""`pipeline report` as a command: its answer, its exit code, and its files in every case."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipeline.repository.sides import PREDICTIONS
from tests.conftest import Clone
from tests.repository.small import set_param

pytestmark = pytest.mark.slow  # a pipeline and a report for every test

BREAKS_WITH_ANOTHER_SEED = """def train() -> None:
    if PARAMS["train"]["seed"]:
        raise SystemExit("broken on purpose")"""


def report(clone: Clone, *arguments: str, env: dict[str, str] | None = None) -> tuple[int, dict, str]:
    """Exit code, report.json and what was printed; all three files must be there."""
    shutil.rmtree(clone.path / "report", ignore_errors=True)
    done = clone.run("pipeline", "report", *arguments, check=False, env=env)
    for name in ("report.md", "report.html", "report.json"):
        assert (clone.path / "report" / name).is_file(), done.stderr
    assert "Traceback" not in done.stderr
    content = json.loads((clone.path / "report/report.json").read_text(encoding="utf-8"))
    return done.returncode, content, done.stdout + done.stderr


def change(clone: Clone, **params: object) -> None:
    """Edit params.yaml (dots as __) and run the pipeline."""
    for name, value in params.items():
        set_param(clone, name.replace("__", "."), value)
    clone.run("dvc", "repro")


def test_a_better_model_is_called_better_and_allowed(results: Clone) -> None:
    change(results, train__arguments__skill=0.99)
    code, content, said = report(results)
    assert (code, content["verdict"], content["allowed"]) == (0, "better", True)
    assert content["comparison"]["n"] == len(pd.read_parquet(results.path / PREDICTIONS))
    assert content["changes"]["parameters"] == [{"name": "train.arguments.skill", "old": "0.9", "new": "0.99"}]
    assert [stage["stage"] for stage in content["changes"]["stages"]] == ["train", "evaluate", "package"]
    assert content["base"]["source"] == "the DVC cache"
    assert "Better: accuracy" in said and "train.arguments.skill 0.9 → 0.99" in said


def test_a_worse_model_is_blocked(results: Clone) -> None:
    change(results, train__arguments__skill=0.6)
    code, content, said = report(results)
    assert (code, content["verdict"], content["allowed"]) == (1, "worse", False)
    assert "Worse, not allowed: accuracy" in said
    assert any("accuracy at least" in failure for failure in content["failures"])
    assert any("accuracy not worse" in failure for failure in content["failures"])


def test_an_informing_rule_does_not_block(results: Clone) -> None:
    set_param(results, "gate", [{"metric": "accuracy", "minimum": 0.999, "action": "inform"}])
    code, content, said = report(results)
    assert (code, content["gate"][0]["status"]) == (0, "fails")
    assert "worth a look: accuracy at least" in said


def test_no_change_is_no_news(results: Clone) -> None:
    set_param(results, "gate", [])
    results.commit("no gate")
    results.commit("nothing")
    code, content, said = report(results)
    assert (code, content["verdict"]) == (0, "no detectable change")  # on so few rows
    assert content["comparison"]["identical"] and "Because of: nothing" in said


def test_the_first_commit_is_shown_alone_and_floors_apply(results: Clone) -> None:
    code, content, said = report(results)
    assert (code, content["verdict"], content["base"], content["comparison"]) == (1, "no base", None, None)
    assert "First results, but not allowed: accuracy" in said and "no base with results" in said
    set_param(results, "gate", [{"metric": "accuracy", "minimum": 0.5}, {"metric": "accuracy", "regression": 0.1}])
    results.commit("a lower floor")
    results.run(
        "git", "update-ref", "HEAD", results.run("git", "commit-tree", "HEAD^{tree}", "-m", "root").stdout.strip()
    )
    code, content, _ = report(results)
    assert [rule["status"] for rule in content["gate"]] == ["passes", "not applied"] and code == 0


@pytest.mark.parametrize("option", ["--base", "--head"])
@pytest.mark.parametrize("revision", ["nonsense", ""])
def test_a_wrong_revision_is_exit_2(results: Clone, option: str, revision: str) -> None:
    code, content, said = report(results, option, revision)
    assert code == 2 and f"'{revision}' is no revision" in content["problem"] and f"error: '{revision}'" in said


def test_elsewhere_than_at_the_root_it_says_so_and_writes_nothing(results: Clone) -> None:
    done = Clone(results.path / "src").run("pipeline", "report", check=False)
    assert done.returncode == 2 and "run this from the root" in done.stderr
    assert not (results.path / "src/report").exists()


def test_a_hook_can_run_it_and_the_commit_is_what_the_user_made(results: Clone) -> None:
    """Git tells its hooks which index the commit is made from; the base must not be checked out into that one."""
    hook = results.path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\npipeline report >&2\n")
    hook.chmod(0o755)
    set_param(results, "gate", [])
    results.commit("nothing to block")
    (results.path / "new.txt").write_text("new")
    (results.path / ".gitignore").write_text("/report/\n/data/prepared\n/data/predictions\n/models\n# more\n")
    results.run("git", "add", "new.txt")
    results.run("git", "commit", "-q", "-a", "-m", "with a hook")
    assert results.run("git", "show", "--name-only", "--format=", "HEAD").stdout.split() == [".gitignore", "new.txt"]
    assert results.run("git", "status", "--porcelain").stdout == ""


def test_a_changed_command_is_a_cause(results: Clone) -> None:
    path = results.path / "dvc.yaml"
    path.write_text(path.read_text().replace("pipe.py train", "pipe.py train --quietly"))
    results.run("dvc", "repro")
    _, _, said = report(results)
    assert "Because of: dvc.yaml: command train" in said


def test_the_same_rows_in_another_file_are_a_cause(results: Clone) -> None:
    path = results.path / "data/raw/rows.csv"
    first, *rows = path.read_text().splitlines()
    path.write_text("\n".join([first, *reversed(rows)]) + "\n")
    results.run("dvc", "repro")
    _, _, said = report(results)
    assert "Because of: data: other files, but the same prepared rows" in said


def test_two_revisions_are_compared_wherever_one_stands(results: Clone) -> None:
    change(results, train__arguments__skill=0.99)
    results.commit("better")
    results.commit("later")
    code, content, _ = report(results, "--base", "HEAD~1", "--head", "HEAD~2")
    assert (code, content["verdict"], content["head"]["subject"]) == (1, "worse", "first results")


def test_right_after_a_run_the_report_says_that_nothing_is_committed_and_not_that_it_is_stale(results: Clone) -> None:
    change(results, train__arguments__skill=0.99)
    code, content, said = report(results)
    assert (code, content["verdict"]) == (0, "better")
    assert "Proof: dvc.lock is current, and not committed" in said and "stale" not in said


def test_a_parameter_edited_without_running_anything_is_stale_here_and_full_after_ci_ran_it(results: Clone) -> None:
    results.run("git", "switch", "-q", "-c", "edit")
    set_param(results, "train.arguments.skill", 0.99)
    results.commit("edited on GitHub")
    code, content, said = report(results)
    assert code == 1 and "the results are not of these files" in said and content["proof"]["stale"]
    assert content["verdict"] == "not compared", "the results that are there say nothing about this parameter"
    results.run("dvc", "repro")
    code, content, _ = report(results)
    assert (code, content["verdict"], content["proof"]["lock"]) == (0, "better", "stale")
    assert "diff --git a/dvc.lock" in (results.path / "report/report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("value", ["nan", None])
def test_a_metric_that_is_missing_or_not_finite_is_not_allowed(results: Clone, value: object) -> None:
    file = results.path / "metrics/evaluate/metrics.json"
    values = json.loads(file.read_text())
    values.pop("log_loss")
    file.write_text(json.dumps(values if value is None else values | {"log_loss": value}))
    results.commit("broken metric")
    code, content, _ = report(results)
    assert code == 1 and content["missing"] == ["log_loss"]


def test_a_base_that_cannot_be_had_is_exit_1_and_says_why(results: Clone) -> None:
    (results.path / "pipe.py").write_text("raise SystemExit('broken on purpose')")
    results.commit("broken")
    results.run("git", "revert", "-n", "HEAD")
    results.commit("repaired")
    code, content, said = report(results)
    assert code == 1 and "does not run" in content["problem"] and "Not compared" in said
    assert content["head_values"]["accuracy"] > 0.5, "the head is shown alone"


@pytest.mark.parametrize("file", ["params.yaml", "dvc.lock"])
def test_a_base_whose_file_is_broken_is_named_with_file_and_line(results: Clone, file: str) -> None:
    good = (results.path / file).read_text()
    results.write(file, f"{good}\n  x: [\n")
    broken = results.commit("broken")
    results.write(file, good)
    results.commit("repaired")
    code, content, said = report(results)
    assert code == 1 and "Not compared" in said
    assert re.match(rf"{file} of {broken[:7]} is no YAML, line \d+: ", content["problem"])


def test_broken_results_in_the_workspace_still_leave_a_report(results: Clone) -> None:
    results.commit("nothing")
    (results.path / PREDICTIONS).write_bytes(b"no Parquet")
    code, content, _ = report(results)
    assert code not in (0, 2) and content["verdict"] == "not compared"


def test_rows_that_changed_are_left_out_and_counted(results: Clone) -> None:
    table = pd.read_csv(results.path / "data/raw/rows.csv", dtype={"key": str})
    table["weight"] = [1] * 390 + [2] * 10
    table.to_csv(results.path / "data/raw/rows.csv", index=False)
    results.run("dvc", "repro")
    results.commit("a new column changes every row")
    code, content, _ = report(results)
    assert code == 1 and "is not comparable" in content["problem"]
    table.loc[0:49, "weight"] = 3
    pd.concat([table, pd.DataFrame({"key": [f"new{n}" for n in range(40)], "target": 1, "weight": 1})]).iloc[
        20:
    ].to_csv(results.path / "data/raw/rows.csv", index=False)
    results.run("dvc", "repro")
    code, content, _ = report(results)
    found = content["comparison"]
    assert found["excluded"] > 5 and found["only_head"] > 5 and found["only_base"] > 2
    assert {row["split"] for row in content["changes"]["rows"]} >= {"train", "test"}
    assert "left out" in (results.path / "report/report.md").read_text(encoding="utf-8")


def test_a_change_of_the_gate_itself_is_told(results: Clone) -> None:
    set_param(results, "gate", [{"metric": "accuracy", "minimum": 0.1}])
    _, content, said = report(results)
    assert "how it is judged: gate" in said and content["changes"]["parameters"] == []


def test_seeds_say_both_kinds_of_uncertainty(results: Clone) -> None:
    change(results, train__arguments__skill=0.91)
    _, content, said = report(results, "--seeds", "1")
    assert len(content["noise"]["differences"]) == 2
    assert "Which rows were tested leaves" in said and "luck of the seed" in said


def test_seeds_that_cannot_be_tried_leave_the_report(results: Clone) -> None:
    path = results.path / "pipe.py"
    path.write_text(path.read_text().replace("def train() -> None:", BREAKS_WITH_ANOTHER_SEED))
    results.run("dvc", "repro")
    results.commit("only seed 0 works")
    change(results, train__arguments__skill=0.99)
    code, content, said = report(results, "--seeds", "1")
    assert (code, content["verdict"], content["noise"]) == (0, "better", None)
    assert "Seeds: not tried, because" in said and "does not run" in content["no_noise"]


def test_what_a_removed_stage_left_behind_is_not_the_heads(results: Clone) -> None:
    for name in ("dvc.yaml", "dvc.lock"):
        content = yaml.safe_load((results.path / name).read_text())
        del content["stages"]["package"]
        (results.path / name).write_text(yaml.safe_dump(content, sort_keys=False))
    assert (results.path / "models/package/model.onnx").is_file()
    code, content, _ = report(results)
    assert code == 1 and "size_bytes" not in content["head_values"] and content["head_values"]["latency_ms"] is None
    assert any("size_bytes is missing" in failure for failure in content["failures"])


def test_a_regression_is_judged_alike_however_many_metrics_are_compared(results: Clone) -> None:
    set_param(results, "gate", [{"metric": "log_loss", "regression": 0.1, "action": "inform"}])
    results.commit("one rule")
    change(results, train__arguments__skill=0.88)
    _, all_metrics, _ = report(results)
    metrics = yaml.safe_load((results.path / "params.yaml").read_text())["review"]["metrics"]
    set_param(results, "review.metrics", {name: metrics[name] for name in ("accuracy", "log_loss")})
    _, two_metrics, _ = report(results)
    assert all_metrics["gate"] == two_metrics["gate"]


def test_in_the_merge_of_a_pull_request_the_base_is_the_first_parent(results: Clone, tmp_path: Path) -> None:
    results.run("git", "switch", "-q", "-c", "change")
    change(results, train__arguments__skill=0.99)
    results.commit("better")
    results.run("git", "switch", "-q", "main")
    (results.path / "README.md").write_text("elsewhere")
    base = results.commit("elsewhere")
    results.run("git", "switch", "-q", "--detach", "main")
    results.run("git", "merge", "-q", "--no-ff", "-m", "merge", "change")
    results.run("dvc", "repro")
    _, content, _ = report(results, env={"GITHUB_EVENT_NAME": "pull_request"})
    assert (content["base"]["commit"], content["verdict"]) == (base, "better")


def test_latency_is_measured_now_and_in_no_tracked_file(results: Clone) -> None:
    results.commit("nothing")
    _, content, _ = report(results)
    assert 0 < content["base_values"]["latency_ms"] < 50 and 0 < content["head_values"]["latency_ms"] < 50
    lock = yaml.safe_load((results.path / "dvc.lock").read_text())
    assert "latency" not in json.dumps(lock) and not results.run("git", "status", "--porcelain").stdout
