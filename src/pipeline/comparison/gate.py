"""What params.yaml allows: floors, ceilings, regressions and budgets, each of which blocks or informs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pipeline.comparison import formats
from pipeline.comparison.results import MetricComparison, needed
from pipeline.files import finite
from pipeline.params import Action, Metric, Rule

Status = Literal["passes", "fails", "not decided", "not applied"]


@dataclass(frozen=True)
class Harmless:
    """The share of changes without effect that fail a rule on so many rows, and the margin that fails at most 5 %."""

    metric: str
    share: float
    margin: float


@dataclass(frozen=True)
class Outcome:
    """One rule, what was found, and whether that is allowed. `strict`: what cannot be decided is not."""

    rule: str
    action: Action
    status: Status
    found: str
    strict: bool = False
    harmless: Harmless | None = None

    @property
    def blocks(self) -> bool:
        """Whether this outcome forbids the change."""
        return self.action == "block" and (self.status == "fails" or (self.strict and self.status == "not decided"))


@dataclass(frozen=True)
class Figures:
    """What rules are judged on: plain values of both sides, how they compare, and the intervals of the head's own.

    `base` is None in a repository's first commit, where nothing can have got worse. `same_model`: nothing can either.
    """

    head: Mapping[str, float | None]
    base: Mapping[str, float | None] | None
    compared: Mapping[str, MetricComparison]
    same_model: bool = False
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def judge(rules: list[Rule], metrics: Mapping[str, Metric], figures: Figures) -> tuple[Outcome, ...]:
    """Apply every rule. A metric that a rule needs and that is missing or not finite fails the rule."""
    return tuple(_judge(rule, metrics, figures) for rule in rules)


def _judge(rule: Rule, metrics: Mapping[str, Metric], figures: Figures) -> Outcome:
    name, head = rule.metric, figures.head.get(rule.metric)
    metric = metrics.get(name)

    def outcome(status: Status | bool, found: str) -> Outcome:
        said: Status = status if isinstance(status, str) else "passes" if status else "fails"
        return Outcome(describe(rule, metric), rule.action, said, found, rule.strict)

    if not finite(head) and name == "top_2_accuracy" and finite(figures.head.get("log_loss")):
        return outcome("not applied", "of two classes both are among the first two: it needs three")
    if not finite(head):
        return outcome(False, f"{name} is missing or not finite")
    assert head is not None
    for bound, sign, end in ((rule.minimum, 1, 0), (rule.maximum, -1, 1)):
        if bound is None:
            continue
        if rule.at == "point":
            return outcome(sign * (head - bound) >= 0, formats.apart(metric, head, bound))
        if name not in figures.intervals:
            return outcome(False, f"{name} has no interval")
        far = figures.intervals[name][end]
        return outcome(sign * (far - bound) >= 0, f"may be {formats.apart(metric, far, bound)}")
    if figures.base is None:
        return outcome("not applied", f"there is no {rule.against}")
    if rule.ratio is not None:
        base = figures.base.get(name)
        if not finite(base) or not base:
            return outcome(False, f"{name} of the base is missing, not finite or 0")
        return outcome(head / base <= rule.ratio, f"{formats.plain(base)} → {formats.plain(head)}, × {head / base:.3g}")
    if figures.same_model:
        return outcome(True, "the same model")
    return outcome(*_regression(rule, metrics[name], figures.compared.get(name)))


def _regression(rule: Rule, metric: Metric, found: MetricComparison | None) -> tuple[Status, str]:
    """Whether the interval denies that the head is worse by more than is allowed; undecided where no result could.

    Judged is the far end of what may be claimed: what the change may cost, not what it seems to cost on these rows.
    """
    limit = rule.regression
    assert limit is not None
    if found is None or found.difference is None:
        return "fails", f"{rule.metric} could not be compared"
    if found.worst is None or found.unseen is None or found.count is None or found.low_unadjusted is None:
        return "not decided", found.reason or "no interval"
    lost = -found.difference if metric.better == "higher" else found.difference
    near = -(found.high_unadjusted or 0.0) if metric.better == "higher" else found.low_unadjusted
    if found.worst <= 0:
        return "passes", "better, by all that the interval holds"
    may = f"may be worse by up to {formats.apart(metric, found.worst, limit, formats.size)}"
    if found.worst <= limit:
        return "passes", may
    if found.unseen <= limit or (near > 0 and lost > limit):
        return "fails", may
    if not limit:
        return "fails", may
    return "not decided", f"{needed(found.count, found.counted, found.unseen, limit)}; {may}"


def describe(rule: Rule, metric: Metric | None) -> str:
    """The rule in words."""
    sure = ", by its interval" if rule.at == "interval" else ""
    if rule.minimum is not None:
        return f"{rule.metric} at least {formats.value(metric, rule.minimum)}{sure}"
    if rule.maximum is not None:
        return f"{rule.metric} at most {formats.value(metric, rule.maximum)}{sure}"
    if rule.ratio is not None:
        return f"{rule.metric} at most {rule.ratio:g} times the base's"
    than = " than the anchor" if rule.against == "anchor" else ""
    return f"{rule.metric} not worse{than} by more than {formats.size(metric, rule.regression)}"
