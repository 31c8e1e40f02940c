"""Fills the report: finds the revisions, obtains their results, compares them, judges, and writes the three files."""

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.comparison import formats
from pipeline.comparison.compare import compare
from pipeline.comparison.gate import Figures, Outcome, judge
from pipeline.comparison.power import with_power
from pipeline.comparison.results import Comparison
from pipeline.errors import CheckError, InputError, PipelineError
from pipeline.files import finite, read_json, read_parquet, replacing, write_json
from pipeline.params import Params, Seeds, parse_params
from pipeline.repository import lock, sides
from pipeline.repository.proof import find_proof
from pipeline.repository.revisions import Base, default_base, named_base, resolve
from pipeline.repository.sides import PREDICTIONS, Side
from pipeline.review.anchor import Anchor, compare_with_anchor
from pipeline.review.changes import find_changes
from pipeline.review.curves import read_curves
from pipeline.review.latency import measure_latency
from pipeline.review.looks import Looks, count_looks
from pipeline.review.notices import read_notices
from pipeline.review.report import Report, Revision
from pipeline.review.seeds import may_differ, training_noise
from pipeline.review.show.html import to_html
from pipeline.review.show.render import to_markdown
from pipeline.review.where import assumed, changed_rows, is_same_model, show_flips, slice_labels


def write_report(root: Path, base: str | None, head: str | None, seeds: Seeds | None, out: Path) -> Report:
    """Assemble the report and write report.md, report.html and report.json into `out`, also when that fails.

    Where dvc.lock is not current, lock.patch is written beside them.

    Raises:
        InputError: this is no pipeline, there is no such revision, or params.yaml or dvc.lock is wrong.
        CheckError: the head has no results.
    """
    if not (root / "dvc.yaml").is_file():
        raise InputError("there is no dvc.yaml here; run this from the root of the repository")
    try:
        report = assemble(root, base, head, seeds)
    except Exception as error:
        _write(
            Report(problem=str(error) if isinstance(error, PipelineError) else f"{type(error).__name__}: {error}"), out
        )
        raise
    _write(report, out)
    return report


def assemble(root: Path, base: str | None, head: str | None, seeds: Seeds | None) -> Report:
    """The report on two revisions; None stands for the default base, the workspace, and `review.seeds`."""
    beside = default_base(root, head) if base is None else named_base(root, base)
    return _assemble(root, beside, None if head is None else resolve(root, head), seeds)


def assemble_commits(root: Path, base: str | None, head: str) -> Report:
    """The report on two commits, neither retrained with other seeds; without a base, on the head's own figures."""
    return _assemble(root, Base(base, "") if base else None, head, 0)


def _assemble(root: Path, beside: Base | None, head_commit: str | None, seeds: Seeds | None) -> Report:
    with ExitStack() as stack:
        new = stack.enter_context(sides.revision(root, head_commit)) if head_commit else sides.workspace(root)
        text = new.text("params.yaml")
        if text is None:
            raise InputError(f"there is no params.yaml in {new.name}")
        params = parse_params(text, f"params.yaml of {new.name}")
        old, problem = None, None
        try:
            if beside and sides.has_results(root, beside.commit):
                of = f" of {beside.branch}" if beside.branch else ""
                sides.say(f"comparing {new.name} with {beside.commit[:7]}{of}")
                old = stack.enter_context(sides.revision(root, beside.commit, beside.branch))
        except (CheckError, InputError) as error:  # InputError: a file of the base cannot be read
            problem = str(error)
        return _report(root, old, new, params, params.review.seeds if seeds is None else seeds, problem)


def _report(root: Path, base: Side | None, head: Side, params: Params, seeds: Seeds, problem: str | None) -> Report:
    """The report on folders that hold results; without a base, on the head alone."""
    latency = measure_latency(package(base.folder) if base else None, package(head.folder))
    head_values = {**own_values(head.folder), "latency_ms": latency.head}
    proof = find_proof(head, params.review.metrics)
    found: dict[str, Any] = {}
    if base:
        looks = count_looks(root, base, head)
        divided = looks is not None and params.review.looks == "adjust"
        comparison = compare_sides(base, head, params, looks.confidence if looks and divided else 0.95)
        found = {
            "base": Revision(base.name, base.commit, base.subject, base.source, base.branch),
            "base_values": {**own_values(base.folder), "latency_ms": latency.base},
            "changes": find_changes(base.folder, head.folder),
            "comparison": comparison,
            "broken": show_flips(comparison.flips.right_to_wrong, "head", head.folder),
            "fixed": show_flips(comparison.flips.wrong_to_right, "base", head.folder),
        }
        if proof.stale:
            problem = f"the results are not of these files: {formats.some(list(proof.stale))}"
        elif comparison.headline.difference is None:
            problem = f"{params.review.primary} is not comparable: {comparison.headline.reason}"
        else:
            if seeds and not (seeds == "auto" and comparison.identical):
                try:
                    found["noise"] = training_noise(root, base, head, seeds, params)
                except PipelineError as error:  # the comparison stands without them
                    found["no_noise"] = str(error)
            found["one_training"] = not (comparison.identical or "noise" in found) and any(
                map(may_differ, (base, head))
            )
            found["looks"] = looks if divided else _allowing_for(looks, comparison, base, head, params)
            found["anchor"] = compare_with_anchor(root, base, head, params)
    figures = Figures(
        head_values,
        found.get("base_values", {} if problem else None),
        comparison.metrics if base else {},
        bool(base and comparison.same_model),
        _intervals(head_values),
    )
    return Report(
        head=Revision(head.name, head.commit, head.subject, head.source),
        problem=problem,
        primary=params.review.primary,
        metrics=params.review.metrics,
        head_values=head_values,
        curves=read_curves(base.folder if base else None, head.folder),
        notices=read_notices(base.folder if base else None, head.folder),
        proof=proof,
        gate=_judge(params, figures, comparison if base else None, found.get("anchor")),
        missing=missing_metrics(params, head_values, found.get("base_values", {})),
        **found,
    )


def _judge(params: Params, figures: Figures, found: Comparison | None, anchor: Anchor | None) -> tuple[Outcome, ...]:
    """The outcome of every rule, against the base or the anchor, and how often a harmless change fails it."""
    outcomes = []
    for rule in params.gate:
        against, told = found, figures
        if rule.against == "anchor":
            against = anchor.judged if anchor else None
            told = Figures(
                figures.head,
                {} if anchor else None,
                against.metrics if against else {},
                bool(against and against.same_model),
            )
        [outcome] = judge([rule], params.review.metrics, told)
        outcomes.append(with_power(rule, outcome, against) if against else outcome)
    return tuple(outcomes)


def _allowing_for(looks: Looks | None, found: Comparison, base: Side, head: Side, params: Params) -> Looks | None:
    """What the headline would be at the level of all looks, if there were several."""
    if looks is None or looks.number == 1 or found.identical:
        return looks
    return replace(looks, adjusted=compare_sides(base, head, params, looks.confidence, primary_only=True).headline)


def _intervals(values: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """The intervals of a side's own metrics that are there."""
    found = values.get("interval")
    ends = {name: (of.get("low"), of.get("high")) for name, of in found.items()} if isinstance(found, dict) else {}
    return {name: (low, high) for name, (low, high) in ends.items() if finite(low) and finite(high)}


def compare_sides(
    base: Side, head: Side, params: Params, confidence: float = 0.95, primary_only: bool = False
) -> Comparison:
    """Compare the predictions of both sides on the test rows whose content is the same."""
    primary = params.review.primary
    old, new = (read_parquet(side.folder / PREDICTIONS) for side in (base, head))
    found = compare(
        old,
        new,
        {primary: params.review.metrics[primary]} if primary_only else params.review.metrics,
        primary=primary,
        confidence=confidence,
        exclude=changed_rows(base.folder, head.folder),
        slices=None if primary_only else slice_labels(head.folder, params.evaluate.slices),
        bins=params.evaluate.bins,
        same_model=is_same_model(base, head),
    )
    note = assumed(head.folder)
    return replace(found, notes=[*found.notes, note]) if note else found


def own_values(folder: Path) -> dict[str, Any]:
    """A side's metrics on all its test rows, and its package's size; what is missing or broken is left out."""
    found: dict[str, Any] = {}
    for stage in ("evaluate", "package"):
        path = f"metrics/{stage}/metrics.json"
        if _is_made(folder, path):
            with suppress(FileNotFoundError, ValueError):
                found |= read_json(folder / path)
    return found


def package(folder: Path) -> Path | None:
    """The package of a side, if its pipeline makes one."""
    return folder / "models/package" if _is_made(folder, "models/package") else None


def _is_made(folder: Path, path: str) -> bool:
    """Whether dvc.lock names it: else it was left behind by a stage that is not there any more."""
    made = lock.outputs(lock.read(folder))
    return any(str(place) in made for place in (Path(path), *Path(path).parents))


def missing_metrics(params: Params, head: Mapping[str, Any], base: Mapping[str, Any]) -> tuple[str, ...]:
    """Metrics that the head must have and has not, or not finite: the primary, and what the head or the base has.

    A declared metric that neither side has does not apply: log loss without probabilities. Nor does top 2 of two
    classes, which has no value where there are probabilities.
    """
    two_classes = (
        {"top_2_accuracy"} if finite(head.get("log_loss")) and params.review.primary != "top_2_accuracy" else {}
    )
    return tuple(
        name
        for name in params.review.metrics
        if name not in two_classes
        and (name == params.review.primary or name in head or finite(base.get(name)))
        and not finite(head.get(name))
    )


def _write(report: Report, out: Path) -> None:
    write_json(out / "report.json", report.to_dict())
    (out / "lock.patch").unlink(missing_ok=True)
    texts = {"report.md": to_markdown(report), "report.html": to_html(report)}
    if report.proof and report.proof.patch:
        texts["lock.patch"] = report.proof.patch
    for name, text in texts.items():
        with replacing(out / name) as new:
            new.write_text(text, encoding="utf-8")
