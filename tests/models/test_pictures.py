"""What straightening and oriented gradients leave as it is, whatever the picture, and what they say of odd ones."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.datasets import load_digits

from pipeline.data.schema import Feature, Schema
from pipeline.errors import InputError
from pipeline.models.estimators import build
from pipeline.models.pictures import AT_ONCE, FAINT, OrientedGradients, Straighten

SIZE = 24
DIGITS = load_digits().images[:40].astype(np.uint8)


def canvas(picture: np.ndarray, down: int = 0, right: int = 0, shear: int = 0) -> np.ndarray:
    """A row: the picture of 8 x 8 in the middle of one of 24 x 24, moved, and each line moved by `shear` times its
    distance from the middle, which keeps every value.
    """
    wide = np.pad(picture, 8)
    for line in range(SIZE):
        wide[line] = np.roll(wide[line], shear * (line - SIZE // 2))
    return np.roll(wide, (down, right), (0, 1)).reshape(1, -1)


def straighten(row: np.ndarray, image: tuple[int, int] = (SIZE, SIZE)) -> np.ndarray:
    return Straighten(image).fit(row).transform(row)


def gradients(row: np.ndarray, image: tuple[int, int] = (SIZE, SIZE), **arguments: Any) -> np.ndarray:
    return OrientedGradients(image, **arguments).fit(row).transform(row)


def slant(row: np.ndarray) -> float:
    """Covariance of right and down over the variance of down."""
    down, right = np.divmod(np.arange(row.size), SIZE)
    return float(np.cov(right, down, aweights=row[0])[0, 1] / np.cov(down, aweights=row[0]))


digits = st.sampled_from(range(len(DIGITS)))
moves = st.integers(-4, 4)


@given(digits, moves, moves)
@settings(max_examples=30)
def test_where_a_digit_stands_is_forgotten(digit: int, down: int, right: int) -> None:
    moved = straighten(canvas(DIGITS[digit], down, right))
    np.testing.assert_allclose(moved, straighten(canvas(DIGITS[digit])), atol=1e-4)


@given(digits, st.sampled_from([-1, 1]))
@settings(max_examples=30)
def test_a_slant_is_forgotten(digit: int, shear: int) -> None:
    upright, sheared = straighten(canvas(DIGITS[digit])), straighten(canvas(DIGITS[digit], shear=shear))
    assert abs(slant(canvas(DIGITS[digit], shear=shear))) > 0.5
    assert abs(slant(sheared)) < 0.05
    assert np.abs(upright - sheared).mean() < 0.02 * np.abs(upright - canvas(DIGITS[digit], shear=shear)).max()
    assert np.isclose(sheared.sum(), DIGITS[digit].sum(), rtol=1e-4)


@given(digits, st.sampled_from([0.01, 0.5, 3, 1000]))
@settings(max_examples=20)
def test_how_bright_a_picture_is_does_not_count(digit: int, factor: float) -> None:
    row = canvas(DIGITS[digit]).astype(np.float32)
    np.testing.assert_allclose(straighten(row * np.float32(factor)), straighten(row) * factor, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(gradients(row * np.float32(factor)), gradients(row), atol=1e-5)


@given(digits, st.sampled_from([4, 8, 12]), st.sampled_from([1, 2, 3, 5]))
@settings(max_examples=20)
def test_a_picture_turned_by_a_quarter_has_the_same_edges_turned(digit: int, directions: int, step: int) -> None:
    row = canvas(DIGITS[digit])
    parts = -(-SIZE // step)

    def histogram(one: np.ndarray) -> np.ndarray:
        return gradients(one, directions=directions, step=step).reshape(directions, parts, parts)

    turned = histogram(np.rot90(row.reshape(SIZE, SIZE)).reshape(1, -1))
    expected = np.rot90(np.roll(histogram(row), -directions // 4, axis=0), axes=(1, 2))
    np.testing.assert_allclose(turned, expected, atol=1e-5)


@given(st.sampled_from([(1, 1), (1, 6), (5, 1), (4, 7), (8, 8)]), st.data())
@settings(max_examples=40)
def test_any_picture_of_any_shape_becomes_finite_numbers(image: tuple[int, int], data: st.DataObject) -> None:
    row = data.draw(arrays(np.uint8, (1, image[0] * image[1])))
    upright = straighten(row, image)
    assert upright.shape == row.shape and upright.dtype == np.float32
    assert upright.min() >= 0 and upright.max() <= row.max() * 1.0001 and upright.sum() <= row.sum() * 1.0001
    found = gradients(upright, image, step=2)
    assert found.shape == (1, 8 * -(-image[0] // 2) * -(-image[1] // 2))
    assert np.isfinite(found).all() and found.min() >= np.sqrt(FAINT) * 0.999
    assert (found**2 - FAINT).sum() <= 1.001  # shares of all edges; less where a picture is nearly flat


@pytest.mark.parametrize("value", [0, 1, 200])
def test_a_picture_of_one_grey_stays_and_has_no_edges(value: int) -> None:
    row = np.full((1, SIZE * SIZE), value, np.uint8)
    np.testing.assert_allclose(straighten(row), row, atol=1e-4)
    np.testing.assert_allclose(gradients(row), np.sqrt(FAINT), rtol=1e-6)


def test_one_bright_pixel_comes_to_the_middle() -> None:
    row = np.zeros((1, 7 * 5), np.uint8)
    row[0, 5] = 90  # second line, first pixel
    expected = np.zeros((7, 5))
    expected[3, 2] = 90
    np.testing.assert_allclose(straighten(row, (7, 5)).reshape(7, 5), expected, atol=1e-4)


def test_an_edge_counts_for_its_direction_and_one_between_two_for_both() -> None:
    down, right = np.mgrid[:8, :8]
    by_direction = [
        gradients(ramp.reshape(1, -1).astype(np.float32), (8, 8)).reshape(8, -1).mean(axis=1) > 0.05
        for ramp in (right, down, 7 - right, 2 * right + 1 * down)
    ]
    assert [np.flatnonzero(strong).tolist() for strong in by_direction] == [[0], [2], [4], [0, 1]]


@pytest.mark.parametrize("step", [Straighten((8, 8)), OrientedGradients((8, 8))])
def test_a_row_does_not_depend_on_those_beside_it_nor_on_how_it_is_stored(step: Any) -> None:
    rows = np.resize(DIGITS.reshape(40, 64), (AT_ONCE + 40, 64))
    together = step.fit(rows).transform(rows)
    assert (together[[0, 39, AT_ONCE + 5]] == [step.transform(rows[i : i + 1])[0] for i in (0, 39, AT_ONCE + 5)]).all()
    assert (together == step.transform(rows.astype(np.float32))).all()


# --- In params.yaml


def pictures(image: tuple[int, int] | None) -> Schema:
    return Schema(tuple(Feature(f"pixel_{i}", "number") for i in range(64)), "target", (0, 1), image)


def make(*steps: Any, image: tuple[int, int] | None = (8, 8)) -> Any:
    return build("svm.SVC", {}, steps, None, 0, pictures(image))


def test_the_steps_stand_beside_those_of_scikit_learn_and_know_the_size_of_the_tables_pictures() -> None:
    model = make("pictures.Straighten", {"pictures.OrientedGradients": {"step": 2}}, "decomposition.PCA")
    assert model[0].image == (8, 8) and (model[1].image, model[1].step) == ((8, 8), 2)
    features, labels = DIGITS.reshape(40, 64), np.arange(40) % 2
    assert model.fit(features, labels).predict(features).shape == (40,)


@pytest.mark.parametrize(
    ("steps", "image", "words"),
    [
        (
            ["pictures.Straighten"],
            None,
            "train.preprocessing.0: pictures.Straighten is for pictures; say in data.image",
        ),
        (["pictures.Straigten"], (8, 8), "did you mean 'pictures.Straighten'"),
        ([{"pictures.OrientedGradients": {"setp": 2}}], (8, 8), "did you mean 'step'"),
        ([{"pictures.OrientedGradients": {"directions": 1}}], (8, 8), "preprocessing.0.pictures.OrientedGradients.dir"),
        ([{"pictures.OrientedGradients": {"reach": 0.5}}], (8, 8), "pictures.OrientedGradients.reach"),
    ],
)
def test_what_they_cannot_do_is_refused_before_any_work(steps: list[Any], image: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        make(*steps, image=image)
    assert words in str(caught.value)


def test_as_a_classifier_they_are_unknown() -> None:
    with pytest.raises(InputError, match=r"train.estimator: scikit-learn has no classifier 'pictures.Straighten'"):
        build("pictures.Straighten", {}, (), None, 0, pictures((8, 8)))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.zeros((2, 63), np.float32), "pictures of 8 x 8 values, and a row has 63"),
        (np.full((2, 64), -1, np.float32), "put scalers behind it"),
        (np.full((2, 64), np.nan, np.float32), "NaN"),
    ],
)
def test_rows_that_are_no_such_pictures_are_refused(rows: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Straighten((8, 8)).fit(rows)
