"""Sniffing: a file in any usual dialect is read as the person who wrote it meant it."""

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.data.sniff import sniff
from pipeline.errors import InputError

ROWS = [("Köln", 1.5, 1200, "a"), ("Bern", 2.25, 950, "b"), ("Genève", 0.75, 34000, "a")] * 10


def text(separator: str = ",", decimal: str = ".", header: str = "city,size,rent,kind") -> str:
    lines = [header.replace(",", separator)] if header else []
    for city, size, rent, kind in ROWS:
        lines.append(separator.join([city, str(size).replace(".", decimal), str(rent), kind]))
    return "\n".join(lines) + "\n"


NAMES3 = ["column_1", "column_2", "column_3"]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (text().encode(), {}),
        (b"\xef\xbb\xbf" + text().encode(), {}),
        (text(";").encode(), {"sep": ";"}),
        (text("\t").encode(), {"sep": "\t"}),
        (text("|").encode(), {"sep": "|"}),
        (text(";", ",").encode(), {"sep": ";", "decimal": ","}),
        (text().encode("utf-16"), {"encoding": "utf-16"}),
        (text().encode("utf-16-le"), {"encoding": "utf-16-le"}),
        (text().encode("latin-1"), {"encoding": "cp1252"}),
        (b"x,y\n" + b"\x81,a\n" * 9, {"encoding": "latin-1"}),
        (gzip.compress(text(";").encode("latin-1")), {"encoding": "cp1252", "sep": ";"}),
        (("# exported\n# by hand\n" + text()).encode(), {"comment": "#"}),
        (("#" + text()).encode(), {}),
        (b't\ty\nham\ta\nham\t"so she\nspam\tb\nham\tsaid" c\n', {"sep": "\t", "quoting": 3}),
        (b't,y\n"so, she\nsaid",a\nb,a\nc,b\n', {}),
        (b"'1','yes',a\n'2','no',a\n'3','yes',b\n'4','no',b\n", {"quotechar": "'", "names": NAMES3}),
    ],
    ids=[
        "plain",
        "BOM",
        ";",
        "tab",
        "|",
        "decimal comma",
        "UTF-16",
        "no BOM",
        "Latin-1",
        "no cp1252",
        "gzip",
        "#",
        "#x",
        "quotes are letters",
        "a cell of two lines",
        "single quotes",
    ],
)
def test_dialects(tmp_path: Path, content: bytes, options: dict[str, Any]) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    assert sniff(tmp_path / "table.csv").options == options


def test_a_byte_far_down_decides_the_encoding(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(b"x,y\n" + b"1,a\n" * 400_000 + "2,ä\n".encode("cp1252"))
    assert sniff(tmp_path / "table.csv").options == {"encoding": "cp1252"}


def test_a_file_of_tabs_needs_no_setting_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "table.tsv").write_text(text("\t"), encoding="utf-8")
    assert sniff(tmp_path / "table.tsv").options == {}


@pytest.mark.parametrize(
    ("cells", "options", "doubts"),
    [
        (['"1,234.5"', '"12,000.0"', "7.5"], {"thousands": ","}, 0),
        (['"1.234,5"', '"12.000,25"', '"7,5"'], {"decimal": ",", "thousands": "."}, 0),
        (['"1,26"', '"3,32"', '"12,5"'], {"decimal": ","}, 0),
        (['"1,234"', '"3,320"', '"12,500"'], {"thousands": ","}, 1),
        (["1", "?", "3", "4", "?", "7", "9"], {"na_values": {"v": ["?"]}}, 0),
        (["red", "?", "blue", "red", "green"], {}, 0),
    ],
    ids=["thousands", "both, German", "decimal comma", "either", "words among numbers", "a category"],
)
def test_how_numbers_are_written(tmp_path: Path, cells: list[str], options: dict[str, Any], doubts: int) -> None:
    (tmp_path / "table.csv").write_text("v,x\n" + "".join(f"{cell},5\n" for cell in cells * 5), encoding="utf-8")
    found = sniff(tmp_path / "table.csv")
    assert found.options == options and len(found.doubts) == doubts


@pytest.mark.parametrize(
    ("first", "header"),
    [("city,size,rent,kind", True), ("size,2019,2020,kind", True), ("6,148.5,33,1", False), ("x,x,y,z", False)],
)
def test_a_first_line_of_numbers_or_of_repeated_names_is_a_row(tmp_path: Path, first: str, header: bool) -> None:
    (tmp_path / "table.csv").write_text(text(header=first), encoding="utf-8")
    found = sniff(tmp_path / "table.csv")
    assert found.header is header
    assert header or found.options["names"] == ["column_1", "column_2", "column_3", "column_4"]


def test_parquet_is_known_by_what_it_holds(tmp_path: Path) -> None:
    pd.DataFrame({"x": [1, 2]}).to_parquet(tmp_path / "table.dat")
    assert sniff(tmp_path / "table.dat").format == "parquet"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (bytes(range(256)) * 9, "not text"),
        (gzip.compress(text().encode())[:60], "not a whole gzip file"),
    ],
    ids=["empty", "binary", "cut off"],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        sniff(tmp_path / "table.csv")
