"""Whether a challenger may take the champion's place: only if it is not worse, and not if it is merely as good."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.comparison import formats
from pipeline.comparison.gate import Outcome
from pipeline.comparison.results import Comparison
from pipeline.params import Metric, Params, Rule
from pipeline.review.report import Report
from pipeline.review.show import words
from pipeline.text import count

SMALLER = 0.95  # of the champion's bytes: sizes nearer to each other are one size


@dataclass(frozen=True)
class Judgement:
    """Whether the challenger is allowed, and why, in a sentence; `found`: what was measured, for the tag's message."""

    allowed: bool
    why: str
    found: tuple[str, ...] = ()


def judge(report: Report, params: Params, champion: str) -> Judgement:
    """Judge a report whose base is the champion; without one, the gate alone decides.

    Better is allowed, worse is not. Equal are models that are equivalent, and those that cannot be told apart while a
    blocking rule of the gate shows that the challenger loses no more than the team allows; of two equal ones the
    simpler or smaller stays.
    """
    found = _found(report)
    if report.failures:
        return Judgement(False, "; ".join(report.failures), found)
    if report.comparison is None:
        return Judgement(True, "the first at this stage; the gate allows it", found)
    row = report.comparison.headline
    if row.verdict in ("better", "worse"):
        return Judgement(row.verdict == "better", f"{row.verdict} than {champion}: {words.effect(report)}", found)
    if report.comparison.same_model:
        return Judgement(False, f"it is the same model as {champion}, which stays", found)
    if row.verdict != "equivalent" and not _bounded(report.gate, params):
        why = f"whether it is worse than {champion} cannot be told, and no rule of the gate bounds how much:"
        return Judgement(False, f"{why} {words.effect(report)}", found)
    return _of_equals(report, champion, found)


def judge_held_back(comparison: Comparison, outcomes: Sequence[Outcome], champion: str, tag: str) -> Judgement:
    """Judge a comparison on the rows held back, and the gate's outcomes there; few rows may leave both undecided."""
    row = comparison.headline
    ends = f"{formats.value(_shown(comparison), row.base)} → {formats.value(_shown(comparison), row.head)}"
    said = f"{tag}: on {comparison.n:,} rows held back {row.verdict}, {row.metric} {ends}"
    failing = [f"{outcome.rule} ({outcome.found})" for outcome in outcomes if outcome.blocks]
    if row.verdict == "worse":
        return Judgement(False, f"worse than {champion} on the rows held back", (said,))
    if failing:
        return Judgement(False, f"on the rows held back: {'; '.join(failing)}", (said,))
    return Judgement(True, f"{row.verdict} on the rows held back", (said,))


def regressions(params: Params) -> list[Rule]:
    """The rules of the gate that bound what may be lost against the champion."""
    return [rule for rule in params.gate if rule.regression is not None and rule.action == "block"]


def _of_equals(report: Report, champion: str, found: tuple[str, ...]) -> Judgement:
    """Of two models that are as good: the one that asks for fewer columns, else the clearly smaller, else the old."""
    changed = report.changes.schema if report.changes else ()
    more = sum(c.old is None for c in changed) - sum(c.new is None for c in changed)
    old, new = (values.get("size_bytes") for values in (report.base_values, report.head_values))
    sizes = " → ".join(f"{size / 1000:,.1f} kB" if size else formats.NOTHING for size in (old, new))
    as_good = f"as good as {champion}"
    if more:
        simpler = f"asks for {count(abs(more), 'column')} {'more' if more > 0 else 'fewer'}"
        return Judgement(more < 0, f"{as_good}, and {simpler}: the simpler stays", found)
    if old and new and new <= SMALLER * old:
        return Judgement(True, f"{as_good}, and smaller ({sizes})", found)
    return Judgement(False, f"{as_good}, and no smaller ({sizes}): {champion} stays", found)


def _bounded(outcomes: Sequence[Outcome], params: Params) -> bool:
    """Whether a blocking rule has shown how much of the primary metric may be lost at most."""
    return any(
        rule.metric == params.review.primary and rule in regressions(params) and outcome.status == "passes"
        for rule, outcome in zip(params.gate, outcomes, strict=True)
    )


def _found(report: Report) -> tuple[str, ...]:
    lines = [words.title(report), words.effect(report)] if report.comparison or report.problem else []
    return (*lines, f"Gate: {words.gate(report)[1]}")


def _shown(comparison: Comparison) -> Metric:
    row = comparison.headline
    return Metric(better=row.better, format=row.format, tolerance=row.tolerance)
