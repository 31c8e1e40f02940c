"""What the registry says, for a terminal: versions and stages, their history, and one version with its card."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.comparison import formats
from pipeline.params import Params
from pipeline.registry.figures import PACKAGE, Figures, figures, lock_hash, package_hash
from pipeline.registry.versions import Registry, Version
from pipeline.repository import tags
from pipeline.repository.dvc import files_of
from pipeline.repository.git import ask
from pipeline.repository.tags import HOLDOUT, Tag

FIXED = 5  # columns that are shown in the narrowest terminal


def list_lines(registry: Registry, found: Mapping[str, Figures], params: Params) -> list[str]:
    """Where the model is and since when, then every version in a row, as wide as the terminal is."""
    if not registry.versions and not registry.stages:
        return [f"{registry.name} has no version yet; make HEAD the first: pipeline registry register"]
    where = [
        f"{stage}: {registry.called(tag.commit)} since {_time(tag.when)}{_by(tag.who)}"
        for stage, tag in registry.stages.items()
    ]
    metrics, primary = params.review.metrics, params.review.primary
    others = [name for name in metrics if name != primary]
    rows = [["version", "registered", "stages", primary, "interval", "commit", "size", *others]]
    for version in registry.versions:
        own = found[version.commit]
        rows.append(
            [
                version.version,
                _time(version.when)[:10],
                " ".join(version.stages) or formats.NOTHING,
                own.text(primary, metrics[primary]),
                f"{own.span(primary, metrics[primary])} ({formats.level(own.confidence)})",
                version.commit[:7],
                own.size,
                *(own.text(name, metrics[name]) for name in others),
            ]
        )
    return [*(where or ["at no stage yet"]), "", *_table(rows, shutil.get_terminal_size().columns)]


def _table(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """The rows below each other, with as many columns as fit."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    columns = FIXED
    while columns < len(widths) and sum(widths[: columns + 1]) + 2 * columns <= width:
        columns += 1
    shown = [zip(row[:columns], widths, strict=False) for row in rows]
    return ["  ".join(cell.ljust(size) for cell, size in row).rstrip() for row in shown]


def to_dict(registry: Registry, found: Mapping[str, Figures]) -> dict[str, Any]:
    """The content of `pipeline registry list --json`."""
    return {
        "name": registry.name,
        "stages": {
            stage: {"version": version.version if (version := registry.of(tag.commit)) else None, "commit": tag.commit}
            | {"since": tag.when, "by": tag.who, "tag": tag.tag}
            for stage, tag in registry.stages.items()
        },
        "versions": [_version(version, found[version.commit]) for version in registry.versions],
    }


def _version(version: Version, own: Figures) -> dict[str, Any]:
    return {
        "version": version.version,
        "tag": version.tag,
        "commit": version.commit,
        "registered": version.when,
        "by": version.who,
        "stages": version.stages,
        "metrics": own.values,
        "intervals": {name: list(ends) for name, ends in own.intervals.items()},
        "confidence": own.confidence,
        "package": {"path": PACKAGE, "md5": package_hash(own.lock)},
        "dvc_lock": lock_hash(own.lock) if own.lock else None,
    }


def history_lines(registry: Registry) -> list[str]:
    """Every step of the model, the newest first: when, what, who, and what was said of it."""
    steps = sorted(registry.steps, key=lambda tag: (tag.when, tag.number), reverse=True)
    if not steps:
        return [f"{registry.name} has no version yet; make HEAD the first: pipeline registry register"]
    return [
        f"{_time(tag.when)}  {_step(registry, tag)}{_by(tag.who)}{f': {tag.message}' if tag.message else ''}"
        for tag in steps
    ]


def _step(registry: Registry, tag: Tag) -> str:
    if tag.version:
        return f"{tag.version} {'taken back' if tag.undone else f'registered, {tag.commit[:7]}'}"
    if tag.stage == HOLDOUT:
        return f"{registry.called(tag.commit)} judged on the rows held back"
    return f"{registry.called(tag.commit)} {'taken from' if tag.undone else 'to'} {tag.stage}"


def version_lines(root: Path, registry: Registry, version: Version, params: Params) -> list[str]:
    """One version: what it is worth, where it is, how to get it, and its card."""
    [own] = figures(root, [version.commit])
    where = [f"{stage} since {_time(since)}" for stage, since in version.stages.items()]
    subject = ask(root, "show", "-s", "--format=%s", version.commit)
    metrics = [
        f"  {name:<18} {own.text(name, metric):>9}  {own.span(name, metric)}"
        for name, metric in params.review.metrics.items()
        if name in own.values
    ]
    return [
        f"{registry.name} {version.version}: {', '.join(where) or 'at no stage'}",
        f"registered {_time(version.when)}{_by(version.who)}, commit {version.commit[:7]} “{formats.short(subject)}”",
        f"package {own.size}, md5 {package_hash(own.lock)}; dvc.lock md5 {lock_hash(own.lock)}",
        "",
        f"metrics, with {formats.level(own.confidence)} intervals:",
        *metrics,
        "",
        "get it:",
        *(f"  {command}" for command in commands(root, registry, version)),
        "",
        *card(root, version),
    ]


def commands(root: Path, registry: Registry, version: Version) -> list[str]:
    """How to get a version, from anywhere; the last two from inside a clone."""
    where = tags.remote(root)
    url = ask(root, "remote", "get-url", where) if where else "."
    last = registry.name.rpartition(":")[2]
    return [
        f"dvc artifacts get {url} {registry.name} --rev {version.version} --out {last}-{version.version}",
        f"gto show {registry.name}@{version.version}",
        f"git checkout '{version.tag}' && dvc pull",
    ]


def card(root: Path, version: Version) -> list[str]:
    """The model card, from the DVC cache or the remote; a line where it is in neither."""
    path = f"{PACKAGE}/README.md"
    try:
        text = files_of(root, version.commit).read_text(path, encoding="utf-8")
    except Exception as error:  # DVC, the remote and the disk raise many kinds
        why = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return [f"its card, {path}, is not to be had: {why}"]
    return str(text).splitlines()


def _time(when: str) -> str:
    """A time for a person, in this machine's time zone: `2026-11-20 14:03`."""
    return f"{datetime.fromisoformat(when).astimezone():%Y-%m-%d %H:%M}"


def _by(who: str) -> str:
    return f" by {who}" if who else ""
