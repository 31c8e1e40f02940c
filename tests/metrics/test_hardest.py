"""The order in which a person looks at rows."""

import numpy as np

from pipeline.metrics.hardest import hardest


def test_surest_mistakes_come_first_and_least_sure_right_rows_next():
    right = np.array([True, False, True, False, True])
    confidence = np.array([0.9, 0.6, 0.5, 0.8, 0.5])
    assert hardest(right, confidence, 10).tolist() == [3, 1, 2, 4, 0]
    assert hardest(right, confidence, 3).tolist() == [3, 1, 2]
    assert hardest(right, confidence, 0).tolist() == []


def test_without_confidence_there_are_only_mistakes():
    assert hardest(np.array([True, False, False]), None, 10).tolist() == [1, 2]
