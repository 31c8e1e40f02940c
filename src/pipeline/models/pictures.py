"""Steps for pictures of one thing each, such as a digit: set upright, then described by the directions of its edges.

Both take and give rows of a picture's values, row by row from its upper left corner, and count in plain arithmetic
that ONNX has as well (package/pictures.py). What a row becomes does not depend on the rows beside it.
"""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

AT_ONCE = 512  # pictures: some 25 MB of MNIST's at a time, whatever the number of rows
PIXEL_VARIANCE = 1 / 12  # of a square's height: a pixel is no point, so a line one pixel thin has a slant, too
LEAST = 1e-6  # what a sum is divided by at least: a picture of nothing stays one
FAINT = 1e-4  # share of a picture's edges below which a root would tell rounding from nothing
FLAT = 0.02  # share of its brightness that a picture's edges count as at least: those of rounding stay nothing

Floats = npt.NDArray[np.float32]


class OfPictures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What the steps share: pictures of one size (height, width), by default the table's, taken some at a time."""

    image: tuple[int, int] | None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures.

        Raises:
            ValueError: nobody said it.
        """
        if self.image is None:
            raise ValueError(f"{type(self).__name__} is for pictures: data.image says how high and wide they are")
        height, width = self.image
        return height, width

    def fit(self, pixels: npt.NDArray[Any], labels: Any = None) -> Self:
        """Nothing to learn but that the rows are pictures of the size; `pixels` has shape (rows, height * width)."""
        height, width = self.size
        pixels = validate_data(self, pixels, dtype="numeric")
        if pixels.shape[1] != height * width:
            raise ValueError(
                f"{type(self).__name__} takes pictures of {height} x {width} values, and a row has {pixels.shape[1]}"
            )
        return self

    def _some_at_a_time(
        self, pixels: npt.NDArray[Any], width: int, made: Callable[[npt.NDArray[Any]], Floats]
    ) -> Floats:
        """`made` of the pictures (pictures, height, width), a few at a time, as one array (rows, width)."""
        check_is_fitted(self)
        pixels = validate_data(self, pixels, dtype="numeric", reset=False)
        found = np.empty((len(pixels), width), np.float32)
        for start in range(0, len(pixels), AT_ONCE):
            some = pixels[start : start + AT_ONCE]
            found[start : start + AT_ONCE] = made(some.reshape(len(some), *self.size)).reshape(len(some), width)
        return found


class Straighten(OfPictures):
    """Moves what is bright to the middle and shears it upright: its columns' slant, by moments, becomes zero.

    Values must not be below 0, the background; what comes in from beyond the picture is background. Sheared by
    bilinear interpolation about the centre of mass by cov(x, y) / var(y). Method: LeCun, Bottou, Bengio and Haffner,
    Gradient-based learning applied to document recognition, Proc. IEEE 86 (1998), who call it deslanting.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"image": ["array-like", None]}

    def __init__(self, image: tuple[int, int] | None = None) -> None:
        self.image = image

    def fit(self, pixels: npt.NDArray[Any], labels: Any = None) -> Self:
        """As above; also: no value is below 0."""
        super().fit(pixels)
        if np.min(pixels) < 0:
            raise ValueError("Straighten takes values of 0 and above, 0 for the background; put scalers behind it")
        return self

    def transform(self, pixels: npt.NDArray[Any]) -> Floats:
        """The straightened pictures, float32 of the shape of `pixels`."""
        return self._some_at_a_time(pixels, pixels.shape[1], _straightened)


class OrientedGradients(OfPictures):
    """How strong edges of each direction are in each part of a picture, as roots of shares of all of the picture's.

    A pixel's edge counts for the two of the `directions`, evenly spread over the circle, between which it lies. Parts
    are windows about every `step`-th pixel that fall off linearly to nothing at `reach` steps, so that they overlap.
    After Dalal and Triggs, Histograms of oriented gradients, CVPR 2005; roots of shares: Arandjelovic and Zisserman,
    Three things everyone should know to improve object retrieval, CVPR 2012.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "image": ["array-like", None],
        "directions": [Interval(Integral, 2, None, closed="left")],
        "step": [Interval(Integral, 1, None, closed="left")],
        "reach": [Interval(Real, 0.5, None, closed="neither")],
    }

    def __init__(
        self, image: tuple[int, int] | None = None, directions: int = 8, step: int = 3, reach: float = 1.5
    ) -> None:
        self.image = image
        self.directions = directions
        self.step = step
        self.reach = reach

    def transform(self, pixels: npt.NDArray[Any]) -> Floats:
        """Float32 (rows, directions * parts): all parts of the first direction, row by row, then of the next."""
        (height, width), compass = self.size, directions(self.directions)
        down, right = windows(height, self.step, self.reach), windows(width, self.step, self.reach)
        steps = differences(height), differences(width)

        def made(pictures: npt.NDArray[Any]) -> Floats:
            return _histograms(pictures.astype(np.float32), *steps, compass, down, right)

        return self._some_at_a_time(pixels, len(compass) * len(down) * len(right), made)


def from_centre(size: int) -> npt.NDArray[np.float64]:
    """The places of `size` pixels in a line, counted from their middle."""
    return np.arange(size, dtype=np.float64) - (size - 1) / 2


def powers(size: int, highest: int) -> npt.NDArray[np.float64]:
    """Those places to the powers 0 to `highest`, of shape (highest + 1, size): what moments are sums of."""
    return np.vander(from_centre(size), highest + 1, increasing=True).T.copy()


def differences(size: int) -> Floats:
    """The matrix (size, size) that makes of a line the difference of each pixel's neighbours, at an end its own."""
    places = np.arange(size)
    matrix = np.zeros((size, size), np.float32)
    np.add.at(matrix, (places, np.minimum(places + 1, size - 1)), 1)
    np.add.at(matrix, (places, np.maximum(places - 1, 0)), -1)
    return matrix


def directions(count: int) -> Floats:
    """The matrix (count, 3) that makes of an edge (right, down, strength) what it is beyond each pair of neighbours.

    Above 0 only within 360 / count degrees of the direction: what is below counts as 0.
    """
    angles = 2 * np.pi * np.arange(count) / count
    return np.column_stack([np.cos(angles), np.sin(angles), np.full(count, -np.cos(2 * np.pi / count))]).astype(
        np.float32
    )


def windows(size: int, step: int, reach: float) -> Floats:
    """The windows (windows, size) over a line of pixels: one every `step` pixels, evenly about the middle."""
    centres = from_centre(-(-size // step)) * step
    away = np.abs(from_centre(size) - centres[:, None]) / (reach * step)
    return np.asarray(np.maximum(0, 1 - away), np.float32)


def _straightened(pictures: npt.NDArray[Any]) -> Floats:
    """Pictures (pictures, height, width) sheared upright and centred."""
    _, height, width = pictures.shape
    moments = powers(height, 2) @ pictures.astype(np.float64) @ powers(width, 1).T  # (pictures, 3, 2)
    total = np.maximum(moments[:, 0, 0], LEAST)
    right, down = moments[:, 0, 1] / total, moments[:, 1, 0] / total
    covariance = moments[:, 1, 1] / total - right * down
    slant = covariance / (moments[:, 2, 0] / total - down * down + PIXEL_VARIANCE)
    moved = _between(pictures.astype(np.float32), down[:, None, None] + np.arange(height)[:, None], axis=1)
    sheared = right[:, None] + slant[:, None] * from_centre(height)
    return _between(moved, sheared[:, :, None] + np.arange(width), axis=2)


def _between(pictures: Floats, places: npt.NDArray[np.float64], axis: int) -> Floats:
    """The pictures' values at `places` along an axis, which lie between two pixels: of both; 0 beyond the picture."""
    size, first = pictures.shape[axis], np.floor(places).astype(np.int64)
    share = (places - first).astype(np.float32)

    def at(pixel: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        inside = (pixel >= 0) & (pixel < size)
        return np.asarray(np.take_along_axis(pictures, np.clip(pixel, 0, size - 1), axis) * inside)

    return np.asarray(at(first) * (1 - share) + at(first + 1) * share, np.float32)


def _histograms(
    pictures: Floats, above: Floats, beside: Floats, compass: Floats, down: Floats, right: Floats
) -> Floats:
    """Roots of the shares of edges (pictures, directions, parts down, parts to the right)."""
    to_right, downwards = pictures @ beside.T, above @ pictures
    strength = np.sqrt(to_right * to_right + downwards * downwards)
    edges = np.stack([to_right, downwards, strength], axis=1).reshape(len(pictures), 3, -1)
    pointing = np.maximum(0, compass @ edges).reshape(len(pictures), len(compass), *pictures.shape[1:])
    parts = down @ (pointing @ right.T)
    every = (1, 2, 3)
    bright = FLAT * np.abs(pictures[:, None]).sum(every, keepdims=True)
    total = np.maximum(np.maximum(parts.sum(every, keepdims=True), bright), np.float32(LEAST))
    return np.asarray(np.sqrt(parts / total + FAINT))
