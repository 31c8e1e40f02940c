"""A comparison on stdout: as a table for a reader, as JSON for a program."""

import json
import sys

from pipeline.comparison import formats
from pipeline.comparison.results import Comparison, MetricComparison
from pipeline.params import Metric
from pipeline.review.show import words
from pipeline.text import shown

HEADER = ["metric", "base", "head", "difference", "interval", "p", "detectable", "verdict"]


def print_table(found: Comparison) -> None:
    """Write the headline, all metrics, the flipped rows and the notes."""
    rows = [HEADER, *(list(map(shown, _cells(result))) for result in found.metrics.values())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    fixed, broken = len(found.flips.wrong_to_right), len(found.flips.right_to_wrong)
    lines = [
        f"{found.headline.metric}: {found.headline.verdict}, on {words.rows_of(found)}",
        "",
        *table,
        "",
        f"{fixed:,} rows went from wrong to right, {broken:,} from right to wrong.",
        *(f"note: {note}" for note in found.notes),
        *([f"note: rows are of {found.groups:,} groups, which count as the evidence"] if found.groups else []),
    ]
    sys.stdout.write("\n".join(map(shown, lines)) + "\n")


def print_json(found: Comparison) -> None:
    """Write `Comparison.to_dict`."""
    sys.stdout.write(json.dumps(found.to_dict(), indent=2, allow_nan=False) + "\n")


def _cells(result: MetricComparison) -> list[str]:
    rule = Metric(better=result.better, format=result.format, tolerance=result.tolerance)
    return [
        result.metric,
        formats.value(rule, result.base),
        formats.value(rule, result.head),
        formats.difference(rule, result.difference),
        formats.interval_at(rule, result.low, result.high, result.confidence),
        formats.NOTHING if result.p is None else f"{result.p:.3g}",
        formats.size(rule, result.smallest_detectable),
        f"{result.verdict}: {result.reason}" if result.reason else result.verdict,
    ]
