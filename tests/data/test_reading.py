"""`data.read` of params.yaml: files as people have them are read as they were meant, or refused with line and cause."""

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.cells import plain
from pipeline.data.tables import read_table
from pipeline.errors import InputError
from pipeline.params import Read, parse_params

from ..conftest import ROOT

TABLE = pd.DataFrame(
    {
        "city": ["Köln", None, "Bern"] * 4,
        "size": [1234.5, np.nan, 2.25] * 4,
        "code": ["07", "7", "1"] * 4,
        "y": [0, 1, 1] * 4,
    }
)


def read(path: Path, **settings: Any) -> pd.DataFrame:
    return plain(read_table(path, ["code"], Read.model_validate(settings)))


def refused(path: Path, **settings: Any) -> str:
    with pytest.raises(InputError) as raised:
        read(path, **settings)
    assert len(str(raised.value).splitlines()) <= 2
    return str(raised.value)


def german(table: pd.DataFrame) -> str:
    written = table.assign(size=["1.234,5", "", "2,25"] * 4)
    return written.to_csv(index=False, sep=";")


FILES: dict[str, tuple[str, bytes, dict[str, Any]]] = {
    "semicolons and decimal commas": (
        "t.csv",
        german(TABLE).encode(),
        {"sep": ";", "decimal": ",", "thousands": "."},
    ),
    "tabs in .txt": ("t.txt", TABLE.to_csv(index=False, sep="\t").encode(), {"sep": "\t"}),
    "bars, gzip": ("t.psv.gz", gzip.compress(TABLE.to_csv(index=False, sep="|").encode()), {"sep": "|"}),
    "UTF-8 with BOM": ("t.csv", TABLE.to_csv(index=False).encode("utf-8-sig"), {}),
    "UTF-16": ("t.csv", TABLE.to_csv(index=False, sep="\t").encode("utf-16"), {"sep": "\t", "encoding": "utf-16"}),
    "Latin-1": ("t.csv", TABLE.to_csv(index=False).encode("latin-1"), {"encoding": "latin-1"}),
    "no header": ("t.csv", TABLE.to_csv(index=False, header=False).encode(), {"names": list(TABLE)}),
    "words for blanks": ("t.csv", TABLE.to_csv(index=False, na_rep="?").encode(), {"na_values": ["?"]}),
    "a number for a blank": (
        "t.csv",
        TABLE.fillna({"size": -999}).to_csv(index=False).encode(),
        {"na_values": {"size": [-999]}},
    ),
    "comments": (
        "t.csv",
        ("# exported\n" + TABLE.to_csv(index=False).replace("07,0\n", "07,0# the first\n", 1)).encode(),
        {"comment": "#"},
    ),
    "single quotes": (
        "t.csv",
        TABLE.to_csv(index=False, quotechar="'", quoting=csv.QUOTE_NONNUMERIC).encode(),
        {"quotechar": "'"},
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_is_read_as_it_was_meant(case: str, tmp_path: Path) -> None:
    name, content, settings = FILES[case]
    (tmp_path / name).write_bytes(content)
    pd.testing.assert_frame_equal(read(tmp_path / name, **settings), plain(TABLE))
    assert (tmp_path / name).read_bytes() == content


def test_quotes_that_are_letters_join_no_rows(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text('y\ttext\nham\t"so she\nspam\tsaid" no\n')
    table = read(tmp_path / "t.tsv", quoting=csv.QUOTE_NONE)
    assert table.to_dict("list") == {"y": ["ham", "spam"], "text": ['"so she', 'said" no']}


def test_columns_between_spaces_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.data").write_text("a  b   y\n1  2.5 x\n  3  4   z\n")
    assert read(tmp_path / "t.data", sep=r"\s+").to_dict("list") == {"a": [1, 3], "b": [2.5, 4.0], "y": ["x", "z"]}


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    """A minimal .ods, which needs no library to write."""
    import zipfile
    from xml.sax.saxutils import escape

    def cell(value: Any) -> str:
        if value is None:
            return "<table:table-cell/>"
        if isinstance(value, (int, float)):
            return f'<table:table-cell office:value-type="float" office:value="{value}"/>'
        return f'<table:table-cell office:value-type="string"><text:p>{escape(value)}</text:p></table:table-cell>'

    tables = "".join(
        f'<table:table table:name="{name}">'
        + "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
        + "</table:table>"
        for name, rows in sheets.items()
    )
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml",
            f"<?xml version='1.0'?><office:document-content {spaces}><office:body><office:spreadsheet>{tables}"
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def test_a_sheet_of_a_workbook_is_read(tmp_path: Path) -> None:
    rows = [list(TABLE), *TABLE.astype(object).where(TABLE.notna(), None).to_numpy().tolist()]
    book = workbook(tmp_path / "t.ods", {"notes": [["x"]], "data": rows})
    for sheet in ("data", 1):
        pd.testing.assert_frame_equal(read(book, sheet_name=sheet), plain(TABLE))
    assert "it has 2 sheets; set data.read.sheet_name to 'notes', 'data'" in refused(book)
    assert "no sheet is called 'dates'; it has 'notes', 'data'" in refused(book, sheet_name="dates")
    assert "it has the sheets 0 to 1" in refused(book, sheet_name=2)
    nameless = workbook(tmp_path / "n.ods", {"data": rows[1:]})
    pd.testing.assert_frame_equal(read(nameless, names=list(TABLE)), plain(TABLE))
    marked = workbook(tmp_path / "m.ods", {"data": [["a", "y"], [1, 0], ["?", 1], [-999, 1]]})
    assert read(marked, na_values=["?", -999])["a"].isna().tolist() == [False, True, True]
    (tmp_path / "broken.xlsx").write_bytes(b"PK no workbook")
    assert "not a readable workbook" in refused(tmp_path / "broken.xlsx")


@pytest.mark.parametrize("header", ["6,148.5,1", "1,85,66", "5.1,3.5,setosa", "a,1,0,3", "x,x,y", "2,1,0"])
def test_a_first_line_that_looks_like_a_row_is_refused(header: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n" + f"{header}\n" * 3)
    assert "data.read.names" in refused(tmp_path / "t.csv")
    names = [f"c{i}" for i in range(header.count(",") + 1)]
    assert len(read(tmp_path / "t.csv", names=names)) == 4


@pytest.mark.parametrize("header", ["0,1,2,target", "2019,2020,2021", "1,2,y", "3,y", "y,x"])
def test_numbers_that_count_are_names(header: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n" + "5," * header.count(",") + "5\n")
    assert list(read(tmp_path / "t.csv")) == header.split(",")


@pytest.mark.parametrize(
    ("text", "settings", "words"),
    [
        ("# exported\nx,y\n1,a\n", {}, ["line 2 has 2 cells, line 1 (# exported) only 1", "data.read.comment: '#'"]),
        ("x,y\n1,a\n2,b,c\n", {}, ["line 3 has 3 cells, line 1 (x,y) 2"]),
        ("x,y,\n1,a,\n2,b,\n", {}, ["line 1 ends with a separator", "data.drop: ['Unnamed: 2']"]),
        ("x,y\n1,a\n2\n", {}, ["line 3 (1 of 2)"]),
        ("x;y\n1;a\n", {}, ["semicolons", 'data.read.sep: ";"']),
        ("x,y\n1,a\n", {"names": ["a"]}, ["2 cells", "1 name"]),
        ("x,y\n1,a\n", {"encoding": "utf-16"}, ["not UTF-16", "data.read.encoding"]),
    ],
)
def test_what_cannot_be_read_is_refused_with_line_and_cause(
    text: str, settings: dict[str, Any], words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(text)
    message = refused(tmp_path / "t.csv", **settings)
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("{encoding: utf-99}", "Python knows no 'utf-99'"),
        ("{decimal: ',', sep: ','}", "decimal is the same"),
        ("{encodng: cp1252}", "did you mean 'encoding'"),
        ("{names: [a, a]}", "one stands more than once"),
        ("{sep: abc}", "data.read.sep"),
        ("{quoting: 2}", "data.read.quoting"),
    ],
)
def test_wrong_settings_are_refused(settings: str, words: str) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    with pytest.raises(InputError, match=words):
        parse_params(text.replace("  target: target", f"  target: target\n  read: {settings}"))
