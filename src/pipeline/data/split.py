"""Divides rows by their content: a hash decides each row's side, so other rows and their order never matter."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.data.cells import BOOLEAN, NUMBER, is_boolean, is_text

Side = Literal["train", "validation", "test"]
SIDES: tuple[Side, ...] = get_args(Side)
HOLDOUT = "holdout"  # a fourth side, of training rows, that judges a model only before its release

MISSING_CELL = np.uint64(0x7FF8_6D69_7373_6564)  # the bits of a NaN that no parser makes
BLOCK = 16_384_000  # cells that are hashed at a time: 131 MB


def row_hashes(table: pd.DataFrame) -> npt.NDArray[np.object_]:
    """A hash of 32 hexadecimal digits for each row of a table of plain columns (cells.plain).

    A cell counts by what it says: 1, 1.0, "1" and true are the same, and so are all ways to write a blank. So the hash
    does not depend on the file's format, the order of columns or rows, nor on what other rows make of a column's type.
    """
    columns = [_cells(table[name]) for name in sorted(table.columns)]
    hashes = np.empty(len(table), dtype=object)
    step = max(1, BLOCK // max(1, len(columns)))
    for start in range(0, len(table), step):
        block = np.column_stack([_bits(column[start : start + step]) for column in columns])
        width = block.shape[1] * block.itemsize
        content = np.ascontiguousarray(block).tobytes()
        hashes[start : start + step] = [
            blake2b(content[row * width : (row + 1) * width], digest_size=16).hexdigest() for row in range(len(block))
        ]
    return hashes


def alike(table: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Codes 0, 1, ... of the rows of a table of plain columns: the same number for rows whose cells are all the same.

    Equal by 64 bits mixed of all cells: of a million different rows, two are taken for one in 1 of 30 million tables.
    """
    mixed = np.zeros(len(table), np.uint64)
    for place, (_, column) in enumerate(table.items()):
        bits = _bits(_cells(column)) + np.uint64(0x9E37_79B9_7F4A_7C15 * (place + 1) % 2**64)
        bits ^= bits >> np.uint64(30)
        bits *= np.uint64(0xBF58_476D_1CE4_E5B9)
        bits ^= bits >> np.uint64(27)
        mixed = (mixed ^ bits) * np.uint64(0x94D0_49BB_1331_11EB)
        mixed ^= mixed >> np.uint64(31)
    return np.asarray(pd.factorize(mixed)[0], dtype=np.int64)


def _cells(column: pd.Series) -> npt.NDArray[Any]:
    """A column as an array whose bits `_bits` can take: numbers as they are, text as uint64 digests or number bits."""
    if is_boolean(column) or column.dtype == np.uint64:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if not is_text(column):
        return column.to_numpy()
    codes, texts = pd.factorize(column)
    digests = np.append(_text_bits(pd.Series(texts, dtype="str")), MISSING_CELL)
    return digests[codes]  # the code of a missing value is -1: the last


def _bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """The bits of numbers as float64, with one zero and one NaN; what are bits already stays."""
    if values.dtype == np.uint64:
        return values
    numbers = values.astype(np.float64) + 0.0  # -0.0 becomes 0.0
    bits = numbers.view(np.uint64)
    bits[np.isnan(numbers)] = MISSING_CELL
    return bits


def _text_bits(texts: pd.Series) -> npt.NDArray[np.uint64]:
    """Number bits of texts that are numbers or booleans, 8-byte digests of the others."""
    boolean = texts.str.fullmatch(BOOLEAN)
    values = texts.mask(boolean, texts.str.lower().map({"true": "1", "false": "0"}))
    numeric = values.str.fullmatch(NUMBER).to_numpy(dtype=bool)
    bits = np.empty(len(texts), dtype=np.uint64)
    bits[numeric] = _bits(values[numeric].to_numpy(dtype=object).astype(np.float64))
    bits[~numeric] = [
        int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") for text in values[~numeric]
    ]
    return bits


def numbered(hashes: npt.NDArray[np.object_], labels: pd.Series) -> pd.Series:
    """Keys from hashes: the second of several identical rows gets `#2`, and so on, in the order of their labels."""
    codes = pd.factorize(hashes)[0]
    repeated = np.flatnonzero(np.bincount(codes)[codes] > 1)
    keys = hashes.copy()
    order = pd.DataFrame({"hash": codes[repeated], "label": labels.to_numpy()[repeated]}, index=repeated)
    order = order.sort_values(["hash", "label"], kind="stable")
    place = order.groupby("hash").cumcount()
    later = place[place > 0]
    keys[later.index] = [f"{hashes[row]}#{number + 1}" for row, number in zip(later.index, later, strict=True)]
    return pd.Series(keys, dtype="str")


def hidden(names: pd.Series) -> pd.Series:
    """A hash of 32 hexadecimal digits for each name, by which nobody is seen in a report."""
    return pd.Series([blake2b(str(name).encode(), digest_size=16).hexdigest() for name in names], dtype="str")


def fractions(names: Iterable[str], seed: int) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each name, always the same for the same seed; evenly spread over names."""
    given = names.to_numpy(object) if isinstance(names, pd.Series) else np.array(list(names), dtype=object)
    codes, distinct = pd.factorize(given)
    start = blake2b(f"{seed}/".encode(), digest_size=8)
    digests = []
    for name in distinct:
        digest = start.copy()
        digest.update(str(name).encode())
        digests.append(digest.digest())
    return ((np.frombuffer(b"".join(digests), ">u8") >> np.uint64(11)) / float(2**53))[codes]


def divide(
    names: Iterable[str],
    validation_size: float,
    test_size: float,
    seed: int,
    official: pd.Series | None = None,
    holdout_size: float = 0.0,
) -> npt.NDArray[np.str_]:
    """The side of each row.

    `names` are what a row is divided by: its key, or its group. `official` holds a side for each row where the data set
    comes divided; if no row is for validation there, `validation_size` of its training rows are taken. What is held
    back comes from the training rows only, from the other end of the hash's range: no other row moves.
    """
    share = fractions(names, seed)
    if official is None:
        rest = np.where(share < test_size + validation_size, "validation", "train")
        sides = np.where(share < test_size, "test", rest)
    else:
        sides = official.to_numpy(dtype=np.str_)
        if "validation" not in sides:
            sides = np.where((sides == "train") & (share < validation_size), "validation", sides)
    return np.where((sides == "train") & (share >= 1 - holdout_size), HOLDOUT, sides)


def leaking(sides: npt.NDArray[np.str_], features: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which rows have the same features (given as hashes or codes) as a test row, or as one held back, on another side.

    A test row stays a test row, also if one like it is held back.
    """
    rows, test = pd.Series(features), sides == "test"
    leaks: npt.NDArray[np.bool_] = np.asarray(rows.isin(features[test])) & ~test
    held = (sides == HOLDOUT) & ~leaks
    copies: npt.NDArray[np.bool_] = np.asarray(rows.isin(features[held])) & ~held & ~test
    return np.logical_or(leaks, copies)
