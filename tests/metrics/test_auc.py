"""The AUC, its variance and DeLong's test, against DeLong's own data, the definition, and the bootstrap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pipeline.metrics.auc import auc_and_influence, placements

# albumin, total protein, K-G score, benefit from surgery: the patients of DeLong, DeLong and Clarke-Pearson (1988)
# without missing values, as the SAS/STAT user's guide prints them, with its results below
PATIENTS = """
3.0 5.8 10 0   3.2 6.3  5 1   3.9 6.8  3 1   2.8 4.8  6 0   3.2 5.8  3 1   0.9 4.0  5 0   2.5 5.7  8 0   1.6 5.6  5 1
3.8 5.7  5 1   3.7 6.7  6 1   3.2 5.4  4 1   3.8 6.6  6 1   4.1 6.6  5 1   3.6 5.7  5 1   4.3 7.0  4 1   3.6 6.7  4 0
2.3 4.4  6 1   4.2 7.6  4 0   4.0 6.6  6 0   3.5 5.8  6 1   3.8 6.8  7 1   3.0 4.7  8 0   4.5 7.4  5 1   3.7 7.4  5 1
3.1 6.6  6 1   4.1 8.2  6 1   4.3 7.0  5 1   4.3 6.5  4 1   3.2 5.1  5 1   2.6 4.7  6 1   3.3 6.8  6 0   1.7 4.0  7 0
3.7 6.1  5 1   3.3 6.3  7 1   4.2 7.7  6 1   3.5 6.2  5 1   2.9 5.7  9 0   2.1 4.8  7 1   2.8 6.2  8 0   4.0 7.0  7 1
3.3 5.7  6 1   3.7 6.9  5 1   3.6 6.6  5 1
"""
ALBUMIN, PROTEIN, SCORE, BENEFIT = np.array(PATIENTS.split(), dtype=float).reshape(-1, 4).T
SCORES = {"albumin": ALBUMIN, "protein": PROTEIN, "score": 10 - SCORE}


def of_two_classes(score):
    return np.column_stack((-score, score))


@pytest.mark.parametrize(
    ("test", "area", "error"),
    [("albumin", 0.7366, 0.0927), ("protein", 0.6478, 0.1000), ("score", 0.7258, 0.1028)],
)
def test_area_and_its_error_are_the_published_ones(test, area, error):
    found, influence = auc_and_influence(BENEFIT.astype(int), of_two_classes(SCORES[test]))
    assert (round(found, 4), round(np.sqrt((influence**2).sum()), 4)) == (area, error)


@pytest.mark.parametrize(("test", "difference", "error"), [("albumin", 0.0108, 0.0953), ("protein", -0.0780, 0.1046)])
def test_difference_from_the_score_and_its_error_are_the_published_ones(test, difference, error):
    truth = BENEFIT.astype(int)
    area, influence = auc_and_influence(truth, of_two_classes(SCORES[test]))
    reference, influence_of_reference = auc_and_influence(truth, of_two_classes(SCORES["score"]))
    found = np.sqrt(((influence - influence_of_reference) ** 2).sum())
    assert (round(area - reference, 4), round(found, 4)) == (difference, error)


@given(
    rows=st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40).filter(
        lambda rows: len({kind for kind, _ in rows}) == 2
    )
)
@settings(deadline=None, max_examples=150)
def test_placements_are_the_shares_of_the_other_kind_that_are_ranked_right(rows):
    positive = np.array([kind for kind, _ in rows])
    score = np.array([value for _, value in rows], dtype=float)
    right = (score[positive][:, None] > score[~positive]) + 0.5 * (score[positive][:, None] == score[~positive])
    found = placements(positive, score)
    np.testing.assert_allclose(found[positive], right.mean(axis=1))
    np.testing.assert_allclose(found[~positive], right.mean(axis=0))


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_area_is_scikit_learns(classes):
    truth, base, _ = two_models(500, classes, seed=1)
    rounded = np.round(base, 2)  # many ties
    score = rounded[:, 1] if classes == 2 else rounded
    expected = (
        roc_auc_score(truth, score)
        if classes == 2
        else np.mean([roc_auc_score(truth == code, rounded[:, code]) for code in range(classes)])
    )
    assert auc_and_influence(truth, rounded)[0] == pytest.approx(expected)


@pytest.mark.parametrize("classes", [2, 4])
def test_error_of_the_difference_is_that_of_new_samples(classes):
    """The claimed standard error against the spread of the difference over 400 independent samples."""
    differences, errors = [], []
    for seed in range(400):
        truth, base, head = two_models(300, classes, seed)
        (first, influence), (second, other) = auc_and_influence(truth, base), auc_and_influence(truth, head)
        differences.append(second - first)
        errors.append(((other - influence) ** 2).sum())
    assert np.sqrt(np.mean(errors)) == pytest.approx(np.std(differences), rel=0.12)  # 3.4 standard errors


def test_area_is_not_a_number_for_rows_of_one_class():
    assert np.isnan(auc_and_influence(np.zeros(5, dtype=int), np.full((5, 2), 0.5))[0])


def two_models(rows, classes, seed):
    """The truth and the probabilities of two models whose errors are partly the same."""
    random = np.random.default_rng(seed)
    truth = random.permutation(np.arange(rows) % classes)
    shared = random.normal(size=(rows, classes)) + 1.5 * (truth[:, None] == np.arange(classes))
    logits = [shared + 0.8 * random.normal(size=(rows, classes)) for _ in range(2)]
    base, head = (np.exp(values) / np.exp(values).sum(axis=1, keepdims=True) for values in logits)
    return truth, base, head
