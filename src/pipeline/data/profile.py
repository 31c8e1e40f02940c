"""Describes a prepared table in a few numbers, and notices what a person should look at."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.data import noticing
from pipeline.data.dataset import Features, Finding, counts
from pipeline.data.schema import WRITTEN, FeatureType, Label
from pipeline.data.split import SIDES
from pipeline.text import are, count, have

COLUMNS = 100  # columns that the profile describes at most
CATEGORIES = 5  # most frequent categories of a column that it names
SAMPLE = 5000  # rows that are looked at for a feature that gives the target away
GIVEN_AWAY = 0.99  # share of rows whose class one feature tells, mean over the classes
ENOUGH = 20  # rows below which nothing is said about that
FAR = 0.3  # of the rows that a side should have: more or less than that is worth a word, if it cannot be chance
ALIKE = 5  # more findings of one kind than this become one


def find_in_columns(
    raw: pd.DataFrame, features: Features, image: tuple[int, int] | None, declared: Collection[str] = ()
) -> list[Finding]:
    """Columns that are constant (but for the margins of pictures), mostly missing, number the rows, or are worth a look
    for what their cells say (data.noticing), unless they are `declared` categories.
    """
    findings = list(features.findings)
    for name, kind in features.types.items():
        values = features.table[name]
        if image is None and values.nunique(dropna=False) == 1:
            findings.append(Finding("constant", name, "all rows have the same value: it tells the model nothing"))
        missing = int((values == "").sum() if kind in WRITTEN else values.isna().sum())
        if missing > len(values) / 2:
            findings.append(Finding("missing", name, f"{missing} of {count(len(values), 'row')} have no value"))
        if counts(raw[name]):
            message = (
                "numbers the rows without a gap: if it is an id or their order, make it data.id or list it in data.drop"
            )
            findings.append(Finding("id", name, message))
        if image is None and kind not in ("date", "text"):
            findings += noticing.of_feature(raw[name], declared=name in declared)
    return findings


def find_given_away(
    features: pd.DataFrame,
    labels: pd.Series,
    hashes: npt.NDArray[np.object_],
    sample: int = SAMPLE,
    alike: npt.NDArray[np.int64] | None = None,
) -> list[Finding]:
    """Features that alone tell the target (nearly) always.

    Looked at are the `sample` distinct rows with the lowest of the rows' `hashes`: the same rows, of every class, in
    whatever order the table is. Distinct by `alike`, or their hashes: repeated rows would look so.
    """
    order = np.lexsort((pd.factorize(labels, sort=True)[0], hashes.astype("S")))
    first = np.unique((pd.factorize(hashes)[0] if alike is None else alike)[order], return_index=True)[1]
    chosen = order[np.sort(first)[:sample]]
    if len(chosen) < ENOUGH:
        return []
    classes = pd.factorize(labels.iloc[chosen])[0]
    findings = []
    for name, values in features.iloc[chosen].items():
        share = told(_codes(values), classes)
        if share >= GIVEN_AWAY:
            message = f"alone tells the class of {share:.1%} of the rows: is it known before the target?"
            findings.append(Finding("gives_away", str(name), message, f"data.drop: [{name}]"))
    return findings


def _codes(values: pd.Series) -> npt.NDArray[np.int64]:
    """Codes 0, 1, ... in the order of the values, missing ones last."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iuf":
        return np.unique(values.to_numpy(), return_inverse=True)[1]
    return pd.factorize(values, sort=True, use_na_sentinel=False)[0]


def told(values: npt.NDArray[np.int64], classes: npt.NDArray[np.int64]) -> float:
    """How surely one column tells the class: the share of rows that the most frequent class of their value names right.

    A value that occurs once is judged by its two neighbours in order: right if either is of its class. The mean over
    the classes, so that a rare class counts as much as a frequent one. `values` are codes 0, 1, ... in order.
    """
    counts = np.zeros((values.max() + 1, classes.max() + 1), dtype=np.int64)
    np.add.at(counts, (values, classes), 1)
    best_two = np.sort(counts, axis=1)[:, -2:]
    winner = np.where(best_two[:, -1] > best_two[:, 0], counts.argmax(axis=1), -1)
    around = np.concatenate([[-1], winner, [-1]])
    single = counts.sum(axis=1)[values] == 1
    by_neighbours = (around[values] == classes) | (around[values + 2] == classes)
    right = np.where(single, by_neighbours, winner[values] == classes)
    return float(np.mean([right[classes == label].mean() for label in range(classes.max() + 1)]))


def find_in_sides(
    labels: pd.Series,
    sides: npt.NDArray[np.str_],
    hashes: npt.NDArray[Any],
    shares: Mapping[str, float],
) -> list[Finding]:
    """Classes that a side lacks, sides far from the `shares` of the rows that were asked, test rows that are few.

    `hashes` (or codes) are of the rows' features; no `shares` if the table says where its rows belong.
    """
    findings = []
    column = str(labels.name)
    rows = {side: int((sides == side).sum()) for side in shares}
    if any(_far(rows[side], share, len(sides)) for side, share in shares.items()):
        of_sides = ", ".join(f"{rows[side]} {side} ({share:.0%} were asked)" for side, share in shares.items())
        reason = (
            "those that equal a test row are left out; add columns that tell rows apart"
            if (sides == "").any()
            else "equal rows, and those of one group, stay together; another prepare.seed divides them otherwise"
        )
        findings.append(Finding("side_size", "", f"of {len(sides)} rows {of_sides}: {reason}"))
    tested = hashes[sides == "test"]
    distinct = len(pd.unique(tested))
    if distinct < len(tested) / 2:
        message = (
            f"the {count(len(tested), 'test row')} have only {count(distinct, 'different set')} of features: intervals,"
            " which count rows, are too narrow; add columns that tell rows apart"
        )
        findings.append(Finding("repeated", "", message))
    for side in ("validation", "test"):
        absent = sorted(set(labels.unique()) - set(labels[sides == side].unique()))
        if absent:
            names = ", ".join(map(str, absent[:5]))
            findings.append(
                Finding(
                    "class_missing", column, f"{count(len(absent), 'class')} {have(len(absent))} no {side} row: {names}"
                )
            )
    return findings


def _far(rows: int, share: float, of: int) -> bool:
    """Whether `rows` are far from a share of all, and not by chance: 4 standard deviations, were each divided alone."""
    chance: float = 4 * (share * (1 - share) * of) ** 0.5
    return abs(rows - share * of) > max(FAR * share * of, chance)


def find_in_rows(
    labels: pd.Series, sides: npt.NDArray[np.str_], contradicting: int, groups: pd.Series | None, alike: int = 0
) -> list[Finding]:
    """Rows that contradict each other (so many), rows of other sides that are `alike` a test row, whether they are left
    out or stay, groups of several rows, groups on several sides.
    """
    findings = []
    if contradicting:
        message = f"{count(contradicting, 'row')} {have(contradicting)} the features of a row of another class"
        findings.append(Finding("contradictory", str(labels.name), message))
    left_out = int((sides == "").sum())
    if left_out:
        message = f"{count(left_out, 'training or validation row')} {have(left_out)} the features of a test row"
        findings.append(Finding("left_out", "", f"{message} and {are(left_out)} left out", "data.id tells rows apart"))
    elif alike:
        message = f"{count(alike, 'training or validation row')} {have(alike)} the features of a test row"
        findings.append(Finding("alike", "", f"{message}; other rows by their data.id, so they stay"))
    if groups is not None:
        tested, among = int((sides == "test").sum()), groups[sides == "test"].nunique()
        if among < tested:
            message = f"{count(tested, 'test row')} are of {count(among, 'group')}: intervals count the groups"
            findings.append(Finding("grouped", str(groups.name), message))
        present = sides != ""
        divided = int((pd.Series(sides[present]).groupby(groups[present].to_numpy()).nunique() > 1).sum())
        if divided:
            message = f"{count(divided, 'group')} {have(divided)} rows on several sides, as the split column says"
            findings.append(Finding("group_divided", str(groups.name), message))
    return findings


def contradictory(labels: pd.Series, hashes: npt.NDArray[Any]) -> int:
    """How many rows share all their features (given as hashes or codes) with a row of another class."""
    codes = pd.factorize(hashes)[0]
    pairs = pd.DataFrame({"features": codes, "label": pd.factorize(labels)[0]}).drop_duplicates()
    return int((np.bincount(pairs["features"])[codes] > 1).sum())


def condense(findings: list[Finding], rows: bool = True) -> list[dict[str, str]]:
    """Findings for the profile; many of one kind become one that names the first column and counts the others.

    `rows`: whether what cells hold may be shown.
    """
    by_code: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_code[finding.code].append(finding)
    shown = []
    for code, alike in by_code.items():
        some = alike if len(alike) <= ALIKE else alike[:1]
        more = "" if len(alike) <= ALIKE else f" (and {len(alike) - 1} more columns, such as {alike[1].column})"
        shown += [{"code": code, "column": f.column, "message": f"{_told(f, rows)}{more}"} for f in some]
    return shown


def _told(finding: Finding, rows: bool) -> str:
    return f"{finding.told(rows)} → {finding.setting}" if finding.setting else finding.told(rows)


def profile(
    features: Features,
    labels: pd.Series,
    sides: npt.NDArray[np.str_],
    hashes: npt.NDArray[Any],
    contradicting: int,
    cells: bool = True,
) -> dict[str, Any]:
    """The content of profile.json but its warnings. Details stand in lists, which `dvc metrics` does not show.

    `cells`: whether it may say what cells hold: the frequent categories, the smallest and the largest number.
    """
    names = list(features.types)
    return {
        "rows": len(labels),
        "rows_left_out": int((sides == "").sum()),
        "rows_duplicate": int(pd.Series(hashes).duplicated().sum()),
        "rows_contradictory": contradicting,
        "classes": [_class(label, labels, sides) for label in sorted(labels.unique().tolist())],
        "columns": [_column(features.table[name], features.types[name], cells) for name in names[:COLUMNS]],
        "columns_not_described": max(0, len(names) - COLUMNS),
    }


def _class(label: Label, labels: pd.Series, sides: npt.NDArray[np.str_]) -> dict[str, Any]:
    of_class = (labels == label).to_numpy()
    return {"class": label, **{side: int((of_class & (sides == side)).sum()) for side in SIDES}}


def _column(values: pd.Series, kind: FeatureType, cells: bool) -> dict[str, Any]:
    """One column: its type, missing values and distinct values; the range and mean, or the most frequent categories."""
    common = {"column": str(values.name), "type": kind}
    if kind == "category":
        counts = values[values != ""].value_counts()
        ordered = sorted(counts.items(), key=lambda of_category: (-of_category[1], of_category[0]))
        top = [{"category": name, "rows": rows} for name, rows in ordered[:CATEGORIES]]
        told = {"top": top} if cells else {}
        return {**common, "missing": int((values == "").sum()), "unique": len(counts), **told}
    if kind in ("date", "text"):
        return {**common, "missing": int((values == "").sum()), "unique": values[values != ""].nunique()}
    present = values.dropna().to_numpy(dtype=np.float64)
    ends = {"min": present.min(), "max": present.max()} if cells else {}
    numbers = ends | {"mean": present.mean()}
    rounded = {name: float(f"{number:.6g}") for name, number in numbers.items()}  # digits that survive another machine
    return {**common, "missing": int(values.isna().sum()), "unique": len(np.unique(present)), **rounded}
