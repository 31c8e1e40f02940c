"""Average precision against scikit-learn's, its error against resampling, and its interval against known truths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from pipeline.metrics.intervals import intervals
from pipeline.metrics.precision import average_precision_and_influence, one_class

KINDS = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40)


@given(KINDS.filter(lambda rows: len({kind for kind, _ in rows}) == 2))
def test_it_is_scikit_learns_also_with_ties(rows: list[tuple[bool, int]]) -> None:
    positive = np.array([kind for kind, _ in rows])
    score = np.array([value for _, value in rows], dtype=float)
    value, influence = one_class(positive, score)
    assert value == pytest.approx(average_precision_score(positive, score))
    assert np.isfinite(influence).all()


@pytest.mark.parametrize("shares", [[0.9, 0.1], [0.1, 0.9], [0.5, 0.5], [0.6, 0.3, 0.1]])
def test_of_two_classes_the_rarer_is_searched_for_and_of_more_it_is_their_mean(shares: list[float]) -> None:
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(len(shares)), (np.array(shares) * 200).astype(int))
    probabilities = random.dirichlet(np.ones(len(shares)), len(truth))
    wanted = [1 if shares[1] <= shares[0] else 0] if len(shares) == 2 else range(len(shares))
    expected = np.mean([average_precision_score(truth == code, probabilities[:, code]) for code in wanted])
    assert average_precision_and_influence(truth, probabilities)[0] == pytest.approx(expected)
    assert np.isnan(average_precision_and_influence(np.zeros(9, int), np.full((9, 2), 0.5))[0])


def test_its_error_is_that_of_other_rows() -> None:
    random = np.random.default_rng(0)
    positive = random.random(400) < 0.1
    score = np.round(random.normal(size=400) + positive, 1)
    _, influence = one_class(positive, score)
    drawn = [random.integers(0, 400, 400) for _ in range(600)]
    others = [one_class(positive[rows], score[rows])[0] for rows in drawn]
    assert np.sqrt((influence**2).sum()) == pytest.approx(np.std(others), rel=0.1)


def rows(random: np.random.Generator, count: int, share: float, apart: float) -> tuple[np.ndarray, np.ndarray]:
    truth = (random.random(count) < share).astype(int)
    score = 1 / (1 + np.exp(-random.normal(size=count) - apart * truth))
    return truth, np.column_stack([1 - score, score])


@pytest.mark.parametrize(("share", "apart"), [(0.05, 2.0), (0.2, 1.0)])
def test_the_interval_holds_the_truth_as_often_as_it_says(share: float, apart: float) -> None:
    random = np.random.default_rng(0)
    known = average_precision_and_influence(*rows(random, 200_000, share, apart))[0]
    found = []
    for _ in range(150):
        truth, probabilities = rows(random, round(40 / share), share, apart)
        low, high = intervals(truth, probabilities.argmax(axis=1), probabilities, classes=2)["average_precision"]
        found.append(low <= known <= high)
    assert 0.89 <= np.mean(found) <= 0.99


def test_of_few_rows_of_a_class_there_is_no_interval() -> None:
    random = np.random.default_rng(0)
    truth = np.arange(500) >= 481
    probabilities = random.dirichlet(np.ones(2), 500)
    assert "average_precision" not in intervals(truth.astype(int), truth.astype(int), probabilities, classes=2)
