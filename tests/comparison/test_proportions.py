"""McNemar's tests, the score interval and its power, against published examples, statsmodels and exact enumeration."""

from bisect import bisect_left

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from pipeline.comparison.proportions import PairedProportions, mcnemar_exact_p, mcnemar_mid_p, smallest_detectable

ALPHA = 0.05
counts = st.builds(
    lambda both, lost, gained, neither: PairedProportions(both + lost + gained + neither, both, lost, gained),
    both=st.integers(0, 400),
    lost=st.integers(0, 60),
    gained=st.integers(0, 60),
    neither=st.integers(1, 100),
)
levels = st.sampled_from([0.2, 0.1, 0.05, 0.01, 0.05 / 7, 0.001])


@pytest.mark.parametrize(
    ("lost", "gained", "exact", "mid_p"),
    [(1, 7, 0.070, 0.039), (6, 16, 0.052, 0.035)],
    ids=["airway hyper-responsiveness, Bentur 2009", "complete response, Cavo 2012"],
)
def test_mcnemar_gives_the_published_p_values_of_fagerland_lydersen_and_laake(lost, gained, exact, mid_p):
    assert mcnemar_exact_p(lost, gained) == pytest.approx(exact, abs=0.0006)
    assert mcnemar_mid_p(lost, gained) == pytest.approx(mid_p, abs=0.0006)


def test_interval_is_the_published_one_of_the_worked_example():
    # counts (both, first only, second only, neither) = (1, 1, 7, 12); difference first - second; R package ratesci
    low, high = PairedProportions(n=21, both=1, lost=7, gained=1).interval(ALPHA)
    assert (round(low, 4), round(high, 4)) == (-0.5281, -0.0184)


@given(lost=st.integers(0, 300), gained=st.integers(0, 300))
@settings(deadline=None)
def test_mcnemar_agrees_with_statsmodels_and_scipy(lost, gained):
    table = [[0, lost], [gained, 0]]
    exact = mcnemar(table, exact=True).pvalue if lost + gained else 1.0
    assert mcnemar_exact_p(lost, gained) == pytest.approx(exact, abs=1e-12)
    if lost != gained:
        observed = stats.binom.pmf(lost, lost + gained, 0.5)
        assert mcnemar_mid_p(lost, gained) == pytest.approx(exact - observed, rel=1e-9, abs=1e-15)


@given(found=counts, alpha=levels)
@settings(deadline=None, max_examples=300)
def test_interval_and_test_always_agree_and_the_interval_holds_the_difference(found, alpha):
    low, high = found.interval(alpha)
    assert -1 <= low <= found.difference <= high <= 1
    assert (low > 0 or high < 0) == (found.p < alpha)


@given(found=counts, alpha=levels)
@settings(deadline=None, max_examples=100)
def test_swapping_the_sides_mirrors_the_result(found, alpha):
    swapped = PairedProportions(found.n, found.both, found.gained, found.lost)
    low, high = found.interval(alpha)
    assert swapped.interval(alpha) == pytest.approx((-high, -low), abs=1e-9)
    assert swapped.p == found.p
    assert swapped.detectable(alpha) == found.detectable(alpha)


@pytest.mark.parametrize("accuracy", [0.7, 0.95, 0.99])
@pytest.mark.parametrize("n", [200, 1000, 10_000])
def test_models_of_equal_skill_are_called_different_in_at_most_5_percent(n, accuracy):
    """The chance of each number of discordant rows, times the exact chance of a verdict given that number."""
    share = 2 * accuracy * (1 - accuracy)
    discordant = np.arange(stats.binom.ppf(1e-6, n, share), stats.binom.isf(1e-6, n, share) + 1, dtype=int)
    weights = stats.binom.pmf(discordant, n, share)
    alarms = [2 * stats.binom.cdf(most_lost_that_reject(rows), rows, 0.5) for rows in discordant.tolist()]
    assert weights @ alarms / weights.sum() <= ALPHA


def most_lost_that_reject(discordant: int) -> int:
    return bisect_left(range(discordant // 2 + 1), True, key=lambda k: mcnemar_mid_p(k, discordant - k) >= ALPHA) - 1


@pytest.mark.parametrize("drop", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("accuracy", [0.95, 0.99])
def test_intervals_cover_the_true_difference(accuracy, drop):
    """Exact for n = 200: every likely pair of counts, weighted by its chance, errors of the models independent."""
    n, head = 200, accuracy - drop
    lost, gained = accuracy * (1 - head), (1 - accuracy) * head
    covered = total = 0.0
    for a in range(int(stats.binom.isf(1e-4, n, lost)) + 1):
        for b in range(int(stats.binom.isf(1e-4, n, gained)) + 1):
            weight = stats.multinomial.pmf([a, b, n - a - b], n, [lost, gained, 1 - lost - gained])
            if weight > 1e-6:
                low, high = PairedProportions(n, n - a - b, a, b).interval(ALPHA)
                covered += weight * (low <= -drop <= high)
                total += weight
    assert total > 0.99
    assert covered / total >= 0.935


@pytest.mark.parametrize(
    ("n", "accuracy", "shared"),
    [(200, 0.7, 0.0), (200, 0.95, 0.0), (200, 0.99, 0.0), (1000, 0.95, 0.7), (1000, 0.99, 0.0), (10_000, 0.95, 0.0)],
)
def test_smallest_detectable_change_is_detected_in_80_percent(n, accuracy, shared):
    """Head copies the base's result on a share of the rows, else its errors are its own; then right rows are lost."""
    random = np.random.default_rng(0)
    discordant = 2 * accuracy * (1 - accuracy) * (1 - shared)
    both = accuracy - discordant / 2
    stated = smallest_detectable(n, round(n * both), round(n * discordant), ALPHA)
    kept = 1 - stated / accuracy
    lost, gained = accuracy - both * kept, discordant / 2 * kept
    draws = random.multinomial(n, [lost, gained, 1 - lost - gained], size=4000)
    detected = np.mean([mcnemar_mid_p(int(a), int(b)) < ALPHA for a, b, _ in draws])
    assert detected == pytest.approx(0.8, abs=0.02 + 3 * (0.16 / 4000) ** 0.5)


def test_smallest_detectable_change_shrinks_with_rows_and_is_none_where_nothing_could_be_detected():
    sizes = [smallest_detectable(n, int(0.9 * n), int(0.1 * n), ALPHA) for n in (100, 400, 1600, 6400)]
    assert sizes == sorted(sizes, reverse=True)
    assert smallest_detectable(4, 4, 0, ALPHA) is None  # even 4 of 4 lost rows leave p at 0.0625
    assert smallest_detectable(100, 0, 0, ALPHA) is None  # there is no right row to lose


def test_a_single_row_says_nothing():
    found = PairedProportions(n=1, both=0, lost=1, gained=0)
    assert found.p == 0.5
    assert found.interval(ALPHA) == (-1.0, 1.0)
