"""The rows held back: opened for a model that is to be released, and only after that is on record."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pipeline.comparison.compare import compare
from pipeline.comparison.results import Comparison
from pipeline.errors import CheckError
from pipeline.params import Params
from pipeline.repository import sides, tags
from pipeline.repository.predict import fetch_model, predict
from pipeline.repository.sides import Side
from pipeline.review.changes import identities

ROWS = "data/prepared/holdout.parquet"


@dataclass(frozen=True)
class Opening:
    """One look at the rows held back: its record, how many there were before it, and what it showed.

    `before` counts other commits' only: the same model shown again tells nothing new.
    """

    tag: str
    before: int
    comparison: Comparison


def open_holdout(root: Path, base: str, head: str, params: Params) -> Opening:
    """Compare two commits on the rows held back. Before a row is looked at, `NAME#holdout#N` is written and pushed.

    Only rows count that both sides held back: a model has seen what it was trained on.

    Raises:
        CheckError: a side has no results, or holds back no row that the other does.
        ResourceError: the record could not be pushed; nothing was looked at then.
    """
    with ExitStack() as stack:
        old, new = (stack.enter_context(sides.revision(root, commit)) for commit in (base, head))
        excluded = _not_shared(old, new)
        for side in (old, new):
            fetch_model(root, side)
        name = tags.model(root, params.package.name)
        openings = tags.openings(tags.read(root), name)
        record = next((tag for tag in openings if tag.commit == head), None) or tags.write_stage(
            root, name, tags.HOLDOUT, head, f"opened the rows held back, to compare with {base}"
        )
        before, after = (predict(root, side, side.folder / ROWS) for side in (old, new))
    found = compare(
        before,
        after,
        params.review.metrics,
        primary=params.review.primary,
        exclude=excluded,
        bins=params.evaluate.bins,
    )
    return Opening(record.tag, len({tag.commit for tag in openings} - {head}), found)


def _not_shared(base: Side, head: Side) -> list[str]:
    """The keys of rows held back that are not, or not alike, on the other side."""
    old, new = identities(base.folder, "holdout"), identities(head.folder, "holdout")
    for side, rows in ((base, old), (head, new)):
        if rows is None or rows.empty:
            raise CheckError(f"{side.name} holds no row back: set prepare.holdout_size, run dvc repro, and commit it")
    assert old is not None and new is not None
    both = old.index.intersection(new.index)
    alike = both[(old.loc[both] == new.loc[both]).all(axis=1)]
    if alike.empty:
        raise CheckError(f"{base.name} and {head.name} share no row held back: one was trained on the other's")
    return list(old.index.union(new.index).difference(alike))
