"""Everything that a reviewer is told, as one plain structure: assemble.py fills it, render.py and html.py show it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from pydantic import BaseModel

from pipeline.comparison import formats
from pipeline.comparison.gate import Outcome
from pipeline.comparison.results import Comparison
from pipeline.files import finite
from pipeline.params import Metric
from pipeline.repository.proof import Proof
from pipeline.review.anchor import Anchor
from pipeline.review.changes import Changes
from pipeline.review.curves import Curve
from pipeline.review.looks import Looks
from pipeline.review.notices import Notice
from pipeline.review.seeds import Noise
from pipeline.review.where import Flip

Values = dict[str, Any]


@dataclass(frozen=True)
class Revision:
    """One side in words: its short name, its commit, the commit's subject, and where its results came from.

    `branch`: of the base, the branch that it is on, where that is known.
    """

    name: str
    commit: str
    subject: str
    source: str
    branch: str = ""


@dataclass(frozen=True)
class Report:
    """Everything that is shown. What could not be found out is None or empty; `problem` then says why.

    `comparison` is on the rows that both sides judged; `base_values` and `head_values` are the sides' own metrics on
    all their test rows, as metrics/evaluate/metrics.json has them, with size_bytes and latency_ms. `no_noise` says why
    further seeds, which were asked for, told nothing; `one_training`: no other seed was
    tried, and one might come out otherwise.
    """

    head: Revision | None = None
    base: Revision | None = None
    problem: str | None = None
    primary: str = ""
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    comparison: Comparison | None = None
    base_values: Values = field(default_factory=dict)
    head_values: Values = field(default_factory=dict)
    changes: Changes | None = None
    noise: Noise | None = None
    no_noise: str | None = None
    one_training: bool = False
    looks: Looks | None = None
    anchor: Anchor | None = None
    broken: tuple[Flip, ...] = ()
    fixed: tuple[Flip, ...] = ()
    curves: tuple[Curve, ...] = ()
    notices: tuple[Notice, ...] = ()
    proof: Proof | None = None
    gate: tuple[Outcome, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """The headline's verdict: that of the primary metric, `no base`, or `not compared`."""
        if self.problem:
            return "not compared"
        return self.comparison.headline.verdict if self.comparison else "no base"

    @property
    def failures(self) -> tuple[str, ...]:
        """Why this change is not allowed; empty: it is."""
        undecided = {"not decided": "not decided: "}
        found = [f"{o.rule} ({undecided.get(o.status, '')}{o.found})" for o in self.gate if o.blocks]
        found += [f"{metric}, which review.metrics declares, is missing or not finite" for metric in self.missing]
        if self.problem:
            found.insert(0, f"the comparison could not be made: {self.problem}")
        elif self.proof and self.proof.stale:
            found.insert(0, f"the results are not of these files: {formats.some(list(self.proof.stale))}")
        return tuple(found)

    def to_dict(self) -> Values:
        """The content of report.json; numbers that are not finite become null."""
        content: Values = {item.name: _plain(getattr(self, item.name)) for item in fields(self)}
        content |= {"version": 1, "verdict": self.verdict, "allowed": not self.failures, "failures": self.failures}
        return {name: _finite(value) for name, value in content.items()}


def _plain(value: Any) -> Any:
    """Dataclasses and models as mappings."""
    if isinstance(value, Comparison):
        return value.to_dict()
    if isinstance(value, BaseModel):
        return value.model_dump()
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(child) for key, child in value.items()}
    return [_plain(child) for child in value] if isinstance(value, tuple) else value


def _finite(node: Any) -> Any:
    """The same content for JSON, which has no NaN and no infinity."""
    if isinstance(node, Mapping):
        return {str(key): _finite(child) for key, child in node.items()}
    if isinstance(node, list | tuple):
        return [_finite(child) for child in node]
    return None if isinstance(node, float) and not finite(node) else node
