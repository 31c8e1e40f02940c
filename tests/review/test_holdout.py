"""The rows held back: on record before anybody sees them, and only rows that neither side was trained on."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.errors import CheckError, ResourceError
from pipeline.params import read_params
from pipeline.repository import tags
from pipeline.review.holdout import open_holdout
from tests.conftest import Clone
from tests.repository.small import set_param

pytestmark = pytest.mark.slow  # runs the pipeline of two revisions and looks at both


@pytest.fixture(autouse=True)
def author(monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.com")


def test_the_record_comes_first_and_only_once_for_a_model(
    results: Clone, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = results.run("git", "rev-parse", "HEAD").stdout.strip()
    tested = set(pd.read_parquet(results.path / "data/prepared/test.parquet")["__key__"])
    set_param(results, "prepare.holdout_size", 0.5)
    results.run("dvc", "repro")
    base = results.commit("rows are held back")
    assert set(pd.read_parquet(results.path / "data/prepared/test.parquet")["__key__"]) == tested
    held = set(pd.read_parquet(results.path / "data/prepared/holdout.parquet")["__key__"])
    set_param(results, "train.arguments.skill", 0.6)
    results.run("dvc", "repro")
    head = results.commit("worse")
    params = read_params(results.path / "params.yaml")

    with pytest.raises(CheckError, match="holds no row back"):
        open_holdout(results.path, before, head, params)
    results.run("git", "remote", "add", "origin", str(tmp_path / "nowhere"))
    with pytest.raises(ResourceError, match="nothing is recorded"):
        open_holdout(results.path, base, head, params)
    assert not tags.read(results.path) and "Running stage" not in capfd.readouterr().err, "nothing was looked at"

    results.run("git", "clone", "-q", "--bare", ".", str(tmp_path / "nowhere"))
    found = open_holdout(results.path, base, head, params)
    assert (found.tag, found.before) == ("digits#holdout#1", 0)
    assert found.comparison.n == len(held) > 20 and found.comparison.headline.verdict == "worse"
    assert not set(found.comparison.flips.right_to_wrong["key"]) & tested
    assert [tag.tag for tag in tags.read(tmp_path / "nowhere")] == ["digits#holdout#1"], "others see it, too"
    assert not results.run("git", "status", "--porcelain").stdout

    again = open_holdout(results.path, base, head, params)
    assert (again.tag, again.before) == (found.tag, 0), "the same model shown again tells nothing new"
    other = open_holdout(results.path, head, base, params)
    assert (other.tag, other.before) == ("digits#holdout#2", 1)
