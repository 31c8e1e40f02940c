"""The curves are scikit-learn's, with fewer points."""

import numpy as np
import pytest
from sklearn import metrics as reference

from pipeline.metrics import curves


@pytest.fixture(params=[(60, 6), (20_000, 6), (500, 1)], ids=["few rows", "many rows", "many ties"])
def rows(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    n, decimals = request.param
    random = np.random.default_rng(0)
    positive = random.random(n) < 0.3
    return positive, np.clip(np.round(random.normal(0.4 + 0.2 * positive, 0.2), decimals), 0, 1)


def test_roc_points_lie_on_scikit_learn_s_curve(rows):
    points = curves.roc(*rows)
    fpr, tpr, _ = reference.roc_curve(*rows, drop_intermediate=False)
    exact = set(zip(fpr, tpr, strict=True))
    assert len(points) <= curves.MOST_POINTS
    assert {(point["fpr"], point["tpr"]) for point in points} <= exact
    assert (points[0]["fpr"], points[0]["tpr"], points[-1]["fpr"], points[-1]["tpr"]) == (0, 0, 1, 1)
    area = np.trapezoid([point["tpr"] for point in points], [point["fpr"] for point in points])
    assert area == pytest.approx(reference.roc_auc_score(*rows), abs=1e-3)


def test_precision_recall_points_lie_on_scikit_learn_s_curve(rows):
    points = curves.precision_recall(*rows)
    precision, recall, _ = reference.precision_recall_curve(*rows)
    exact = set(zip(recall, precision, strict=True))
    assert len(points) <= curves.MOST_POINTS
    assert {(point["recall"], point["precision"]) for point in points} <= exact
    assert points[-1]["recall"] == 1


def test_rows_of_one_kind_have_no_curve():
    score = np.array([0.1, 0.9])
    assert curves.roc(np.array([False, False]), score) == []
    assert curves.precision_recall(np.array([False, False]), score) == []
    assert curves.roc(np.array([True, True]), score) == []


def test_more_than_two_classes_are_pooled_one_against_the_rest():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    positive, score = curves.one_against_rest(np.array([0, 1]), probabilities)
    assert positive.tolist() == [True, False, False, False, True, False]
    assert score.tolist() == probabilities.ravel().tolist()
