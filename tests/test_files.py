"""A file is replaced as a whole or not at all."""

import math
import multiprocessing
import os
import signal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ResourceError
from pipeline.files import dump_yaml, finite, parse_yaml, read_json, read_parquet, replacing, write_json

# Where YAML 1.1, which PyYAML reads, and 1.2, which DVC reads, are of two minds, and where they are of one.
SCALARS = """1e-5 1e-05 1E5 -1e+3 .5 5. +.5e-3 1_000 1_0.5 0777 0o17 0x1F 0b11 017 08 1:30 190:20:30.15 yes No on OFF
y n true False ~ null Null .inf -.INF .nan - = << 2024-01-02 2024-01-02T03:04:05 1.2.3 1e 0.1 "yes" -0 '1e-5'"""


def test_a_file_and_its_folders_are_made(tmp_path: Path) -> None:
    with replacing(tmp_path / "a" / "b.txt") as new:
        new.write_text("text")
    assert (tmp_path / "a" / "b.txt").read_text() == "text"
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_a_folder_replaces_a_folder(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    for content in ("old", "new"):
        with replacing(target) as new:
            new.mkdir()
            (new / content).touch()
    assert [file.name for file in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, MemoryError])
def test_a_failure_keeps_the_old_content(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    with pytest.raises(error), replacing(target) as new:
        new.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_interruption_between_the_two_renames_of_a_folder_brings_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    rename = Path.replace

    def interrupted_after(path: Path, to: Path) -> Path:
        moved = rename(path, to)
        if path == target:
            monkeypatch.undo()
            raise KeyboardInterrupt
        return moved

    monkeypatch.setattr(Path, "replace", interrupted_after)
    with pytest.raises(KeyboardInterrupt), replacing(target) as new:
        new.mkdir()
    assert [file.name for file in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def _die_while_writing(target: Path) -> None:
    with replacing(target) as new:
        new.write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_keeps_the_old_content(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    process = multiprocessing.get_context("fork").Process(target=_die_while_writing, args=(target,))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert target.read_text() == "old"


def test_a_new_file_may_be_read_by_the_group_as_any_other_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with replacing(tmp_path / "replaced") as new:
        new.touch()
    assert (tmp_path / "replaced").stat().st_mode == (tmp_path / "plain").stat().st_mode


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


@given(json_values)
def test_json_comes_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    path = tmp_path_factory.getbasetemp() / "content.json"
    write_json(path, content)
    assert read_json(path) == content


def test_json_does_not_depend_on_the_order_of_keys(tmp_path: Path) -> None:
    write_json(tmp_path / "one", {"a": 1, "b": 2})
    write_json(tmp_path / "two", {"b": 2, "a": 1})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_nan_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "file", {"accuracy": math.nan})
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, True), (0.5, True), (math.nan, False), (math.inf, False), (True, False), ("1", False), (None, False)],
)
def test_only_finite_numbers_are_finite(value: object, expected: bool) -> None:
    assert finite(value) is expected


@pytest.mark.parametrize("scalar", [*SCALARS.split(), "!!str 1", "!!float 1"])
def test_yaml_is_read_as_dvc_reads_it_and_written_as_it_was_read(scalar: str) -> None:
    from dvc.utils.serialize import loads_yaml

    text = f"a: {scalar}\nb: [{scalar}]\n"
    try:
        expected = loads_yaml(text)
    except Exception:
        with pytest.raises(ValueError, match=r"^line \d"):
            parse_yaml(text)
        return
    assert repr(parse_yaml(text)) == repr(expected)
    assert repr(parse_yaml(dump_yaml(expected))) == repr(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 1: "),
        ("a: 1\nb: 1\na: 2", 'line 3: found duplicate key "a"'),
        ("a: 1\nb: 2024-13-01", "month must be in 1..12"),
        ("a: !!python/object:os.system {}", "line 1: could not determine a constructor"),
        ("a: \x01", "special characters are not allowed"),
        ("[" * 5000, "recursion"),
        ("a: 1\n---\nb: 2", "another document"),
    ],
)
def test_what_is_no_yaml_is_said_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        parse_yaml(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("size", [0, 3, 400])
def test_a_parquet_file_that_is_cut_off_is_named_with_what_to_do(tmp_path: Path, size: int) -> None:
    pd.DataFrame({"a": range(500)}).to_parquet(tmp_path / "t.parquet")
    assert list(read_parquet(tmp_path / "t.parquet", ["a", "b"])) == ["a"]
    with (tmp_path / "t.parquet").open("r+b") as file:
        file.truncate(size)
    with pytest.raises(ResourceError, match=r"t\.parquet: no whole Parquet file; delete it, then run dvc checkout"):
        read_parquet(tmp_path / "t.parquet")
    with pytest.raises(FileNotFoundError):
        read_parquet(tmp_path / "none.parquet")
