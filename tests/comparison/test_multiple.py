"""Holm's factors, against the closed test that they are a short cut of, and statsmodels."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from pipeline.comparison.multiple import holm_factors


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
