"""Reads a table from a CSV, Parquet or Excel file, or from a folder of them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.data.cells import FILES, as_names, is_boolean, is_text, plain
from pipeline.data.csv_file import read_csv
from pipeline.data.excel_file import read_excel
from pipeline.errors import InputError
from pipeline.params import Read
from pipeline.text import count

SEPARATORS = {".csv": ",", ".csv.gz": ",", ".tsv": "\t", ".tsv.gz": "\t"}
PARQUET = (".parquet", ".pq")
EXCEL = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
AS_IT_STANDS = Read.model_validate({})


def read_table(path: str | Path, text: Sequence[str] = (), reading: Read = AS_IT_STANDS) -> pd.DataFrame:
    """Read a file, or every file of a folder (in the order of their names, hidden ones left out) as one table.

    The columns named in `text` are taken from CSV as they are written, so that 007 stays 007. Where `reading` says what
    divides cells, a file of any name but Parquet's and Excel's is CSV. What a single
    Parquet file carries as pandas' attrs comes along: believe it only of a file of one's own.

    Raises:
        InputError: no such path, another format, an unreadable or empty file, a wrong separator, duplicate or
            differing columns, rows with more or fewer cells than columns, no rows.
    """
    path = Path(path)
    if path.is_dir():
        table = _read_folder(path, text, reading)
    elif path.exists():
        table = _read_file(path, text, reading)
    else:
        raise InputError(f"{path}: there is no such file or folder; correct the path, or fetch it with: dvc pull")
    if table.empty:
        raise InputError(f"{path}: the table has column names but no rows")
    return table


def first_file(path: Path) -> Path:
    """The file itself, or the first one of a folder: by it one sees how all of them are written."""
    return _files(path)[0] if path.is_dir() else path


def _read_folder(folder: Path, text: Sequence[str], reading: Read) -> pd.DataFrame:
    files = _files(folder)
    tables = [_read_file(file, text, reading) for file in files]
    columns = list(tables[0].columns)
    for file, table in zip(files, tables, strict=True):
        differing = sorted(set(table.columns) ^ set(columns))
        if differing:
            where = files[0].name if differing[0] in columns else file.name
            raise InputError(f"{file}: its columns differ from {files[0].name}: only {where} has '{differing[0]}'")
    if len(tables) == 1:
        return tables[0]
    tables = [plain(table) for table in tables]
    mixed = [name for name in columns if len({_kind(table[name]) for table in tables} - {None}) > 1]
    if mixed:  # as in one file that held all rows: what is text in some of them is text in all
        tables = [plain(_read_file(file, [*text, *mixed], reading)) for file in files]
        tables = [table.assign(**{name: _as_text(table[name]) for name in mixed}) for table in tables]
    whole = pd.concat([table[columns] for table in tables if len(table)] or tables[:1], ignore_index=True)
    sizes = [(str(file.relative_to(folder)), len(table)) for file, table in zip(files, tables, strict=True)]
    whole.attrs = {FILES: sizes}
    return whole


def _files(folder: Path) -> list[Path]:
    """The tables of a folder in the order of their names; hidden files and notes of Spark (`_SUCCESS`) are none."""
    inside = sorted((f.relative_to(folder) for f in folder.rglob("*")), key=lambda f: f.parts)
    names = [f for f in inside if not any(part.startswith(".") for part in f.parts) and f.suffix != ".dvc"]
    names = [f for f in names if (folder / f).is_file() and (_format(f) or not f.name.startswith("_"))]
    if not names:
        raise InputError(f"{folder}: the folder holds no CSV or Parquet file")
    for name in names:
        if part := next((part for part in name.parts[:-1] if "=" in part), None):
            column = part.partition("=")[0]
            raise InputError(
                f"{folder}: the values of '{column}' stand in names of folders ({part}), not in the files; write the "
                f"table with '{column}' as a column: pandas.read_parquet('{folder}').to_parquet('{folder}.parquet')"
            )
    return [folder / name for name in names]


def _format(file: Path) -> str | None:
    return next((kind for kind in (*SEPARATORS, *PARQUET, *EXCEL) if file.name.lower().endswith(kind)), None)


def _kind(column: pd.Series) -> str | None:
    """What a plain column holds; None if it is blank, which says nothing."""
    if column.isna().all():
        return None
    return "text" if is_text(column) else "boolean" if is_boolean(column) else "number"


def _as_text(column: pd.Series) -> pd.Series:
    if is_text(column):
        return column
    return as_names(column).str.lower() if is_boolean(column) else as_names(column)  # as a CSV file has it


def _read_file(file: Path, text: Sequence[str], reading: Read) -> pd.DataFrame:
    kind = _format(file)
    if kind is None and not reading.sep:
        raise InputError(
            f"{file}: not a table that can be read by its name; set data.read.sep if it is text, or save it as CSV, "
            "Parquet or Excel"
        )
    if file.stat().st_size == 0:
        raise InputError(f"{file}: the file is empty (0 bytes)")
    if kind not in (*PARQUET, *EXCEL):
        return read_csv(file, reading.sep or SEPARATORS[kind or ".csv"], text, reading)
    table = _read_parquet(file) if kind in PARQUET else read_excel(file, text, reading)
    for name, column in table.items():
        blanks = reading.blanks(str(name))
        if blanks:
            table[name] = column.mask(column.isin([*blanks, *map(str, blanks)]))
    return table


def _read_parquet(file: Path) -> pd.DataFrame:
    import pyarrow
    import pyarrow.parquet

    try:
        names = pyarrow.parquet.read_schema(file).names
        _demand_unique(file, [name.strip() for name in names])
        table = pd.read_parquet(file)
        table = table.reset_index(drop=table.index.names == [None])
        table.attrs.pop(FILES, None)
    except (pyarrow.ArrowException, OSError, TypeError, ValueError) as error:
        if isinstance(error, OSError) and error.strerror:  # the file system's, not Parquet's
            raise
        raise InputError(f"{file}: not a readable Parquet file ({_first_line(error)}); write it again") from None
    if table.columns.nlevels > 1:
        raise InputError(f"{file}: its columns have names of {table.columns.nlevels} levels; give each a single name")
    table.columns = table.columns.astype(str).str.strip()
    return table


def _demand_unique(file: Path, names: Sequence[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(
            f"{file}: {count(len(repeated), 'column name')} more than once, such as '{repeated[0]}'; rename"
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:150]
