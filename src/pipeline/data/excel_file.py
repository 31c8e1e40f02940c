"""Reads one sheet of an Excel or OpenDocument workbook."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.data.csv_file import demand_names
from pipeline.errors import InputError
from pipeline.params import Read


def read_excel(file: Path, text: Sequence[str], reading: Read) -> pd.DataFrame:
    """The sheet that `data.read.sheet_name` names, or the only one; the columns named in `text` as text.

    Raises:
        InputError: no workbook, no such sheet, several and none is named, a first line that looks like a row.
    """
    try:
        book = pd.ExcelFile(file, engine="calamine")
    except Exception as error:  # calamine's own, of which there are many
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:150]
        raise InputError(f"{file}: not a readable workbook ({reason}); save it again") from None
    with book:
        sheets = [str(name) for name in book.sheet_names]
        chosen = reading.sheet_name
        if chosen is None and len(sheets) > 1:
            raise InputError(f"{file}: it has {len(sheets)} sheets; set data.read.sheet_name to {_either(sheets)}")
        if isinstance(chosen, int) and not 0 <= chosen < len(sheets):
            raise InputError(f"{file}: data.read.sheet_name: {chosen}: it has the sheets 0 to {len(sheets) - 1}")
        if isinstance(chosen, str) and chosen not in sheets:
            raise InputError(f"{file}: data.read.sheet_name: no sheet is called '{chosen}'; it has {_either(sheets)}")
        cells = pd.read_excel(book, 0 if chosen is None else chosen, header=None, keep_default_na=False, dtype=object)
    if cells.empty:
        raise InputError(f"{file}: the sheet is empty")
    first = ["" if pd.isna(cell) else str(cell).strip() for cell in cells.iloc[0]]
    if reading.names is None:
        demand_names(file, [name for name in first if name])
        names = [name or f"Unnamed: {place}" for place, name in enumerate(first)]
        cells = cells.iloc[1:].reset_index(drop=True)
    elif len(reading.names) != len(first):
        raise InputError(f"{file}: it has {len(first)} columns, but data.read.names lists {len(reading.names)} names")
    else:
        names = reading.names
    cells.columns = pd.Index(names)
    cells = cells.mask(cells == "").infer_objects()
    return cells.assign(**{name: _as_text(cells[name]) for name in names if name in text})


def _as_text(column: pd.Series) -> pd.Series:
    """Cells as a person sees them: 7 rather than 7.0."""
    whole = column.map(lambda cell: int(cell) if isinstance(cell, float) and cell.is_integer() else cell)
    return whole.astype("str").mask(column.isna())


def _either(sheets: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in sheets[:8]) + (", ..." if len(sheets) > 8 else "")
