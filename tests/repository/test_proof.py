"""The state of the head: stale, committed, reproduced; each told from the others."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipeline.params import read_params
from pipeline.repository.proof import METRICS, Proof, find_proof, record_run
from pipeline.repository.sides import PREDICTIONS, workspace
from tests.conftest import Clone
from tests.repository.small import copy, set_param


def proof(clone: Clone) -> Proof:
    return find_proof(workspace(clone.path), read_params(clone.path / "params.yaml").review.metrics)


def test_committed_results_are_current_but_nothing_ran_again(results: Clone) -> None:
    assert proof(results) == Proof((), "current", "not run again", "")


def test_results_of_other_files_are_stale(results: Clone) -> None:
    set_param(results, "train.arguments.skill", 0.5)
    found = proof(results)
    assert len(found.stale) == 1 and "train" in found.stale[0]


@pytest.mark.slow  # runs a pipeline
def test_a_stale_commit_comes_with_the_patch_that_makes_it_current(results: Clone, tmp_path: Path) -> None:
    set_param(results, "train.arguments.skill", 0.5)
    results.commit("edited in the browser")
    edited = copy(results.path, tmp_path / "edited")
    results.run("dvc", "repro")
    results.write("metrics/evaluate/plots/images/new.png", "a picture that the commit does not have")
    found = proof(results)
    assert (found.stale, found.lock) == ((), "stale")
    assert found.lock_patch.count("diff --git") == 1 < found.patch.count("diff --git")
    (edited.path / "results.patch").write_text(found.patch)
    edited.run("git", "apply", "results.patch")
    for file in ("dvc.lock", METRICS, "metrics/evaluate/plots/images/new.png"):
        assert (edited.path / file).read_bytes() == (results.path / file).read_bytes()


@pytest.mark.slow  # runs a pipeline
def test_right_after_a_run_of_edited_files_the_lock_is_not_committed(results: Clone) -> None:
    set_param(results, "train.arguments.skill", 0.5)
    results.run("dvc", "repro")
    found = proof(results)
    assert (found.stale, found.lock) == ((), "not committed") and found.patch


def test_without_a_committed_lock_it_is_missing(results: Clone) -> None:
    results.run("git", "rm", "-q", "--cached", "dvc.lock")
    results.run("git", "commit", "-q", "-m", "no lock")
    assert proof(results).lock == "missing"


@pytest.fixture
def again(results: Clone, tmp_path: Path) -> Path:
    """The results of a second full run."""
    shutil.copytree(results.path, tmp_path / "again", symlinks=True)
    return tmp_path / "again"


def rerun(results: Clone, again: Path) -> str:
    """What the report says after a full run in `again`."""
    record_run(results.path, again, read_params(results.path / "params.yaml").review.metrics)
    return proof(results).again


def other_bytes(again: Path) -> None:
    lock = yaml.safe_load((again / "dvc.lock").read_text())
    lock["stages"]["train"]["outs"][0]["md5"] = "0" * 32
    (again / "dvc.lock").write_text(yaml.safe_dump(lock))


def test_the_same_bytes_are_reproduced_identically(results: Clone, again: Path) -> None:
    assert rerun(results, again) == "identically"


def test_other_bytes_with_the_same_labels_are_equivalent(results: Clone, again: Path) -> None:
    other_bytes(again)
    assert rerun(results, again) == "equivalently"


def test_another_label_is_different(results: Clone, again: Path) -> None:
    other_bytes(again)
    table = pd.read_parquet(again / PREDICTIONS)
    table.loc[0, "prediction"] = (table.loc[0, "prediction"] + 1) % 10
    (again / PREDICTIONS).unlink()
    table.to_parquet(again / PREDICTIONS)
    assert rerun(results, again) == "differently"


def test_a_metric_beyond_its_tolerance_is_different(results: Clone, again: Path) -> None:
    other_bytes(again)
    values = json.loads((again / METRICS).read_text())
    (again / METRICS).write_text(json.dumps(values | {"log_loss": values["log_loss"] + 0.03}))
    assert rerun(results, again) == "differently"


def test_a_size_that_was_made_up_is_different(results: Clone, again: Path) -> None:
    other_bytes(again)
    path = results.path / "metrics/package/metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"size_bytes": 10}))
    assert rerun(results, again) == "differently"


def test_probabilities_that_were_made_up_are_different(results: Clone, again: Path) -> None:
    other_bytes(again)
    table = pd.read_parquet(results.path / PREDICTIONS)
    sure = table.filter(like="proba_").apply(lambda column: column.name == "proba_" + table["prediction"].astype(str))
    (results.path / PREDICTIONS).unlink()
    table.assign(**sure.astype(float)).to_parquet(results.path / PREDICTIONS)
    assert rerun(results, again) == "differently"


@pytest.mark.slow  # runs a pipeline
@pytest.mark.parametrize(
    ("edits", "strict", "tolerant"),
    [
        ({}, 0, 0),
        ({"seed": 'seed, "drawn": os.urandom(8).hex()'}, 1, 0),
        ({"seed": 'seed, "drawn": os.urandom(8).hex()', "label": 'int(9 * luck(f"{key}{model}"))'}, 1, 1),
    ],
    ids=["the same bytes", "another model file", "other labels"],
)
def test_other_bytes_with_the_same_labels_fail_only_where_the_same_bytes_are_asked_for(
    results: Clone, edits: dict[str, str], strict: int, tolerant: int
) -> None:
    results.edit("pipe.py", "import json", "import os, json")
    results.edit("pipe.py", '"seed": seed}', f'"seed": {edits.get("seed", "seed")}}}')
    wrong = f"[1 + {edits.get('label', '0')} for key in rows['__key__']]"
    results.edit("pipe.py", "(truth + 1) %", f"(truth + {wrong}) %")
    results.run("dvc", "repro", "--force")
    assert results.run("pipeline", "verify", "--reproduce", check=False).returncode == strict
    done = results.run("pipeline", "verify", "--equivalent", check=False)
    assert done.returncode == tolerant
    assert ("warning: a run from nothing gives the same labels" in done.stdout) == (strict > tolerant)


def test_a_record_of_other_results_does_not_count(results: Clone, again: Path) -> None:
    rerun(results, again)
    set_param(results, "train.arguments.skill", 0.5)
    results.run("dvc", "repro")
    results.commit("other results")
    assert proof(results).again == "not run again"


@pytest.mark.slow  # runs a pipeline
def test_a_run_that_overwrote_the_committed_results_is_compared_with_them(results: Clone) -> None:
    """`dvc repro` on another machine: the inputs are those of the commit, some bytes are not."""
    other_bytes(results.path)
    assert proof(results).again == "equivalently"
    results.run("git", "config", "diff.context", "0")
    patch = proof(results).patch
    assert patch.startswith("diff --git a/dvc.lock")
    results.write("lock.patch", patch)
    results.run("git", "checkout", "-q", "dvc.lock")
    results.run("git", "apply", "--check", "lock.patch")
