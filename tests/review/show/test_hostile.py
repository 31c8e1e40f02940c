"""Names from tables, parameters and Git that a terminal or a page would obey are shown instead, wherever they stand."""

import dataclasses
import re
import unicodedata

import pytest

from pipeline.comparison.compare import compare
from pipeline.comparison.gate import Outcome
from pipeline.files import write_json
from pipeline.repository.proof import Proof
from pipeline.review.changes import Change, StageChange
from pipeline.review.curves import Curve
from pipeline.review.report import Notice, Report, Revision
from pipeline.review.show import terminal
from pipeline.review.show.html import to_html
from pipeline.review.show.metrics import print_metrics
from pipeline.review.show.render import to_markdown
from pipeline.review.where import Flip
from tests.conftest import ROOT
from tests.review.conftest import predictions

HOSTILE = "n\x1b[2J\x1b]8;;https://e.vil\x07\u202e\u200b\x9b" + "\u0301" * 300
MARKS = "\u0301" * 5


@pytest.fixture
def hostile_report(full_report: Report) -> Report:
    """A report in which every name is hostile."""
    change, notice = Change(HOSTILE, HOSTILE, HOSTILE), Notice(HOSTILE, HOSTILE, True)
    sides = [
        predictions(300, right, seed).astype({"truth": str, "prediction": str}) for right, seed in ((0.8, 0), (0.95, 1))
    ]
    tables = [
        side.rename(columns={"proba_0": f"proba_{HOSTILE}"}).replace({"truth": "0", "prediction": "0"}, HOSTILE)
        for side in sides
    ]
    flips = (Flip(HOSTILE, HOSTILE, HOSTILE, HOSTILE, 0.8, None),)
    assert full_report.changes is not None
    return dataclasses.replace(
        full_report,
        head=Revision(HOSTILE, "a" * 40, HOSTILE, HOSTILE),
        base=Revision("bbbbbbb", "b" * 40, HOSTILE, HOSTILE),
        comparison=compare(*tables, full_report.metrics),
        changes=dataclasses.replace(
            full_report.changes,
            classes=(change,),
            schema=(change,),
            parameters=(change,),
            judging=(change,),
            environment=(change,),
            stages=(StageChange(HOSTILE, (HOSTILE,), (HOSTILE,)),),
        ),
        broken=flips,
        fixed=flips,
        notices=(notice,),
        curves=tuple(Curve(f"{HOSTILE}/loss", curve.base, curve.head) for curve in full_report.curves),
        proof=Proof((), "stale", "not run again", f"diff --git a/dvc.lock b/dvc.lock\n-old\n+{HOSTILE}\n"),
        gate=(Outcome(HOSTILE, "block", "fails", HOSTILE),),
    )


def hidden(text: str) -> set[str]:
    """What in a text cannot be seen, or is stacked up."""
    found = {c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c not in "\n\t"}
    return found | {mark for mark in (MARKS,) if mark in text}


def test_the_comment_and_the_page_show_it(hostile_report: Report) -> None:
    for text in (to_markdown(hostile_report), to_html(hostile_report)):
        assert hidden(text) == set()
        assert "x1b" in text and "u202e" in text


def test_the_terminal_shows_it(hostile_report: Report, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    from pipeline import cli
    from pipeline.review import assemble

    monkeypatch.setattr(assemble, "write_report", lambda *_: dataclasses.replace(hostile_report, gate=()))
    cli.report()
    assert hostile_report.comparison is not None
    terminal.print_table(hostile_report.comparison)
    terminal.print_json(hostile_report.comparison)
    printed = capsys.readouterr().out
    assert hidden(printed) == set()
    assert "because of" in printed.lower() and re.search(r"\\x1b", printed)


def test_a_name_is_no_markup_of_the_terminal(tmp_path, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    write_json("metrics/evaluate/metrics.json", {"[/]\x1b[2J": 0.5, "rows": 5})
    write_json("metrics/package/metrics.json", {"size_bytes": 1})
    print_metrics()
    printed = capsys.readouterr().out
    assert "[/]\\x1b[2J" in printed and hidden(printed) == set()
