"""What params.yaml allows: floors, ceilings, regressions and budgets, each of which blocks or informs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.comparison import formats
from pipeline.files import finite
from pipeline.params import Action, Metric, Rule

Status = Literal["passes", "fails", "not applied"]


@dataclass(frozen=True)
class Harmless:
    """The share of changes without effect that fail a rule on so many rows, and the margin that fails at most 5 %."""

    metric: str
    share: float
    margin: float


@dataclass(frozen=True)
class Outcome:
    """One rule, what was found, and whether that is allowed."""

    rule: str
    action: Action
    status: Status
    found: str
    harmless: Harmless | None = None

    @property
    def blocks(self) -> bool:
        """Whether this outcome forbids the change."""
        return self.status == "fails" and self.action == "block"


@dataclass(frozen=True)
class Figures:
    """What rules are judged on: plain values of both sides, and the interval of each difference (head - base).

    `base` is None in a repository's first commit, where nothing can have got worse.
    """

    head: Mapping[str, float | None]
    base: Mapping[str, float | None] | None
    intervals: Mapping[str, tuple[float | None, float | None]]


def judge(rules: list[Rule], metrics: Mapping[str, Metric], figures: Figures) -> tuple[Outcome, ...]:
    """Apply every rule. A metric that a rule needs and that is missing or not finite fails the rule."""
    return tuple(_judge(rule, metrics, figures) for rule in rules)


def _judge(rule: Rule, metrics: Mapping[str, Metric], figures: Figures) -> Outcome:
    name, head = rule.metric, figures.head.get(rule.metric)
    metric = metrics.get(name)
    text = describe(rule, metric)

    def outcome(allowed: bool | None, found: str) -> Outcome:
        status: Status = "not applied" if allowed is None else "passes" if allowed else "fails"
        return Outcome(text, rule.action, status, found)

    if not finite(head):
        return outcome(False, f"{name} is missing or not finite")
    assert head is not None
    if rule.minimum is not None:
        return outcome(head >= rule.minimum, formats.apart(metric, head, rule.minimum))
    if rule.maximum is not None:
        return outcome(head <= rule.maximum, formats.apart(metric, head, rule.maximum))
    if figures.base is None:
        return outcome(None, f"there is no {rule.against}")
    if rule.ratio is not None:
        base = figures.base.get(name)
        if not finite(base) or not base:
            return outcome(False, f"{name} of the base is missing, not finite or 0")
        return outcome(head / base <= rule.ratio, f"{formats.plain(base)} → {formats.plain(head)}, × {head / base:.3g}")
    assert rule.regression is not None
    low, high = figures.intervals.get(name, (None, None))
    bound = low if metrics[name].better == "higher" else high
    if not finite(bound):
        return outcome(False, f"{name} could not be compared")
    assert bound is not None
    worse = -bound if metrics[name].better == "higher" else bound
    # The far end of the interval: what the change may cost, not what it seems to cost on these rows.
    if worse <= 0:
        return outcome(True, "surely not worse")
    found = formats.apart(metric, worse, rule.regression, formats.size)
    return outcome(worse <= rule.regression, f"may be worse by up to {found}")


def describe(rule: Rule, metric: Metric | None) -> str:
    """The rule in words."""
    if rule.minimum is not None:
        return f"{rule.metric} at least {formats.value(metric, rule.minimum)}"
    if rule.maximum is not None:
        return f"{rule.metric} at most {formats.value(metric, rule.maximum)}"
    if rule.ratio is not None:
        return f"{rule.metric} at most {rule.ratio:g} times the base's"
    than = " than the anchor" if rule.against == "anchor" else ""
    return f"{rule.metric} not worse{than} by more than {formats.size(metric, rule.regression)}"
