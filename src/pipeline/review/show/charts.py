"""Charts of the HTML report as inline SVG: numbers in, markup out, coloured by the page's style sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup

from pipeline.review.curves import Line
from pipeline.text import shown

WIDTH, HEIGHT = 420, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 10, 26, 36  # margins of a line chart
BAR_WIDTH, BAR_HEIGHT = 150, 26


@dataclass(frozen=True)
class Series:
    """One line: its points, and the CSS classes that give it a colour (base, head) and a dash (train)."""

    style: str
    points: Line


def interval_bar(low: float, high: float, difference: float, tolerance: float, higher_is_better: bool) -> Markup:
    """An interval of a difference around 0, better to the right, with the tolerance as a band."""
    if not higher_is_better:
        low, high, difference = -high, -low, -difference
    reach = 1.08 * max(abs(low), abs(high), tolerance, 1e-12)
    middle = BAR_HEIGHT / 2

    def x(number: float) -> float:
        return round(BAR_WIDTH / 2 * (1 + number / reach), 1)

    side = "better" if low > 0 else "worse" if high < 0 else "unclear"
    return Markup(
        '<svg class="bar {side}" viewBox="0 0 {w} {h}" width="{w}" height="{h}" aria-hidden="true" focusable="false">'
        '<rect class="tolerance" x="{band}" y="0" width="{band_width}" height="{h}"/>'
        '<line class="zero" x1="{zero}" x2="{zero}" y1="0" y2="{h}"/>'
        '<line class="range" x1="{x1}" x2="{x2}" y1="{y}" y2="{y}"/><circle cx="{dot}" cy="{y}" r="4.5"/></svg>'
    ).format(
        side=side,
        w=BAR_WIDTH,
        h=BAR_HEIGHT,
        band=x(-tolerance),
        band_width=round(x(tolerance) - x(-tolerance), 1),
        zero=x(0),
        x1=x(low),
        x2=x(high),
        dot=x(difference),
        y=middle,
    )


def line_chart(title: str, axis: str, series: Sequence[Series]) -> Markup:
    """Lines over steps with two labelled axes; `title` is what a screen reader says."""
    drawn = [item for item in series if len(item.points) > 1]
    steps = [step for item in drawn for step, _ in item.points]
    values = [value for item in drawn for _, value in item.points]
    last = max(steps)
    ticks = nice_ticks(min(values), max(values))
    bottom, top = min(ticks[0], *values), max(ticks[-1], *values)

    def x(step: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * step / last, 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - bottom) / ((top - bottom) or 1), 1)

    parts = [
        Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>').format(
            WIDTH, HEIGHT, shown(title), shown(title)
        )
    ]
    for tick in ticks:
        parts.append(
            Markup(
                '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="y" x="{}" y="{}">{:g}</text>'
            ).format(LEFT, WIDTH - RIGHT, y(tick), y(tick), LEFT - 6, y(tick) + 4, tick)
        )
    for tick in nice_ticks(0, last):
        if tick <= last:
            parts.append(
                Markup('<text class="x" x="{}" y="{}">{:g}</text>').format(x(tick), HEIGHT - BOTTOM + 16, tick)
            )
    parts.append(Markup('<text class="x" x="{}" y="{}">step</text>').format(x(last / 2), HEIGHT - 4))
    parts.append(Markup('<text class="name" x="{}" y="{}">{}</text>').format(LEFT, 14, shown(axis)))
    for item in drawn:
        points = " ".join(f"{x(step)},{y(value)}" for step, value in item.points)
        parts.append(Markup('<polyline class="{}" points="{}"/>').format(item.style, points))
    return Markup("").join([*parts, Markup("</svg>")])


def nice_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` + 1 round numbers in steps of 1, 2 or 5 times a power of ten that span low to high."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** floor(log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= span / most)
    first, last = floor(low / step), ceil(high / step)
    return [round(place * step, 12) for place in range(first, last + 1)]
