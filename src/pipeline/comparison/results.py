"""What a comparison says: the verdicts, the figures of one metric or group of rows, and the whole."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pandas as pd

Verdict = Literal["better", "worse", "no detectable change", "equivalent", "not comparable"]
LISTED_FLIPS = 20  # keys that `to_dict` lists of each kind; the tables of `Flips` hold all


@dataclass(frozen=True)
class RowCost:
    """What one row costs on both sides, for a metric that is the mean of such costs."""

    key: str
    base: float
    head: float


@dataclass(frozen=True)
class MetricComparison:
    """One metric of base and head on the same rows; `difference` is head - base, in the metric's own units.

    `low`, `high` bound the difference at `confidence`, which is higher for a metric that is one of several, such that
    all of them hold together (Bonferroni); `p` is corrected likewise, so that better or worse <=> the interval excludes
    0 <=> p < 1 - the confidence asked for. `low_unadjusted`, `high_unadjusted` bound it at the confidence asked for,
    whatever else is compared beside it. `smallest_detectable`: the smallest true change for the worse that 4 of 5 such
    comparisons would detect; None where that cannot be told.

    Two figures allow for costly rows of which none was seen: `within_tolerance`, that the difference is surely smaller
    than the tolerance, and `worst`, how much worse the head may be at the confidence asked for. What such rows may cost
    is `unseen`, from so many (`count`) rows or groups (`counted`). `half_from`: the few rows that half of the
    difference comes from, if so.

    All figures but `tolerance` are None when not comparable, and `reason` says why.
    """

    metric: str
    verdict: Verdict
    better: Literal["higher", "lower"]
    format: Literal["percent", "number"]
    tolerance: float
    base: float | None = None
    head: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    low_unadjusted: float | None = None
    high_unadjusted: float | None = None
    p: float | None = None
    p_unadjusted: float | None = None
    confidence: float | None = None
    smallest_detectable: float | None = None
    within_tolerance: bool = False
    worst: float | None = None
    unseen: float | None = None
    count: int | None = None
    counted: Literal["rows", "groups"] = "rows"
    half_from: tuple[RowCost, ...] = ()
    reason: str | None = None

    def __post_init__(self) -> None:
        numbers = {name: value for name, value in asdict(self).items() if isinstance(value, float)}
        if not all(map(math.isfinite, numbers.values())):
            raise ValueError(f"{self.metric}: not finite: {numbers}")

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON knows them."""
        return asdict(self) | {"half_from": [asdict(row) for row in self.half_from]}


@dataclass(frozen=True)
class GroupComparison:
    """The accuracy of the rows of one class (its recall) or of one value of a slice.

    `lost` rows went from right to wrong, `gained` rows from wrong to right.
    """

    n: int
    lost: int
    gained: int
    accuracy: MetricComparison

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON knows them."""
        return {"n": self.n, "lost": self.lost, "gained": self.gained, **self.accuracy.to_dict()}


@dataclass(frozen=True)
class Flips:
    """The rows whose prediction became wrong, or right: worst first.

    Columns: key, truth, base (label), head (label), base_confidence, head_confidence (of the label that each predicts;
    NaN without probabilities).
    """

    right_to_wrong: pd.DataFrame
    wrong_to_right: pd.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """The counts and the first rows of each."""
        return {
            name: {"n": len(rows), "rows": _records(rows.head(LISTED_FLIPS))}
            for name, rows in (("right_to_wrong", self.right_to_wrong), ("wrong_to_right", self.wrong_to_right))
        }


@dataclass(frozen=True)
class Comparison:
    """Base against head on the `n` rows that both have and that are comparable.

    Left out and counted: rows of one side only, rows whose truth changed, rows excluded by the caller.
    `identical`: no prediction and no probability differs; `same_model`: that is so because it is one model. `groups`:
    how many there are, if rows come in groups. `classes` and `slices` are corrected for their number.
    """

    n: int
    only_base: int
    only_head: int
    truth_changed: int
    excluded: int
    identical: bool
    same_model: bool
    groups: int | None
    confidence: float
    primary: str
    metrics: dict[str, MetricComparison]
    classes: dict[str, GroupComparison]
    slices: dict[str, dict[str, GroupComparison]]
    flips: Flips
    notes: list[str] = field(default_factory=list)

    @property
    def headline(self) -> MetricComparison:
        """The primary metric, whose verdict is the comparison's."""
        return self.metrics[self.primary]

    def to_dict(self) -> dict[str, Any]:
        """The content of `pipeline compare --json`; missing figures are None."""
        return {
            "n": self.n,
            "headline": self.headline.to_dict(),
            "metrics": {name: result.to_dict() for name, result in self.metrics.items()},
            "classes": {name: group.to_dict() for name, group in self.classes.items()},
            "slices": {
                column: {value: group.to_dict() for value, group in groups.items()}
                for column, groups in self.slices.items()
            },
            "flips": self.flips.to_dict(),
            "only_base": self.only_base,
            "only_head": self.only_head,
            "truth_changed": self.truth_changed,
            "excluded": self.excluded,
            "identical": self.identical,
            "same_model": self.same_model,
            "groups": self.groups,
            "confidence": self.confidence,
            "notes": self.notes,
        }


def needed(count: int, counted: str, unseen: float, limit: float) -> str:
    """How many rows or groups it takes until what was not seen costs less than the limit, in words."""
    return f"{math.ceil(count * unseen / limit) + 1:,} {counted} are needed"


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
        for row in rows.to_dict(orient="records")
    ]
