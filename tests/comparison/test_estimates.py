"""Paired t and the contributions of rows, against SciPy and a bootstrap of rows; what may be claimed, by simulation."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.comparison.means import paired_mean, sum_of_contributions
from pipeline.metrics.values import confusion_matrix, f1_influence, macro_f1
from pipeline.metrics.variance import Sampling, centred


def test_paired_mean_is_students_paired_t():
    random = np.random.default_rng(0)
    base, head = random.exponential(size=(2, 60))
    expected = stats.ttest_rel(head, base)
    found = paired_mean(float(np.mean(head) - np.mean(base)), head - base)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-2)
    assert found.interval(0.1) == pytest.approx(tuple(expected.confidence_interval(0.9)), rel=1e-2)


def test_sum_over_two_classes_is_welchs_t():
    """A difference of two class means, with the sign of one class turned, is the mean of both signed means."""
    random = np.random.default_rng(0)
    first, second = random.normal(300, 1000, 8), random.normal(0, 3000, 25)  # so that half a row is nothing to it
    expected = stats.ttest_ind(first, second, equal_var=False)
    truth = np.repeat([0, 1], [8, 25])
    contributions = centred(np.concatenate((first, -second)), truth)
    found = replace(sum_of_contributions(first.mean() - second.mean(), contributions, Sampling(truth)), largest=np.inf)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval(0.05) == pytest.approx(tuple(expected.confidence_interval()))


@pytest.mark.parametrize("classes", [2, 5])
def test_the_influence_of_rows_on_macro_f1_is_what_a_bootstrap_of_rows_finds(classes):
    random = np.random.default_rng(0)
    rows = 300
    truth = random.integers(0, classes, rows)
    base, head = (np.where(random.random(rows) < 0.8, truth, random.integers(0, classes, rows)) for _ in range(2))
    differences = []
    for _ in range(400):
        chosen = random.integers(0, rows, rows)
        differences.append(macro_f1(truth[chosen], head[chosen]) - macro_f1(truth[chosen], base[chosen]))
    of_base, of_head = (f1_influence(confusion_matrix(truth, side))[truth, side] for side in (base, head))
    assert of_base.sum() == pytest.approx(0)
    found = sum_of_contributions(0.1, of_head - of_base, Sampling(truth))
    assert found.standard_error == pytest.approx(np.std(differences), rel=0.13)  # 3.6 standard errors of the 400


def test_the_influence_of_a_class_that_is_neither_true_nor_predicted_is_none():
    assert f1_influence(np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]]))[:2, :2].sum() != 0
    assert np.isfinite(f1_influence(np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]]))).all()


@given(rows=st.lists(st.integers(1, 40), min_size=2, max_size=6), shortfall=st.floats(0, 1))
def test_classes_whose_rows_all_agree_are_not_certain(rows, shortfall):
    """No row changed: the interval is not empty, and the wider the fewer the rows of any class."""
    truth = np.repeat(np.arange(len(rows)), rows)
    found = sum_of_contributions(0.0, np.zeros(len(truth)), Sampling(truth), shortfall)
    low, high = found.interval(0.05)
    assert -1 <= low < 0 < high <= 1
    more = np.repeat(np.arange(len(rows)), [2 * n for n in rows])
    fewer_rows, more_rows = found, sum_of_contributions(0.0, np.zeros(len(more)), Sampling(more), shortfall)
    assert more_rows.standard_error < fewer_rows.standard_error


@given(rows=st.integers(2, 9), change=st.floats(1e-3, 10))
def test_the_same_change_in_few_rows_is_judged_like_their_signs(rows, change):
    found = paired_mean(change, np.full(rows, change))
    assert 0.5 < found.p / (2 * 0.5**rows) < 1.5


def test_no_interval_leaves_what_a_difference_can_be():
    truth = np.array([0, 1, 1, 1])
    found = sum_of_contributions(0.5, np.array([0.3, 0.2, 0.1, 0.0]), Sampling(truth))
    assert found.interval(0.001) == (-1, 1)
    assert found.detectable(0.001) is None
    assert paired_mean(0.5, np.array([0.0, 1.0]), largest=1.0).interval(0.01) == (-1, 1)
