"""Every kind of rule, once passing and once failing, and what fails every rule."""

import math

import pytest

from pipeline.comparison.gate import Figures, judge
from pipeline.comparison.results import MetricComparison
from pipeline.errors import InputError
from pipeline.params import Metric, Rule, parse_params
from tests.conftest import ROOT

METRICS = {
    "accuracy": Metric(better="higher", format="percent", tolerance=0.01),
    "log_loss": Metric(better="lower", tolerance=0.02),
}


def compared(name: str, low: float, high: float, unseen: float = 0.001) -> MetricComparison:
    """A difference between two ends, in whose middle it was measured, on 400 rows."""
    metric = METRICS[name]
    return MetricComparison(
        name,
        "no detectable change",
        metric.better,
        metric.format,
        metric.tolerance,
        difference=(low + high) / 2,
        low_unadjusted=low,
        high_unadjusted=high,
        worst=-low if metric.better == "higher" else high,
        unseen=unseen,
        count=400,
    )


FIGURES = Figures(
    head={"accuracy": 0.96, "log_loss": 0.20, "size_bytes": 2000, "latency_ms": 0.3},
    base={"accuracy": 0.97, "log_loss": 0.18, "size_bytes": 1000, "latency_ms": 0.1},
    compared={"accuracy": compared("accuracy", -0.025, 0.005), "log_loss": compared("log_loss", -0.01, 0.05)},
    intervals={"accuracy": (0.94, 0.97), "log_loss": (0.15, 0.26)},
)


def status(figures: Figures, **rule: object) -> str:
    [outcome] = judge([Rule.model_validate(rule)], METRICS, figures)
    return outcome.status


@pytest.mark.parametrize(
    ("passing", "failing"),
    [
        ({"metric": "accuracy", "minimum": 0.96}, {"metric": "accuracy", "minimum": 0.961}),
        ({"metric": "log_loss", "maximum": 0.2}, {"metric": "log_loss", "maximum": 0.19}),
        ({"metric": "size_bytes", "maximum": 2000.0}, {"metric": "size_bytes", "maximum": 1999.0}),
        ({"metric": "accuracy", "regression": 0.025}, {"metric": "accuracy", "regression": 0.02}),
        ({"metric": "log_loss", "regression": 0.05}, {"metric": "log_loss", "regression": 0.04}),
        ({"metric": "size_bytes", "ratio": 2.0}, {"metric": "size_bytes", "ratio": 1.9}),
        ({"metric": "latency_ms", "ratio": 3.1}, {"metric": "latency_ms", "ratio": 2.9}),
        ({"metric": "latency_ms", "maximum": 0.3}, {"metric": "latency_ms", "maximum": 0.2}),
    ],
)
def test_each_rule_passes_at_its_bound_and_fails_beyond_it(passing: dict, failing: dict) -> None:
    assert status(FIGURES, **passing) == "passes"
    assert status(FIGURES, **failing) == "fails"


def test_a_regression_is_judged_on_the_far_end_of_the_interval_not_on_the_point() -> None:
    # The accuracy fell by one point; the interval says that it may be two and a half.
    assert status(FIGURES, metric="accuracy", regression=0.015) == "fails"


def test_a_sure_improvement_passes_the_strictest_regression_rule() -> None:
    better = Figures(FIGURES.head, FIGURES.base, {"accuracy": compared("accuracy", 0.001, 0.02)})
    assert status(better, metric="accuracy", regression=0.0) == "passes"


@pytest.mark.parametrize("value", [None, math.nan, math.inf, "nan"])
@pytest.mark.parametrize("bound", [{"minimum": 0.1}, {"maximum": 9.0}, {"regression": 1.0}])
def test_a_missing_or_non_finite_metric_fails_every_rule(value: object, bound: dict) -> None:
    figures = Figures({**FIGURES.head, "accuracy": value}, FIGURES.base, FIGURES.compared)  # type: ignore[dict-item]
    assert status(figures, metric="accuracy", **bound) == "fails"


def test_a_metric_that_could_not_be_compared_fails_its_regression_rule() -> None:
    assert status(Figures(FIGURES.head, {}, {}), metric="accuracy", regression=0.5) == "fails"
    assert status(Figures(FIGURES.head, {}, {}), metric="size_bytes", ratio=9.0) == "fails"


def test_without_a_base_floors_apply_and_comparisons_do_not() -> None:
    alone = Figures(FIGURES.head, None, {})
    assert status(alone, metric="accuracy", minimum=0.99) == "fails"
    assert status(alone, metric="accuracy", regression=0.01) == "not applied"
    assert status(alone, metric="latency_ms", ratio=2.0) == "not applied"


def test_a_floor_can_be_judged_at_the_far_end_of_the_interval() -> None:
    assert status(FIGURES, metric="accuracy", minimum=0.95) == "passes"
    assert status(FIGURES, metric="accuracy", minimum=0.95, at="interval") == "fails"
    assert status(FIGURES, metric="accuracy", minimum=0.94, at="interval") == "passes"
    assert status(FIGURES, metric="log_loss", maximum=0.25, at="interval") == "fails"
    assert status(FIGURES, metric="log_loss", maximum=0.26, at="interval") == "passes"
    assert status(Figures({"accuracy": 0.99}, None, {}), metric="accuracy", minimum=0.5, at="interval") == "fails"


@pytest.mark.parametrize(("strict", "blocks"), [(False, False), (True, True)])
def test_a_rule_that_so_few_rows_cannot_decide_blocks_only_if_it_is_strict(strict: bool, blocks: bool) -> None:
    few = Figures(FIGURES.head, FIGURES.base, {"accuracy": compared("accuracy", -0.03, 0.03, unseen=0.03)})
    [outcome] = judge([Rule(metric="accuracy", regression=0.02, strict=strict)], METRICS, few)
    assert (outcome.status, outcome.blocks) == ("not decided", blocks)
    assert outcome.found == "601 rows are needed; may be worse by up to 3.00 points"


def test_what_is_surely_worse_and_by_more_than_allowed_fails_however_few_the_rows() -> None:
    few = Figures(FIGURES.head, FIGURES.base, {"accuracy": compared("accuracy", -0.2, -0.01, unseen=0.03)})
    assert status(few, metric="accuracy", regression=0.02) == "fails"


def test_the_same_model_is_not_worse() -> None:
    same = Figures(FIGURES.head, FIGURES.base, {}, same_model=True)
    assert status(same, metric="accuracy", regression=0.0, strict=True) == "passes"
    assert status(same, metric="accuracy", minimum=0.99) == "fails"


def test_a_comparison_without_an_interval_decides_nothing() -> None:
    told = MetricComparison("accuracy", "no detectable change", "higher", "percent", 0.01, difference=0.0, reason="why")
    [outcome] = judge(
        [Rule(metric="accuracy", regression=0.5)], METRICS, Figures({"accuracy": 1.0}, {}, {"accuracy": told})
    )
    assert (outcome.status, outcome.found) == ("not decided", "why")


@pytest.mark.parametrize(
    ("value", "minimum", "found"),
    [(0.949996, 0.95, "94.9996 %"), (0.95, 0.95, "95.00 %"), (0.94, 0.95, "94.00 %")],
)
def test_what_was_found_never_looks_like_the_bound_that_it_misses(value: float, minimum: float, found: str) -> None:
    figures = Figures({"accuracy": value}, None, {})
    [outcome] = judge([Rule(metric="accuracy", minimum=minimum)], METRICS, figures)
    assert outcome.found == found


def test_only_a_blocking_rule_blocks() -> None:
    rules = [Rule(metric="accuracy", minimum=0.99, action=action) for action in ("block", "inform")]
    assert [outcome.blocks for outcome in judge(rules, METRICS, FIGURES)] == [True, False]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("{metric: acuracy, minimum: 0.9}", "unknown metric 'acuracy'"),
        ("{metric: accuracy, ratio: 2}", "use regression for accuracy"),
        ("{metric: size_bytes, regression: 2}", "use ratio for size_bytes"),
        ("{metric: accuracy}", "exactly one of minimum, maximum, regression, ratio"),
        ("{metric: accuracy, minimum: 0.9, maximum: 1}", "exactly one of"),
        ("{metric: accuracy, regression: 0.02, at: interval}", "at: interval is for minimum and maximum"),
        ("{metric: size_bytes, maximum: 9, at: interval}", "size_bytes has no interval"),
        ("{metric: accuracy, minimum: 0.9, strict: true}", "strict is for regression"),
        ("{metric: accuracy, minimum: 0.9, action: warn}", "'block' or 'inform'"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(rule: str, says: str) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    before, _, _ = text.partition("gate:")
    with pytest.raises(InputError, match=says):
        parse_params(f"{before}gate:\n  - {rule}\n")


def test_two_classes_have_no_top_2_accuracy_and_nothing_is_blocked() -> None:
    rule = Rule.model_validate({"metric": "top_2_accuracy", "minimum": 0.9, "action": "block"})
    metrics = {"top_2_accuracy": Metric(better="higher", format="percent", tolerance=0.01)}
    [outcome] = judge([rule], metrics, Figures({"accuracy": 0.9, "log_loss": 0.3}, None, {}))
    assert (outcome.status, outcome.blocks) == ("not applied", False) and "needs three" in outcome.found
    [outcome] = judge([rule], metrics, Figures({"accuracy": 0.9}, None, {}))
    assert outcome.blocks, "without probabilities it is missing"
