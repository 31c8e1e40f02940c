"""What a report names beside its headline: seldom by chance, and found where it is."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pipeline.comparison.compare import compare
from pipeline.comparison.finds import at_least, beyond_chance, stands_out
from pipeline.comparison.results import Comparison, GroupComparison

REPORTS = 150
ROWS = 400
METRICS = {
    "accuracy": {"better": "higher", "format": "percent", "tolerance": 0.01},
    "balanced_accuracy": {"better": "higher", "format": "percent", "tolerance": 0.01},
}


def report(random: np.random.Generator, lost_in_class_3: int = 0, classes: int = 5) -> Comparison:
    """Two models that are right in 90 % of the rows, each by luck of its own; three slice columns of four values."""
    truth = np.arange(ROWS) % classes
    keys = [f"row{place}" for place in range(ROWS)]
    right = [random.random(ROWS) < 0.9 for _ in range(2)]
    right[1][np.flatnonzero(truth == 3)[:lost_in_class_3]] = False
    tables = [
        pd.DataFrame({"key": keys, "truth": truth, "prediction": np.where(r, truth, (truth + 1) % classes)})
        for r in right
    ]
    slices = pd.DataFrame({"key": keys, **{name: random.integers(0, 4, ROWS) for name in "abc"}})
    return compare(tables[0], tables[1], METRICS, slices=slices)


def families(found: Comparison) -> list[list[GroupComparison]]:
    return [list(found.classes.values()), *(list(cut.values()) for cut in found.slices.values())]


def named(found: Comparison) -> bool:
    rows = [row for name, row in found.metrics.items() if name != found.primary]
    rows += [group.accuracy for family in families(found) for group in family]
    return any(beyond_chance(rows, 0.05))


def test_a_report_without_effect_seldom_names_anything() -> None:
    random = np.random.default_rng(0)
    found = [report(random) for _ in range(REPORTS)]
    error = (0.05 * 0.95 / REPORTS) ** 0.5
    assert np.mean([named(one) for one in found]) <= 0.05 + 2 * error
    assert np.mean([stands_out(families(one), 0.05) is not None for one in found]) <= 0.05 + 2 * error


def test_a_class_that_got_worse_is_named_as_the_place() -> None:
    found = report(np.random.default_rng(1), lost_in_class_3=40)
    assert named(found) and stands_out(families(found), 0.05) == (0, 3)


def test_a_loss_that_is_everywhere_is_in_no_class() -> None:
    """All classes lose a quarter of their rows: one of them most, and that is chance."""
    truth = np.arange(1000) % 5
    keys = [f"row{place}" for place in range(1000)]
    wrong = np.random.default_rng(2).random(1000) < 0.25
    base = pd.DataFrame({"key": keys, "truth": truth, "prediction": truth})
    head = base.assign(prediction=np.where(wrong, (truth + 1) % 5, truth))
    found = compare(base, head, METRICS)
    assert found.headline.verdict == "worse" and all(g.accuracy.verdict == "worse" for g in found.classes.values())
    assert stands_out(families(found), 0.05) is None


@pytest.mark.parametrize(
    ("count", "rows", "moved", "drawn"), [(3, 50, 10, 12), (12, 50, 12, 12), (0, 9, 3, 3), (4, 9, 3, 5)]
)
def test_the_tail_is_the_hypergeometric_distributions(count: int, rows: int, moved: int, drawn: int) -> None:
    assert at_least(count, rows, moved, drawn) == pytest.approx(
        stats.hypergeom.sf(count - 1, rows, moved, drawn), abs=1e-12
    )
