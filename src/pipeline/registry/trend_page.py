"""The trend as one HTML page that needs nothing else: a chart of each metric, and every point in a table."""

from collections.abc import Mapping
from itertools import pairwise

from markupsafe import Markup

from pipeline.params import Metric
from pipeline.registry import trend_lines
from pipeline.registry.trend import Point, Trend
from pipeline.review.show.charts import nice_ticks
from pipeline.review.show.html import template
from pipeline.text import shown

WIDTH, HEIGHT = 900, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 30, 26


def to_html(found: Trend, metrics: Mapping[str, Metric]) -> str:
    """The page; everything that came from the repository is escaped by the template."""
    names = [found.primary, *(name for name in metrics if name != found.primary)]
    measured = [name for name in names if any(name in point.figures.values for point in found.points)]
    metric = metrics[found.primary]
    return template("trend.html.j2", "pipeline.registry").render(
        found=found,
        headline=trend_lines.headline(found),
        anchor=trend_lines.anchor(found, metric),
        header=trend_lines.header(found),
        notes=trend_lines.notes(found),
        charts=[(name, chart(found, name, metrics[name])) for name in measured],
        rows=[(trend_lines.told(p), trend_lines.row(found, p, metric)) for p in reversed(found.points)],
    )


def chart(found: Trend, name: str, metric: Metric) -> Markup:
    """A metric over the results: a dot with its interval for each, versions above, the anchor's value as a line.

    Dots have the colour and the shape of the step of the primary metric: a triangle up is better, one down is worse.
    """
    points = [(place, point) for place, point in enumerate(found.points) if name in point.figures.values]
    line = found.anchor.figures.values.get(name) if found.anchor else None
    heights = [end for _, point in points for end in _ends(point, name)] + ([] if line is None else [line])
    ticks = nice_ticks(min(heights), max(heights), 4)
    bottom, top = ticks[0], ticks[-1]

    def x(place: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / len(found.points), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - bottom) / ((top - bottom) or 1), 1)

    first, last = points[0][1].figures, points[-1][1].figures
    title = f"{name} over {len(points)} results, from {first.text(name, metric)} to {last.text(name, metric)}"
    parts = [
        Markup('<svg class="trend" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>').format(
            WIDTH, HEIGHT, shown(title), shown(title)
        )
    ]
    for tick in ticks:
        text = f"{100 * tick:g} %" if metric.format == "percent" else f"{tick:g}"
        grid = '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="y" x="{}" y="{}">{}</text>'
        parts.append(Markup(grid).format(LEFT, WIDTH - RIGHT, y(tick), y(tick), LEFT - 6, y(tick) + 4, text))
    if line is not None and found.anchor:
        drawn = '<line class="anchor" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        parts.append(Markup(drawn).format(LEFT, WIDTH - RIGHT, y(line), y(line)))
    for (place, point), (after, following) in pairwise(points):
        ends = x(place), x(after), y(point.figures.values[name]), y(following.figures.values[name])
        parts.append(Markup('<line class="path" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(*ends))
    for place, point in points:
        low, high = _ends(point, name)[:2]
        parts.append(
            Markup('<line class="range" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(x(place), y(low), y(high))
        )
        if point.releases:
            mark = (
                '<line class="release" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/><text class="x" x="{0}" y="{3}">{4}</text>'
            )
            names = shown(" ".join(point.releases))
            parts.append(Markup(mark).format(x(place), TOP - 6, HEIGHT - BOTTOM, TOP - 12, names))
        parts.append(_dot(x(place), y(point.figures.values[name]), trend_lines.told(point)))
    for place in sorted({0, len(found.points) - 1}):
        when = found.points[place].when[:10]
        anchor = "start" if place == 0 and len(found.points) > 1 else "end" if place else "middle"
        text = '<text class="date" text-anchor="{}" x="{}" y="{}">{}</text>'
        parts.append(Markup(text).format(anchor, x(place), HEIGHT - 6, when))
    return Markup("").join([*parts, Markup("</svg>")])


def _ends(point: Point, name: str) -> tuple[float, float, float]:
    """The ends of a point's interval, and its value; the value alone where there is no interval."""
    value = point.figures.values[name]
    return (*point.figures.intervals.get(name, (value, value)), value)


def _dot(x: float, y: float, told: str) -> Markup:
    """A point in the shape of its step."""
    shapes = {"better": f"M{x - 5},{y + 4}h10l-5,-9z", "worse": f"M{x - 5},{y - 4}h10l-5,9z"}
    if told in shapes:
        return Markup('<path class="{}" d="{}"/>').format(told, shapes[told])
    return Markup('<circle class="{}" cx="{}" cy="{}" r="3.5"/>').format("told" if told else "same", x, y)
