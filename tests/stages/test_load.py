"""`load` writes one table, the same every time, or says why not and leaves the last one."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import InputError, explain
from pipeline.stages import load
from tests.conftest import ROOT, environment
from tests.data.test_sources import idx_bytes

from .project import Project, project

__all__ = ["project"]


def test_the_digits_are_the_same_file_every_time(project: Project) -> None:
    table = project.load("digits")
    first = load.OUTPUT.read_bytes()
    assert table.shape == (1797, 65) and table.attrs["image"] == [8, 8]
    project.load("digits")
    assert load.OUTPUT.read_bytes() == first
    assert [file.name for file in load.OUTPUT.parent.iterdir()] == ["dataset.parquet"]


@pytest.mark.parametrize("dataset", ["iris", "wine", "breast_cancer"])
def test_a_bundled_set_goes_through_both_stages(project: Project, dataset: str) -> None:
    table = project.load(dataset)
    sides = project.prepare(path="data/raw/dataset.parquet")
    assert project.profile["rows"] == len(table)
    assert sum(map(len, sides.values())) + project.profile["rows_left_out"] == len(table)


def test_idx_files_keep_their_split_and_their_pictures_in_prepare(project: Project, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for split, rows in {"train": 300, "t10k": 100}.items():
        (folder / f"{split}-images-idx3-ubyte").write_bytes(idx_bytes(rng.integers(0, 256, (rows, 4, 3))))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(idx_bytes(rng.integers(0, 3, rows)))
    project.load(f"idx:{folder}")
    sides = project.prepare(path="data/raw/dataset.parquet")
    assert len(sides["test"]) == 100 and 20 < len(sides["validation"]) < 80
    assert list(project.schema) == [f"pixel_{y}_{x}" for y in range(4) for x in range(3)]
    assert {str(kind) for side in sides.values() for kind in side[list(project.schema)].dtypes} == {"uint8"}


def test_a_set_that_cannot_be_read_leaves_the_last_table(project: Project, tmp_path: Path) -> None:
    project.load("digits")
    before = load.OUTPUT.read_bytes()
    with pytest.raises(InputError, match="no such folder"):
        project.load(f"idx:{tmp_path / 'nowhere'}")
    assert load.OUTPUT.read_bytes() == before


@pytest.mark.parametrize("dataset", ["digit", "openml:", "idx:", "boston", ""])
def test_an_unknown_name_is_refused_with_what_is_allowed(project: Project, dataset: str) -> None:
    with pytest.raises(InputError) as caught:
        project.load(dataset)
    message, exit_code = explain(caught.value)
    assert exit_code == 2 and "load.dataset" in message


def test_the_command_says_in_one_line_that_openml_is_out_of_reach(project: Project, tmp_path: Path) -> None:
    project.load("digits")
    before = load.OUTPUT.read_bytes()
    text = (tmp_path / "params.yaml").read_text(encoding="utf-8").replace("dataset: digits", "dataset: openml:adult@2")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    shut = {"https_proxy": "http://127.0.0.1:9", "SCIKIT_LEARN_DATA": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.stages.load"],
        env=environment() | shut | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: OpenML cannot be reached for 'adult'") and done.stderr.count("\n") == 1
    assert load.OUTPUT.read_bytes() == before


def test_the_default_needs_no_more_than_the_table_says(project: Project) -> None:
    project.load("digits")
    assert load.OUTPUT.stat().st_size < 200_000
    assert set(pd.read_parquet(load.OUTPUT).dtypes.map(str)) == {"uint8"}
