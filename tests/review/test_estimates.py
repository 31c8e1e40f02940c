"""Paired t, the bootstrap on counts and Holm's factors, against SciPy, statsmodels and a bootstrap of rows."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from pipeline.ml.metrics import macro_f1, macro_f1_from
from pipeline.review.bootstrap import standard_error
from pipeline.review.means import centred, paired_mean, sum_of_contributions
from pipeline.review.multiple import holm_factors


def test_paired_mean_is_students_paired_t():
    random = np.random.default_rng(0)
    base, head = random.exponential(size=(2, 60))
    expected = stats.ttest_rel(head, base)
    found = paired_mean(float(np.mean(head) - np.mean(base)), head - base)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval(0.1) == pytest.approx(tuple(expected.confidence_interval(0.9)))


def test_sum_over_two_classes_is_welchs_t():
    """A difference of two class means, with the sign of one class turned, is the mean of both signed means."""
    random = np.random.default_rng(0)
    first, second = random.normal(0.3, 1, 8), random.normal(0, 3, 25)
    expected = stats.ttest_ind(first, second, equal_var=False)
    truth = np.repeat([0, 1], [8, 25])
    contributions = centred(np.concatenate((first, -second)), truth)
    found = sum_of_contributions(first.mean() - second.mean(), contributions, truth)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval(0.05) == pytest.approx(tuple(expected.confidence_interval()))


@pytest.mark.parametrize("classes", [2, 5])
def test_bootstrap_of_counts_is_the_bootstrap_of_rows(classes):
    random = np.random.default_rng(0)
    rows = 300
    truth = random.integers(0, classes, rows)
    base, head = (np.where(random.random(rows) < 0.8, truth, random.integers(0, classes, rows)) for _ in range(2))
    differences = []
    for _ in range(400):
        chosen = random.integers(0, rows, rows)
        differences.append(macro_f1(truth[chosen], head[chosen]) - macro_f1(truth[chosen], base[chosen]))
    found = standard_error(macro_f1_from, truth, base, head, classes)
    assert found == pytest.approx(np.std(differences), rel=0.13)  # 3.6 standard errors of the 400
    assert standard_error(macro_f1_from, truth, head, base, classes) == found


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=5))
@settings(deadline=None, max_examples=60)
def test_holm_is_the_closed_test_of_bonferroni(p):
    """A hypothesis falls if Bonferroni's test rejects every set of hypotheses that holds it."""
    sets = [chosen for size in range(1, len(p) + 1) for chosen in combinations(range(len(p)), size)]
    expected = [
        max(min(1.0, len(chosen) * min(p[j] for j in chosen)) for chosen in sets if index in chosen)
        for index in range(len(p))
    ]
    found = [min(1.0, value * factor) for value, factor in zip(p, holm_factors(p), strict=True)]
    assert found == pytest.approx(expected)


def test_holm_is_statsmodels():
    p = [0.04, 0.001, 0.03, 0.0, 0.6, 0.012]
    found = [min(1.0, value * factor) for value, factor in zip(p, holm_factors(p), strict=True)]
    assert found == pytest.approx(multipletests(p, method="holm")[1].tolist())
