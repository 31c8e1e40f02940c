"""Many small losses add up: every change is also compared with an anchor, the released version, at its own level."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.comparison.compare import compare
from pipeline.comparison.looks import ANCHOR_LOOKS, anchor_confidence
from pipeline.comparison.results import Comparison, MetricComparison
from pipeline.errors import CheckError, PipelineError
from pipeline.files import read_parquet
from pipeline.params import Params
from pipeline.repository import sides, tags
from pipeline.repository.history import judged, models_of
from pipeline.repository.revisions import resolve
from pipeline.repository.sides import PREDICTIONS, Side
from pipeline.review.where import changed_rows, is_same_model


@dataclass(frozen=True)
class Anchor:
    """What the head is compared with beside its base, and what that says; `problem`: why it says nothing.

    `look` is the head's place among the models with other predictions since the anchor, of `of` at most. `result` is
    the primary metric at the level of one of so many looks; `judged` is what the gate's rules see, without that level.
    """

    name: str
    commit: str
    look: int = 0
    of: int = ANCHOR_LOOKS
    result: MetricComparison | None = None
    judged: Comparison | None = None
    problem: str | None = None

    @property
    def used_up(self) -> bool:
        """Whether more models were compared with it than its level allows for."""
        return self.look > self.of


def find_anchor(root: Path, params: Params) -> tuple[str, str] | None:
    """The name and the commit of the anchor: the version in production, else `review.anchor`, else there is none.

    Raises:
        InputError: `review.anchor` is no revision of this repository.
    """
    if tag := tags.at_stage(tags.read(root), tags.model(root, params.package.name), "prod"):
        return tag.tag, tag.commit
    if params.review.anchor is None:
        return None
    return params.review.anchor, resolve(root, params.review.anchor)


def look_of(root: Path, anchor: str, head: Side) -> int:
    """The head's place among the models since the anchor that predict something else than the anchor does."""
    before = models_of(root, "--no-walk", anchor)
    since = models_of(root, f"{anchor}..{head.commit}")
    mine = judged(head.text("dvc.lock") or "")
    different = {model.predictions for model in since} | ({mine.predictions} if mine else set())
    return len(different - {model.predictions for model in before})


@contextmanager
def anchor_side(root: Path, commit: str, known: Side | None) -> Iterator[Side]:
    """The anchor's results; the base's, where it is the anchor.

    Raises:
        CheckError: the commit has no results, or they are not to be had.
    """
    if known is not None and known.commit == commit and known.folder != root:
        yield known
    elif not sides.has_results(root, commit):
        raise CheckError(f"{commit[:7]} has no pipeline that makes predictions")
    else:
        with sides.revision(root, commit) as side:
            yield side


def compare_with_anchor(root: Path, base: Side, head: Side, params: Params) -> Anchor | None:
    """Compare the head with the anchor; None where there is none.

    Raises:
        InputError: `review.anchor` is no revision of this repository.
    """
    found = find_anchor(root, params)
    if found is None:
        return None
    name, commit = found
    look = look_of(root, commit, head)
    if look > ANCHOR_LOOKS and not _rules(params):
        return Anchor(name, commit, look)
    try:
        with anchor_side(root, commit, base) as side:
            old, new = (read_parquet(folder / PREDICTIONS) for folder in (side.folder, head.folder))
            excluded = changed_rows(side.folder, head.folder)
            same_model = is_same_model(side, head)
    except PipelineError as error:  # the comparison with the base stands without it
        return Anchor(name, commit, look, problem=str(error))
    names = list(dict.fromkeys([params.review.primary, *_rules(params)]))
    result, judged_ = (
        compare(
            old,
            new,
            {metric: params.review.metrics[metric] for metric in chosen},
            primary=params.review.primary,
            confidence=level,
            exclude=excluded,
            bins=params.evaluate.bins,
            same_model=same_model,
        )
        for chosen, level in ((names[:1], anchor_confidence()), (names, 0.95))
    )
    return Anchor(name, commit, look, result=result.headline if look <= ANCHOR_LOOKS else None, judged=judged_)


def _rules(params: Params) -> list[str]:
    """The metrics that the gate judges against the anchor."""
    return [rule.metric for rule in params.gate if rule.against == "anchor"]
