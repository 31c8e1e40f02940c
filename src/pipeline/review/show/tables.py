"""The rows of the report's tables as text, the same on the page and in the comment; whoever shows them escapes them."""

from math import isfinite, nan

from pipeline.comparison import formats
from pipeline.comparison.results import Comparison
from pipeline.files import finite
from pipeline.review.changes import Changes
from pipeline.review.report import Report
from pipeline.review.show import words


def metric_rows(report: Report) -> list[list[str]]:
    """Every compared metric: name, base, head, difference, interval, verdict, smallest detectable change."""
    rows = report.comparison.metrics.values() if report.comparison else ()
    return [
        [
            row.metric,
            formats.value(metric, row.base),
            formats.value(metric, row.head),
            formats.difference(metric, row.difference),
            formats.interval_at(metric, row.low, row.high, row.confidence),
            f"{row.verdict}{f': {row.reason}' if row.reason else ''}",
            formats.size(metric, row.smallest_detectable),
        ]
        for row in rows
        for metric in (report.metrics.get(row.metric),)
    ]


def own_rows(report: Report) -> list[list[str]]:
    """The head's own metrics, where there is no base: name and value."""
    return [[name, formats.value(metric, report.head_values.get(name))] for name, metric in report.metrics.items()]


def cost_rows(report: Report) -> list[list[str]]:
    """What the package costs: its size, and the time of one row, measured side by side just now."""
    return [
        ["package size", *_costs(report, "size_bytes", 1e-3, "kB")],
        ["one row", *_costs(report, "latency_ms", 1, "ms")],
    ]


def _costs(report: Report, name: str, factor: float, unit: str) -> list[str]:
    found = report.base_values.get(name), report.head_values.get(name)
    base, head = (float(cost) if finite(cost) and cost is not None else nan for cost in found)
    shown = [f"{factor * cost:,.3g} {unit}" if isfinite(cost) else formats.NOTHING for cost in (base, head)]
    return [*shown, f"× {head / base:.2f}" if isfinite(head / (base or nan)) else formats.NOTHING]


def group_rows(found: Comparison) -> list[list[str]]:
    """Every class and slice: name, rows, share right in base and head, difference, interval, fixed, broken, verdict."""
    return [
        [
            name,
            f"{group.n:,}",
            formats.share(group.accuracy.base),
            formats.share(group.accuracy.head),
            formats.difference(formats.PERCENT, group.accuracy.difference),
            formats.interval_at(formats.PERCENT, group.accuracy.low, group.accuracy.high, group.accuracy.confidence),
            f"{group.gained:,}",
            f"{group.lost:,}",
            group.accuracy.verdict,
        ]
        for name, group in words.groups(found)
    ]


def row_rows(changes: Changes) -> list[list[str]]:
    """Rows of each split: base, head, added, removed, changed, moved here from another split."""
    return [
        [row.split, *(f"{n:,}" for n in (row.base, row.head, row.added, row.removed, row.changed, row.moved))]
        for row in changes.rows
    ]


def stage_rows(changes: Changes) -> list[list[str]]:
    """The stages that ran again, came or went: name, why, the changed files of code."""
    return [
        [stage.stage, ", ".join(stage.because), ", ".join(stage.files) or formats.NOTHING] for stage in changes.stages
    ]


def notice_rows(report: Report) -> list[list[str]]:
    """What was noticed in the data: column, what, since when."""
    since = {True: "new" if report.base else formats.NOTHING, False: "as before"}
    return [[notice.column or "rows", notice.message, since[notice.new]] for notice in report.notices]


GATE_HEADER = ("rule", "found", "if it fails", "result", "a change without effect fails it")


def gate_rows(report: Report) -> list[list[str]]:
    """Every rule: what it says, what was found, what it does, the result, how often a harmless change fails it."""
    return [
        [
            rule.rule,
            rule.found,
            rule.action,
            rule.status,
            formats.share(rule.harmless.share) if rule.harmless else formats.NOTHING,
        ]
        for rule in report.gate
    ]
