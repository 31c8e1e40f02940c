"""The report as one HTML page that needs nothing else: style, charts and pictures are inside it."""

from functools import cache
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from pipeline.comparison import formats
from pipeline.comparison.results import MetricComparison
from pipeline.review.curves import Curve
from pipeline.review.report import Report
from pipeline.review.show import tables, words
from pipeline.review.show.charts import Series, interval_bar, line_chart
from pipeline.text import shown


def to_html(report: Report) -> str:
    """The page; everything that came from the repository is escaped by the template."""
    found = report.comparison
    return template("report.html.j2").render(
        report=report,
        words=words,
        tables=tables,
        bars={name: bar(row) for name, row in found.metrics.items()} if found else {},
        group_bars=[bar(group.accuracy) for _, group in words.groups(found)] if found else [],
        charts=charts(report.curves),
    )


def bar(row: MetricComparison) -> Markup:
    """The interval of one metric as a picture, or nothing where there is none."""
    if row.low is None or row.high is None or row.difference is None:
        return Markup("")
    return interval_bar(row.low, row.high, row.difference, row.tolerance, row.better == "higher")


def charts(curves: tuple[Curve, ...]) -> list[dict[str, Any]]:
    """One chart for each quantity (loss, accuracy): training and validation of both sides, and their last values."""
    found = []
    for quantity in dict.fromkeys(curve.name.rpartition("/")[2] for curve in curves):
        lines = [
            (f"{side}, {curve.name.partition('/')[0]}", Series(f"{side} {_dash(curve.name)}", points))
            for curve in curves
            if curve.name.endswith(f"/{quantity}")
            for side, points in (("base", curve.base), ("head", curve.head))
            if points
        ]
        ends = [(name, series.style, *series.points[-1]) for name, series in lines]
        title = f"{quantity} by step: " + "; ".join(f"{name} ends at {value:.4g}" for name, _, _, value in ends)
        found.append(
            {"svg": line_chart(title, quantity, [series for _, series in lines]), "name": quantity, "ends": ends}
        )
    return found


def _dash(curve: str) -> str:
    """The style sheet's class of a curve; the name itself may hold anything."""
    return "train" if curve.startswith("train/") else "validation"


@cache
def template(name: str, room: str = "pipeline.review.show") -> Template:
    """A template of this room or of another one, which may include this room's style sheet."""
    rooms = dict.fromkeys((room, "pipeline.review.show"))
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(each) for each in rooms]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: formats.unbroken(shown(value, lines=True)) if type(value) is str else value,
    )
    environment.filters["key"] = formats.key
    return environment.get_template(name)
