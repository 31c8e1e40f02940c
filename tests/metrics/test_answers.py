"""A model that says next to nothing is called so, and one that does its work is not."""

import numpy as np
import pytest

from pipeline.metrics.answers import commonest, poverty, told
from pipeline.metrics.slices import per_class


def of(truth: list[int], prediction: list[int]) -> dict[str, dict[str, float]]:
    return per_class(np.array(truth), np.array(prediction), ["a", "b", "c"][: max(truth + prediction) + 1])


def test_the_commonest_class_and_its_share() -> None:
    assert commonest(of([0, 1, 1, 1], [0, 0, 0, 0])) == ("b", 0.75)


@pytest.mark.parametrize(
    ("truth", "prediction", "said"),
    [
        ([0] * 90 + [1] * 10, [0] * 100, ["it answers 'a' for all rows, and 90.0% of them are"]),
        (
            [0] * 600 + [1] * 400,
            [0] * 970 + [1] * 30,
            ["it answers 'a' for all but 30 of 1,000 rows, and 60.0% of them are"],
        ),
        ([0] * 50 + [1] * 49 + [2], [0] * 50 + [1] * 50, ["it never answers 'c', which 1 row is"]),
        ([0] * 50 + [1] * 40 + [2] * 10, [0] * 55 + [1] * 45, ["it never answers 'c', which 10 rows are"]),
        ([0] * 90 + [1] * 10, [0] * 95 + [1] * 5, []),
        ([0] * 995 + [1] * 5, [0] * 996 + [1] * 4, []),
        ([0] * 5, [0] * 5, []),
    ],
)
def test_poor_answers(truth: list[int], prediction: list[int], said: list[str]) -> None:
    assert poverty(of(truth, prediction)) == said


def test_metrics_from_before_answers_were_counted_say_nothing() -> None:
    assert poverty({"a": {"rows": 3}, "b": {"rows": 0}}) == [] == poverty({})


def test_a_stage_says_the_accuracy_beside_the_share() -> None:
    assert told(of([0] * 3 + [1], [0] * 4)) == [
        "accuracy 0.7500; always answering 'a' would have 0.7500",
        "warning: it answers 'a' for all rows, and 75.0% of them are",
    ]
