"""What `prepare` noticed in the data is in every report, and on its first screen what is new."""

import json
from pathlib import Path

import pytest

from pipeline.review.notices import Notice, read_notices
from pipeline.review.report import Report, Revision
from pipeline.review.show import words
from pipeline.review.show.html import to_html
from pipeline.review.show.render import to_markdown

ID = {"code": "id", "column": "customer", "message": "left out: every row has a value of its own"}
TWICE = {"code": "contradictory", "column": "", "message": "2 rows contradict each other"}


def side(folder: Path, *warnings: dict[str, str]) -> Path:
    (folder / "metrics/prepare").mkdir(parents=True)
    (folder / "metrics/prepare/profile.json").write_text(json.dumps({"warnings": warnings}))
    return folder


def test_what_the_base_has_not_is_new_and_comes_first(tmp_path: Path) -> None:
    base = side(tmp_path / "base", {**ID, "message": "other figures"})
    assert read_notices(base, side(tmp_path / "head", ID, TWICE)) == (
        Notice("", TWICE["message"], True),
        Notice("customer", ID["message"], False),
    )


@pytest.mark.parametrize("content", ["", "{}", '{"warnings": 3}', '{"warnings": [3, {"code": "id"}]}'])
def test_a_profile_without_warnings_has_none(tmp_path: Path, content: str) -> None:
    head = side(tmp_path / "head")
    (head / "metrics/prepare/profile.json").write_text(content)
    assert read_notices(None, head) == read_notices(head, tmp_path) == ()


def test_a_report_names_what_is_new_and_lists_all(tmp_path: Path) -> None:
    notices = read_notices(side(tmp_path / "base", ID), side(tmp_path / "head", ID, TWICE))
    report = Report(base=Revision("main", "1" * 40, "a", "b"), head=Revision("x", "2" * 40, "c", "d"), notices=notices)
    first, _, rest = to_markdown(report).partition("<details>")
    assert "**Data**: ⚠️ 2 rows contradict each other" in first and "customer" not in first
    assert "| rows | 2 rows contradict each other | new |" in rest
    assert "| customer | left out: every row has a value of its own | as before |" in rest
    assert to_html(report).count("2 rows contradict each other") == 2
    assert "Data: 2 rows contradict each other" in words.lines(report)
    assert words.noticed(Report(notices=notices[1:])) is None
