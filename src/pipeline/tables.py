"""Reads a table from a CSV or Parquet file, or from a folder of them."""

import csv
import gzip
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.errors import InputError
from pipeline.ml.cells import BLANK

SEPARATORS = {".csv": ",", ".csv.gz": ",", ".tsv": "\t", ".tsv.gz": "\t"}
PARQUET = (".parquet", ".pq")


def read_table(path: str | Path, text: Sequence[str] = ()) -> pd.DataFrame:
    """Read a file, or every file of a folder (in the order of their names, hidden ones left out) as one table.

    The columns named in `text` are taken from CSV as they are written, so that 007 stays 007.

    Raises:
        InputError: no such path, another format, an unreadable or empty file, a wrong separator, duplicate or
            differing columns, no rows.
    """
    path = Path(path)
    if path.is_dir():
        table = _read_folder(path, text)
    elif path.exists():
        table = _read_file(path, text)
    else:
        raise InputError(f"{path}: there is no such file or folder; correct the path, or fetch it with: dvc pull")
    if table.empty:
        raise InputError(f"{path}: the table has column names but no rows")
    return table


def _read_folder(folder: Path, text: Sequence[str]) -> pd.DataFrame:
    inside = sorted((f.relative_to(folder) for f in folder.rglob("*")), key=lambda f: f.parts)
    names = [f for f in inside if not any(part.startswith(".") for part in f.parts) and f.suffix != ".dvc"]
    files = [folder / name for name in names if (folder / name).is_file()]
    if not files:
        raise InputError(f"{folder}: the folder holds no CSV or Parquet file")
    tables = [_read_file(file, text) for file in files]
    columns = list(tables[0].columns)
    for file, table in zip(files, tables, strict=True):
        differing = sorted(set(table.columns) ^ set(columns))
        if differing:
            where = files[0].name if differing[0] in columns else file.name
            raise InputError(f"{file}: its columns differ from {files[0].name}: only {where} has '{differing[0]}'")
    if len(tables) == 1:
        return tables[0]
    whole = pd.concat([table[columns] for table in tables if len(table)] or tables[:1], ignore_index=True)
    whole.attrs = tables[0].attrs
    return whole


def _read_file(file: Path, text: Sequence[str]) -> pd.DataFrame:
    kind = next((kind for kind in (*SEPARATORS, *PARQUET) if file.name.lower().endswith(kind)), None)
    if kind is None:
        raise InputError(f"{file}: not a table that can be read; save it as CSV (comma, UTF-8) or Parquet")
    if file.stat().st_size == 0:
        raise InputError(f"{file}: the file is empty (0 bytes)")
    return _read_parquet(file) if kind in PARQUET else _read_csv(file, SEPARATORS[kind], text)


def _read_parquet(file: Path) -> pd.DataFrame:
    import pyarrow
    import pyarrow.parquet

    try:
        _demand_unique(file, pyarrow.parquet.read_schema(file).names)
        table = pd.read_parquet(file)
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.strerror:  # the file system's, not Parquet's
            raise
        raise InputError(f"{file}: not a readable Parquet file ({_first_line(error)}); write it again") from None
    table.columns = table.columns.astype(str)
    return table.reset_index(drop=table.index.names == [None])


def _read_csv(file: Path, separator: str, text: Sequence[str]) -> pd.DataFrame:
    try:
        _demand_header(file, separator)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                file,
                sep=separator,
                encoding="utf-8",
                index_col=False,
                keep_default_na=False,
                na_values=list(BLANK),
                skipinitialspace=True,
                low_memory=False,
                dtype=dict.fromkeys(text, "str"),
            )
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file}: not UTF-8 (byte {error.start}); save it as UTF-8, from Excel as 'CSV UTF-8'"
        ) from None
    except (gzip.BadGzipFile, EOFError):
        raise InputError(f"{file}: not a whole gzip file; compress it again") from None
    except pd.errors.ParserWarning:
        raise InputError(f"{file}: rows have more cells than the header has names; look for stray separators") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
        detail = _first_line(error).removeprefix("Error tokenizing data. C error: ")
        raise InputError(f"{file}: not a readable CSV file ({detail}); look at that line") from None


def _demand_header(file: Path, separator: str) -> None:
    """Refuse duplicate names, and a single name that holds another separator."""
    opener = gzip.open if file.name.lower().endswith(".gz") else open
    with opener(file, "rt", encoding="utf-8-sig", newline="") as lines:
        header = next(csv.reader(lines, delimiter=separator, skipinitialspace=True), [])
    others = [other for other in ";\t|," if other != separator and other in "".join(header)]
    if len(header) == 1 and others:
        name = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}[others[0]]
        raise InputError(f"{file}: its columns are divided by {name}; save it divided by commas (tabs: name it .tsv)")
    _demand_unique(file, [name for name in header if name])


def _demand_unique(file: Path, names: Sequence[str]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(f"{file}: {len(repeated)} column names stand more than once, such as '{repeated[0]}'; rename")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:150]
