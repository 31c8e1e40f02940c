"""`pipeline compare`: a table or JSON for two files of predictions, and one line for files that are not."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

KEYS = [f"{row:03}" for row in range(300)]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 300)
    for name, right in (("base", 0.7), ("head", 0.95)):
        prediction = np.where(random.random(300) < right, truth, (truth + 1) % 3)
        table = pd.DataFrame({"key": KEYS, "truth": truth, "prediction": prediction})
        for label in range(3):
            table[f"proba_{label}"] = np.where(prediction == label, 0.8, 0.1)
        table.to_parquet(tmp_path / f"{name}.parquet")
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["pipeline", "compare", *arguments], cwd=folder, capture_output=True, text=True)


def test_table_shows_the_verdict_of_every_metric(files: Path) -> None:
    done = run(files, "base.parquet", "head.parquet")
    assert (done.returncode, done.stderr) == (0, "")
    first, *rest = done.stdout.splitlines()
    assert first == "accuracy: better, on the same 300 test rows"
    assert any(line.startswith("log_loss") and line.endswith("better") for line in rest)


def test_json_of_parquet_and_csv_is_the_same(files: Path) -> None:
    parquet = json.loads(run(files, "base.parquet", "head.parquet", "--json").stdout)
    csv = json.loads(run(files, "base.csv", "head.csv", "--json").stdout)
    assert parquet == csv
    assert parquet["n"] == 300
    assert (parquet["headline"]["metric"], parquet["headline"]["verdict"]) == ("accuracy", "better")
    assert parquet["metrics"]["accuracy"]["low"] > 0


def test_a_worse_model_is_told_with_exit_code_0(files: Path) -> None:
    done = run(files, "head.parquet", "base.csv", "--primary", "brier")
    assert done.returncode == 0
    assert done.stdout.startswith("brier: worse")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="key"), "head: no column key"),
        (lambda table: table.assign(key="same"), "head: 299 rows repeat a key, for example 'same'"),
        (lambda table: table.assign(proba_0=0.7), "do not sum to 1"),
        (lambda table: table.assign(proba_0=np.nan), "missing or infinite probability"),
        (lambda table: table.assign(key=[f"x{key}" for key in KEYS]), "no shared rows"),
        (lambda table: table.assign(truth=(table["truth"] + 1) % 3), "no row that is comparable: 300 with another"),
    ],
    ids=["no key", "repeated keys", "sums", "missing probability", "other keys", "other truth"],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_wrong_table_is_refused_in_one_line(files: Path, kind: str, change, message: str) -> None:
    wrong = change(pd.read_parquet(files / "head.parquet"))
    wrong.to_csv(files / "wrong.csv", index=False) if kind == "csv" else wrong.to_parquet(files / "wrong.parquet")
    done = run(files, "base.parquet", f"wrong.{kind}")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert message in done.stderr and (f"wrong.{kind}" in done.stderr)


def test_a_row_without_truth_is_named(files: Path) -> None:
    table = pd.read_parquet(files / "head.parquet")
    table["truth"] = table["truth"].astype("Int64").where(table.index != 6)
    table.to_parquet(files / "wrong.parquet")
    done = run(files, "base.parquet", "wrong.parquet")
    assert done.returncode == 2
    assert done.stderr.startswith("error: wrong.parquet, head: 1 row has no truth, the first is row 7 of 300 (in CSV")


def test_a_missing_file_is_named(files: Path) -> None:
    done = run(files, "base.parquet", "absent.csv")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "absent.csv" in done.stderr


def test_half_a_parquet_file_is_named(files: Path) -> None:
    whole = (files / "head.parquet").read_bytes()
    (files / "half.parquet").write_bytes(whole[: len(whole) // 2])
    done = run(files, "base.parquet", "half.parquet")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: half.parquet: not a readable Parquet file (")
