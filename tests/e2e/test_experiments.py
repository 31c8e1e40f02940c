"""DVC's own commands for experiments show the right thing with no further set-up."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Clone

METRICS = "metrics/evaluate/metrics.json"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, reproduced_template: Path) -> Clone:
    """A reproduced repository in which one experiment with another seed was run."""
    path = tmp_path_factory.mktemp("experiments") / "repository"
    shutil.copytree(reproduced_template, path, symlinks=True)
    clone = Clone(path)
    clone.run("dvc", "exp", "run", "--name", "other-seed", "--set-param", "train.seed=1")
    return clone


def names(clone: Clone) -> Iterator[str]:
    for branch in json.loads(clone.run("dvc", "exp", "show", "--json").stdout):
        for experiment in branch.get("experiments") or []:
            yield experiment["name"]


def test_an_experiment_is_listed_with_its_parameters_and_metrics(workspace: Clone) -> None:
    table = workspace.run("dvc", "exp", "show", "--csv").stdout
    header, *lines = table.splitlines()
    assert "other-seed" in table
    assert f"{METRICS}:accuracy" in header or "accuracy" in header
    assert "train.seed" in header
    assert len(lines) >= 3  # the workspace, the commit, the experiment


def test_what_changed_is_shown(workspace: Clone) -> None:
    params = json.loads(workspace.run("dvc", "params", "diff", "--json").stdout)
    assert params["params.yaml"]["train.seed"] == {"old": 0, "new": 1, "diff": 1}
    metrics = json.loads(workspace.run("dvc", "metrics", "diff", "--json").stdout)
    assert {"old", "new", "diff"} <= metrics[METRICS]["log_loss"].keys()
    experiment = json.loads(workspace.run("dvc", "exp", "diff", "HEAD", "other-seed", "--json").stdout)
    assert experiment["params"]["params.yaml"]["train.seed"]["new"] == 1
    assert METRICS in workspace.run("dvc", "metrics", "show").stdout


def test_curves_of_both_sides_are_in_one_plot(workspace: Clone) -> None:
    plots = json.loads(workspace.run("dvc", "plots", "diff", "HEAD", "--json", "--split").stdout)
    assert not plots.get("errors")
    curves = [plot for name, versions in plots["data"].items() if "loss" in name for plot in versions]
    assert {revision for plot in curves for revision in plot["revisions"]} == {"HEAD", "workspace"}


def test_a_queued_experiment_runs_the_code_that_it_was_queued_with(workspace: Clone) -> None:
    stage = "src/pipeline/stages/evaluate.py"
    original = (workspace.path / stage).read_text()
    workspace.edit(stage, '"rows": len(truth)', '"rows": 1000 + len(truth)')
    workspace.run("dvc", "exp", "run", "--queue", "--name", "own-code")
    workspace.write(stage, original)
    workspace.run("dvc", "exp", "run", "--run-all")
    assert "own-code" in names(workspace)
    workspace.run("dvc", "exp", "apply", "own-code")
    assert json.loads((workspace.path / METRICS).read_text())["rows"] > 1000


def test_a_number_that_dvc_writes_with_an_exponent_is_a_number(workspace: Clone) -> None:
    workspace.run("dvc", "exp", "run", "--name", "exponent", "--set-param", "train.arguments.alpha=0.00001", "train")
    assert "alpha: 1e-05" in (workspace.path / "params.yaml").read_text(encoding="utf-8")
    assert "exponent" in names(workspace)
