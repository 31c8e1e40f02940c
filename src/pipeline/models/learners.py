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
        if parameters.get("n_iter_no_change") is not None or _counts_out_of_bag(classifier):
            return Once(classifier, rows)
        return Growth(classifier, rows, epochs)
    if hasattr(classifier, "staged_predict"):
        if "max_iter" in parameters:
            return Stages(classifier.set_params(early_stopping=False), rows, epochs)
        return Members(classifier, rows, epochs)
    return Once(classifier, rows)


def _counts_out_of_bag(classifier: Any) -> bool:
    """Whether it is bagging with oob_score, which it refuses to count while it grows."""
    return type(classifier).__name__ == "BaggingClassifier" and bool(classifier.oob_score)


class Passes:
    """One step is one pass over all rows in a new random order, with partial_fit: networks, SGD, perceptrons."""

    def __init__(self, classifier: Any, rows: Rows, epochs: int, batch_size: int, seed: int) -> None:
        """A `max_iter` or `batch_size` that was set goes before `epochs` and `batch_size`.

        scikit-learn does not tell what was set from what is the default; `max_iter: 200` of MLPClassifier is not seen.
        """
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

    def __init__(self, classifier: Any, rows: Rows, epochs: int) -> None:
        self.classifier, self.rows = classifier, rows
        self.sizes = spread(classifier.n_estimators, epochs)
        self.grown = clone(classifier).set_params(warm_start=True)

    def steps(self) -> Iterator[Any]:
        """The ensemble at each size."""
        for size in self.sizes:
            self.reached = size
            yield self.grown.set_params(n_estimators=size).fit(*self.rows)

    def keep(self) -> None:
        """Note the size."""
        self.best = self.reached

    def kept(self) -> Any:
        """The ensemble, learned again at its best size if it grew past it: the seed makes the same members."""
        if self.best == self.reached:
            return self.grown.set_params(warm_start=False)
        return clone(self.classifier).set_params(n_estimators=self.best).fit(*self.rows)


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


class Stages:
    """All trees learn at once, and a step looks at the first so many of them: gradient boosting on histograms.

    To grow it with warm_start would put all rows into bins, and ask all earlier trees about them, at every step again.
    """

    def __init__(self, classifier: Any, rows: Rows, epochs: int) -> None:
        self.classifier, self.rows, self.epochs = classifier, rows, epochs

    def steps(self) -> Iterator[Any]:
        """The first trees."""
        first = FirstStages(self.classifier.fit(*self.rows))
        for size in spread(self.classifier.n_iter_, self.epochs):
            self.reached = first.size = size
            yield first

    def keep(self) -> None:
        """Note how many trees these are."""
        self.best = self.reached

    def kept(self) -> Any:
        """The ensemble, learned again at its best size if it is larger: the seed makes the same trees."""
        if self.best == self.classifier.n_iter_:
            return self.classifier
        return clone(self.classifier).set_params(max_iter=self.best).fit(*self.rows)


class FirstStages:
    """A boosted ensemble of which the first `size` stages count. While `size` rises, each is asked about rows once."""

    def __init__(self, ensemble: Any) -> None:
        self.ensemble, self.classes_, self.size = ensemble, ensemble.classes_, 0
        self.seen: dict[int, tuple[Any, Iterator[Any], int, Any]] = {}

    def predict_proba(self, features: Any) -> Any:
        """Probabilities (rows, classes); `size` must not have fallen since these same rows were last asked about."""
        start = features, self.ensemble.staged_predict_proba(features), 0, None
        _, stages, stage, probabilities = self.seen.get(id(features), start)
        while stage < self.size:
            stage, probabilities = stage + 1, next(stages)
        self.seen[id(features)] = features, stages, stage, probabilities  # with the rows: while they live, so does id
        return probabilities


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
