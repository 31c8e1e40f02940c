"""Whether a model is better than another on the same rows: `compare`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ValidationError

from pipeline.comparison.align import Count, Pairs, Side, as_text, pair
from pipeline.comparison.formats import some
from pipeline.comparison.measures import MEASURES, Estimate, Measured, measure, proportions
from pipeline.comparison.results import Comparison, Flips, GroupComparison, MetricComparison, RowCost, Verdict, needed
from pipeline.errors import InputError
from pipeline.metrics.values import Codes, Floats
from pipeline.params import Metric

SHARE = Metric(better="higher", format="percent", tolerance=0.01)
DEFAULT_METRICS = {
    "accuracy": SHARE,
    "balanced_accuracy": SHARE,
    "macro_f1": SHARE,
    "log_loss": Metric(better="lower", tolerance=0.02),
    "roc_auc": Metric(better="higher", tolerance=0.005),
    "brier": Metric(better="lower", tolerance=0.01),
    "calibration_error": Metric(better="lower", tolerance=0.01),
    "top_2_accuracy": SHARE,
}


def compare(
    base: pd.DataFrame,
    head: pd.DataFrame,
    metrics: Mapping[str, Metric | Mapping[str, Any]] | None = None,
    *,
    primary: str = "accuracy",
    confidence: float = 0.95,
    exclude: Collection[object] = (),
    slices: pd.DataFrame | None = None,
    bins: int = 10,
    group: str | None = None,
    same_model: bool = False,
) -> Comparison:
    """Compare two tables of predictions by key.

    Columns: key, truth, prediction, proba_<class> if there are, and `group` if rows belong together.

    Args:
        base: what stands.
        head: what is proposed.
        metrics: for each metric what is better, its format and tolerance, as `review.metrics` of params.yaml.
        primary: the metric of the headline. The others are corrected for their number (Bonferroni).
        confidence: of the interval of the primary metric, and of all those of the others together.
        exclude: keys that must not be compared, for example because the features of that row changed.
        slices: a column `key`, and columns whose values divide the rows.
        bins: of the calibration error.
        group: the column whose value rows of one person, device or document share; `group` by default, if it is there.
        same_model: that both tables come from one model is known otherwise, by its hash. Equal predictions alone are
            no proof of that: on other rows the models may differ.

    Raises:
        InputError: a table is not one of predictions, or a metric, the confidence, the slices or the groups are none.
    """
    rules = {name: _rule(name, rule) for name, rule in (metrics or DEFAULT_METRICS).items()}
    _check(rules, primary, confidence)
    pairs = pair(base, head, exclude, group)
    same_model = same_model and pairs.identical
    alpha = 1 - confidence
    measured = {name: measure(name, pairs, bins, rule.floor) for name, rule in rules.items()}
    headline = _judge({primary: measured.pop(primary)}, rules, alpha, pairs, same_model)
    others = _judge(measured, rules, alpha, pairs, same_model)
    rule = rules.get("accuracy", SHARE)
    return Comparison(
        n=len(pairs.keys),
        only_base=pairs.only_base,
        only_head=pairs.only_head,
        truth_changed=pairs.truth_changed,
        excluded=pairs.excluded,
        identical=pairs.identical,
        same_model=same_model,
        groups=None if pairs.groups is None else len(np.unique(pairs.groups)),
        confidence=confidence,
        primary=primary,
        metrics={name: (headline | others)[name] for name in rules},
        classes=_parts(pairs, pairs.truth, pairs.classes, rule, alpha, same_model),
        slices=_slices(pairs, slices, rule, alpha, same_model),
        flips=Flips(
            right_to_wrong=_flips(pairs, right=pairs.base, wrong=pairs.head),
            wrong_to_right=_flips(pairs, right=pairs.head, wrong=pairs.base),
        ),
        notes=[*pairs.notes, *_absent(pairs, rules)],
    )


def _rule(name: str, rule: Metric | Mapping[str, Any]) -> Metric:
    try:
        return Metric.model_validate(rule)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        where = ": ".join([f"metric '{name}'", *map(str, found["loc"])])
        raise InputError(f"{where}: {found['msg']}") from None


def _absent(pairs: Pairs, rules: Collection[str]) -> list[str]:
    """That means over classes are not over all of them, if classes have no row."""
    averaged = [name.replace("_", " ") for name in ("balanced_accuracy", "macro_f1") if name in rules]
    gone = [name for code, name in enumerate(pairs.classes) if code not in pairs.sampling.present]
    if pairs.base.probabilities is None or not len(pairs.keys) or not averaged or not gone:
        return []
    return [f"no row of class {some(gone)}: {' and '.join(averaged)} are over the others, and claim nothing of all"]


def _check(rules: Mapping[str, Metric], primary: str, confidence: float) -> None:
    for name in rules:
        if name not in MEASURES:
            close = get_close_matches(name, MEASURES, n=1)
            hint = f"did you mean '{close[0]}'? " if close else ""
            raise InputError(f"unknown metric '{name}'; {hint}known: {', '.join(MEASURES)}")
    if primary not in rules:
        raise InputError(f"the primary metric '{primary}' is not among the compared ones: {', '.join(rules)}")
    if not 0.5 <= confidence < 1:
        raise InputError(f"confidence is {confidence}; it must be at least 0.5 and below 1, for example 0.95")


def _judge(
    measured: Mapping[str, Measured | str], rules: Mapping[str, Metric], alpha: float, pairs: Pairs, same_model: bool
) -> dict[str, MetricComparison]:
    """The results of one family of metrics, each at the level at which all together hold (Bonferroni)."""
    number = sum(isinstance(found, Measured) and not isinstance(found.estimate, str) for found in measured.values())
    results = {}
    for name, found in measured.items():
        rule = rules[name]
        shown = rule.model_dump(exclude={"floor"})
        if isinstance(found, str):
            results[name] = MetricComparison(name, "not comparable", **shown, reason=found)
            continue
        known = shown | {"base": found.base, "head": found.head, "difference": found.head - found.base}
        if same_model:
            results[name] = MetricComparison(
                name, "equivalent", **known, within_tolerance=True, reason="the same model"
            )
        elif isinstance(found.estimate, str):
            results[name] = MetricComparison(name, "no detectable change", **known, reason=found.estimate)
        else:
            result = _result(name, known, found.estimate, found.count, rule, alpha, number)
            results[name] = replace(result, half_from=_half_from(found, result, pairs))
    return results


def _result(
    name: str, known: Mapping[str, Any], estimate: Estimate, count: Count, rule: Metric, alpha: float, number: int
) -> MetricComparison:
    """What the estimate of one of `number` metrics says. A sure difference is better or worse also if it is small."""
    level = alpha / number
    low, high = estimate.interval(level)
    plain_low, plain_high = estimate.interval(alpha)
    least, most = estimate.claimable(level)
    within = bool(-rule.tolerance < least <= most < rule.tolerance)
    verdict: Verdict = "equivalent" if within else "no detectable change"
    if low > 0 or high < 0:
        verdict = "better" if (low > 0) == (rule.better == "higher") else "worse"
    worst = -estimate.claimable(alpha)[0] if rule.better == "higher" else estimate.claimable(alpha)[1]
    found = MetricComparison(
        metric=name,
        verdict=verdict,
        **known,
        low=low,
        high=high,
        low_unadjusted=plain_low,
        high_unadjusted=plain_high,
        p=min(1.0, estimate.p * number),
        p_unadjusted=estimate.p,
        confidence=1 - level,
        smallest_detectable=estimate.detectable(level),
        within_tolerance=within,
        worst=worst,
        unseen=estimate.unseen(alpha),
        count=count.number,
        counted=count.of,
    )
    if verdict != "no detectable change" or estimate.unseen(level) < rule.tolerance or not rule.tolerance:
        return found
    missing = needed(count.number, count.of, estimate.unseen(level), rule.tolerance)
    return replace(found, reason=f"equivalent is not decided: {missing}")


def _half_from(found: Measured, result: MetricComparison, pairs: Pairs) -> tuple[RowCost, ...]:
    """The few rows that half of a difference comes from, if it is one to speak of."""
    if not found.costs or (
        result.verdict not in ("better", "worse") and abs(found.head - found.base) < result.tolerance
    ):
        return ()
    return tuple(
        RowCost(str(pairs.keys[row]), float(found.costs.base[row]), float(found.costs.head[row]))
        for row in found.costs.driving()
    )


def _parts(
    pairs: Pairs, part: Codes, names: Sequence[str], rule: Metric, alpha: float, same_model: bool
) -> dict[str, GroupComparison]:
    """The accuracy in each part of the rows, corrected for their number; `part` indexes `names`, -1 is none."""
    base = pairs.base.prediction == pairs.truth
    head = pairs.head.prediction == pairs.truth
    rows_of = {name: part == index for index, name in enumerate(names)}
    measured = {
        name: proportions(base[rows], head[rows], None if pairs.groups is None else pairs.groups[rows])
        for name, rows in rows_of.items()
        if rows.any()
    }
    results = _judge(measured, dict.fromkeys(measured, rule), alpha, pairs, same_model)
    return {
        name: GroupComparison(
            n=int(rows_of[name].sum()),
            lost=int((base & ~head & rows_of[name]).sum()),
            gained=int((head & ~base & rows_of[name]).sum()),
            accuracy=result,
        )
        for name, result in results.items()
    }


def _slices(
    pairs: Pairs, slices: pd.DataFrame | None, rule: Metric, alpha: float, same_model: bool
) -> dict[str, dict[str, GroupComparison]]:
    if slices is None:
        return {}
    if "key" not in slices.columns:
        raise InputError(f"slices: no column key; there are: {', '.join(map(str, slices.columns))}")
    keys = pd.Index(as_text(slices["key"]))
    if not keys.is_unique:
        raise InputError(f"slices: a key repeats, for example {keys[keys.duplicated()][0]!r}")
    position = keys.get_indexer(pairs.keys)
    result = {}
    for column in slices.columns.drop("key"):
        codes, values = pd.factorize(slices[column], sort=True)
        part = np.where(position >= 0, codes[position], -1) if len(codes) else np.full(len(position), -1)
        result[str(column)] = _parts(pairs, part, [str(value) for value in values], rule, alpha, same_model)
    return result


def _flips(pairs: Pairs, right: Side, wrong: Side) -> pd.DataFrame:
    """The rows that one side has right and the other wrong, the most confidently wrong first."""
    rows = np.flatnonzero((right.prediction == pairs.truth) & (wrong.prediction != pairs.truth))
    rows = rows[np.argsort(-np.nan_to_num(_confidence(wrong, rows)), kind="stable")]
    names = np.asarray(pairs.classes, dtype=object)
    return pd.DataFrame(
        {
            "key": pairs.keys[rows],
            "truth": names[pairs.truth[rows]],
            "base": names[pairs.base.prediction[rows]],
            "head": names[pairs.head.prediction[rows]],
            "base_confidence": _confidence(pairs.base, rows),
            "head_confidence": _confidence(pairs.head, rows),
        }
    )


def _confidence(side: Side, rows: npt.NDArray[np.intp]) -> Floats:
    """The probability of the label that a side predicts in these rows; NaN without probabilities."""
    if side.probabilities is None:
        return np.full(len(rows), np.nan)
    return side.probabilities[rows, side.prediction[rows]]
