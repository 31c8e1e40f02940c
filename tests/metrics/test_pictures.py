"""Pictures show each value as a square of whole pixels, and sheets hold all of them."""

import numpy as np
import pytest

from pipeline.metrics import pictures
from pipeline.metrics.pictures import Caption


def test_each_value_is_a_square_of_one_grey():
    picture = np.asarray(pictures.enlarge(np.array([0, 8, 16, 4], dtype=np.float32), (2, 2), 0, 16))
    assert picture.shape == (96, 96)
    assert [picture[:48, :48].item(0), picture[0, 95], picture[95, 0], picture[95, 95]] == [0, 128, 255, 64]
    assert len(np.unique(picture[:48, :48])) == 1


@pytest.mark.parametrize(("size", "expected"), [((28, 28), (112, 112)), ((2, 8), (24, 96)), ((200, 100), (200, 100))])
def test_pictures_are_enlarged_by_a_whole_factor(size: tuple[int, int], expected: tuple[int, int]):
    picture = pictures.enlarge(np.zeros(size[0] * size[1], dtype=np.float32), size, 0, 1)
    assert (picture.height, picture.width) == expected


def test_constant_missing_and_outlying_values_are_drawn():
    values = np.array([np.nan, 5, -1e9, 1e9], dtype=np.float32)
    assert set(np.unique(pictures.enlarge(values, (2, 2), 0, 1))) == {0, 255}
    assert np.unique(pictures.enlarge(np.zeros(4, dtype=np.float32), (2, 2), 0, 0)) == [0]


def test_a_sheet_holds_every_picture_with_its_caption():
    grey = pictures.enlarge(np.full(64, 0.5, dtype=np.float32), (8, 8), 0, 1)
    sheet = pictures.sheet([grey] * 7, [Caption("says 1", "is 2", right=i > 0) for i in range(7)])
    assert sheet.size == (6 * 108 + 12, 2 * 142 + 12)
    pixels = np.asarray(sheet)
    assert (pixels == 128).all(axis=2).sum() == 7 * 96 * 96
    assert (pixels == pictures.RED).all(axis=2).any()
    assert (pixels == pictures.GREEN).all(axis=2).any()


def test_a_table_and_an_empty_sheet_can_be_drawn():
    long = "a label that is much longer than a column can be wide"
    assert pictures.table(["truth", "age"], [[long, "3"], ["no", ""]]).width < 500
    assert pictures.sheet([], []).width > 50


def test_of_a_cell_as_long_as_a_book_only_what_fits_is_looked_at():
    cut, whole = (pictures.table(["x" * length, "a\n\x1b[2J"], []) for length in (300, 3_000_000))
    assert (np.asarray(cut) == np.asarray(whole)).all()


def test_letters_that_the_font_lacks_are_drawn_as_those_that_it_has():
    drawn = [np.asarray(pictures.table([city], [])) for city in ("Köln", "Koln", "北京", "??")]
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[2] == drawn[3]).all()
