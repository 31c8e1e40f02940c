"""Classifiers that cross-validate inside do so by groups of rows."""

import pickle

import numpy as np
import pytest
from sklearn.metrics import log_loss

from pipeline.data.schema import Feature, Schema
from pipeline.errors import InputError
from pipeline.models.estimators import build
from pipeline.models.folds import folds_by_group, means_by_group

SCHEMA = Schema(tuple(Feature(f"x{i}", "number") for i in range(8)), "ill", (0, 1))
STACK = {
    "estimators": {"vectors": {"svm.SVC": {"C": 10}}, "bayes": "naive_bayes.GaussianNB"},
    "final_estimator": "linear_model.LogisticRegression",
}


def patients(seed: int, count: int = 60, visits: int = 20) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Visits that are nearly the same for each patient, in a random order: features, labels, patients."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(count, 8))
    ill = (centres[:, 0] + random.normal(scale=1.5, size=count) > 0).astype(int)
    order = random.permutation(count * visits)
    who = np.repeat(np.arange(count), visits)[order]
    return (centres[who] + random.normal(scale=0.05, size=(len(who), 8))).astype(np.float32), ill[who], who.astype(str)


@pytest.mark.parametrize(
    ("estimator", "arguments", "calibration"),
    [("svm.SVC", {"C": 10}, "sigmoid"), ("ensemble.StackingClassifier", STACK, None)],
)
def test_new_patients_are_predicted_without_false_certainty(estimator: str, arguments: dict, calibration) -> None:
    new, ill, _ = patients(1, count=400)
    losses = {}
    features, labels, who = patients(0)
    for groups in (None, who):
        classifier = build(estimator, arguments, [], calibration, 0, SCHEMA)[-1]
        with folds_by_group(classifier, labels, groups):
            classifier.fit(features, labels)
        assert classifier.cv is None
        losses[groups is None] = log_loss(ill, classifier.predict_proba(new))
    assert losses[False] < 0.75 < 1 < losses[True]


@pytest.mark.parametrize(("cv", "groups", "folds"), [(3, 10, 3), (None, 10, 5), (None, 2, 2)])
def test_no_group_is_divided_and_every_row_is_held_out_once(cv: int | None, groups: int, folds: int) -> None:
    classifier = build("ensemble.StackingClassifier", STACK | {"cv": cv}, [], None, 0, SCHEMA)[-1]
    who = np.arange(200) % groups
    with folds_by_group(classifier, np.arange(200) // 7 % 2, who):
        divided = classifier.cv
    assert len(divided) == folds
    assert sorted(np.concatenate([held_out for _, held_out in divided])) == list(range(200))
    assert not any(set(who[kept]) & set(who[held_out]) for kept, held_out in divided)
    assert classifier.cv == cv


def test_a_classifier_without_folds_is_left_alone() -> None:
    classifier = build("naive_bayes.GaussianNB", {}, [], None, 0, SCHEMA)[-1]
    before = classifier.get_params()
    with folds_by_group(classifier, np.arange(9) % 2, np.arange(9)):
        assert classifier.get_params() == before


@pytest.mark.parametrize("cv", [0, 1, True])
def test_what_is_no_number_of_folds_is_left_for_scikit_learn_to_refuse(cv: int) -> None:
    _, labels, who = patients(0)
    classifier = build("svm.SVC", {}, [], "sigmoid", 0, SCHEMA)[-1].set_params(cv=cv)
    with folds_by_group(classifier, labels, who):
        assert classifier.cv is cv


def test_a_class_of_one_group_cannot_be_left_out() -> None:
    classifier = build("svm.SVC", {}, [], "sigmoid", 0, SCHEMA)[-1]
    labels, groups = np.array([0, 0, 0, 1, 1, 1]), np.array(["a", "b", "c", "d", "d", "d"])
    with (
        pytest.raises(InputError, match="class 1 are of one group"),
        folds_by_group(classifier, labels, groups),
    ):
        pass


def test_one_group_alone_cannot_be_divided() -> None:
    classifier = build("svm.SVC", {}, [], "sigmoid", 0, SCHEMA)[-1]
    with (
        pytest.raises(InputError, match="two groups or more; found one"),
        folds_by_group(classifier, np.arange(9) % 2, np.zeros(9)),
    ):
        pass


def test_means_of_the_target_are_not_learned_from_the_rows_own_group() -> None:
    rows = np.repeat(np.arange(20, dtype=np.float32), 10)[:, None]  # a category for each group of ten rows
    labels = np.repeat(np.arange(20) % 2, 10)
    schema = Schema((Feature("zip", "category", tuple("abcdefghijklmnopqrst"), encoding="target"),), "y", (0, 1))

    def means(groups: np.ndarray | None) -> np.ndarray:
        step = build("linear_model.LogisticRegression", {}, [], None, 0, schema)[0]
        with means_by_group(step, labels, groups):
            found = step.fit_transform(rows, labels)
        assert np.ptp(step.transform(rows)) > 0.5 and len(pickle.dumps(step)) < 5000
        return found

    assert abs(means(None)[labels == 1].mean() - means(None)[labels == 0].mean()) > 0.5
    assert np.abs(means(rows[:, 0]) - 0.5).max() < 0.2
