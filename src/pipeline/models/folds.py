"""Folds of the cross-validation that some classifiers do inside, such that no group of rows is divided."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from pipeline.errors import InputError

FOLDS = 5  # scikit-learn's default


@contextmanager
def folds_by_group(classifier: Any, labels: npt.NDArray[Any], groups: npt.NDArray[Any] | None) -> Iterator[None]:
    """For as long as this lasts, the argument `cv` of `classifier` has folds by group, if it is a number of folds.

    `labels` and `groups` have shape (rows,); without groups nothing is changed. Rows of one group are alike: a model
    that saw some of them is surer of the others than it will be of new groups, and a calibration or a stack of models
    (CalibratedClassifierCV, StackingClassifier) would learn that as certainty. `cv` of a classifier inside another one
    stays, since it divides a part of the rows.

    Raises:
        InputError: all rows, or all rows of a class, are of one group.
    """
    name = type(classifier).__name__
    own = classifier.get_params(deep=False).get("cv", "no such argument")
    if name == "RidgeClassifierCV" and own is None:
        own = "a formula for leaving out each row in turn"
    rows = int(np.unique(labels, return_counts=True)[1].max())  # of the largest class: each fold needs one
    if groups is None or rows < 2 or not _is_count(own):
        yield
        return
    distinct = len(np.unique(groups))
    if distinct < 2:
        raise InputError(f"train: {name} needs training rows of two groups or more; found one")
    for label in np.unique(labels):
        if len(np.unique(groups[labels == label])) < 2:
            raise InputError(
                f"train: all training rows of the class {label!s} are of one group; {name} leaves out groups in turn, "
                "and would not know the class then; add rows of it, or take another train.estimator and no calibration"
            )
    count = min(FOLDS if own is None else own, distinct, rows)
    classifier.set_params(cv=list(StratifiedGroupKFold(count).split(labels, labels, groups)))
    try:
        yield
    finally:
        classifier.set_params(cv=own)


@contextmanager
def means_by_group(step: Any, labels: npt.NDArray[Any], groups: npt.NDArray[Any] | None) -> Iterator[None]:
    """For as long as this lasts, the means of the target that `step` learns (estimators._encode) are by group, too.

    A row of a group would else be told what the other rows of its group say, which no row of a new group is.
    """
    kept = step.get_params().get("means__means__cv")
    if groups is None or kept is None or len(np.unique(groups)) < FOLDS:
        yield
        return
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=kept.random_state)
    step.set_params(means__means__cv=list(folds.split(labels, labels, groups)))
    try:
        yield
    finally:
        step.set_params(means__means__cv=kept)
        if hasattr(step, "transformers_"):
            step.named_transformers_["means"].set_params(means__cv=kept)  # the rows have no business in the model


def _is_count(cv: Any) -> bool:
    """Whether `cv` is a number of folds, or scikit-learn's default; what scikit-learn refuses is left to it."""
    return cv is None or (isinstance(cv, int) and not isinstance(cv, bool) and cv > 1)
