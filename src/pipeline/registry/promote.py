"""Puts a version to a stage if it is not worse than what stands there, and puts the one before it back."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.comparison.gate import Figures, judge
from pipeline.errors import CheckError, InputError
from pipeline.params import Params, parse_params, read_params
from pipeline.registry import checks, versions
from pipeline.registry.judgement import Judgement, judge_held_back, regressions
from pipeline.registry.judgement import judge as judge_report
from pipeline.registry.register import prepared
from pipeline.registry.versions import Registry
from pipeline.repository import tags
from pipeline.repository.revisions import resolve, text_at
from pipeline.repository.tags import HOLDOUT, NewTag, Tag
from pipeline.review.assemble import assemble_commits
from pipeline.review.holdout import open_holdout
from pipeline.text import shown


@dataclass(frozen=True)
class Promotion:
    """What was written, what the version is called, and why it was allowed."""

    tag: Tag
    version: str
    why: str


def promote(root: Path, version: str | None, stage: str, forced: str | None) -> Promotion:
    """Put a version to a stage; HEAD, which becomes a version first if it is none, where no version is named.

    Args:
        root: the pipeline's folder.
        version: `v1.2.0`, or None.
        stage: `prod`, say.
        forced: why a version is put there although the comparison does not allow it; recorded in the tag.

    Raises:
        InputError: there is no such version or stage, or the version is not one that can be released.
        CheckError: it is worse, not shown to be no worse, or merely as good; or somebody was quicker.
        ResourceError: a remote cannot be asked, or does not take the tags; nothing is recorded then.
    """
    checks.demand_identity(root)
    _demand_stage(stage)
    registry = versions.current(root, versions.name_of(root, read_params(root / "params.yaml")))
    called, commit, made = _candidate(root, registry, version)
    champion = registry.at(stage)
    if champion and champion.commit == commit:
        raise CheckError(f"{called} is at {stage} already, since {champion.when[:10]}")
    found = _judge(root, registry, champion, called, commit, forced is not None)
    if not found.allowed and forced is None:
        raise CheckError(f"{called} does not go to {stage}: {found.why}")
    subject = f"{registry.name} {called} to {stage}{f', forced: {_line(forced)}' if forced else ''}"
    reason = found.why if found.allowed else f"not allowed: {found.why}"
    message = "\n".join(map(shown, [subject, "", reason, *found.found]))
    return Promotion(_write(root, registry, champion, stage, commit, message, made), called, reason)


def rollback(root: Path, stage: str, why: str | None) -> Promotion:
    """Put back what stood at a stage before; what stands there now was promoted by mistake, or is broken.

    Raises:
        CheckError: nothing stood there, its package is not in the remote, or somebody was quicker.
        ResourceError: a remote cannot be asked, or does not take the tag; nothing is recorded then.
    """
    checks.demand_identity(root)
    _demand_stage(stage)
    registry = versions.current(root, versions.name_of(root, read_params(root / "params.yaml")))
    now, before = registry.at(stage), registry.before(stage)
    if now is None or before is None:
        stands = f"nothing stood at {stage} before {registry.called(now.commit)}" if now else f"nothing is at {stage}"
        raise CheckError(f"{stands}; there is nothing to go back to")
    called = registry.called(before.commit)
    if problems := checks.package_problems(root, before.commit):
        raise CheckError(f"{called}: {'; '.join(problems)}")
    subject = f"{registry.back(called)} at {stage}, from {registry.called(now.commit)}"
    message = shown(f"{subject}: {_line(why)}" if why else subject)
    return Promotion(_write(root, registry, now, stage, before.commit, message), called, subject)


def _demand_stage(stage: str) -> None:
    if not re.fullmatch(tags.NAME, stage):
        raise InputError(f"'{stage}' is no name of a stage; letters, digits, hyphens: prod, staging")
    if stage == HOLDOUT:
        raise InputError(f"'{HOLDOUT}' records who was judged on the rows held back; give another stage")


def _candidate(root: Path, registry: Registry, version: str | None) -> tuple[str, str, NewTag | None]:
    """What is to be promoted: its name, its commit, and the tag that has yet to make it a version.

    Raises:
        CheckError: its package is not in the remote, or HEAD cannot become a version.
    """
    known = registry.find(version) if version else registry.of(resolve(root, "HEAD"))
    if known:
        checks.demand_package(root, known)
        return known.version, known.commit, None
    made = prepared(root, registry, None)
    return made.tag.rpartition("@")[2], made.commit, made


def _judge(root: Path, registry: Registry, champion: Tag | None, called: str, commit: str, forced: bool) -> Judgement:
    """Judge on the test rows and, if these allow it, on the rows held back, of which every look is recorded."""
    params = parse_params(text_at(root, commit, "params.yaml") or "", f"params.yaml of {called}")
    name = registry.called(champion.commit) if champion else ""
    try:
        report = assemble_commits(root, champion.commit if champion else None, commit)
        found = judge_report(report, params, name)
    except CheckError as error:  # the results of one of them are nowhere: who forces it may do without
        if not forced:
            raise
        return Judgement(False, str(error))
    if champion is None or not found.allowed or not _both_hold_back(root, champion, params):
        return found
    opening = open_holdout(root, champion.commit, commit, params)
    compared = opening.comparison.metrics
    plain = Figures(report.head_values, {}, compared, opening.comparison.same_model)
    held = judge_held_back(
        opening.comparison, judge(regressions(params), params.review.metrics, plain), name, opening.tag
    )
    return Judgement(held.allowed, f"{found.why}; {held.why}", (*found.found, *held.found))


def _both_hold_back(root: Path, champion: Tag, params: Params) -> bool:
    """Whether both hold rows back: a champion from before `prepare.holdout_size` was set has learned from them."""
    text = text_at(root, champion.commit, "params.yaml")
    before = parse_params(text or "", f"params.yaml of {champion.commit[:7]}")
    return bool(params.prepare.holdout_size and before.prepare.holdout_size)


def _write(
    root: Path,
    registry: Registry,
    champion: Tag | None,
    stage: str,
    commit: str,
    message: str,
    made: NewTag | None = None,
) -> Tag:
    """Write all tags at once, unless another version went to the stage while this one was judged."""
    now = versions.current(root, registry.name)
    there = now.at(stage)
    if there and (champion is None or there.tag != champion.tag):
        raise CheckError(
            f"somebody was quicker: {now.called(there.commit)} is at {stage} since {there.when[:16]}, by {there.who};"
            " nothing is recorded; compare with that one: the same command again"
        )
    tag = NewTag(tags.to_stage(list(now.steps), registry.name, stage), commit, message)
    written = tags.write(root, [made, tag] if made else [tag])
    return next(found for found in written if found.tag == tag.tag)


def _line(text: str | None) -> str:
    return " ".join((text or "").split())
