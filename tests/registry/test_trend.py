"""The trend of a made-up history: its steps, releases and anchor, as a table, as JSON and as a page; and its cost."""

import json
import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import InputError
from pipeline.params import read_params
from pipeline.registry import trend_lines
from pipeline.registry.trend import NOT_HERE, Trend, trend
from pipeline.registry.trend_page import to_html
from tests.registry.made_up import make_history, said

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
WRONG = [range(60), range(60), range(10), range(10, 21), range(90)]  # rows that a commit has wrong


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commits of a history in which this process stands."""
    commits = make_history(tmp_path / "repository", WRONG)
    monkeypatch.chdir(tmp_path / "repository")
    return commits


def tag(name: str, commit: str) -> None:
    said("git", *IDENTITY, "tag", "-a", "-m", name, name, commit)


def read(last: int = 200) -> Trend:
    return trend(Path.cwd(), read_params(), last=last)


def test_steps_are_judged_together_and_equal_results_are_one_point(history: list[str]) -> None:
    found = read()
    assert [(point.commit, point.commits) for point in found.points] == [
        (history[0], 2),
        (history[2], 1),
        (history[3], 1),
        (history[4], 1),
    ]
    assert [trend_lines.told(point) for point in found.points] == ["", "better", "not told apart", "worse"]
    assert found.compared == 3 and found.confidence == pytest.approx(1 - 0.05 / 3)
    assert all(point.step.confidence == pytest.approx(found.confidence) for point in found.points if point.step)
    assert found.points[0].figures.confidence == 0.9
    assert [point.commit for point in read(last=2).points] == history[3:]


def test_versions_stand_at_their_results_and_the_anchor_judges_the_newest(history: list[str]) -> None:
    for name, commit in {"digits@v1.0.0": history[1], "digits@v1.1.0": history[2], "digits#prod#1": history[2]}.items():
        tag(name, commit)
    tag("digits@v0.9.0", said("git", *IDENTITY, "commit-tree", "-m", "aside", f"{history[0]}^{{tree}}"))
    found = read()
    assert [point.releases for point in found.points] == [("v1.0.0",), ("v1.1.0",), (), ()]
    assert found.beside == ("v0.9.0",)
    assert found.anchor is not None and found.anchor.newest is not None
    assert (found.anchor.name, found.anchor.newest.verdict) == ("digits#prod#1", "worse")
    assert found.anchor.newest.confidence == pytest.approx(0.998)


def test_the_table_fits_and_the_page_and_json_say_the_same(history: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    tag("digits@v1.1.0", history[2])
    tag("digits#prod#1", history[2])
    monkeypatch.setenv("COLUMNS", "100")
    done = CliRunner().invoke(app, ["trend", "--html", "trend.html"])
    lines = done.output.splitlines()
    assert done.exit_code == 0 and "4 results in 5 commits; of 3 steps 1 surely better and 1 surely worse" in lines[0]
    assert lines[1].startswith("the newest against digits#prod#1: worse, −20.00 points, ")
    table = lines[3:8]
    assert "90 % interval" in table[0]
    assert max(map(len, table)) <= 100 and "worse −19.75 points" in table[1] and "v1.1.0" in table[3]
    page = Path("trend.html").read_text(encoding="utf-8")
    assert "change &lt;b&gt;2&lt;/b&gt;" in page and "<script" not in page and "src=" not in page
    assert page.count('<path class="better"') == page.count('<path class="worse"') == 1
    assert 'class="anchor"' in page and ">v1.1.0</text>" in page and "accuracy over 4 results, from 85.00 %" in page
    content = json.loads(CliRunner().invoke(app, ["trend", "--json"]).output)
    assert [point["step"] and point["step"]["verdict"] for point in content["points"]][-1] == "worse"


def test_what_is_not_in_the_cache_is_no_step(history: list[str]) -> None:
    for file in Path(".dvc/cache").rglob("*"):
        if file.is_file():
            file.unlink()
    found = read()
    assert [point.why for point in found.points] == ["", *[NOT_HERE] * 3]
    assert "dvc fetch --all-commits" in " ".join(trend_lines.notes(found))
    assert to_html(found, read_params().review.metrics)


def test_a_repository_without_results_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_history(tmp_path / "repository", WRONG[:1])
    monkeypatch.chdir(tmp_path / "repository")
    empty = said(
        "git", *IDENTITY, "commit-tree", "-m", "nothing yet", said("git", "hash-object", "-t", "tree", "-w", os.devnull)
    )
    with pytest.raises(InputError, match="no commit has results yet"):
        trend(Path.cwd(), read_params(), empty)


def test_time_grows_with_the_commits_and_not_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spent = {}
    for number in (6, 24):
        make_history(tmp_path / str(number), [range(place % 7, place % 7 + 12) for place in range(number)], rows=60)
        monkeypatch.chdir(tmp_path / str(number))
        read()  # what is imported or compiled the first time
        began = time.process_time()
        assert len(read().points) == number
        spent[number] = time.process_time() - began
    assert spent[24] < 1.6 * 4 * spent[6]
