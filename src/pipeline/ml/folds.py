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
        InputError: all rows are of one group.
    """
    own = classifier.get_params(deep=False).get("cv", "no such argument")
    if groups is None or not (own is None or isinstance(own, int)):
        yield
        return
    count = min(own or FOLDS, len(np.unique(groups)), int(np.unique(labels, return_counts=True)[1].max()))
    if count < 2:
        raise InputError(f"train: {type(classifier).__name__} needs training rows of two groups or more; found one")
    classifier.set_params(cv=list(StratifiedGroupKFold(count).split(labels, labels, groups)))
    try:
        yield
    finally:
        classifier.set_params(cv=own)
