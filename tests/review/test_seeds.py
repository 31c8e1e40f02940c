"""Luck of the seed: the spread over retrained pairs, and models that have none."""

from pathlib import Path

import pytest

from pipeline.params import read_params
from pipeline.review.seeds import is_random, summarise, training_noise
from pipeline.review.sides import revision, workspace
from tests.conftest import ROOT, Clone
from tests.review.repository import set_param, state


def noise(clone: Clone, seeds: int):
    params = read_params(clone.path / "params.yaml")
    base = clone.run("git", "rev-parse", "HEAD").stdout.strip()
    with revision(clone.path, base) as side:
        return training_noise(clone.path, side, workspace(clone.path), seeds, params)


def test_both_sides_are_trained_again_and_the_workspace_stays(
    results: Clone, capfd: pytest.CaptureFixture[str]
) -> None:
    set_param(results, "train.arguments.skill", 0.8)
    results.run("dvc", "repro")
    before = state(results.path)
    found = noise(results, 2)
    assert state(results.path) == before
    assert len(found.differences) == 3 and found.without_randomness == ()
    assert found.high < 0 and found.exceeded, "0.9 to 0.8 is more than luck"
    said = capfd.readouterr().err
    assert "training with seed 1 (1 of 2)" in said and "training with seed 2 (2 of 2)" in said


def test_a_model_without_randomness_is_not_retrained(results: Clone, capfd: pytest.CaptureFixture[str]) -> None:
    set_param(results, "train.estimator", "neighbors.KNeighborsClassifier")
    results.run("dvc", "repro")
    results.commit("knn")
    found = noise(results, 3)
    assert found.without_randomness == ("base", "head")
    assert "training with seed" not in capfd.readouterr().err


def test_equal_results_of_a_second_seed_end_the_retraining(results: Clone, capfd: pytest.CaptureFixture[str]) -> None:
    """SVC takes a seed and uses none; skill 1 of the test repository likewise."""
    set_param(results, "train.arguments.skill", 1.0)
    results.run("dvc", "repro")
    found = noise(results, 2)
    assert found.without_randomness == ("head",)
    assert "workspace: training with seed 2" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("estimator", "preprocessing", "expected"),
    [
        ("neural_network.MLPClassifier", [], True),
        ("neighbors.KNeighborsClassifier", ["preprocessing.MinMaxScaler"], False),
        ("neighbors.KNeighborsClassifier", [{"decomposition.PCA": {"n_components": 2}}], True),
        ("no.Such", [], True),
    ],
)
def test_randomness_is_read_off_the_arguments(estimator: str, preprocessing: list, expected: bool) -> None:
    train = read_params(ROOT / "params.yaml").train
    assert is_random(train.model_copy(update={"estimator": estimator, "preprocessing": preprocessing})) is expected


def test_the_interval_is_students(tmp_path: Path) -> None:
    found = summarise((0.01, 0.02, 0.03))
    # mean 0.02, standard deviation 0.01, t(0.975, 2) = 4.3027: half width 4.3027 * 0.01 / sqrt(3)
    assert found.low == pytest.approx(0.02 - 0.024842, abs=1e-6)
    assert found.high == pytest.approx(0.02 + 0.024842, abs=1e-6)
    assert not found.exceeded
