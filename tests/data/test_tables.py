"""Tables are read from CSV and Parquet files and folders; what is wrong with a file is said in one line."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pytest

from pipeline.data.tables import read_table
from pipeline.errors import InputError

TABLE = pd.DataFrame(
    {"a": [1, 2, 3], "b": [0.1, np.nan, 1e-300], "c": ["x", "Zürich, old", None], "d": [True, False, True]}
)


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz", "T.CSV", "t.parquet"])
def test_every_format_gives_the_same_table(tmp_path: Path, name: str) -> None:
    if name.endswith("parquet"):
        TABLE.to_parquet(tmp_path / name)
    else:
        TABLE.to_csv(tmp_path / name, index=False, sep="\t" if ".tsv" in name else ",")
    pd.testing.assert_frame_equal(read_table(tmp_path / name), TABLE)


def test_numbers_are_read_to_their_last_bit(tmp_path: Path) -> None:
    exact = np.random.default_rng(0).standard_normal(5000) * 10.0 ** np.random.default_rng(1).integers(-300, 300, 5000)
    file = written(tmp_path / "t.csv", "x\n" + "\n".join(map(repr, exact.tolist())))
    assert (read_table(file)["x"].to_numpy() == exact).all()


def test_a_byte_order_mark_windows_line_ends_and_spaces_after_commas_are_no_matter(tmp_path: Path) -> None:
    file = written(tmp_path / "t.csv", "\ufeffa, b\r\n1, x\r\n2, \r\n")
    table = read_table(file)
    assert list(table.columns) == ["a", "b"]
    assert table["b"].tolist()[0] == "x" and pd.isna(table["b"][1])


def test_columns_asked_for_as_text_keep_their_leading_zeros(tmp_path: Path) -> None:
    file = written(tmp_path / "t.csv", "id,x\n007,1\n008,2\n")
    assert read_table(file, text=["id"])["id"].tolist() == ["007", "008"]


def test_a_named_index_of_a_parquet_file_is_a_column(tmp_path: Path) -> None:
    TABLE.set_index("a").to_parquet(tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet").columns) == ["a", "b", "c", "d"]
    TABLE.set_index(pd.Index([5, 6, 7])).to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet"), TABLE)


def test_a_folder_is_one_table_in_the_order_of_file_names(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    written(folder / "b.csv", "y,x\nq,3\n")
    written(folder / "a.csv", "x,y\n1,p\n2,\n")
    written(folder / "sub" / "c.tsv", "x\ty\n4\tr\n")
    pd.DataFrame({"x": [5], "y": ["s"]}).to_parquet(folder / "d.parquet")
    for ignored in (".gitignore", ".hidden.csv", ".cache/t.csv", "e.csv.dvc"):
        written(folder / ignored, "not,a\ntable")
    table = read_table(folder)
    assert table["x"].tolist() == [1, 2, 3, 5, 4]
    assert table["y"].fillna("-").tolist() == ["p", "-", "q", "s", "r"]


def test_a_file_of_a_folder_may_have_no_rows(tmp_path: Path) -> None:
    written(tmp_path / "a.csv", "x,y\n")
    written(tmp_path / "b.csv", "x,y\n1,2\n")
    assert read_table(tmp_path).to_dict("list") == {"x": [1], "y": [2]}


CUTS: dict[str, tuple[str, list[str]]] = {
    "true, false and a word": ("x\ntrue\nfalse\ntrue\nmaybe\n", ["true", "false", "true", "maybe"]),
    "codes, blanks and a word": ("x,y\n1,0\n,0\n1.0,0\nabc,0\n", ["1", "-", "1.0", "abc"]),
    "booleans and numbers": ("x\ntrue\nfalse\n1\n0\n", ["true", "false", "1", "0"]),
    "whole and other numbers": ("x\n1\n2\n3.5\n4\n", [1, 2, 3.5, 4]),
    "blanks, then words": ("x,y\n,0\n,0\na,0\nb,0\n", ["-", "-", "a", "b"]),
}


@pytest.mark.parametrize("case", CUTS)
def test_the_same_rows_are_the_same_table_however_they_are_cut_into_files(tmp_path: Path, case: str) -> None:
    content, expected = CUTS[case]
    header, *rows = content.splitlines()
    for cut in range(len(rows)):
        written(tmp_path / str(cut) / "a.csv", "\n".join([header, *rows[:cut]]) + "\n")
        written(tmp_path / str(cut) / "b.csv", "\n".join([header, *rows[cut:]]) + "\n")
        found = read_table(tmp_path / str(cut))["x"]
        assert found.astype(object).fillna("-").tolist() == expected, cut


def test_codes_are_the_same_from_csv_and_parquet_in_one_folder(tmp_path: Path) -> None:
    written(tmp_path / "a.csv", "x,day\n07,2024-01-30\n")
    days = pd.to_datetime(["2024-01-31", "2024-02-01"])
    pd.DataFrame({"x": [7, None], "day": days}).to_parquet(tmp_path / "b.parquet")
    table = read_table(tmp_path, text=["x"])
    assert table["x"].fillna("-").tolist() == ["07", "7", "-"]
    assert table["day"].tolist() == ["2024-01-30", "2024-01-31", "2024-02-01"]


def test_what_spark_notes_beside_its_tables_is_no_table(tmp_path: Path) -> None:
    written(tmp_path / "_SUCCESS", "")
    written(tmp_path / "_committed_17", "{}")
    written(tmp_path / "_first.csv", "x\n1\n")
    assert read_table(tmp_path)["x"].tolist() == [1]


def test_blanks_around_a_column_name_are_no_part_of_it(tmp_path: Path) -> None:
    file = written(tmp_path / "t.csv", "id , x\n007,1\n")
    assert read_table(file, text=["id"]).to_dict("list") == {"id": ["007"], "x": [1]}


def test_blank_cells_and_blank_lines_at_the_end_are_no_short_rows(tmp_path: Path) -> None:
    file = written(tmp_path / "t.csv", 'a,b\n1,\n"2\n",\n\n3,x\n   \n')
    assert read_table(file)["b"].fillna("-").tolist() == ["-", "-", "x"]


def test_parquet_that_pandas_cannot_read_back_is_refused(tmp_path: Path) -> None:
    lists = pyarrow.array([[1], [2]])
    pd.DataFrame({"x": pd.Series(lists, dtype=pd.ArrowDtype(lists.type))}).to_parquet(tmp_path / "lists.parquet")
    levels = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    levels.to_parquet(tmp_path / "levels.parquet")
    for name, word in {"lists": "list<", "levels": "2 levels"}.items():
        with pytest.raises(InputError, match=f"{name}.parquet: .*{word}"):
            read_table(tmp_path / f"{name}.parquet")


GOOD = "a,b\n1,x\n2,y\n"
WRONG: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    "nothing there": ({}, ["no such file", "dvc pull"]),
    "zero bytes": ({"t.csv": ""}, ["empty"]),
    "only line ends": ({"t.csv": "\n\n"}, ["not a readable CSV"]),
    "only a header": ({"t.csv": "a,b\n"}, ["no rows"]),
    "semicolons": ({"t.csv": "a;b\n1;2\n"}, ["semicolons", "data.read.sep"]),
    "tabs": ({"t.csv": "a\tb\n1\t2\n"}, ["tabs", "data.read.sep"]),
    "bars": ({"t.csv": "a|b\n1|2\n"}, ["bars"]),
    "commas in a .tsv": ({"t.tsv": "a,b\n1,2\n"}, ["commas"]),
    "latin-1 in a cell": ({"t.csv": "a,b\nx,Zürich\n".encode("latin-1")}, ["not UTF-8", "byte"]),
    "latin-1 in the header": ({"t.csv": "a,Größe\nx,1\n".encode("latin-1")}, ["not UTF-8"]),
    "UTF-16": ({"t.csv": GOOD.encode("utf-16")}, ["not UTF-8"]),
    "the same name twice": ({"t.csv": "a,b,a\n1,2,3\n"}, ["'a'", "more than once"]),
    "more cells than names": ({"t.csv": "a,b\n1,2,3\n4,5,6\n"}, ["more cells"]),
    "more cells in one row": ({"t.csv": "a,b\n1,2\n4,5,6\n"}, ["line 3"]),
    "fewer cells in one row": ({"t.csv": "a,b,c\n1,2,3\n\n4,5\n"}, ["line 4", "2 of 3", "fewer cells"]),
    "a download that was cut off": ({"t.csv.gz": gzip.compress(b"y,a,b\n1,2,3\n0,4")}, ["line 3", "cut off"]),
    "two names that differ by a blank": ({"t.csv": "a ,b,a\n1,2,3\n"}, ["'a'", "more than once"]),
    "an open quote": ({"t.csv": 'a,b\n1,"x\n2,y\n'}, ["EOF inside string"]),
    "half a gzip file": ({"t.csv.gz": gzip.compress(GOOD.encode() * 99)[:40]}, ["gzip"]),
    "no gzip file": ({"t.csv.gz": GOOD}, ["gzip"]),
    "no Parquet": ({"t.parquet": GOOD}, ["not a readable Parquet"]),
    "an Excel file": ({"t.xlsx": b"PK\x03\x04"}, ["t.xlsx", "workbook"]),
    "other columns in one file": (
        {"t/a.csv": GOOD, "t/b.csv": "a,c\n1,x\n"},
        ["b.csv", "differ", "only a.csv has 'b'"],
    ),
    "a column more in one file": ({"t/a.csv": GOOD, "t/b.csv": "a,b,c\n1,x,2\n"}, ["only b.csv has 'c'"]),
    "notes among the files": ({"t/a.csv": GOOD, "t/README.txt": "hello"}, ["README.txt"]),
    "an empty file among others": ({"t/a.csv": GOOD, "t/b.csv": ""}, ["b.csv", "empty"]),
    "a column in names of folders": (
        {"t/year=2023/a.csv": GOOD, "t/year=2024/a.csv": GOOD},
        ["'year'", "year=2023", "as a column"],
    ),
    "a folder without tables": ({"t/.gitignore": "x"}, ["no CSV or Parquet"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_refused_with_its_name_and_advice(tmp_path: Path, case: str) -> None:
    files, words = WRONG[case]
    for name, content in files.items():
        written(tmp_path / name, content)
    first = tmp_path / (next(iter(files)).split("/")[0] if files else "t.csv")
    with pytest.raises(InputError) as caught:
        read_table(first)
    message = str(caught.value)
    assert "\n" not in message and str(first.name) in message
    for word in words:
        assert word in message
