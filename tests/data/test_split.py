"""The side of a row depends on what the row says and on nothing else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.cells import plain
from pipeline.data.split import HOLDOUT, divide, fractions, leaking, numbered, row_hashes

NUMBERS = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_infinity=False, width=64))
CELLS = st.one_of(NUMBERS, st.booleans(), st.text(max_size=5), st.none())
ROWS = st.lists(st.tuples(NUMBERS, CELLS, st.text("abc", max_size=2)), min_size=1, max_size=30)
quick = settings(max_examples=60, deadline=None)


def table_of(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    """A plain table whose columns have the types that pandas finds for these rows."""
    columns = {f"c{i}": [row[i] for row in rows] for i in range(len(rows[0]))}
    return plain(pd.DataFrame(columns))


@quick
@given(ROWS, st.randoms(use_true_random=False))
def test_hashes_follow_rows_and_columns_in_any_order(rows: list[tuple[object, ...]], random: object) -> None:
    table = table_of(rows)
    order = list(range(len(rows)))
    columns = list(table.columns)
    random.shuffle(order)
    random.shuffle(columns)
    shuffled = table.iloc[order][columns].reset_index(drop=True)
    assert list(row_hashes(shuffled)) == list(row_hashes(table)[order])


@quick
@given(ROWS, ROWS)
def test_rows_added_later_do_not_change_the_hashes_of_others(
    rows: list[tuple[object, ...]], added: list[tuple[object, ...]]
) -> None:
    """Whatever the added rows hold: a blank or a word turns a column of numbers into one of another type."""
    assert list(row_hashes(table_of(rows + added))[: len(rows)]) == list(row_hashes(table_of(rows)))


@quick
@given(st.lists(st.tuples(st.integers(-999, 999), st.floats(-1e9, 1e9), st.sampled_from(["x", "", "yes"])), min_size=1))
def test_a_csv_file_says_the_same_as_the_table_that_it_was_written_from(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object, ...]]
) -> None:
    from pipeline.data.tables import read_table

    table = table_of(rows)
    file = tmp_path_factory.mktemp("csv") / "t.csv"
    table.to_csv(file, index=False)
    assert list(row_hashes(plain(read_table(file)))) == list(row_hashes(table))


@pytest.mark.parametrize(
    "alike",
    [
        [1, 1.0, "1", "1.0", "+1", "1e0", True, "true", " 1 "],
        [0, 0.0, -0.0, "-0", False, "FALSE"],
        [None, np.nan, "", " ", "NA", "nan", "null"],
        [0.1, "0.1", ".1", "1e-1"],
        ["word", " word "],
    ],
    ids=str,
)
def test_cells_that_say_the_same_hash_the_same(alike: list[object]) -> None:
    hashes = {row_hashes(plain(pd.DataFrame({"a": pd.Series([cell], dtype=object)})))[0] for cell in alike}
    assert len(hashes) == 1


def test_cells_that_say_something_else_hash_differently() -> None:
    cells = [0, 1, 0.1, np.nextafter(0.1, 1), "word", "Word", None, "None", "0x1", "1_0", 2**53, float(2**60), "é"]
    assert len(set(row_hashes(plain(pd.DataFrame({"a": pd.Series(cells, dtype=object)}))))) == len(cells)


def test_a_hash_stays_what_it_is() -> None:
    """Were it to change, every row of every user could change sides."""
    table = plain(pd.DataFrame({"b": ["x", None], "a": [1.5, 2.0]}))
    assert list(row_hashes(table)) == [
        "4ae4837f9f67da600665c0ad7688022d",
        "97a8447cc259ec34499415b6ab20c9c3",
    ]
    assert fractions(["a", "b"], 0).tolist() == [0.7169675202522006, 0.7355516255328706]


@quick
@given(st.lists(st.text(max_size=8), unique=True, min_size=1), st.integers(0, 2**70), st.floats(0.05, 0.4))
def test_the_side_of_a_row_depends_on_its_name_alone(names: list[str], seed: int, size: float) -> None:
    sides = divide(names, size, size, seed)
    alone = [divide([name], size, size, seed)[0] for name in names]
    assert list(sides) == alone


@quick
@given(st.floats(0.02, 0.45), st.floats(0.02, 0.45), st.integers(0, 10**6))
def test_sides_have_about_the_sizes_asked_for(validation: float, test: float, seed: int) -> None:
    rows = 20_000
    sides = pd.Series(divide(map(str, range(rows)), validation, test, seed)).value_counts() / rows
    margin = 5 * np.sqrt(0.25 / rows)
    assert abs(sides["validation"] - validation) < margin
    assert abs(sides["test"] - test) < margin


def test_another_validation_size_changes_no_test_row_and_a_larger_test_side_keeps_its_rows() -> None:
    names = [str(i) for i in range(1000)]
    small, other, larger = (divide(names, v, t, 0) == "test" for v, t in [(0.1, 0.2), (0.5, 0.2), (0.1, 0.3)])
    assert (small == other).all()
    assert larger[small].all() and larger.sum() > small.sum()


def test_another_seed_is_another_split() -> None:
    names = [str(i) for i in range(1000)]
    same = np.mean(divide(names, 0.2, 0.3, 0) == divide(names, 0.2, 0.3, 1))
    assert same == pytest.approx(0.2**2 + 0.3**2 + 0.5**2, abs=0.06)  # as if drawn again


@quick
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1), st.randoms(use_true_random=False))
def test_repeated_rows_get_numbers_that_do_not_depend_on_their_order(
    rows: list[tuple[int, int]], random: object
) -> None:
    shuffled = rows[:]
    random.shuffle(shuffled)

    def named(rows: list[tuple[int, int]]) -> list[tuple[str, int]]:
        hashes = np.array([f"h{row[0]}" for row in rows], dtype=object)
        labels = pd.Series([row[1] for row in rows])
        return sorted(zip(numbered(hashes, labels), labels, strict=True))

    assert named(rows) == named(shuffled)
    assert len({key for key, _ in named(rows)}) == len(rows)


@quick
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(["train", "validation", "test"])), min_size=1))
def test_no_row_that_stays_has_the_features_of_a_test_row(rows: list[tuple[str, str]]) -> None:
    features = np.array([row[0] for row in rows], dtype=object)
    sides = np.array([row[1] for row in rows])
    left_out = leaking(sides, features)
    kept_elsewhere = set(features[~left_out & (sides != "test")])
    assert not kept_elsewhere & set(features[sides == "test"])
    assert not left_out[sides == "test"].any()
    assert all(feature in features[sides == "test"] for feature in features[left_out])


def test_an_official_split_is_kept_and_validation_comes_out_of_its_training_rows() -> None:
    names = [str(i) for i in range(1000)]
    official = pd.Series(["train"] * 700 + ["test"] * 300)
    sides = divide(names, 0.2, 0.5, 0, official)
    assert (sides[700:] == "test").all() and "test" not in sides[:700]
    assert 100 < (sides == "validation").sum() < 180
    official[:10] = "validation"
    assert (divide(names, 0.2, 0.5, 0, official) == official).all()


def test_what_is_held_back_comes_from_training_alone_and_moves_no_other_row() -> None:
    names = [f"row{number}" for number in range(4000)]
    official = pd.Series(np.where(np.arange(4000) % 4 == 0, "test", "train"))
    for sides in (None, official):
        before = divide(names, 0.15, 0.25, 0, sides)
        after = divide(names, 0.15, 0.25, 0, sides, holdout_size=0.1)
        held = after == HOLDOUT
        assert set(before[held]) == {"train"} and (before[~held] == after[~held]).all()
        assert 0.06 < held.mean() < 0.12
        more = divide(names, 0.15, 0.25, 0, sides, holdout_size=0.2)
        assert (more[held] == HOLDOUT).all(), "more held back keeps what was held back"


def test_a_copy_of_a_row_held_back_is_in_no_training_and_a_test_row_stays() -> None:
    sides = np.array(["train", "validation", HOLDOUT, "test", HOLDOUT, "train"])
    features = np.array(["a", "a", "a", "b", "b", "c"], dtype=object)
    assert leaking(sides, features).tolist() == [True, True, False, False, True, False]
