"""What the cells of a raw column say: numbers, booleans or text, and every way to write a blank as missing."""

import numpy as np
import pandas as pd

from pipeline.errors import InputError
from pipeline.text import count

FILES = "files"  # in the attrs of a table that was several files: the name and the number of rows of each, in order
LARGEST_EXACT = 2**53  # beyond it, not every whole number is a float64

# What a blank cell is called in the wild. "None" is left out: it is a class or a category in more tables than not.
BLANK = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null")

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?i:inf|infinity)"
BOOLEAN = "(?i:true|false)"
PADDED = r"[+-]?0[0-9]+"  # a name of digits, such as a postcode
_MONTH = (
    "(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?|mär|mrz|mai|okt|dez)[.]?"
)
_YEAR = "(?:19|20)[0-9]{2}"
DATE = (
    r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}(?:[T ].*)?"  # 2024-01-31, with or without a time
    r"|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:[0-9]{2}){1,2}(?: .*)?"  # 31.01.2024, 1/31/24
    rf"|(?:[A-Za-z]{{2,9}}[.,]* )?[0-9]{{1,2}}[-/. ]*{_MONTH}[-/., ]*(?:[0-9]{{2}}){{1,2}}(?:[T :].*)?"  # 31-Jan-2024
    rf"|(?:[A-Za-z]{{2,9}}[.,]* )?{_MONTH}[-/. ]*(?:[0-9]{{1,2}}[-/., ]+)?{_YEAR}(?: .*)?"  # January 31, 2024; Jan 2024
    rf"|{_YEAR}[-/. ]?{_MONTH}(?:[-/. ]?[0-9]{{1,2}})?(?:[T ].*)?"  # 2024-Jan-31
    rf"|{_YEAR}-?W[0-9]{{2}}(?:-?[1-7])?|{_YEAR}[- ]?Q[1-4]|{_YEAR}-(?:0[1-9]|1[0-2])"  # weeks, quarters, months
    r"|[0-9]{1,2}:[0-9]{2}(?::[0-9.]+)?|-?[0-9]+ days.*"  # times and durations
)
_DIGITS = "[+-]?(?:[0-9]{1,3}(?:[,.' \u00a0\u202f][0-9]{3})+|[0-9]+)(?:[.,][0-9]+)?"
_SIGN = "[$€£¥%‰]"
AMOUNT = f"[+-]?{_SIGN} ?{_DIGITS}|{_DIGITS} ?{_SIGN}?"  # a number as people write it: 3,14 or 1,234.5 or $3.2 or 12.5%
MEASURE = f"{AMOUNT}|{_DIGITS} ?[a-zA-Zµ°]{{1,4}}(?:/[a-zA-Z]{{1,3}}[23]?)?"  # or with a unit: 3kg or 80 km/h


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every column as numbers, booleans or stripped text; dates as text, like a CSV file has them.

    Raises:
        InputError: a column holds lists, bytes or other things that are not one value.
    """
    whole = pd.DataFrame({name: _plain(str(name), column) for name, column in table.items()}, copy=False)
    whole.attrs = table.attrs
    return whole


def _plain(name: str, column: pd.Series) -> pd.Series:
    dtype = column.dtype
    if isinstance(dtype, pd.ArrowDtype):  # as pyarrow would have read it without pandas' own note in the file
        return _plain(name, column.array.__arrow_array__().to_pandas().set_axis(column.index))
    if isinstance(dtype, pd.CategoricalDtype):
        return _plain(name, column.astype(object))
    if pd.api.types.is_bool_dtype(dtype):
        return column.astype("boolean") if column.hasnans else column.astype(bool)
    if pd.api.types.is_integer_dtype(dtype) or pd.api.types.is_float_dtype(dtype):
        if isinstance(dtype, np.dtype):
            return column
        return column.astype(np.float64) if column.hasnans else pd.Series(column.to_numpy())
    if isinstance(dtype, pd.StringDtype):
        text = column.astype("str").str.strip()
        return text.mask(text.isin(BLANK))
    if pd.api.types.is_datetime64_any_dtype(dtype):
        text = column.dt.strftime("%Y-%m-%d %H:%M:%S.%f").astype("str")
        days: pd.Series = text.str.replace(r"( 00:00:00)?\.0+$", "", regex=True)
        return days
    if pd.api.types.is_object_dtype(dtype):
        return _plain_objects(name, column)
    return column.astype("str").mask(column.isna())


def _plain_objects(name: str, column: pd.Series) -> pd.Series:
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "boolean":
        return column.astype("boolean")
    if kind in ("empty", "integer", "floating", "mixed-integer-float", "decimal"):
        numbers = column.astype(np.float64)
        if kind in ("integer", "decimal") and (numbers.abs() > LARGEST_EXACT).any():
            return column.map("{:f}".format if kind == "decimal" else str, na_action="ignore").astype("str")
        return numbers
    nested = column.map(lambda cell: isinstance(cell, (bytes, list, tuple, dict, set, np.ndarray, complex)))
    if nested.any():
        what = type(column[nested].iloc[0]).__name__
        raise InputError(
            f"column '{name}': {count(int(nested.sum()), 'cell')} with a {what} instead of one value; divide the "
            "column into several"
        )
    return _plain(name, column.astype("str").mask(column.isna()))


def row_name(row: int, table: pd.DataFrame | pd.Series) -> str:
    """A row as its file counts it, from 1, with the file's name if the table was several files."""
    for name, rows in table.attrs.get(FILES, []):
        if row < rows:
            return f"{row + 1} of {name}"
        row -= rows
    return str(row + 1)


def is_text(column: pd.Series) -> bool:
    """Whether a plain column is text."""
    return isinstance(column.dtype, pd.StringDtype)


def is_boolean(column: pd.Series) -> bool:
    """Whether a plain column is booleans, with or without blanks."""
    return bool(pd.api.types.is_bool_dtype(column.dtype))


def is_padded(column: pd.Series) -> bool:
    """Whether a plain column is text of digits alone, some with zeros before them: 01234 is a name, not an amount."""
    if not is_text(column) or not column.str.startswith("0").any():
        return False
    present = distinct(column)
    return bool(present.str.fullmatch("[0-9]+").all() and present.str.fullmatch(PADDED).any())


def distinct(column: pd.Series) -> pd.Series:
    """The different texts of a plain column, of which there are mostly few."""
    return pd.Series(column.dropna().unique(), dtype="str")


def as_numbers(column: pd.Series) -> pd.Series | None:
    """A plain column as float64 if all that is present is numbers, also if written as text; else None."""
    if is_boolean(column) or (is_text(column) and not distinct(column).str.fullmatch(NUMBER).all()):
        return None
    return column.astype(np.float64)


def as_names(column: pd.Series) -> pd.Series:
    """A plain column as text in which 7, 7.0 and "7.0" are "7"; missing stays missing."""
    if is_text(column):
        return column.str.replace(r"^([+-]?[0-9]+)\.0+$", r"\1", regex=True)
    if is_boolean(column) or column.dtype.kind in "iu":
        return column.astype("str")
    names = column.map(lambda value: str(int(value)) if value.is_integer() else str(value), na_action="ignore")
    return names.astype("str").mask(column.isna())
