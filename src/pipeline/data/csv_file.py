"""Reads one CSV file as `data.read` of params.yaml says, and tells the line and the cause where it cannot."""

import codecs
import csv
import gzip
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

from pipeline.data.cells import BLANK, DATE, NUMBER, is_padded
from pipeline.errors import InputError
from pipeline.params import Read
from pipeline.text import count, have

SPACES = r"\s+"  # as pandas has it: any spaces between the cells
LOOKED_AT = 200  # rows that say whether a column holds dates
BLOCK = 16_000_000  # bytes that are looked through at a time
LONG = 40  # characters of a line in a message


def read_csv(file: Path, separator: str, text: Sequence[str], reading: Read) -> pd.DataFrame:
    """The table of a file; the columns named in `text` as they are written.

    Raises:
        InputError: another encoding or separator, no header, rows with more or fewer cells than it.
    """
    try:
        header = _header(file, separator, reading)
        as_written = {*text, *_dates(file, separator, reading, header)}
        kinds: dict[str, Any] = {name: "str" for name in header if name.strip() in as_written}
        table = _read(file, separator, reading, header, dtype=kinds)
        if zeros := _with_zeros(file, separator, reading, header, table):
            table = table.assign(**{name: zeros[name] for name in zeros})
        table.columns = table.columns.str.strip()
        if len(table) and table.iloc[:, -1].hasnans:  # only then can a row be short, which pandas fills with blanks
            _demand_a_name(file, header, table)
            _demand_whole_rows(file, separator, reading, len(header))
        return table
    except UnicodeError as error:
        where = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise InputError(
            f"{file}: not {reading.encoding.upper()}{where}; say how it is encoded, such as data.read.encoding: cp1252 "
            "(utf-16 if from Excel as 'Unicode text')"
        ) from None
    except (gzip.BadGzipFile, EOFError):
        raise InputError(f"{file}: not a whole gzip file; compress it again") from None
    except (pd.errors.ParserWarning, pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
        raise InputError(_uneven(file, separator, reading) or _unreadable(file, error)) from None


def _read(file: Path, separator: str, reading: Read, header: Sequence[str], **how: Any) -> pd.DataFrame:
    """The table as pandas has it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table: pd.DataFrame = pd.read_csv(
            file,
            sep=separator,
            encoding=reading.encoding,
            header=0 if reading.names is None else None,
            names=reading.names,
            decimal=reading.decimal,
            thousands=reading.thousands,
            comment=reading.comment,
            quotechar=reading.quotechar,
            quoting=reading.quoting,
            index_col=False,
            keep_default_na=False,
            na_values=_blanks(header, reading),
            skipinitialspace=True,
            low_memory=False,
            **how,
        )
    return table


def _with_zeros(
    file: Path, separator: str, reading: Read, header: Sequence[str], table: pd.DataFrame
) -> dict[str, pd.Series]:
    """Columns of digits, some with zeros before them, as they are written: 01234 is a name, which pandas reads as 1234.

    The file is read again only where its bytes hold such a cell.
    """
    whole = [name for name, column in table.items() if column.dtype.kind in "iuf" and _is_whole(column)]
    if not whole or not _holds_zeros(file, separator, reading):
        return {}
    written = _read(file, separator, reading, header, dtype="str", usecols=whole)
    return {str(name): column for name, column in written.items() if is_padded(column.str.strip())}


def _is_whole(column: pd.Series) -> bool:
    if column.dtype.kind != "f":
        return True
    values = column.to_numpy()
    return bool(np.all((values == np.floor(values)) | np.isnan(values)))


def _holds_zeros(file: Path, separator: str, reading: Read) -> bool:
    """Whether a cell of a file may begin with 0 and another digit."""
    before = np.frombuffer(f'\n\r" {separator if len(separator) == 1 else ""}'.encode(), np.uint8)
    opener: Any = gzip.open if file.name.lower().endswith(".gz") else open
    wide = codecs.lookup(reading.encoding).name.startswith(("utf-16", "utf-32"))
    with _open(file, reading) if wide else opener(file, "rb") as content:
        end = b"\n"
        while block := content.read(BLOCK):
            found = np.frombuffer(end + (block.encode() if isinstance(block, str) else block), np.uint8)
            zeros = np.flatnonzero((found[1:-1] == ord("0")) & (found[2:] - np.uint8(ord("0")) < 10))
            if np.isin(found[zeros], before).any():
                return True
            end = found[-2:].tobytes()
    return False


def _dates(file: Path, separator: str, reading: Read, header: Sequence[str]) -> list[str]:
    """Columns of dates, which a mark between thousands would turn into numbers: 31.01.2024 into 31012024."""
    if reading.thousands is None:
        return []
    with _open(file, reading) as lines:
        rows = [row for _, row in islice(_rows(lines, separator, reading), 1, LOOKED_AT)]
    cells = {name.strip(): [row[place] for row in rows if len(row) > place] for place, name in enumerate(header)}
    present = {name: [cell.strip() for cell in column if cell.strip()] for name, column in cells.items()}
    return [
        name for name, of in present.items() if of and sum(bool(re.fullmatch(DATE, c)) for c in of) >= 0.8 * len(of)
    ]


def demand_names(file: Path, names: Sequence[str]) -> None:
    """Refuse a first line that names columns twice, or that looks like a row, which would be lost.

    Numbers that go up by the same step are names: pandas writes 0, 1, 2, and years head columns.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(
            f"{file}: {count(len(repeated), 'column name')} more than once, such as '{repeated[0]}'; rename, or if "
            "the first line is a row, name the columns in data.read.names"
        )
    numbers = [float(name) for name in names if re.fullmatch(NUMBER, name)]
    steps = {after - before for before, after in pairwise(numbers)}
    whole = all(number.is_integer() for number in numbers)
    counted = len(numbers) == 1 or (len(steps) == 1 and min(steps) > 0)
    if numbers and not (whole and counted):
        raise InputError(
            f"{file}: the first line, {_short(', '.join(names))}, looks like a row: its names are numbers; if the file "
            "has no names, list them in data.read.names, else rename these columns"
        )


def _header(file: Path, separator: str, reading: Read) -> list[str]:
    """The columns' names as they stand there, or as `names` says; a single one with another separator is refused."""
    with _open(file, reading) as lines:
        _, header = next(_rows(lines, separator, reading), (0, list[str]()))
    if reading.names is not None:
        if len(header) != len(reading.names):
            raise InputError(
                f"{file}: its first row has {count(len(header), 'cell')}, but data.read.names lists "
                f"{count(len(reading.names), 'name')}"
            )
        return reading.names
    others = [other for other in ";\t|," if other != separator and other in "".join(header)]
    if len(header) == 1 and others and not reading.sep:
        name, said = {
            "\t": ("tabs", r'"\t"'),
            ";": ("semicolons", '";"'),
            "|": ("bars", '"|"'),
            ",": ("commas", '","'),
        }[others[0]]
        raise InputError(f"{file}: its columns are divided by {name}; set data.read.sep: {said}")
    demand_names(file, [name.strip() for name in header if name.strip()])
    return header


def _blanks(header: Sequence[str], reading: Read) -> dict[str, list[str]]:
    """What is a blank in each column, by its name as it stands there."""
    names = [name or f"Unnamed: {place}" for place, name in enumerate(header)]  # as pandas calls one without a name
    return {name: [*BLANK, *map(str, reading.blanks(name.strip()))] for name in names}


def _rows(lines: TextIO, separator: str, reading: Read) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file as cells, each with its line; comments and lines without a cell are no rows."""
    kept = lines if reading.comment is None else (_uncommented(line, reading) for line in lines)
    if separator == SPACES:
        yield from ((number, line.split()) for number, line in enumerate(kept, 1) if line.strip())
        return
    rows = csv.reader(
        kept, delimiter=separator, skipinitialspace=True, quotechar=reading.quotechar, quoting=reading.quoting
    )
    yield from ((rows.line_num, row) for row in rows if row not in ([], [""]))


def _uncommented(line: str, reading: Read) -> str:
    return line if reading.comment is None or reading.quotechar in line else line.partition(reading.comment)[0]


def _demand_whole_rows(file: Path, separator: str, reading: Read, names: int) -> None:
    """Refuse rows with fewer cells than the header has names."""
    with _open(file, reading) as lines:
        short = [(line, len(row)) for line, row in _rows(lines, separator, reading) if len(row) < names]
    if short:
        line, cells = short[0]
        raise InputError(
            f"{file}: {count(len(short), 'row')} {have(len(short))} fewer cells than the header has names, such as "
            f"line {line} ({cells} of {names}); was the file cut off? else end them with separators for blank cells"
        )


def _demand_a_name(file: Path, header: Sequence[str], table: pd.DataFrame) -> None:
    """Refuse a last column without a name and without a value: each line ends with a separator."""
    if not header[-1].strip() and table.iloc[:, -1].isna().all():
        raise InputError(
            f"{file}: line 1 ends with a separator, and so do the others: the last column has no name and no value; "
            f"take them away, or set data.drop: ['{table.columns[-1]}']"
        )


def _uneven(file: Path, separator: str, reading: Read) -> str | None:
    """The line and the cause, if a row has more cells than the first one."""
    with _open(file, reading) as lines:
        rows = _rows(lines, separator, reading)
        first_line, first = next(rows, (0, list[str]()))
        for line, row in rows:
            if len(row) > len(first):
                told = f"{file}: line {line} has {count(len(row), 'cell')}, line {first_line}"
                told += f" ({_short(separator.join(first))}) "
                if first and first[0].startswith(("#", "%", "//")):
                    return f"{told}only {len(first)}; if that is a comment, set data.read.comment: '{first[0][0]}'"
                return f"{told}{len(first)}: more cells than names; look for stray separators or a title"
    return None


def _unreadable(file: Path, error: Exception) -> str:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:150]
    detail = reason.removeprefix("Error tokenizing data. C error: ")
    return f"{file}: not a readable CSV file ({detail}); look at that line"


def _open(file: Path, reading: Read) -> TextIO:
    opener: Any = gzip.open if file.name.lower().endswith(".gz") else open
    encoding = "utf-8-sig" if reading.encoding == "utf-8" else reading.encoding
    lines: TextIO = opener(file, "rt", encoding=encoding, newline="")
    return lines


def _short(text: str) -> str:
    return text if len(text) <= LONG else f"{text[:LONG]}..."
