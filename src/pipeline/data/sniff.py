"""Finds out how a file is to be read: format, encoding, separator, decimal mark, comments, blanks, sheet.

The answer is in pandas' own names, as `data.read` of params.yaml takes it; what pandas takes by itself is left out. The
encoding is decided by every byte of the file, all else by its first rows.
"""

import codecs
import csv
import gzip
import io
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pipeline.data.cells import BLANK, BOOLEAN, NUMBER, PADDED
from pipeline.errors import InputError

Format = Literal["csv", "excel", "parquet"]

SEPARATORS = ",;\t|"
BLOCK = 1 << 20  # bytes that are looked at a time
SAMPLE = 2000  # rows that say how cells are written
COMMENT = "#"
# Words that stand for a blank in a column of numbers. In a column of texts they are a category like any other.
WORDS = (
    "?",
    "-",
    "--",
    ".",
    "*",
    "none",
    "unknown",
    "missing",
    "unbekannt",
    "k.a.",
    "nil",
    "n.a.",
    "#value!",
    "#div/0!",
)
MOSTLY = 0.8  # of a column's cells

_POINT = re.compile(r"[+-]?[0-9]+\.[0-9]+")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_POINT_GROUPS = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]+)?")  # 1.234.567,8
_COMMA_GROUPS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")  # 1,234,567.8
_TWO_MARKS = re.compile(r".*[0-9][.,][0-9]{3}[.,][0-9]")  # 1,234.5 or 1.234.567: which mark is which can be seen


@dataclass(frozen=True)
class Sniffed:
    """How a file is to be read. `options`: `data.read`; `header`: whether its first line holds names.

    `padded`: columns of digits with zeros before them, which only text keeps. `doubts`: what could be read in two ways,
    in words, with the line of params.yaml that settles it.
    """

    format: Format
    options: dict[str, Any]
    header: bool
    padded: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def sniff(file: Path) -> Sniffed:
    """How `file` is to be read.

    Raises:
        InputError: it is empty, holds no text, or its rows have no common number of cells.
    """
    with file.open("rb") as raw:
        start = raw.read(8)
    if not start:
        raise InputError(f"{file}: the file is empty (0 bytes)")
    if start.startswith(b"PAR1"):
        return Sniffed("parquet", {}, True)
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return _excel(file)
    encoding = _encoding(file)
    lines = list(_lines(file, encoding or "utf-8-sig"))
    options: dict[str, Any] = {"encoding": encoding} if encoding else {}
    if comments := _comments(lines):
        options["comment"] = COMMENT
        lines = lines[comments:]
    separator = _separator(file, lines)
    if separator != ("\t" if ".tsv" in file.name.lower() else ","):
        options["sep"] = separator
    quotes = _quotes(file, encoding or "utf-8-sig", lines, separator)
    options |= quotes
    rows = _rows(lines, separator, **quotes)
    header = has_header(rows)
    cells = _columns(rows[1:] if header else rows, len(rows[0]))
    marks, doubts = _marks(cells)
    names = rows[0] if header else [f"column_{place}" for place in range(1, len(rows[0]) + 1)]
    if not header:
        options["names"] = names
    columns = dict(zip(names, cells, strict=True))
    blanks = _blanks(columns, marks)
    options |= marks | ({"na_values": blanks} if blanks else {})
    padded = tuple(name for name, column in columns.items() if any(re.fullmatch(PADDED, cell) for cell in column))
    return Sniffed("csv", options, header, padded, tuple(doubts))


def has_header(rows: list[list[str]]) -> bool:
    """Whether the first row holds names: mostly words, each once, of which none is a cell of its column, too.

    Some may be numbers: years, above a table whose other names are words.
    """
    names = [name.strip() for name in rows[0]]
    named = [name for name in names if name]
    if not named or max(Counter(named).values()) > 1:
        return False
    words = [name for name in named if not re.fullmatch(f"{NUMBER}|{BOOLEAN}", name) and name not in BLANK]
    cells = [set(column) for column in _columns(rows[1:], len(names))]
    also_cells = any(name in below for name, below in zip(names, cells, strict=True) if name in words)
    return len(words) >= len(named) / 2 and not also_cells


def _excel(file: Path) -> Sniffed:
    """The first sheet that holds rows."""
    import pandas as pd

    try:
        with pd.ExcelFile(file, engine="calamine") as book:
            sheets = [str(name) for name in book.sheet_names]
            filled = [name for name in sheets if not book.parse(name, header=None, nrows=2).empty]
    except Exception as error:  # calamine raises kinds of its own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:150]
        raise InputError(f"{file}: not a readable Excel file ({reason}); save it again, or as CSV") from None
    if not filled:
        raise InputError(f"{file}: none of its sheets holds rows")
    options = {"sheet_name": filled[0]} if filled[0] != sheets[0] else {}
    others = ", ".join(filled[1:4])
    doubts = (f"sheet '{filled[0]}' is read, not {others}: data.read.sheet_name",) if others else ()
    return Sniffed("excel", options, True, doubts=doubts)


def _open(file: Path) -> BinaryIO:
    """The bytes of a file, unpacked if they are gzip's."""
    with file.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    return gzip.open(file) if packed else file.open("rb")  # type: ignore[return-value]


def _encoding(file: Path) -> str | None:
    """The encoding to name, or None for UTF-8, with or without a byte order mark."""
    try:
        with _open(file) as raw:
            start = raw.read(BLOCK)
            if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                return "utf-16"
            zeros = start[0::2].count(0), start[1::2].count(0)
            if sum(zeros):  # no text of one byte a character holds zeros
                if max(zeros) < len(start) / 4:
                    raise InputError(f"{file}: not text, nor a format that is known; save it as CSV or Parquet")
                return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
            decoder, defined = codecs.getincrementaldecoder("utf-8")(), True
            block, utf8 = start, True
            while block:
                if utf8:
                    try:
                        decoder.decode(block)
                    except UnicodeDecodeError:
                        utf8 = False
                # Bytes that Windows' code page leaves undefined, and those that it has and Latin-1 has not.
                defined = defined and not any(byte in block for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D))
                block = raw.read(BLOCK)
            if utf8:
                try:
                    decoder.decode(b"", final=True)
                except UnicodeDecodeError:
                    utf8 = False
    except (gzip.BadGzipFile, EOFError):
        raise InputError(f"{file}: not a whole gzip file; compress it again") from None
    return None if utf8 else "cp1252" if defined else "latin-1"


def _lines(file: Path, encoding: str) -> Iterator[str]:
    """The first lines that are not blank."""
    with _open(file) as raw, io.TextIOWrapper(raw, encoding, errors="replace", newline="") as text:
        found = 0
        for line in text:
            if line.strip():
                yield line
                found += 1
            if found > SAMPLE:
                return


def _comments(lines: list[str]) -> int:
    """How many lines above the table begin with `#`; none if the one above the rows is their header."""
    count = next((place for place, line in enumerate(lines) if not line.lstrip().startswith(COMMENT)), len(lines))
    if not count or count == len(lines):
        return 0
    above, header = lines[count - 1], lines[count]
    is_header = any(above.count(mark) == header.count(mark) > 0 for mark in SEPARATORS)
    return 0 if count == 1 and is_header else count


def _separator(file: Path, lines: list[str]) -> str:
    """The separator that gives (nearly) all rows the same number of cells, the largest such number."""
    best: tuple[float, int, str] = (0.0, 1, ",")
    for separator in SEPARATORS:
        try:
            widths = Counter(len(row) for row in _rows(lines, separator))
        except csv.Error as error:
            raise InputError(f"{file}: not a readable CSV file ({error}); is it a table?") from None
        width, rows = widths.most_common(1)[0]
        if width > 1:
            best = max(best, (round(rows / widths.total(), 1), width, separator))
    return best[2]


def _rows(lines: Iterable[str], separator: str, **quotes: Any) -> list[list[str]]:
    return [row for row in csv.reader(lines, delimiter=separator, skipinitialspace=True, **quotes) if row]


def _quotes(file: Path, encoding: str, lines: list[str], separator: str) -> dict[str, Any]:
    """What stands around cells, if it is not a double quote, or if nothing does and quotes are letters.

    They are letters where they cannot be quotes (a cell that begins with one goes on behind the next) and yet all
    lines, cut at each separator, have as many cells: read as quotes, they could join rows without a word. Every line of
    the file is asked.
    """
    cells = _columns(_rows(lines, separator), lines[0].count(separator) + 1)
    if any(len(column) > 1 and all(re.fullmatch(r"'.*'", cell) for cell in column) for column in cells):
        return {"quotechar": "'"}
    with _open(file) as raw, io.TextIOWrapper(raw, encoding, errors="replace", newline="") as text:
        try:
            deque(csv.reader(text, delimiter=separator, skipinitialspace=True, strict=True), maxlen=0)
            return {}
        except csv.Error as error:
            if "larger than field limit" in str(error):
                return {}
    with _open(file) as raw, io.TextIOWrapper(raw, encoding, errors="replace", newline="") as text:
        marks = {line.count(separator) for line in text if line.strip() and not line.startswith(COMMENT)}
    return {"quoting": csv.QUOTE_NONE} if len(marks) == 1 and marks != {0} else {}


def _columns(rows: list[list[str]], width: int) -> list[list[str]]:
    """The cells of every column, blank ones left out."""
    columns: list[list[str]] = [[] for _ in range(width)]
    for row in rows:
        for cells, cell in zip(columns, row, strict=False):
            if (text := cell.strip()) not in BLANK:
                cells.append(text)
    return columns


def _marks(columns: list[list[str]]) -> tuple[dict[str, Any], list[str]]:
    """The decimal mark and the one between thousands, from columns that hold nothing but numbers with such marks."""
    numeric = [
        cells for cells in columns if cells and _share(cells, re.compile(rf"[+-]?[0-9][0-9.,]*|{NUMBER}")) >= MOSTLY
    ]
    points = [cell for cells in numeric for cell in cells if _POINT.fullmatch(cell)]
    commas = [cell for cells in numeric for cell in cells if _COMMA.fullmatch(cell)]
    both = [cell for cells in numeric for cell in cells if _TWO_MARKS.match(cell)]
    by_point = [cell for cell in both if _POINT_GROUPS.fullmatch(cell)]
    by_comma = [cell for cell in both if _COMMA_GROUPS.fullmatch(cell)]
    if by_point and not by_comma:
        return {"decimal": ",", "thousands": "."}, []
    if by_comma and not by_point:
        return {"thousands": ","}, []
    if commas and all(_COMMA_GROUPS.fullmatch(cell) for cell in commas):
        if points:
            return {"thousands": ","}, []
        example = commas[0]
        doubt = (
            f"{example} is read as {example.replace(',', '')}: data.read.thousands (if it is a fraction: decimal: ',')"
        )
        return {"thousands": ","}, [doubt]
    # Points in other columns do no harm: what is a number with a point is one in a column of texts, too.
    return ({"decimal": ","}, []) if commas else ({}, [])


def _blanks(columns: dict[str, list[str]], marks: dict[str, Any]) -> dict[str, list[str]]:
    """Words that stand for a blank, by column, where all other cells are numbers."""
    found = {}
    for name, cells in columns.items():
        decimal, thousands = marks.get("decimal", "."), marks.get("thousands")
        plain = [(c.replace(thousands, "") if thousands else c).replace(decimal, ".") for c in cells]
        words = {cell for cell, text in zip(cells, plain, strict=True) if not re.fullmatch(NUMBER, text)}
        if words and len(words) <= 3 and len(set(cells)) > len(words) and all(w.lower() in WORDS for w in words):
            found[name] = sorted(words)
    return found


def _share(cells: list[str], pattern: re.Pattern[str]) -> float:
    return sum(1 for cell in cells if pattern.fullmatch(cell)) / len(cells)
