"""The ways in which classifiers learn: in passes over the rows, by growing, by adding members, or all at once."""

import copy
import inspect
import math
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.base import clone


class Rows(NamedTuple):
    """Preprocessed features of shape (rows, columns), dense or sparse, and labels of shape (rows,)."""

    features: Any
    labels: npt.NDArray[Any]


class Learner(Protocol):
    """A classifier that learns step by step and can go back to one of its steps."""

    def steps(self) -> Iterator[Any]:
        """The classifier after each step; the same object may be yielded again, having learned more."""

    def keep(self) -> None:
        """Remember the step that was yielded last."""

    def kept(self) -> Any:
        """The classifier as it was at the remembered step."""


def choose(classifier: Any, rows: Rows, epochs: int, batch_size: int, seed: int) -> Learner:
    """The way in which this classifier learns, in at most `epochs` steps.

    Who asks a classifier to stop by itself (early_stopping, n_iter_no_change) has it left alone, in one step. So has
    naive Bayes, although it has partial_fit: it counts, so that one look at the rows is all there is to learn.
    """
    parameters = classifier.get_params(deep=False)
    if parameters.get("early_stopping") is True or parameters.get("warm_start") is True:
        return Once(classifier, rows)
    if hasattr(classifier, "partial_fit") and "max_iter" in parameters:
        if parameters.get("class_weight") == "balanced":  # which partial_fit refuses: it does not see all rows
            return Once(classifier, rows)
        return Passes(classifier, rows, epochs, batch_size, seed)
    if "warm_start" in parameters and "n_estimators" in parameters:
        if parameters.get("n_iter_no_change") is not None:
            return Once(classifier, rows)
        return Growth(classifier, rows, epochs, "n_estimators")
    if hasattr(classifier, "staged_predict"):
        if "max_iter" in parameters:
            return Growth(classifier.set_params(early_stopping=False), rows, epochs, "max_iter")
        return Members(classifier, rows, epochs)
    return Once(classifier, rows)


class Passes:
    """One step is one pass over all rows in a new random order, with partial_fit: networks, SGD, perceptrons."""

    def __init__(self, classifier: Any, rows: Rows, epochs: int, batch_size: int, seed: int) -> None:
        """A `max_iter` or `batch_size` of the classifier's own, if one was set, goes before `epochs`, `batch_size`."""
        parameters = classifier.get_params(deep=False)
        if "batch_size" in parameters:
            own = parameters["batch_size"]
            size = min(batch_size if own == "auto" else own, len(rows.labels))
            classifier.set_params(batch_size=size)
        default = inspect.signature(type(classifier)).parameters["max_iter"].default
        self.passes = epochs if parameters["max_iter"] in (default, None) else parameters["max_iter"]
        self.classifier, self.rows, self.random = classifier, rows, np.random.default_rng(seed)

    def steps(self) -> Iterator[Any]:
        """The classifier after each pass."""
        classes = np.unique(self.rows.labels)
        for _ in range(self.passes):
            order = self.random.permutation(len(self.rows.labels))
            self.classifier.partial_fit(self.rows.features[order], self.rows.labels[order], classes=classes)
            yield self.classifier

    def keep(self) -> None:
        """Copy the weights."""
        self.copy = copy.deepcopy(self.classifier)

    def kept(self) -> Any:
        """The copy."""
        return self.copy


class Growth:
    """One step adds members to the ensemble with warm_start: forests, bagging, gradient boosting."""

    def __init__(self, classifier: Any, rows: Rows, epochs: int, size: str) -> None:
        """`size` is the argument that says how many members there are."""
        self.classifier, self.rows, self.size = classifier, rows, size
        self.sizes = spread(classifier.get_params(deep=False)[size], epochs)
        self.grown = clone(classifier).set_params(warm_start=True)

    def steps(self) -> Iterator[Any]:
        """The ensemble at each size."""
        for size in self.sizes:
            self.reached = size
            yield self.grown.set_params(**{self.size: size}).fit(*self.rows)

    def keep(self) -> None:
        """Note the size."""
        self.best = self.reached

    def kept(self) -> Any:
        """The ensemble, learned again at its best size if it grew past it: the seed makes the same members."""
        if self.best == self.reached:
            return self.grown.set_params(warm_start=False)
        return clone(self.classifier).set_params(**{self.size: self.best}).fit(*self.rows)


class Members:
    """All members learn at once, and a step looks at the first so many of them: AdaBoost."""

    def __init__(self, classifier: Any, rows: Rows, epochs: int) -> None:
        self.classifier, self.rows, self.epochs = classifier, rows, epochs

    def steps(self) -> Iterator[Any]:
        """The ensemble of the first members."""
        self.classifier.fit(*self.rows)
        for count in spread(len(self.classifier.estimators_), self.epochs):
            self.first = copy.copy(self.classifier)
            self.first.estimators_ = self.classifier.estimators_[:count]
            self.first.estimator_weights_ = self.classifier.estimator_weights_[:count]
            self.first.estimator_errors_ = self.classifier.estimator_errors_[:count]
            yield self.first

    def keep(self) -> None:
        """Keep the first members."""
        self.best = self.first

    def kept(self) -> Any:
        """The ensemble of the best first members."""
        return self.best


class Once:
    """Everything is learned in one step."""

    def __init__(self, classifier: Any, rows: Rows) -> None:
        self.classifier, self.rows = classifier, rows

    def steps(self) -> Iterator[Any]:
        """The fitted classifier."""
        yield self.classifier.fit(*self.rows)

    def keep(self) -> None:
        """There is only this one."""

    def kept(self) -> Any:
        """The fitted classifier."""
        return self.classifier


def spread(total: int, steps: int) -> list[int]:
    """At most `steps` growing sizes, evenly spread, the last of which is `total`."""
    steps = min(total, steps)
    return [math.ceil(total * (i + 1) / steps) for i in range(steps)]
