"""Tables are read from CSV and Parquet files and folders; what is wrong with a file is said in one line."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import InputError
from pipeline.tables import read_table

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


GOOD = "a,b\n1,x\n2,y\n"
WRONG: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    "nothing there": ({}, ["no such file", "dvc pull"]),
    "zero bytes": ({"t.csv": ""}, ["empty"]),
    "only line ends": ({"t.csv": "\n\n"}, ["not a readable CSV"]),
    "only a header": ({"t.csv": "a,b\n"}, ["no rows"]),
    "semicolons": ({"t.csv": "a;b\n1;2\n"}, ["semicolons", "commas"]),
    "tabs": ({"t.csv": "a\tb\n1\t2\n"}, ["tabs", ".tsv"]),
    "bars": ({"t.csv": "a|b\n1|2\n"}, ["bars"]),
    "commas in a .tsv": ({"t.tsv": "a,b\n1,2\n"}, ["commas"]),
    "latin-1 in a cell": ({"t.csv": "a,b\nx,Zürich\n".encode("latin-1")}, ["not UTF-8", "byte"]),
    "latin-1 in the header": ({"t.csv": "a,Größe\nx,1\n".encode("latin-1")}, ["not UTF-8"]),
    "UTF-16": ({"t.csv": GOOD.encode("utf-16")}, ["not UTF-8"]),
    "the same name twice": ({"t.csv": "a,b,a\n1,2,3\n"}, ["'a'", "more than once"]),
    "more cells than names": ({"t.csv": "a,b\n1,2,3\n4,5,6\n"}, ["more cells"]),
    "more cells in one row": ({"t.csv": "a,b\n1,2\n4,5,6\n"}, ["line 3"]),
    "an open quote": ({"t.csv": 'a,b\n1,"x\n2,y\n'}, ["EOF inside string"]),
    "half a gzip file": ({"t.csv.gz": gzip.compress(GOOD.encode() * 99)[:40]}, ["gzip"]),
    "no gzip file": ({"t.csv.gz": GOOD}, ["gzip"]),
    "no Parquet": ({"t.parquet": GOOD}, ["not a readable Parquet"]),
    "an Excel file": ({"t.xlsx": b"PK\x03\x04"}, ["t.xlsx", "CSV"]),
    "other columns in one file": (
        {"t/a.csv": GOOD, "t/b.csv": "a,c\n1,x\n"},
        ["b.csv", "differ", "only a.csv has 'b'"],
    ),
    "a column more in one file": ({"t/a.csv": GOOD, "t/b.csv": "a,b,c\n1,x,2\n"}, ["only b.csv has 'c'"]),
    "notes among the files": ({"t/a.csv": GOOD, "t/README.txt": "hello"}, ["README.txt"]),
    "an empty file among others": ({"t/a.csv": GOOD, "t/b.csv": ""}, ["b.csv", "empty"]),
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
