"""No stage takes worse than linear time in the rows, columns or classes of a table, or in the length of a cell."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.data.schema import Feature, Schema
from pipeline.data.validate import check_recorded
from pipeline.stages import evaluate, package, prepare, train
from tests.stages.judged import record
from tests.stages.project import Project, project

__all__ = ["project"]

STAGES: dict[str, Callable[[], None]] = {
    "prepare": prepare.main,
    "train": train.main,
    "evaluate": evaluate.main,
    "package": package.main,
}
LARGEST_FACTOR = 20  # for ten times as much; linear is 10, sorting a little more, a square 100
NOISE = 2  # seconds that a stage may take longer: a solver's steps, other processes in the same caches


def table(rows: int = 1500, columns: int = 10, classes: int = 4, length: int = 20) -> pd.DataFrame:
    """Numbers, and two columns of categories as long as asked; the target follows from one of the numbers."""
    random = np.random.default_rng(0)
    code = np.arange(rows) % classes
    numbers = {f"n{i}": random.normal(code, 1 + classes, rows).round(4) for i in range(columns)}
    words = {name: np.array([(name + str(i) + "x" * length)[:length] for i in range(12)]) for name in ("city", "1")}
    texts = {name: choices[random.integers(0, 12, rows)] for name, choices in words.items()}
    return pd.DataFrame(numbers | texts | {"target": [f"class {i}" for i in code]})


def seconds(project: Project, content: pd.DataFrame) -> dict[str, float]:
    """CPU time of each stage on a table, each run once."""
    project.write(content, "data/raw/table.parquet")
    model = {"estimator": "linear_model.LogisticRegression", "arguments": {"max_iter": 20}, "preprocessing": []}
    project.set(train=model)
    project.set(data={"path": "data/raw/table.parquet"}, package={"tolerance": 0.01})
    project.write_params()
    found = {}
    for name, main in STAGES.items():
        began = time.process_time()
        main()
        found[name] = time.process_time() - began
        if name == "train":
            record()
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize(("what", "small"), [("rows", 2000), ("columns", 150), ("classes", 20), ("length", 3000)])
def test_ten_times_as_much_takes_ten_times_as_long_not_a_hundred(project: Project, what: str, small: int) -> None:
    more = {"rows": 8000} if what == "classes" else {}
    seconds(project, table(rows=300))  # imports
    before, after = (seconds(project, table(**more | {what: size})) for size in (small, 10 * small))
    slow = {name: (before[name], after[name]) for name in before if after[name] > LARGEST_FACTOR * before[name] + NOISE}
    assert slow == {}


def test_a_recorded_schema_of_many_columns_and_classes_is_checked_at_once() -> None:
    features = tuple(Feature(f"n{i}", "number", minimum=0.0, maximum=1.0) for i in range(20_000))
    schema = Schema(features, "target", tuple(range(20_000)))
    began = time.process_time()
    check_recorded(schema, schema)
    assert time.process_time() - began < 2


def test_prepare_says_what_it_does_where_that_takes_seconds(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns, lines in ((10, 0), (prepare.MANY_COLUMNS, 6)):
        project.write(table(rows=60, columns=columns), "data/raw/table.parquet")
        monkeypatch.setattr(prepare, "LARGE", 100_000)
        project.prepare(path="data/raw/table.parquet")
        first, *said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("prepare: ")] or [""]
        assert first.startswith("prepare: reading data/raw/table.parquet (") == (lines > 0)  # before anything is known
        assert len(said) + bool(first) == lines and all(f"{columns + 3:,} columns, 60 rows" in line for line in said)


def test_how_much_is_read_is_told_of_a_large_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).touch()
        os.truncate(tmp_path / name, 3_000_000)
    prepare.announce(tmp_path / "a.csv")
    assert capsys.readouterr().err == ""
    prepare.announce(tmp_path)
    assert capsys.readouterr().err == f"prepare: reading {tmp_path} (6 MB)\n"
