"""A DVCLive folder is read completely, in order, and into the same rows, however it grew."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tracking import records
from pipeline.tracking.records import History

logged = st.lists(st.tuples(st.sampled_from(["a", "b/c"]), st.integers(0, 4), st.booleans()), max_size=30)


def write(folder: Path, name: str, step: int, value: float) -> None:
    path = folder / f"plots/metrics/{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write("" if path.stat().st_size else f"step\t{Path(name).name}\n")
        file.write(f"{step}\t{value!r}\n")


@settings(max_examples=60, deadline=None)
@given(logged=logged)
def test_no_value_is_lost_doubled_or_moved_and_a_second_reading_gives_the_same_rows(
    logged: list[tuple[str, int, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("records")
    history, rows, batches = History(folder), [], []
    for number, (name, step, look) in enumerate(logged):
        write(folder, name, step, number / 7)
        if look:
            history.read()
            new, batch = history.rows(final=False)
            rows, batches = rows + new, [*batches, batch]
    history.read()
    new, batch = history.rows(final=True)
    rows, batches = rows + new, [*batches, batch]
    for name in ("a", "b/c"):
        expected = [(step, number / 7) for number, (n, step, _) in enumerate(logged) if n == name]
        assert [(row["step"], row[name]) for row in rows if name in row] == expected
    again = History(folder)
    again.read()
    assert [row for batch in batches for row in again.replay(batch)] == rows


def test_values_of_one_step_share_a_row(tmp_path: Path) -> None:
    for step in range(3):
        for name in ("loss", "accuracy"):
            write(tmp_path, name, step, step + 0.5)
    history = History(tmp_path)
    history.read()
    rows, _ = history.rows(final=True)
    assert rows == [{"loss": s + 0.5, "accuracy": s + 0.5, "step": s} for s in range(3)]


def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    write(tmp_path, "loss", 0, 1.0)
    path = tmp_path / "plots/metrics/loss.tsv"
    with path.open("a") as file:
        file.write("1\t0.")
    history = History(tmp_path)
    history.read()
    assert history.rows(final=True)[0] == [{"loss": 1.0, "step": 0}]
    with path.open("a") as file:
        file.write("25\n")
    history.read()
    assert history.rows(final=True)[0] == [{"loss": 0.25, "step": 1}]


def test_files_that_are_replaced_by_older_ones_add_nothing(tmp_path: Path) -> None:
    for step in range(5):
        write(tmp_path, "loss", step, 0.5)
    history = History(tmp_path)
    history.read()
    assert len(history.rows(final=True)[0]) == 5
    (tmp_path / "plots/metrics/loss.tsv").unlink()
    write(tmp_path, "loss", 0, 9.0)
    history.read()
    assert history.rows(final=True)[0] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-3", -3),
        ("0.1", 0.1),
        ("1e+20", 1e20),
        ("inf", math.inf),
        ("word", "word"),
        ("1_0", "1_0"),
        ("", ""),
    ],
)
def test_texts_become_the_numbers_that_they_stand_for(text: str, value: Any) -> None:
    assert records.number(text) == value
    assert type(records.number(text)) is type(value)


def test_nested_names_of_the_summary_are_joined(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps({"a": {"b": {"c": 1}}, "d": "nan", "e": "text", "f": [1, 2]}))
    found = records.summary(tmp_path)
    assert math.isnan(found.pop("d"))
    assert found == {"a/b/c": 1, "e": "text", "f": [1, 2]}


def test_an_empty_or_broken_folder_has_nothing(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{broken")
    assert (records.summary(tmp_path), records.plots(tmp_path), records.images(tmp_path)) == ({}, {}, {})
    assert records.params(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("step.tsv", "step\n7\n8\n", [{"metric/step": 7, "step": 0}, {"metric/step": 8, "step": 1}]),
        ("timestamp.tsv", "step\ttimestamp\n3\t0.5\n", [{"timestamp": 0.5, "step": 3}]),
        ("_step.tsv", "step\t_step\n3\t0.5\n", [{"metric/_step": 0.5, "step": 3}]),
        ("x.tsv", "timestamp\tstep\tx\n1500\t3\t0.5\n", [{"x": 0.5, "step": 3, "_timestamp": 1.5}]),
        ("x.tsv", "step\tx\n1.5\t2\n2.25\t3\n", [{"x": 2, "step": 1.5}, {"x": 3, "step": 2.25}]),
        ("x.tsv", "step\tx\nno\t1\n\n3\n1\t2\t3\nnan\t1\n4\t5\n", [{"x": 5, "step": 4}]),
        ("x.csv", "step,x\n0,1.5\n", [{"x": 1.5, "step": 0}]),
    ],
)
def test_columns_are_told_by_their_place_and_odd_lines_are_left_out(
    name: str, text: str, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "plots/metrics" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    history = History(tmp_path)
    history.read()
    assert history.rows(final=True)[0] == rows


def test_a_summary_of_another_shape_has_no_tables(tmp_path: Path) -> None:
    for content in ([1], {"per_class": {"a": 0.5}, "slice": {"age": 3}}):
        (tmp_path / "metrics.json").write_text(json.dumps(content))
        assert records.tables(tmp_path) == {}
