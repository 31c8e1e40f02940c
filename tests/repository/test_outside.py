"""Tables that are no part of the repository (a Git submodule's, beside it): recorded results count by their hashes."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from pipeline.errors import CheckError
from pipeline.repository.sides import PREDICTIONS, revision
from pipeline.repository.verify import lock_is_current
from tests.conftest import Clone
from tests.repository.small import set_param

ROWS = "data/raw/rows.csv"

pytestmark = pytest.mark.slow  # whole clones and their reviews


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file")


def read_from(results: Clone, place: str) -> str:
    """Let the pipeline read its table from another place; the commit with these results."""
    for file in ("dvc.yaml", "pipe.py"):
        results.edit(file, ROWS, place)
    set_param(results, "data.path", place)
    results.run("dvc", "repro")
    return results.commit("a table of elsewhere")


def take(root: Path, commit: str) -> tuple[str, pd.DataFrame]:
    with revision(root, commit) as side:
        return side.source, pd.read_parquet(side.folder / PREDICTIONS)


def test_a_table_beside_the_repository(results: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = results.path.parent / "tables" / "rows.csv"
    beside.parent.mkdir()
    shutil.move(results.path / ROWS, beside)
    commit = read_from(results, "../tables/rows.csv")
    source, expected = take(results.path, commit)
    assert source == "the DVC cache"
    shutil.rmtree(results.path / ".dvc/cache")
    source, again = take(results.path, commit)
    assert source == "a run in a temporary worktree"
    pd.testing.assert_frame_equal(again, expected)
    content = beside.read_text()
    beside.write_text(content + "new,1\n")
    shutil.rmtree(results.path / ".dvc/cache")
    with pytest.raises(CheckError, match=r"\.\./tables/rows\.csv has changed since"):
        take(results.path, commit)
    beside.unlink()
    monkeypatch.chdir(results.path)
    found = lock_is_current()
    assert found.problems == []
    assert found.doubts == ["../tables/rows.csv: not here; only its hash in dvc.lock speaks for it"]


def test_a_table_in_a_submodule_counts_as_of_the_submodules_commit(results: Clone) -> None:
    tables = Clone(results.path.parent / "tables")
    tables.path.mkdir()
    shutil.copy(results.path / ROWS, tables.path)
    tables.run("git", "init", "-q", "-b", "main")
    tables.commit("rows")
    results.run("git", "submodule", "--quiet", "add", str(tables.path), "tables", env={"GIT_ALLOW_PROTOCOL": "file"})
    commit = read_from(results, "tables/rows.csv")
    source, expected = take(results.path, commit)
    assert source == "the DVC cache"
    (results.path / "tables/rows.csv").write_text("key,target\n" + "".join(f"new{n},{n % 10}\n" for n in range(90)))
    Clone(results.path / "tables").commit("other rows")
    later = results.commit("the submodule moved, nothing was run")
    source, found = take(results.path, later)
    assert source == "a run in a temporary worktree"
    assert found["key"].str.startswith("new").all()
    source, found = take(results.path, commit)
    assert source == "the DVC cache"
    pd.testing.assert_frame_equal(found, expected)


def test_a_repository_that_is_itself_a_submodule(results: Clone) -> None:
    whole = Clone(results.path.parent / "whole")
    whole.path.mkdir()
    whole.run("git", "init", "-q", "-b", "main")
    whole.run("git", "submodule", "--quiet", "add", str(results.path), "part", env={"GIT_ALLOW_PROTOCOL": "file"})
    shutil.copytree(results.path / ".dvc/cache", whole.path / "part/.dvc/cache")
    source, _ = take(whole.path / "part", "HEAD")
    assert source == "the DVC cache"
    shutil.rmtree(whole.path / "part/.dvc/cache")
    source, _ = take(whole.path / "part", "HEAD")
    assert source == "a run in a temporary worktree"
