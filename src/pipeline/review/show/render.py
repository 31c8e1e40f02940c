"""The report as Markdown for a pull request's comment: the verdict first, everything else folded below it."""

import re
from collections.abc import Iterable, Sequence

from pipeline.comparison import formats
from pipeline.comparison.results import Comparison
from pipeline.repository.proof import Proof
from pipeline.review.changes import Change, Changes
from pipeline.review.curves import Curve, Line
from pipeline.review.report import Report
from pipeline.review.show import tables, words
from pipeline.review.where import Flip
from pipeline.text import markdown, shown

LIMIT = 65_536  # of a GitHub comment, in UTF-16 units
RESERVE = 2_000  # for the line that says what is missing, and for what the comment's poster adds around it
TABLE_ROWS = 40
PATCH_CHARACTERS = 12_000
SYMBOLS = {
    "better": "🟢",
    "worse": "🔴",
    "no detectable change": "⚪",
    "equivalent": "🔵",
    "not comparable": "⚫",
    "not compared": "⛔",
    "no base": "🆕",
    "ok": "✅",
    "warn": "⚠️",
    "no": "❌",
    "passes": "✅",
    "fails": "❌",
    "not decided": "⚠️",
    "not applied": "➖",
}
GRID = 100  # points of one line of a chart
BASE_COLOUR, HEAD_COLOUR = "#a371f7", "#e8702a"  # both readable on GitHub's white and on its black


def to_markdown(report: Report) -> str:
    """Markdown of at most 65,536 characters; sections that do not fit are left out from the end, and named."""
    first, *details = [section for section in (_summary(report), *_details(report)) if section]
    kept, left_out, room = [first], [], LIMIT - RESERVE - _units(first)
    for section in details:
        room -= _units(section) + 2
        if room >= 0:
            kept.append(section)
        else:
            room += _units(section) + 2
            left_out.append(section.partition("<summary>")[2].partition("</summary>")[0])
    if left_out:
        kept.append(f"**Cut to fit a comment.** Left out: {', '.join(left_out)}. report.html has everything.")
    return "\n\n".join(kept) + "\n"


def code(text: object) -> str:
    """A stranger's text in the font of code; a code span could be left by its own backticks."""
    return f"<code>{markdown(text)}</code>"


def _summary(report: Report) -> str:
    lines = [
        f"## {SYMBOLS[report.verdict]} {markdown(words.title(report))}",
        f"**{markdown(words.effect(report))}**",
        "",
    ]
    points: list[tuple[str, str]] = []
    if report.changes:
        causes = [f"{kind}: {markdown(text)}" for kind, text in words.causes(report.changes)]
        again = f" (ran again: {markdown(words.ran_again(report.changes))})"
        points.append(
            ("Because of", "; ".join(causes) + again if causes else "nothing that the pipeline reads changed" + again)
        )
    more = words.further(report)
    points += [(name, markdown(text)) for name, text in more if text]
    if text := words.noticed(report):
        points.append(("Data", f"{SYMBOLS['warn']} {markdown(text)}"))
    for name, (state, text) in (("Proof", words.proof(report)), ("Gate", words.gate(report))):
        points.append((name, f"{SYMBOLS[state]} {markdown(text)}"))
    lines += [f"- **{name}**: {text}" for name, text in points]
    if report.head:
        sides = " → ".join(words.revision(side) for side in (report.base, report.head) if side)
        lines += ["", f"<sub>{markdown(sides)}</sub>"]
    return "\n".join(lines)


def _details(report: Report) -> list[str]:
    found, proof = report.comparison, report.proof
    return [
        _fold("All metrics", _metrics(report)),
        _fold("What changed", _changes(report.changes)) if report.changes else "",
        _fold("Noticed in the data", _text_table(("column", "what", "since"), tables.notice_rows(report), "---")),
        _fold("Per class and slice", _groups(found)) if found and found.n else "",
        _fold("Rows that flipped", _flips(report)) if report.broken or report.fixed else "",
        _fold("Learning curves", _curves(report.curves)) if report.curves else "",
        _fold("Gate", _gate(report)) if report.gate else "",
        _fold("Patch that makes dvc.lock current", _patch(proof)) if proof and proof.patch else "",
    ]


def _fold(title: str, body: str) -> str:
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>" if body else ""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], align: str = "---:") -> str:
    """A table whose columns after the first are aligned, to the right for numbers; a long one is cut, and says so."""
    found = list(rows)
    if not found:
        return ""
    lines = [" | ".join(header), " | ".join(["---", *[align] * (len(header) - 1)])]
    lines += [formats.unbroken(" | ".join(row)) for row in found[:TABLE_ROWS]]
    more = f"\n\n… and {len(found) - TABLE_ROWS:,} more in report.html." if len(found) > TABLE_ROWS else ""
    return "\n".join(f"| {line} |" for line in lines) + more


def _text_table(header: Sequence[str], rows: Iterable[Sequence[str]], align: str = "---:") -> str:
    return _table(header, [list(map(_cell, row)) for row in rows], align)


def _cell(text: str) -> str:
    """A cell's text; a verdict or a result gets its symbol, also when a reason follows it."""
    symbol = SYMBOLS.get(text.partition(":")[0])
    return f"{symbol} {markdown(text)}" if symbol else markdown(text)


def _metrics(report: Report) -> str:
    if not report.comparison:
        alone = [f"Note: {markdown(text)}." for text in words.knowing_nothing(report)]
        return "\n\n".join([_text_table(("metric", "head"), tables.own_rows(report)), *alone])
    header = ("metric", "base", "head", "difference", "interval", "verdict", "found 8 times in 10")
    rows = [
        [f"**{markdown(row[0])}**" if row[0] == report.primary else markdown(row[0]), *map(_cell, row[1:])]
        for row in tables.metric_rows(report)
    ]
    note = words.intervals(report)
    notes = [f"Note: {markdown(text)}." for text in words.notes(report)]
    costs = _text_table(("cost", "base", "head", "ratio"), tables.cost_rows(report))
    return "\n\n".join([_table(header, rows), *notes, note, costs])


def _changes(changes: Changes) -> str:
    rows, stages = tables.row_rows(changes), tables.stage_rows(changes)
    parts = [
        ("Rows", _text_table(("rows", "base", "head", "added", "removed", "changed", "moved here"), rows)),
        ("Class balance", _pairs("class", changes.classes)),
        ("Columns", _pairs("column", changes.schema)),
        ("Parameters", _pairs("parameter", changes.parameters)),
        ("How it is judged", _pairs("parameter", changes.judging)),
        ("Environment", _pairs("package", changes.environment)),
        ("Stages that differ", _text_table(("stage", "because of", "files"), stages, "---")),
    ]
    return "\n\n".join(f"**{title}**\n\n{body}" for title, body in parts if body)


def _pairs(what: str, changes: tuple[Change, ...]) -> str:
    rows = [[code(c.name), *("–" if side is None else code(side[:300]) for side in (c.old, c.new))] for c in changes]
    return _table((what, "base", "head"), rows)


def _groups(found: Comparison) -> str:
    header = (
        "rows of",
        "rows",
        "base right",
        "head right",
        "difference",
        "interval",
        "fixed",
        "broken",
        "verdict",
    )
    return _text_table(header, tables.group_rows(found))


def _flips(report: Report) -> str:
    parts = (("Broken, the surest first", report.broken), ("Fixed", report.fixed))
    return "\n\n".join(f"**{title}**\n\n{_flip_table(flips)}" for title, flips in parts if flips)


def _flip_table(flips: tuple[Flip, ...]) -> str:
    rows = [
        [code(formats.key(f.key)), markdown(f.truth), markdown(f.base), markdown(f.head), formats.share(f.confidence)]
        for f in flips
    ]
    header = ("row", "truth", "base says", "head says", "confidence of the wrong one")
    if not any(flip.cells for flip in flips):
        return _table(header, rows)
    held = [[*row, markdown(words.cells(flip))] for row, flip in zip(rows, flips, strict=True)]
    return _table((*header, "what the row holds"), held)


def _curves(curves: tuple[Curve, ...]) -> str:
    parts = [_chart(curve) for curve in curves if curve.name.startswith("validation/")] or [_chart(c) for c in curves]
    return "\n\n".join(parts)


def _chart(curve: Curve) -> str:
    """A Mermaid chart. It spreads a line's points evenly over the axis, so both lines are put on one grid first."""
    lines = [(colour, word, line) for colour, word, line in _drawn(curve) if len(line) > 1]
    first, last = min(line[0][0] for _, _, line in lines), max(line[-1][0] for _, _, line in lines)
    points = min(GRID, last - first)
    grid = [first + (last - first) * place / points for place in range(points + 1)]
    name = re.sub(r"[^\w ]", " ", shown(curve.name.replace("/", " ")))[:80]  # what a chart's axis takes
    legend = " and ".join(
        f"the {word} is {'purple' if colour == BASE_COLOUR else 'orange'}" for colour, word, _ in lines
    )
    ended = [
        f"the {word} ends at step {line[-1][0]}, its line goes on level"
        for _, word, line in lines
        if line[-1][0] < last
    ]
    drawn = [f"  line [{', '.join(map(_decimal, resample(line, grid)))}]" for _, _, line in lines]
    return "\n".join(
        [
            f"{markdown(name[:1].upper() + name[1:])} by step: {'; '.join([legend, *ended])}.",
            "",
            "```mermaid",
            "---",
            "config:",
            "  xyChart:",
            "    width: 760",
            "    height: 280",
            "  themeVariables:",
            "    xyChart:",
            f'      plotColorPalette: "{", ".join(colour for colour, _, _ in lines)}"',
            "---",
            "xychart-beta",
            f'  x-axis "step" {first} --> {last}',
            f'  y-axis "{name}"',
            *drawn,
            "```",
        ]
    )


def _drawn(curve: Curve) -> tuple[tuple[str, str, Line], ...]:
    return (BASE_COLOUR, "base", curve.base), (HEAD_COLOUR, "head", curve.head)


def resample(line: Line, grid: Sequence[float]) -> list[float]:
    """The line's values at the steps of `grid`, interpolated; level before its first and after its last point."""
    import numpy as np

    steps, values = zip(*line, strict=True)
    return [float(value) for value in np.interp(grid, steps, values)]


def _decimal(value: float) -> str:
    """Five significant digits without an exponent, which Mermaid takes for a parse error."""
    import numpy as np

    return np.format_float_positional(value, precision=5, unique=False, fractional=False, trim="-")


def _gate(report: Report) -> str:
    return _text_table(tables.GATE_HEADER, tables.gate_rows(report), "---")


def _patch(proof: Proof) -> str:
    """What it does to dvc.lock as a code block that its own content cannot close; too long a one is only named."""
    patch = shown(proof.lock_patch, lines=True)
    if not patch or len(patch) > PATCH_CHARACTERS:
        return words.PATCH
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", patch)), default=0))
    return f"{words.PATCH} This is its part for dvc.lock:\n\n{fence}diff\n{patch}\n{fence}"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
