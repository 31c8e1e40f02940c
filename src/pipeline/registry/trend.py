"""How the model went over commits and releases: figures from Git, and every step compared by DVC's predictions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.comparison.compare import compare
from pipeline.comparison.looks import anchor_confidence, confidence
from pipeline.comparison.results import MetricComparison
from pipeline.data.schema import CONTENT, KEY
from pipeline.errors import InputError
from pipeline.files import read_parquet
from pipeline.params import Params
from pipeline.registry import versions
from pipeline.registry.figures import Figures, figures
from pipeline.repository.dvc import cache_folder, cached_output
from pipeline.repository.git import git
from pipeline.repository.history import recorded
from pipeline.repository.revisions import default_tips, resolve
from pipeline.repository.sides import PREDICTIONS
from pipeline.review.anchor import find_anchor

TEST_ROWS = "data/prepared/test.parquet"
SAME = "the same predictions"
NOT_HERE = "the predictions are not here"
OTHER_ROWS = "no test row in common"


@dataclass(frozen=True)
class Point:
    """A commit of the main branch that changed the results; `step`: the primary metric against the point before.

    `commits`: this one and those after it that left the results as they are. `why`: why there is no step. `releases`:
    the versions that have this result.
    """

    commit: str
    when: str
    subject: str
    figures: Figures
    releases: tuple[str, ...] = ()
    step: MetricComparison | None = None
    why: str = ""
    commits: int = 1


@dataclass(frozen=True)
class AnchorLine:
    """The anchor's own figures, and the newest point against it, at the level of one of many looks."""

    name: str
    figures: Figures
    newest: MetricComparison | None
    why: str = ""


@dataclass(frozen=True)
class Trend:
    """The points, the oldest first. `compared` steps share the level, so that all of them together hold at 95 %.

    `beside`: versions that are not on this branch. `cut`: the clone is shallow, so there may be more.
    """

    model: str
    primary: str
    points: tuple[Point, ...]
    compared: int
    anchor: AnchorLine | None
    beside: tuple[str, ...]
    cut: bool

    @property
    def confidence(self) -> float:
        """Of the interval of each step."""
        return confidence(self.compared)


def trend(root: Path, params: Params, revision: str | None = None, last: int = 200) -> Trend:
    """The results of the last so many commits of the default branch, or of `revision`, by its first parents.

    Raises:
        InputError: no commit has a result, or there is no such revision.
    """
    tip = resolve(root, revision or next(iter(default_tips(root)), "HEAD"))
    tables = _Tables(root)
    points = _different(tables, _points(root, tip, last))
    if not points:
        raise InputError("no commit has results yet: run dvc repro, and commit dvc.lock and metrics")
    compared = sum(tables.made(old) != tables.made(new) for old, new in pairwise(points))
    level = confidence(compared)
    steps = [_step(tables, params, old, new, level) for old, new in pairwise(points)]
    name = versions.name_of(root, params)
    on, beside = _releases(root, tip, name, points)
    return Trend(
        name,
        params.review.primary,
        tuple(
            replace(point, releases=tuple(on.get(point.commit, ())), step=row, why=why)
            for point, (row, why) in zip(points, [(None, ""), *steps], strict=True)
        ),
        compared,
        _anchor(root, params, tables, points[-1]),
        tuple(beside),
        git(root, "rev-parse", "--is-shallow-repository") == "true",
    )


def to_dict(found: Trend) -> dict[str, Any]:
    """The content of `pipeline trend --json`."""
    return {
        "model": found.model,
        "primary": found.primary,
        "confidence": found.confidence,
        "points": [
            {
                "commit": point.commit,
                "when": point.when,
                "subject": point.subject,
                "commits": point.commits,
                "releases": list(point.releases),
                "metrics": point.figures.values,
                "intervals": {name: list(ends) for name, ends in point.figures.intervals.items()},
                "step": point.step.to_dict() if point.step else None,
                "why": point.why,
            }
            for point in found.points
        ],
        "anchor": found.anchor
        and {
            "name": found.anchor.name,
            "metrics": found.anchor.figures.values,
            "newest": found.anchor.newest.to_dict() if found.anchor.newest else None,
            "why": found.anchor.why,
        },
        "beside": list(found.beside),
        "cut": found.cut,
    }


def _points(root: Path, tip: str, last: int) -> Iterator[Point]:
    """Commits that may have changed a result, the oldest first; Git is asked twice, however many there are."""
    form = "--format=%H%x00%cI%x00%s"
    paths = ("--", "dvc.lock", "metrics/evaluate/metrics.json")
    listed = git(root, "log", "--first-parent", f"--max-count={last}", form, tip, *paths)
    commits = [line.split("\0", 2) for line in reversed(listed.split("\n")) if line]
    own = figures(root, [commit for commit, _, _ in commits])
    for (commit, when, subject), values in zip(commits, own, strict=True):
        yield Point(commit, when, subject, values)


def _different(tables: "_Tables", points: Iterable[Point]) -> list[Point]:
    """The points with results, those together that have the same ones: an edit of code changes dvc.lock, too."""
    found: list[Point] = []
    for point in points:
        if not (point.figures.lock and point.figures.values):
            continue
        last = found[-1] if found else None
        if last and tables.made(last) == tables.made(point) and last.figures.values == point.figures.values:
            found[-1] = replace(last, commits=last.commits + 1)
        else:
            found.append(point)
    return found


def _releases(root: Path, tip: str, name: str, points: Sequence[Point]) -> tuple[dict[str, list[str]], list[str]]:
    """The versions of each point: those of its commit, and of later ones that changed no result; and the others."""
    line = git(root, "rev-list", "--first-parent", tip).split()  # the newest first
    place = {commit: number for number, commit in enumerate(line)}
    known = sorted((place[point.commit], point.commit) for point in points)
    on: dict[str, list[str]] = {}
    beside = []
    for version in reversed(versions.read(root, name).versions):
        at = place.get(version.commit)
        point = next((commit for number, commit in known if at is not None and number >= at), None)
        if point:
            on.setdefault(point, []).append(version.version)
        elif at is None:
            beside.append(version.version)
    return on, beside


class _Tables:
    """Predictions and test rows of commits, from the DVC cache; the last two stay, since each is used twice."""

    def __init__(self, root: Path) -> None:
        self._cache = cache_folder(root)
        self._kept: dict[str, pd.DataFrame] = {}

    def made(self, point: Point) -> tuple[str, str]:
        """What a point predicts, and for which rows, by hash."""
        return str(self._hashes(point, PREDICTIONS)), str(self._hashes(point, TEST_ROWS))

    def read(self, point: Point, path: str, columns: list[str] | None = None) -> pd.DataFrame | None:
        """A table of a point, or None where it is not in the cache."""
        file = cached_output(self._cache, self._hashes(point, path), path)
        if file is None:
            return None
        key = f"{file} {columns}"
        if key not in self._kept:
            self._kept = dict([*self._kept.items()][-3:])
            self._kept[key] = read_parquet(file, columns)
        return self._kept[key]

    @staticmethod
    def _hashes(point: Point, path: str) -> Mapping[str, str | None]:
        places = [path, *(str(folder) for folder in Path(path).parents if str(folder) != ".")]
        return {place: recorded(point.figures.lock or "", place) for place in places}


def _step(tables: _Tables, params: Params, old: Point, new: Point, level: float) -> tuple[MetricComparison | None, str]:
    """The primary metric of a point against another's, on the test rows that are the same; else why not."""
    (_, old_rows), (_, new_rows) = tables.made(old), tables.made(new)
    if tables.made(old) == tables.made(new):
        return None, SAME
    before, after = (tables.read(point, PREDICTIONS) for point in (old, new))
    if before is None or after is None:
        return None, NOT_HERE
    changed = [] if old_rows == new_rows else _changed(tables, old, new)
    if changed is None:
        return None, "the test rows, which changed, are not here"
    primary = params.review.primary
    found = compare(
        before,
        after,
        {primary: params.review.metrics[primary]},
        primary=primary,
        confidence=level,
        exclude=changed,
        bins=params.evaluate.bins,
    )
    return (found.headline, "") if found.headline.difference is not None else (None, OTHER_ROWS)


def _changed(tables: _Tables, old: Point, new: Point) -> list[str] | None:
    """Keys of the test rows that both have, but with other content; None where they are not in the cache."""
    before, after = (tables.read(point, TEST_ROWS, [KEY, CONTENT]) for point in (old, new))
    if before is None or after is None:
        return None
    both = before.merge(after, on=KEY, suffixes=("_before", "_after"))
    return [str(key) for key in both.loc[both[f"{CONTENT}_before"] != both[f"{CONTENT}_after"], KEY]]


def _anchor(root: Path, params: Params, tables: _Tables, newest: Point) -> AnchorLine | None:
    found = find_anchor(root, params)
    if found is None:
        return None
    name, commit = found
    [own] = figures(root, [commit])
    row, why = _step(tables, params, Point(commit, "", "", own), newest, anchor_confidence())
    return AnchorLine(name, own, row, why)
