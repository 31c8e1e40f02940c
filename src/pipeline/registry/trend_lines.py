"""The trend in words and rows, for the terminal and for the page; whoever shows them escapes them."""

import shutil

from pipeline.comparison import formats
from pipeline.comparison.results import MetricComparison
from pipeline.params import Metric
from pipeline.registry.trend import NOT_HERE, Point, Trend
from pipeline.text import count

TOLD = {"better": "better", "worse": "worse"}


def lines(found: Trend, metric: Metric) -> list[str]:
    """A headline, what the anchor says, and a row for each point, the newest first, as wide as the terminal."""
    rows = [header(found)]
    rows += [row(found, point, metric) for point in reversed(found.points)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = shutil.get_terminal_size().columns - sum(widths[:-1]) - 2 * len(widths[:-1])
    table = []
    for *cells, subject in rows:
        text = "  ".join(cell.ljust(size) for cell, size in zip(cells, widths, strict=False))
        table.append(f"{text}  {formats.short(subject, room)}".rstrip() if room >= 8 else text.rstrip())
    return [headline(found), *([text] if (text := anchor(found, metric)) else []), "", *table, "", *notes(found)]


def header(found: Trend) -> list[str]:
    """The names of a row's cells; the level of the intervals stands there, where it is one."""
    levels = {point.figures.confidence for point in found.points}
    interval = f"{formats.level(levels.pop())} interval" if len(levels) == 1 else "interval"
    return ["when", "commit", "version", found.primary, interval, "step", "subject"]


def row(found: Trend, point: Point, metric: Metric) -> list[str]:
    """One point: when, commit, versions, value, interval, step, subject."""
    own, levels = point.figures, {other.figures.confidence for other in found.points}
    level = f" ({formats.level(own.confidence)})" if len(levels) > 1 and found.primary in own.intervals else ""
    return [
        point.when[:10],
        point.commit[:7],
        " ".join(point.releases),
        own.text(found.primary, metric),
        f"{own.span(found.primary, metric)}{level}",
        step(point, metric),
        point.subject,
    ]


def told(point: Point) -> str:
    """Better, worse, not told apart; nothing where there was nothing to compare."""
    return "" if point.step is None else TOLD.get(point.step.verdict, "not told apart")


def step(point: Point, metric: Metric) -> str:
    """A step in words: `better +1.20 points`, or why there is none."""
    if point.step is None:
        return point.why
    return f"{told(point)} {formats.difference(metric, point.step.difference)}"


def headline(found: Trend) -> str:
    """How many steps went which way."""
    counts = {name: sum(told(point) == name for point in found.points) for name in ("better", "worse")}
    commits = count(sum(point.commits for point in found.points), "commit")
    return (
        f"{found.model}: {count(len(found.points), 'result')} in {commits};"
        f" of {count(found.compared, 'step')}"
        f" {counts['better']} surely better and {counts['worse']} surely worse"
    )


def anchor(found: Trend, metric: Metric) -> str:
    """The newest result against the anchor; nothing where there is no anchor."""
    line = found.anchor
    if line is None:
        return ""
    return f"the newest against {line.name}: {_against(line.newest, metric) if line.newest else line.why}"


def _against(row: MetricComparison, metric: Metric) -> str:
    said = TOLD.get(row.verdict, "not told apart")
    ends = formats.interval_at(metric, row.low, row.high, row.confidence)
    return f"{said}, {formats.difference(metric, row.difference)}{f', {ends}' if row.low is not None else ''}"


def notes(found: Trend) -> list[str]:
    """What a reader has to know of the rows."""
    said = []
    if found.compared:
        level = formats.level(found.confidence)
        said.append(
            f"Each step is judged at {level}, so that all {found.compared} together hold at 95 %;"
            " losses too small for one step add up, and are seen against the anchor."
        )
    if any(point.why == NOT_HERE for point in found.points):
        said.append("Predictions that are not here can be fetched: dvc fetch --all-commits")
    if found.beside:
        said.append(f"Not on this branch: {formats.some(list(found.beside), 10)}.")
    if found.cut:
        said.append("The history of this clone is cut; for all of it: git fetch --unshallow")
    return said
