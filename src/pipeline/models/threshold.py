"""From which probability on a classifier of two classes answers the second one: 0.5, another number, or the best one.

The best: with the largest balanced accuracy (the mean recall of both classes) on the validation rows, of equal ones the
nearest to 0.5. Training rows would say too much, test rows are there to judge.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier

from pipeline.errors import InputError
from pipeline.models.learners import Rows

HALF = 0.5  # what a classifier does by itself
APART = 1e-6  # probabilities on both sides of a threshold, at least: float32 and other processors keep them there


def require_threshold(threshold: float | Literal["validation"], classifier: Any, classes: int) -> None:
    """Raise InputError unless a model of so many classes can have this threshold."""
    if threshold == HALF:
        return
    if classes != 2:
        raise InputError(
            f"train.threshold: {threshold}: a threshold is for two classes, there are {classes}; take it out"
        )
    if not hasattr(classifier, "predict_proba"):
        raise InputError(
            f"train.threshold: {threshold}: {type(classifier).__name__} has no probabilities; "
            "set train.calibration: sigmoid, or take it out"
        )


def choose(threshold: float | Literal["validation"], classifier: Any, validation: Rows) -> float:
    """The threshold as a float32, which ONNX has, chosen on the validation rows if that is asked."""
    if threshold == "validation":
        second = classifier.predict_proba(validation.features)[:, 1]
        threshold = best(validation.labels == classifier.classes_[1], np.asarray(second, np.float64))
    return float(np.float32(threshold))


def with_threshold(classifier: Any, threshold: float) -> Any:
    """The fitted classifier with its threshold; with 0.5 it is itself."""
    if threshold == HALF:
        return classifier
    classes = classifier.classes_
    fixed = FixedThresholdClassifier(
        FrozenEstimator(classifier), threshold=threshold, pos_label=classes[1], response_method="predict_proba"
    )
    return fixed.fit(np.zeros((2, 1)), classes)  # nothing is learned: what is frozen looks at no row


def best(positive: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64]) -> float:
    """The threshold between two of the rows' probabilities, or 0.5, with the largest balanced accuracy."""
    order = np.argsort(probability, kind="stable")
    ranked, wanted = probability[order], positive[order]
    place = np.flatnonzero(np.diff(ranked) > APART) + 1  # rows from there on are answered with the second class
    thresholds = np.append((ranked[place] + ranked[place - 1]) / 2, HALF)
    place = np.append(place, np.searchsorted(ranked, HALF))
    positives = max(1, int(wanted.sum()))
    negatives = max(1, len(wanted) - int(wanted.sum()))
    before = np.append(0, np.cumsum(wanted))[place]
    balanced = (1 - before / positives + (place - before) / negatives) / 2
    largest = np.flatnonzero(balanced >= balanced.max() - 1e-12)
    return float(thresholds[largest[np.argmin(np.abs(thresholds[largest] - HALF))]])
