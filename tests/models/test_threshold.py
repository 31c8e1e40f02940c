"""The threshold is the best on the validation rows by balanced accuracy, and refused where it means nothing."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from pipeline.errors import InputError
from pipeline.models.threshold import best, require_threshold


def test_the_best_threshold_has_the_largest_balanced_accuracy_of_all() -> None:
    random = np.random.default_rng(0)
    for seed in range(30):
        positive = random.random(60) < 0.15
        positive[0] = True
        probability = np.round(np.clip(random.normal(0.2 + 0.2 * positive, 0.15), 0, 1), 1 + seed % 3)
        found = balanced_accuracy_score(positive, probability >= best(positive, probability))
        thresholds = [*np.unique(probability), 1.5]  # between two probabilities all are the same
        every = [balanced_accuracy_score(positive, probability >= at) for at in thresholds]
        assert found >= max(every) - 1e-9


def test_of_equal_ones_it_is_the_nearest_to_a_half() -> None:
    assert best(np.array([False, True]), np.array([0.1, 0.9])) == 0.5
    assert best(np.array([False, True]), np.array([0.1, 0.3])) == pytest.approx(0.2)
    assert best(np.array([True, True]), np.array([0.7, 0.7])) == 0.5


@pytest.mark.parametrize(
    ("classifier", "classes", "words"),
    [
        (DecisionTreeClassifier(), 3, "train.threshold: validation: a threshold is for two classes, there are 3"),
        (LinearSVC(), 2, "LinearSVC has no probabilities; set train.calibration: sigmoid"),
    ],
)
def test_it_is_refused_where_it_means_nothing(classifier: object, classes: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        require_threshold("validation", classifier, classes)
    require_threshold(0.5, classifier, classes)
