"""How often these test rows were looked at, counted from Git, and what that leaves of the headline."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.comparison.looks import confidence
from pipeline.comparison.results import MetricComparison
from pipeline.repository.history import history, judged
from pipeline.repository.sides import Side


@dataclass(frozen=True)
class Looks:
    """How many models the head's test rows have judged: on the default branch, the base's and the head's, each once.

    `experiments` are further ones of this clone's DVC experiments. `cut`: the clone is shallow, so there may be more.
    `adjusted` is the headline at the level of so many looks; None where one look needs no other level.
    """

    models: int
    experiments: int
    cut: bool
    adjusted: MetricComparison | None = None

    @property
    def number(self) -> int:
        """How many comparisons that makes: the first model had nothing to be compared with."""
        return max(1, self.models - 1)

    @property
    def confidence(self) -> float:
        """Of one interval, such that all looks together hold at 95 %."""
        return confidence(self.number)


def count_looks(root: Path, base: Side, head: Side) -> Looks | None:
    """Count them; None where the head's dvc.lock does not say which rows judged it."""
    mine = judged(head.text("dvc.lock") or "")
    if mine is None:
        return None
    found = history(root, base.commit, head.commit)
    known = {model.predictions for model in found.models if model.rows == mine.rows} | {mine.predictions}
    tried = {model.predictions for model in found.experiments if model.rows == mine.rows} - known
    return Looks(len(known), len(tried), found.cut)
