"""What a person should see in a column as it stands, with the line of params.yaml that settles it.

`adopt` shows it before a table is taken, and `prepare` at every run.
"""

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.data.cells import MEASURE, NUMBER, as_numbers, is_boolean, is_padded, is_text
from pipeline.data.dataset import FEW_ROWS, ID_NAME, Finding
from pipeline.text import are, count

CODE_NAME = re.compile(r"(?i:(^|[_ .-])(zip|zipcode|postcode|plz|code|area_?code)$)|[a-z](Code|Zip)$")
NUMBER_NAME = re.compile(r"(?i:number|num|no|nr|id|key|index)$")
SENTINELS = (-9999.0, -999.0, -99.0, -9.0, -1.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0)
OFTEN = 0.01  # share of rows from which a number that stands apart is a sentinel, not an outlier
UNITS = 3  # distinct numbers with a unit from which they are amounts, rather than names
BLANK_TELLS = 0.9  # share of a column's blanks in one class from which being blank gives the class away
PEOPLE = 20  # values of a column of text from which on they may be people or devices
EXACT = 2**24  # whole numbers up to here are exact in float32
FEW = 0.01  # of the rows: so many rounded numbers are outliers of an amount, more are names
DAYS = 19000101  # the smallest number that is taken as a day
SECONDS = (946_684_800, 2_208_988_800)  # since 1970: the years 2000 to 2039
STAMPS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


def of_feature(column: pd.Series, declared: bool = False) -> Iterator[Finding]:
    """What is noticed of a column that a model sees; one that is `declared` a category is what it is."""
    name = str(column.name)
    if is_text(column):
        if spelled := spellings(column.dropna()):
            yield Finding("spelling", name, "texts that differ only in how they are spelled", example=spelled)
        if not declared:
            yield from _of_numbers_in_text(column)
    elif not is_boolean(column) and not declared:
        yield from _of_numbers(column)
    if (found := comes_back(column)) and not declared:
        yield found


def of_target(target: pd.Series) -> Iterator[Finding]:
    """What is noticed of the classes."""
    if spelled := spellings(target.dropna()):
        message = "classes that differ only in how they are spelled; correct the table"
        yield Finding("spelling", str(target.name), message, example=spelled)


def _of_numbers_in_text(column: pd.Series) -> Iterator[Finding]:
    name, texts = str(column.name), column.dropna()
    if is_padded(column):
        example = texts[texts.str.startswith("0")].iloc[0]
        message = "numbers with zeros before them are kept as names"
        yield Finding("code", name, message, f"data.categorical: [{name}]", example)
    distinct = pd.Series(texts.unique(), dtype="str")
    if len(distinct) >= UNITS and distinct.str.fullmatch(MEASURE).all() and not distinct.str.fullmatch(NUMBER).any():
        message = "numbers with units are taken as names: write plain numbers if they are amounts"
        yield Finding("units", name, message, example=str(texts.iloc[0]))


def _of_numbers(column: pd.Series) -> Iterator[Finding]:
    name = str(column.name)
    if is_code(column):
        message = "called like a code: names, not amounts"
        yield Finding("code", name, message, f"data.categorical: [{name}]", f"{column.dropna().iloc[0]}")
    elif found := number_of_rows(column):
        yield found
    elif _short(column):
        pass
    elif stamp := stamp_of(column):
        message = f"looks like {stamp}: put hours, weekdays or months into columns of their own"
        yield Finding("time", name, message, f"data.drop: [{name}]", f"{column.dropna().iloc[0]:.0f}")
    elif found := too_long(column):
        yield found
    if (sentinel := sentinel_of(column)) is not None:
        rows = int((column == sentinel).sum())
        message = f"{sentinel:g} stands apart from all other values in {count(rows, 'row')}: a blank?"
        yield Finding("sentinel", name, message, f"data.read.na_values: {{{name}: [{sentinel:g}]}}")


def spellings(texts: pd.Series) -> str:
    """Values that mean the same, spelled in several ways: "Yes, yes; true, 1"; empty if there are none."""
    if not is_text(texts):
        return ""
    meanings = {"1": "true", "0": "false", "y": "yes", "n": "no", "t": "true", "f": "false"}
    groups: dict[str, list[str]] = {}
    distinct = texts.unique().tolist()
    truths = {"true", "false", "yes", "no"} & {text.casefold().strip() for text in distinct}
    for text in distinct:
        folded = re.sub(r"\s+", " ", text.casefold().strip())
        short = meanings.get(folded, folded)
        groups.setdefault(short if short in truths or ({short} & {"yes", "no"} and truths) else folded, []).append(text)
    several = [sorted(alike) for alike in groups.values() if len(alike) > 1]
    return "; ".join(", ".join(alike[:4]) for alike in several[:3])


def sentinel_of(column: pd.Series) -> float | None:
    """A number such as -999 that stands for a blank: often there, and far from all other values of the column."""
    if is_text(column) or is_boolean(column):
        return None
    values = column.dropna().to_numpy(dtype=np.float64)
    ends = {float(values.min()), float(values.max())} if len(values) else set()
    for sentinel in SENTINELS:
        if sentinel not in ends:  # what lies between others stands apart from none
            continue
        is_it = values == sentinel
        others = values[~is_it]
        if is_it.sum() < max(2, OFTEN * len(values)) or not len(others):
            continue
        low, high = float(others.min()), float(others.max())
        away = low - sentinel if sentinel < low else sentinel - high
        if away > 0 and away >= max(high - low, 1.0):
            return sentinel
    return None


def is_code(column: pd.Series) -> bool:
    """Whether numbers are names: with zeros before them, or called like a code."""
    if is_boolean(column):
        return False
    if is_text(column):
        return is_padded(column)
    return CODE_NAME.search(str(column.name)) is not None and column.dtype.kind in "iu"


def number_of_rows(column: pd.Series) -> Finding | None:
    """Whole numbers, each once though with gaps, that are called like the number of a row or a person."""
    name = str(column.name)
    if len(column) < FEW_ROWS or not _whole(column) or not NUMBER_NAME.search(name) or not column.is_unique:
        return None
    return Finding("id", name, "every row has a value of its own: it names the rows", f"data.id: {name}")


def comes_back(column: pd.Series) -> Finding | None:
    """A column that is called like an id and whose values repeat, as those of a person do."""
    name = str(column.name)
    if not ID_NAME.search(name) or is_boolean(column):
        return None
    distinct = column.nunique()
    if distinct == column.count() or (is_text(column) and distinct < PEOPLE):
        return None
    message = (
        f"called like an id, and its {count(distinct, 'value')} come back: if it names a person or a device, "
        "make it data.group"
    )
    return Finding("group", name, message, f"data.group: {name}")


def stamp_of(column: pd.Series) -> str | None:
    """What points in time a column of whole numbers holds: `seconds since 1970`, or `days as in 20240131`."""
    if not _whole(column):
        return None
    low, high = int(column.min()), int(column.max())
    if low < DAYS or column.nunique() < PEOPLE:
        return None
    for unit, factor in STAMPS.items():
        if SECONDS[0] * factor <= low and high <= SECONDS[1] * factor:
            return f"{unit} since 1970"
    if high <= 21001231:
        month, day = column // 100 % 100, column % 100
        if (month.between(1, 12) & day.between(1, 31)).all():
            return "days as in 20240131"
    return None


def too_long(column: pd.Series) -> Finding | None:
    """Whole numbers that change when they become float32."""
    if not is_text(column) and column.dtype in (np.int8, np.uint8, np.int16, np.uint16):
        return None
    numbers = as_numbers(column)
    if numbers is None:
        return None
    exact = numbers.to_numpy()
    large = exact[np.abs(exact) > EXACT]
    whole = large[large == np.floor(large)]
    rounded = whole[whole.astype(np.float32) != whole]
    if not len(rounded):
        return None
    name = str(column.name)
    if len(rounded) < FEW * len(column):
        message = f"{count(len(rounded), 'whole number')} of {len(column):,} {are(len(rounded))} rounded to float32"
        message += ", by less than a millionth: no matter to an amount"
        return Finding("precision", name, message, example=f"{rounded[0]:.0f}")
    message = f"{count(len(rounded), 'whole number')} {are(len(rounded))} too long for float32 and rounded"
    if column.nunique() < column.count():
        message += "; if they name a person or a device, make it data.group, and data.categorical if they are codes"
    else:
        message += "; if they name the rows, make it data.id"
    return Finding("precision", name, message)


def blank_gives_away(table: pd.DataFrame, labels: pd.Series) -> Iterator[Finding]:
    """Columns of which it tells a class that they are filled, or that they are blank."""
    classes = labels.to_numpy()
    for name, column in table.items():
        label = blank_tells(column, classes)
        if label is not None:
            message = f"filled (or blank) in the rows of '{label}' only: is it known before the target?"
            yield Finding("gives_away", str(name), message, f"data.drop: [{name}]")


def blank_tells(column: pd.Series, classes: npt.NDArray[np.object_]) -> str | None:
    """The class that being filled, or being blank, gives away; None if no class stands out.

    Given away is a class whose rows are (nearly) all filled where (nearly) no other's are, or the other way round.
    """
    blank = column.isna().to_numpy()
    if not 0 < blank.sum() < len(blank):
        return None
    by_class = pd.DataFrame({"blank": blank, "label": classes}).groupby("label")["blank"].mean()
    for label, share in by_class.items():
        others = by_class.drop(label)
        if len(others) and abs(share - others).min() >= BLANK_TELLS:
            return str(label)
    return None


def _short(column: pd.Series) -> bool:
    """Whether all numbers are exact in float32 anyhow, and smaller than points in time."""
    numbers = column.to_numpy()
    return bool((np.abs(numbers) <= EXACT).all()) if numbers.dtype.kind in "iu" else False


def _whole(column: pd.Series) -> bool:
    return not is_text(column) and not is_boolean(column) and column.dtype.kind in "iu"
