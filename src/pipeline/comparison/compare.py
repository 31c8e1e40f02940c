"""Whether a model is better than another on the same rows: `compare`."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ValidationError

from pipeline.comparison.align import Pairs, Side, as_text, pair
from pipeline.comparison.measures import MEASURES, Measured, measure, proportions
from pipeline.comparison.multiple import holm_factors
from pipeline.comparison.results import Comparison, Flips, GroupComparison, MetricComparison, Verdict
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
) -> Comparison:
    """Compare two tables of predictions (columns key, truth, prediction, and proba_<class> if there are) by key.

    Args:
        base: what stands.
        head: what is proposed.
        metrics: for each metric what is better, its format and tolerance, as `review.metrics` of params.yaml.
        primary: the metric of the headline. The others are corrected for their number (Holm).
        confidence: of the interval of the primary metric; the others' are wider, for their number.
        exclude: keys that must not be compared, for example because the features of that row changed.
        slices: a column `key`, and columns whose values divide the rows.
        bins: of the calibration error.

    Raises:
        InputError: a table is not one of predictions, or a metric, the confidence or the slices are none.
    """
    rules = {name: _rule(name, rule) for name, rule in (metrics or DEFAULT_METRICS).items()}
    _check(rules, primary, confidence)
    pairs = pair(base, head, exclude)
    alpha = 1 - confidence
    measured = {name: measure(name, pairs, bins) for name in rules}
    headline = _judge({primary: measured.pop(primary)}, rules, alpha, pairs)
    others = _judge(measured, rules, alpha, pairs)
    rule = rules.get("accuracy", SHARE)
    return Comparison(
        n=len(pairs.keys),
        only_base=pairs.only_base,
        only_head=pairs.only_head,
        truth_changed=pairs.truth_changed,
        excluded=pairs.excluded,
        identical=pairs.identical,
        confidence=confidence,
        primary=primary,
        metrics={name: (headline | others)[name] for name in rules},
        classes=_groups(pairs, pairs.truth, pairs.classes, rule, alpha),
        slices=_slices(pairs, slices, rule, alpha),
        flips=Flips(
            right_to_wrong=_flips(pairs, right=pairs.base, wrong=pairs.head),
            wrong_to_right=_flips(pairs, right=pairs.head, wrong=pairs.base),
        ),
        notes=pairs.notes,
    )


def _rule(name: str, rule: Metric | Mapping[str, Any]) -> Metric:
    try:
        return Metric.model_validate(rule)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        where = ": ".join([f"metric '{name}'", *map(str, found["loc"])])
        raise InputError(f"{where}: {found['msg']}") from None


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
    measured: Mapping[str, Measured | str], rules: Mapping[str, Metric], alpha: float, pairs: Pairs
) -> dict[str, MetricComparison]:
    """The results of one family of metrics, corrected for their number by Holm's procedure."""
    tested = {name: found for name, found in measured.items() if isinstance(found, Measured)}
    factors = dict(zip(tested, holm_factors([found.estimate.p for found in tested.values()]), strict=True))
    results = {}
    for name, found in measured.items():
        rule = rules[name].model_dump()
        if isinstance(found, str):
            results[name] = MetricComparison(name, "not comparable", **rule, reason=found)
            continue
        level = alpha / factors[name]
        low, high = found.estimate.interval(level)
        plain_low, plain_high = found.estimate.interval(alpha)
        if pairs.identical and pairs.base.probabilities is not None:
            # Equal labels can be luck of the sample, equal probabilities are the same model.
            low = high = plain_low = plain_high = 0.0
        results[name] = MetricComparison(
            metric=name,
            verdict="equivalent" if pairs.identical else _verdict(low, high, rules[name]),
            **rule,
            base=found.base,
            head=found.head,
            difference=found.head - found.base,
            low=low,
            high=high,
            low_unadjusted=plain_low,
            high_unadjusted=plain_high,
            p=min(1.0, found.estimate.p * factors[name]),
            p_unadjusted=found.estimate.p,
            confidence=1 - level,
            smallest_detectable=found.estimate.detectable(alpha / len(tested)),
            reason="identical predictions" if pairs.identical else None,
        )
    return results


def _verdict(low: float, high: float, rule: Metric) -> Verdict:
    """What the interval says. A sure difference is better or worse also if it is small."""
    if low > 0 or high < 0:
        return "better" if (low > 0) == (rule.better == "higher") else "worse"
    return "equivalent" if -rule.tolerance < low <= high < rule.tolerance else "no detectable change"


def _groups(pairs: Pairs, group: Codes, names: Sequence[str], rule: Metric, alpha: float) -> dict[str, GroupComparison]:
    """The accuracy in each group of rows, corrected for the number of groups; `group` indexes `names`, -1 is none."""
    base = pairs.base.prediction == pairs.truth
    head = pairs.head.prediction == pairs.truth
    rows_of = {name: group == index for index, name in enumerate(names)}
    measured = {name: proportions(base[rows], head[rows]) for name, rows in rows_of.items() if rows.any()}
    results = _judge(measured, dict.fromkeys(measured, rule), alpha, pairs)
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
    pairs: Pairs, slices: pd.DataFrame | None, rule: Metric, alpha: float
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
        group = np.where(position >= 0, codes[position], -1) if len(codes) else np.full(len(position), -1)
        result[str(column)] = _groups(pairs, group, [str(value) for value in values], rule, alpha)
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
