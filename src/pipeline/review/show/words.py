"""The findings in sentences, the same on the page and in the comment. Plain text: whoever shows it escapes it."""

from typing import Literal

from pipeline.comparison import formats
from pipeline.comparison.finds import beyond_chance, stands_out
from pipeline.comparison.power import MANY_BLOCKED
from pipeline.comparison.results import Comparison, GroupComparison, MetricComparison
from pipeline.files import finite
from pipeline.metrics.answers import commonest, poverty
from pipeline.params import Metric
from pipeline.review.changes import Change, Changes
from pipeline.review.report import Report, Revision
from pipeline.review.where import Flip
from pipeline.text import count

State = Literal["ok", "warn", "no"]

PATCH = (
    "Run dvc repro, then commit what changed and dvc push. Or take lock.patch, which is beside this report and holds "
    "the metrics and plots too: git apply lock.patch."
)


def title(report: Report) -> str:
    """The verdict, whether the change is allowed, and the primary metric, on one line."""
    metric, name = report.metrics.get(report.primary), report.primary.replace("_", " ")
    if report.problem:
        return "Not compared"
    but = ", but" if report.verdict in ("better", "equivalent", "no base") else ","
    allowed = f"{but} not allowed" if report.failures else ""
    if not report.comparison:
        return f"First results{allowed}: {name} {formats.value(metric, report.head_values.get(report.primary))}"
    row, verdict = report.comparison.headline, report.verdict[:1].upper() + report.verdict[1:]
    small = ", within the tolerance" if _is_small(row) else ""
    if report.anchor and report.anchor.result and report.anchor.result.verdict == "worse" != report.verdict:
        small, allowed = f"{small}, but worse than {report.anchor.name}", allowed.replace(", but", ",")
    return f"{verdict}{small}{allowed}: {name} {formats.value(metric, row.base)} → {formats.value(metric, row.head)}"


def effect(report: Report) -> str:
    """What was measured, in a sentence: the difference, its interval, the rows."""
    metric = report.metrics.get(report.primary)
    if report.problem:
        return f"The comparison could not be made: {report.problem}."
    if not report.comparison:
        ends = report.head_values.get("interval", {}).get(report.primary, {})
        known = finite(ends.get("low")) and finite(ends.get("high"))
        span = (
            f" (interval {formats.value(metric, ends['low'])} to {formats.value(metric, ends['high'])})"
            if known
            else ""
        )
        return f"There is no base with results to compare with; these are the head's own{span}."
    row = report.comparison.headline
    ends = _interval(row, metric)
    if report.comparison.same_model:
        return f"Both are the same model, by its hash in dvc.lock; seen on {rows_of(report.comparison)}."
    if report.comparison.identical and row.low is not None:
        same = f"Both make the same predictions on {rows_of(report.comparison)}; on others they may differ ({ends})."
        return same + _reason(report, row, metric)
    within = f" ({ends})" if finite(row.low) else ""
    one = ", one training against one" if report.one_training else ""
    return (
        f"{formats.difference(metric, row.difference)}{within}"
        f" on {rows_of(report.comparison)}{one}.{_reason(report, row, metric)}{_few_rows(row)}"
    )


def intervals(report: Report) -> str:
    """At which level the intervals of the table stand, and which ones the gate is judged on."""
    level = formats.level(report.comparison.confidence if report.comparison else 0.95)
    divided = "" if level == formats.level(0.95) else ", which allows for all looks at these rows"
    return (
        f"Beside each interval stands its level. The primary metric is bold; its level is {level}{divided}. The others'"
        f" intervals are wider, so that all of them together hold in {level} of reports (Bonferroni). Rules of the gate"
        f" are judged on the {level} interval that each metric has alone, and on what rows may cost of which these hold"
        " none."
    )


def _interval(row: MetricComparison, metric: Metric | None) -> str:
    return f"{formats.level(row.confidence or 0.95)} interval {formats.interval(metric, row.low, row.high)}"


def revision(side: Revision) -> str:
    """One side: its commit, what that was for, and where its results come from."""
    if side.name == side.commit[:7]:
        where = f" of {formats.short(side.branch, 72)}" if side.branch else ""
        return f"{side.name}{where} “{formats.short(side.subject, 72)}” (results from {side.source})"
    return f"{side.name} on {side.commit[:7]} “{formats.short(side.subject, 72)}”"


def rows_of(found: Comparison) -> str:
    """How many rows were compared and how many were left out, and why."""
    reasons = {
        "only in the base": found.only_base,
        "only in the head": found.only_head,
        "with another label": found.truth_changed,
        "with other features": found.excluded,
    }
    left = ", ".join(f"{rows:,} {reason}" for reason, rows in reasons.items() if rows)
    grouped = f" of {count(found.groups, 'group')}" if found.groups is not None else ""
    return f"the same {found.n:,} test rows{grouped}" + (f" (left out: {left})" if left else "")


def _reason(report: Report, row: MetricComparison, metric: Metric | None) -> str:
    if row.verdict == "no detectable change" and finite(row.smallest_detectable):
        size = formats.size(metric, row.smallest_detectable)
        more = f" ({row.reason})" if row.reason else ""
        return f" With this many rows, being worse by {size} would be found 8 times in 10; less may hide here{more}."
    if metric and (row.verdict == "equivalent" or _is_small(row)):
        surely = "surely " if _stands(report) else ""
        there = f"{surely}there, and " if _is_small(row) else ""
        return f" That is {there}{surely}less than {formats.size(metric, metric.tolerance)}, the declared tolerance."
    return f" {row.reason[:1].upper()}{row.reason[1:]}." if row.reason else ""


def _stands(report: Report) -> bool:
    """Whether the headline's verdict is the same if all looks at these rows are allowed for: what is sure is that."""
    adjusted = report.looks.adjusted if report.looks else None
    return adjusted is None or adjusted.verdict == report.verdict


def _few_rows(row: MetricComparison) -> str:
    """That few rows make half of the difference, and which."""
    if not row.half_from:
        return ""
    return f" Half of this difference comes from {count(len(row.half_from), 'row')}: {_costs(row)}."


def _costs(row: MetricComparison) -> str:
    return ", ".join(
        f"{formats.key(each.key)} ({formats.plain(each.base)} → {formats.plain(each.head)})" for each in row.half_from
    )


def few_rows(report: Report) -> list[str]:
    """For each metric but the primary one of which few rows make half of the difference: that, and which."""
    found = report.comparison.metrics if report.comparison else {}
    return [
        f"{name.replace('_', ' ')}: half of the difference comes from {count(len(row.half_from), 'row')}: {_costs(row)}"
        for name, row in found.items()
        if row.half_from and name != report.primary
    ]


def notes(report: Report) -> list[str]:
    """What stands below the table of all metrics."""
    found = report.comparison.notes if report.comparison else []
    return [*knowing_nothing(report), *found, *few_rows(report)]


def cells(flip: Flip) -> str:
    """What a flipped row holds: `age 35, city Bern`."""
    return ", ".join(
        f"{formats.short(name, 30)} {formats.short(cell, 30) or formats.NOTHING}" for name, cell in flip.cells
    )


def _is_small(row: MetricComparison) -> bool:
    """Whether a difference is surely there and surely within the tolerance."""
    return row.verdict in ("better", "worse") and row.within_tolerance


def also(report: Report) -> str | None:
    """What else is worse or better: sure over all that might be named here, or else a place to look."""
    found = report.comparison
    if not found:
        return None
    rows = [(name.replace("_", " "), row) for name, row in found.metrics.items() if name != found.primary]
    rows += [(name, group.accuracy) for name, group in groups(found)]
    sure = beyond_chance([row for _, row in rows], 1 - found.confidence)
    parts = []
    for verdict in ("worse", "better"):
        names = [
            f"{name}{' (within its tolerance)' if _is_small(row) else ''}"
            for (name, row), named in zip(rows, sure, strict=True)
            if named and row.verdict == verdict
        ]
        if names:
            parts.append(f"{verdict}: {formats.some(names, 5)}")
    doubtful = [
        f"{name} ({row.verdict})"
        for (name, row), named in zip(rows, sure, strict=True)
        if not named and row.verdict in ("worse", "better")
    ]
    if doubtful:
        parts.append(f"a place to look, among {len(rows)} figures perhaps by chance: {formats.some(doubtful, 5)}")
    return "; ".join(parts) or None


def causes(changes: Changes) -> list[tuple[str, str]]:
    """Each kind of cause with its content in a few words, the most telling first."""
    found = []
    renamed = any(change.name == "data.id" for change in changes.parameters)
    if changes.rows and renamed and not any(row.head - row.added for row in changes.rows):
        found.append(("data", "every row has another key, by data.id"))
    elif changes.rows:
        counts = {what: sum(getattr(row, what) for row in changes.rows) for what in ("added", "removed", "changed")}
        if any(counts.values()):
            found.append(("data", ", ".join(f"{count(n, 'row')} {what}" for what, n in counts.items() if n)))
        if moved := sum(row.moved for row in changes.rows):
            found.append(("split", f"{count(moved, 'row')} moved to another side"))
    elif any("data" in stage.because for stage in changes.stages):
        found.append(("data", "other files, but the same prepared rows"))
    if changes.schema:
        target = [change_in_words(change) for change in changes.schema if change.name.startswith("target ")]
        columns = [change.name for change in changes.schema if not change.name.startswith("target ")]
        found.append(("columns", formats.some([*target, *columns])))
    if changes.parameters:
        parameters = _by_weight(changes.parameters)
        found.append(("parameters", formats.some([change_in_words(change) for change in parameters])))
    if changes.code:
        found.append(("code", formats.some([path.removeprefix("src/pipeline/") for path in changes.code])))
    for reason, what in (("command", "command"), ("new", "new stage"), ("gone", "gone stage")):
        if stages := [stage.stage for stage in changes.stages if reason in stage.because]:
            found.append(("dvc.yaml", f"{what} {formats.some(stages)}"))
    if changes.environment:
        found.append(("environment", formats.some([change_in_words(change) for change in changes.environment])))
    if changes.judging:
        found.append(
            ("how it is judged", formats.some([change_in_words(change) for change in _judging(changes.judging)]))
        )
    return found


def _by_weight(changes: tuple[Change, ...]) -> list[Change]:
    """What makes the model first, the estimator before all; what only records it last; what is gone after its like.

    The arguments of another estimator are other ones; they are left out where there is that to say.
    """
    other = any(change.name == "train.estimator" for change in changes)
    kept = [change for change in changes if not (other and change.name.startswith("train.arguments"))]
    sections = ("train", "data", "load", "prepare", "evaluate", "package", "tracking")
    weight = {section: place for place, section in enumerate(sections)}

    def key(change: Change) -> tuple[bool, int, bool]:
        section = weight.get(change.name.partition(".")[0], len(sections))
        # With another id no row of the base is known again, and nothing can be compared.
        return change.name not in ("train.estimator", "data.id"), section, change.new is None

    return sorted(kept, key=key)


def _judging(changes: tuple[Change, ...]) -> list[Change]:
    """Another primary metric first, without which no headline can be read; then rules of the gate, lost ones first."""
    return sorted(
        changes, key=lambda c: (c.name != "review.primary", not c.name.startswith("gate."), c.new is not None)
    )


def change_in_words(change: Change) -> str:
    """`name old → new`, or that it is new or gone."""
    if change.old is None:
        return f"{change.name} {formats.short(change.new or '')} (new)"
    if change.new is None:
        return f"{change.name} (gone)"
    return f"{change.name} {formats.short(change.old)} → {formats.short(change.new)}"


def ran_again(changes: Changes) -> str:
    """The stages that ran again; one that was taken out did not."""
    return ", ".join(stage.stage for stage in changes.stages if "gone" not in stage.because) or "none"


def where(report: Report) -> str | None:
    """Flips both ways, and the class or slice that lost or gained most, if that is more than chance."""
    found = report.comparison
    if not found or not found.n:
        return None
    fixed, broken = len(found.flips.wrong_to_right), len(found.flips.right_to_wrong)
    text = f"{count(fixed, 'row')} fixed, {count(broken, 'row')} broken"
    families = [list(found.classes.values()), *(list(cut.values()) for cut in found.slices.values())]
    if most := stands_out(families, 1 - found.confidence):
        family, place = most
        name, group = groups(found)[sum(map(len, families[:family])) + place]
        text += f"; most in {name}: {formats.share(group.accuracy.base)} → {formats.share(group.accuracy.head)} right"
    return text


def groups(found: Comparison) -> list[tuple[str, GroupComparison]]:
    """Every class and slice with its name in words."""
    classes = [(f"class {name}", group) for name, group in found.classes.items()]
    return classes + [
        (f"{column} {name}", group) for column, cut in found.slices.items() for name, group in cut.items()
    ]


def noise(report: Report) -> str | None:
    """Both kinds of uncertainty in one sentence: which rows happened to be tested, and which seed was drawn."""
    found, metric = report.noise, report.metrics.get(report.primary)
    if not found:
        return f"not tried, because {report.no_noise}." if report.no_noise else None
    if len(found.without_randomness) == 2:
        return "Neither model has randomness: trained again, both come out the same, so no luck of the seed is in it."
    assert report.comparison is not None
    row = report.comparison.headline
    alone = "".join(f" (the {side} has no randomness and was not retrained)" for side in found.without_randomness)
    better = metric is not None and (found.mean > 0) == (metric.better == "higher")
    seeds = {
        True: "so the difference is more than luck of the seed",
        None: "so the difference may be luck of the seed",
        False: f"so the seeds say otherwise: on average the change makes models {'better' if better else 'worse'}",
    }[found.supports(row.difference or 0.0)]
    return (
        f"Which rows were tested leaves {formats.interval(metric, row.low, row.high)} open;"
        f" over {len(found.differences)} pairs of seeds{alone} the difference is"
        f" {formats.difference(metric, found.mean)} on average ({formats.interval(metric, found.low, found.high)})"
        f" and varies by {formats.size(metric, found.spread)} from pair to pair, {seeds}."
    )


def answers(report: Report) -> str | None:
    """What is poor in the head's answers: always the same one, or never some class."""
    return "; ".join(poverty(report.head_values.get("per_class", {}))) or None


def knowing_nothing(report: Report) -> list[str]:
    """What always answering the commonest class would get, of the head's test rows."""
    if not (per_class := report.head_values.get("per_class")):
        return []
    label, share = commonest(per_class)
    return [
        f"always answering “{label}”, the commonest class, would be right in {formats.share(share)} of the head's rows"
    ]


def looks(report: Report) -> str | None:
    """How many models these rows have judged, and what is left of the headline if all of them are allowed for."""
    found, metric = report.looks, report.metrics.get(report.primary)
    if not found or (found.models <= 2 and not found.experiments):
        return None
    least = "at least " if found.cut else ""
    text = f"these test rows have judged {least}{count(found.models, 'model')}"
    if found.experiments:
        text += f", and {count(found.experiments, 'experiment')} of this clone"
    if found.adjusted is None:
        return f"{text}; the level allows for {count(found.number, 'comparison')}" if found.number > 1 else text
    stays = "stays" if found.adjusted.verdict == report.verdict else "would be"
    level = _interval(found.adjusted, metric)
    return f"{text}; allowing for all of them ({level}) the headline {stays} “{found.adjusted.verdict}”"


def anchor(report: Report) -> str | None:
    """How the head compares with the released version, or how to name another anchor."""
    found, metric = report.anchor, report.metrics.get(report.primary)
    if report.problem or not report.comparison:
        return None
    set_one = "release a version, or set review.anchor to a revision"
    if not found:
        return f"none, so losses too small to be seen one by one can add up; {set_one}"
    if found.problem:
        return f"{found.name} could not be compared with: {found.problem}"
    if found.result is None:
        return f"{found.name} was compared with {found.look} models, and is good for {found.of}; {set_one}"
    row = found.result
    if found.look == 0:
        return f"the predictions are those of {found.name}"
    return (
        f"{row.verdict} against {found.name} (look {found.look} of {found.of}): {formats.value(metric, row.base)} →"
        f" {formats.value(metric, row.head)}, {formats.difference(metric, row.difference)} ({_interval(row, metric)})"
    )


def proof(report: Report) -> tuple[State, str]:
    """What is known of where the head's results come from, and how good that is."""
    found = report.proof
    if not found:
        return "warn", "nothing is known about where the results come from"
    if found.stale:
        return "no", f"stale: the results are not of these files: {formats.some(list(found.stale))}"
    lock = {
        "current": "the committed dvc.lock is current",
        "stale": "the committed dvc.lock is stale; the pipeline was run for these numbers, lock.patch records it",
        "not committed": "dvc.lock is current, and not committed; nor are the files that it records",
        "missing": "no dvc.lock is committed yet",
    }[found.lock]
    again = {
        "identically": "; run again from nothing, every byte came out the same",
        "equivalently": "; run again, some bytes differ, but no label, and no metric by more than its tolerance",
        "differently": "; run again, the results came out differently",
        "not run again": "; nothing was run again to check it" if found.lock == "current" else "",
    }[found.again]
    doubtful = found.lock != "current" or found.again == "equivalently"
    return "no" if found.again == "differently" else "warn" if doubtful else "ok", lock + again


def gate(report: Report) -> tuple[State, str]:
    """Whether the change is allowed, by how many rules, and which rules these rows are too few for."""
    strict = "".join(f"; {text}" for text in _too_strict(report))
    if report.failures:
        return "no", f"not allowed: {formats.some(list(report.failures), between='; ')}{strict}"
    applied = [outcome for outcome in report.gate if outcome.status != "not applied"]
    failing = [f"{outcome.rule} ({outcome.found})" for outcome in applied if outcome.status == "fails"]
    failing += [f"{o.rule}: not decided, {o.found}" for o in applied if o.status == "not decided"]
    passing = len(applied) - len(failing)
    passed = f"allowed: {passing} of {count(len(applied), 'rule')} pass{'es' if passing == 1 else ''}{strict}"
    return ("warn", f"{passed}; worth a look: {formats.some(failing, between='; ')}") if failing else ("ok", passed)


def _too_strict(report: Report) -> list[str]:
    """The rules that more than one harmless change in five fails, and which margin would do."""
    found = []
    for outcome in report.gate:
        if outcome.harmless and outcome.harmless.share > MANY_BLOCKED:
            does = "stops" if outcome.action == "block" else "warns of"
            share = f"{100 * outcome.harmless.share:.0f} %"
            margin = formats.size(report.metrics.get(outcome.harmless.metric), outcome.harmless.margin)
            found.append(
                f"“{outcome.rule}” {does} {share} of the changes without effect that differ in as"
                f" many rows; a margin of {margin} does so to 5 %"
            )
    return found


def noticed(report: Report) -> str | None:
    """What is new in the data that a person should see; the rest stands below."""
    new = [f"{n.column}: {n.message}" if n.column else n.message for n in report.notices if n.new]
    return formats.some(new, between="; ") if new else None


def further(report: Report) -> tuple[tuple[str, str | None], ...]:
    """What stands below the headline: name and sentence, None where there is nothing to say."""
    return (
        ("Answers", answers(report)),
        ("Also", also(report)),
        ("Where", where(report)),
        ("Seeds", noise(report)),
        ("Looks", looks(report)),
        ("Anchor", anchor(report)),
    )


def lines(report: Report) -> list[str]:
    """The first screen as plain lines, for a terminal."""
    found = [title(report), effect(report)]
    if report.base:
        found.append(f"Base: {revision(report.base)}")
    if report.changes:
        found.append(
            f"Because of: {'; '.join(f'{kind}: {text}' for kind, text in causes(report.changes)) or 'nothing'}"
        )
    found += [f"{name}: {text}" for name, text in (*further(report), ("Data", noticed(report))) if text]
    return [*found, f"Proof: {proof(report)[1]}", f"Gate: {gate(report)[1]}"]
