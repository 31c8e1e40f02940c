"""Luck of the seed: the spread over retrained pairs, and models that have none."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.params import Seeds, read_params
from pipeline.repository.sides import revision, workspace
from pipeline.review.seeds import fitting, is_random, summarise, training_noise
from tests.conftest import Clone
from tests.repository.small import set_param, state

pytestmark = pytest.mark.slow  # trains in temporary worktrees

FOREST, NEIGHBOURS = "ensemble.RandomForestClassifier", "neighbors.KNeighborsClassifier"
ARGUMENT_OR_SEED = 'PARAMS["train"]["arguments"].get("random_state", PARAMS["train"]["seed"])'


def noise(clone: Clone, seeds: Seeds):
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
    assert found.high < 0 and found.supports(-0.1), "0.9 to 0.8 is more than luck"
    said = capfd.readouterr().err
    assert "training with seed 1 (1 of 2)" in said and "training with seed 2 (2 of 2)" in said


def test_a_model_without_randomness_is_not_retrained(results: Clone, capfd: pytest.CaptureFixture[str]) -> None:
    set_param(results, "train.estimator", "neighbors.KNeighborsClassifier")
    set_param(results, "train.arguments", {})
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
    assert "workspace, training with seed 2" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("estimator", "arguments", "preprocessing", "expected"),
    [
        ("neural_network.MLPClassifier", {}, [], True),
        ("neighbors.KNeighborsClassifier", {}, ["preprocessing.MinMaxScaler"], False),
        ("neighbors.KNeighborsClassifier", {}, ["pictures.Straighten", "pictures.OrientedGradients"], False),
        ("neighbors.KNeighborsClassifier", {}, [{"decomposition.PCA": {"n_components": 2}}], True),
        ("multiclass.OneVsRestClassifier", {"estimator": "neural_network.MLPClassifier"}, [], True),
        ("multiclass.OneVsRestClassifier", {"estimator": "neighbors.KNeighborsClassifier"}, [], False),
        ("ensemble.VotingClassifier", {"estimators": {"a": NEIGHBOURS, "b": FOREST}}, [], True),
        ("ensemble.VotingClassifier", {"estimators": {"a": NEIGHBOURS}}, [], False),
        ("ensemble.StackingClassifier", {"estimators": {"a": FOREST}, "final_estimator": NEIGHBOURS}, [], True),
        ("no.Such", {}, [], True),
    ],
)
def test_randomness_is_found_in_every_part_of_the_model(
    estimator: str, arguments: dict, preprocessing: list, expected: bool
) -> None:
    train = {"estimator": estimator, "arguments": arguments, "preprocessing": preprocessing, "seed": 0}
    assert is_random(train) is expected


def test_a_pinned_random_state_does_not_hide_the_luck_of_its_draw(results: Clone) -> None:
    path = results.path / "pipe.py"
    path.write_text(path.read_text().replace('PARAMS["train"]["seed"]', ARGUMENT_OR_SEED))
    set_param(results, "train.arguments.random_state", 7)
    results.run("dvc", "repro")
    results.commit("pinned")
    found = noise(results, 1)
    assert found.without_randomness == ()


def test_a_base_of_another_schema_is_retrained_all_the_same(results: Clone) -> None:
    params = results.path / "params.yaml"
    new = params.read_text()
    content = yaml.safe_load(new)
    del content["tracking"]
    params.write_text(yaml.safe_dump(content))
    results.commit("before that section was invented")
    params.write_text(new)
    assert len(noise(results, 1).differences) == 2


def test_the_interval_is_students(tmp_path: Path) -> None:
    found = summarise((0.01, 0.02, 0.03))
    # mean 0.02, standard deviation 0.01, t(0.975, 2) = 4.3027: half width 4.3027 * 0.01 / sqrt(3)
    assert found.low == pytest.approx(0.02 - 0.024842, abs=1e-6)
    assert found.high == pytest.approx(0.02 + 0.024842, abs=1e-6)
    assert found.supports(0.02) is None


def test_equal_differences_that_count_rows_are_not_certain() -> None:
    """Two of 450 rows better in both pairs: that happens by chance far more often than in 5 % of cases."""
    assert summarise((2 / 450, 2 / 450), step=1 / 450).supports(2 / 450) is None
    assert summarise((20 / 450, 19 / 450, 20 / 450), step=1 / 450).supports(20 / 450), "but many rows are no chance"


def test_seeds_that_change_nothing_are_seldom_called_more_than_luck() -> None:
    random = np.random.default_rng(0)
    for pairs in (2, 3, 6):
        drawn = np.round(random.normal(0, 1, (1500, pairs))) / 450
        called = [summarise(tuple(row), step=1 / 450).supports(1.0) is not None for row in drawn]
        assert np.mean(called) <= 0.05 + 0.0113, "5 % and two standard errors of 1,500"


def test_the_sign_of_the_headline_counts() -> None:
    found = summarise((-0.02, -0.021, -0.019))
    assert found.supports(-0.01) and found.supports(0.19) is False and found.supports(0.0) is False


def test_auto_takes_as_many_seeds_as_the_first_pairs_time_allows(
    results: Clone, capfd: pytest.CaptureFixture[str]
) -> None:
    set_param(results, "train.arguments.skill", 0.8)
    set_param(results, "review.seed_seconds", 0.1)
    results.run("dvc", "repro")
    assert len(noise(results, "auto").differences) == 2, "one further pair at least"
    said = capfd.readouterr().err
    assert "training with seed 1 (the first)" in said and "1 further seeds in 0.1 s" in said
    assert (fitting(7.0, 60), fitting(100, 60), fitting(0.0, 60)) == (8, 1, 50)
