"""The comment: the verdict first, within GitHub's limit, and nothing in it that a stranger's text can become."""

import dataclasses
import re

import pytest
from markdown_it import MarkdownIt

from pipeline.comment.neutral import neutralise
from pipeline.comparison import formats
from pipeline.params import Metric
from pipeline.repository.proof import Proof
from pipeline.review.changes import Change, StageChange
from pipeline.review.curves import Curve
from pipeline.review.report import Report, Revision
from pipeline.review.show.html import to_html
from pipeline.review.show.render import LIMIT, resample, to_markdown
from pipeline.review.where import Flip

HOSTILE = [
    "<script>alert(1)</script>",
    "a | b | c",
    "`code` **bold** ~~gone~~ [link](https://example.com) ![x](https://example.com/x.png)",
    "</code></td></details>",
    "line\n\n# heading",
    "```\n# out of the fence",
    "&lt;b&gt; $x$ \\",
    "<!-- ",
]


def first_screen(markdown: str) -> str:
    return markdown.partition("<details>")[0]


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def test_the_first_screen_says_everything(full_report: Report) -> None:
    lines = first_screen(to_markdown(full_report)).splitlines()
    assert lines[0] == "## 🟢 Better: accuracy 73.67 % → 94.00 %"
    assert re.search(r"\+20.33 points \(95 % interval \+.* to \+.*\) on the same 300 test rows", lines[1])
    text = "\n".join(lines)
    for part in ("train.arguments.alpha 0.001 → 0.01", "rows fixed", "dvc.lock is stale", "1 of 1 rule", "bbbbbbb"):
        assert part in text
    assert len(lines) < 20


def test_every_part_is_there_and_folded(full_report: Report) -> None:
    markdown = to_markdown(full_report)
    assert markdown.count("<details>") == markdown.count("</details>") == 7
    for row in ("| **accuracy** |", "| log\\_loss |", "| class 2 |", "scikit-learn", "src/pipeline/stages/train.py"):
        assert row in markdown
    assert "```diff\ndiff --git a/dvc.lock" in markdown


def test_a_change_that_is_better_but_not_allowed_says_so_first(full_report: Report) -> None:
    failing = dataclasses.replace(full_report.gate[0], status="fails")
    report = dataclasses.replace(full_report, gate=(failing,))
    assert to_markdown(report).startswith("## 🟢 Better, but not allowed: accuracy")
    assert report.failures == ("accuracy at least 95.00 % (95.00 %)",)


def test_without_a_base_the_head_is_shown_alone(full_report: Report) -> None:
    report = Report(
        head=full_report.head,
        primary="accuracy",
        metrics=full_report.metrics,
        head_values={"accuracy": 0.975, "log_loss": 0.1, "interval": {"accuracy": {"low": 0.96, "high": 0.99}}},
        gate=full_report.gate,
    )
    markdown = to_markdown(report)
    assert markdown.startswith("## 🆕 First results: accuracy 97.50 %")
    assert "no base with results" in markdown and "96.00 % to 99.00 %" in markdown
    assert "| log\\_loss | 0.1000 |" in markdown


def test_a_comparison_that_could_not_be_made_says_why(full_report: Report) -> None:
    markdown = to_markdown(Report(problem="base <b>: pipeline does not run"))
    assert markdown.startswith("## ⛔ Not compared")
    assert "base &lt;b&gt;: pipeline does not run" in markdown and "❌ not allowed" in markdown


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_the_repository_stays_text(full_report: Report, text: str) -> None:
    assert full_report.changes is not None
    changes = dataclasses.replace(
        full_report.changes,
        parameters=(Change(text, text, text),),
        environment=(Change(text, text, text),),
        stages=(StageChange(text, ("code",), (text,)),),
    )
    flip = Flip(text, text, text, text, 0.5, None)
    proof = Proof((text,), "stale", "not run again", f"+{text}\n")
    report = dataclasses.replace(
        full_report,
        head=Revision(text, "a" * 40, text, "the workspace"),
        changes=changes,
        broken=(flip,),
        proof=proof,
        metrics={**full_report.metrics, text: Metric(better="higher", tolerance=0)},
    )
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(to_markdown(report))
    clean = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(to_markdown(full_report))
    assert tags(html) == tags(clean), "the text made, closed or moved an element"


def tags(html: str) -> list[str]:
    """The elements outside code blocks, in order, without the rows that a table may have more of."""
    html = re.sub(r"<pre>.*?</pre>", "<pre>", html, flags=re.DOTALL)
    return sorted(set(re.findall(r"</?[a-z][^>]*>|<!--", html)))


def test_the_poster_of_comments_leaves_the_report_as_it_is(full_report: Report) -> None:
    plain = neutralise(to_markdown(full_report)).replace("\u200b", "")
    kept = [line for line in to_markdown(full_report).splitlines() if line.strip()]
    assert [line for line in plain.splitlines() if line.strip()] == kept
    assert "```mermaid" in plain


def huge(report: Report, flips: int, changes: int) -> Report:
    assert report.changes is not None
    flip = Flip("k" * 40, "t" * 200, "b" * 200, "h" * 200, 0.5, None)
    many = tuple(Change(f"train.arguments.{'n' * 200}{place}", "o" * 300, "n" * 300) for place in range(changes))
    return dataclasses.replace(
        report,
        broken=(flip,) * flips,
        changes=dataclasses.replace(report.changes, parameters=many, environment=many, schema=many),
    )


@pytest.mark.parametrize(("flips", "changes"), [(10, 10), (40, 30), (40, 5000)])
def test_a_huge_report_fits_and_says_what_was_cut(full_report: Report, flips: int, changes: int) -> None:
    markdown = to_markdown(huge(full_report, flips, changes))
    assert units(markdown) <= LIMIT
    assert markdown.count("<details>") == markdown.count("</details>")
    assert len(re.findall(r"^```", markdown, flags=re.MULTILINE)) % 2 == 0
    assert ("Cut to fit a comment" in markdown) == (changes > 10)
    assert "Better" in markdown.splitlines()[0]


def test_a_patch_cannot_close_its_code_block(full_report: Report) -> None:
    proof = Proof((), "stale", "not run again", "diff --git a/dvc.lock b/dvc.lock\n+````\n+# heading\n")
    markdown = to_markdown(dataclasses.replace(full_report, proof=proof))
    assert "`````diff\ndiff --git a/dvc.lock b/dvc.lock\n+````" in markdown


def test_of_a_long_patch_the_part_for_dvc_lock_is_shown(full_report: Report) -> None:
    lock = "diff --git a/dvc.lock b/dvc.lock\n-old\n+new\n"
    plots = "diff --git a/metrics/roc.json b/metrics/roc.json\n" + "+x\n" * 20_000
    proof = Proof((), "stale", "not run again", lock + plots)
    markdown = to_markdown(dataclasses.replace(full_report, proof=proof))
    assert f"```diff\n{lock}" in markdown and "+x\n+x" not in markdown and "git apply lock.patch" in markdown
    long = dataclasses.replace(proof, patch=lock + "+x\n" * 20_000)
    markdown = to_markdown(dataclasses.replace(full_report, proof=long))
    assert "+x" not in markdown and "git apply lock.patch" in markdown


def test_curves_of_different_length_share_one_axis(full_report: Report) -> None:
    markdown = to_markdown(full_report)
    chart = markdown.partition("```mermaid")[2].partition("```")[0]
    base, head = re.findall(r"line \[(.*)\]", chart)
    assert 'x-axis "step" 0 --> 39' in chart
    assert len(base.split(",")) == len(head.split(",")) == 40
    assert head.split(", ")[19] == head.split(", ")[39], "level after its end"
    assert "the base is purple and the head is orange; the head ends at step 19" in markdown


def test_a_long_curve_is_thinned(full_report: Report) -> None:
    line = tuple((step, float(step)) for step in range(5000))
    markdown = to_markdown(dataclasses.replace(full_report, curves=(Curve("validation/loss", line, line),)))
    assert max(len(found.split(",")) for found in re.findall(r"line \[(.*)\]", markdown)) <= 300


def test_resampling_keeps_values_at_their_steps() -> None:
    assert resample(((2, 1.0), (4, 3.0)), [0, 2, 3, 4, 9]) == [1.0, 1.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("0123456789abcdef0123456789abcdef", "0123456789"),
        ("0123456789abcdef0123456789abcdef-1", "0123456789-1"),
        ("1234567890123456789", "1234567890123456789"),
        ("hospital/ward-12/patient-00123", "hospital/ward-12/patient-00123"),
        ("x" * 50 + "y" * 50, "x" * 29 + "…" + "y" * 30),
    ],
)
def test_keys_of_rows_can_be_told_apart(key: str, shown: str) -> None:
    assert formats.key(key) == shown


def test_poor_answers_stand_on_the_first_screen_and_knowing_nothing_below(full_report: Report) -> None:
    per_class = {
        "0": {"rows": 150, "predicted": 290},
        "1": {"rows": 100, "predicted": 10},
        "2": {"rows": 50, "predicted": 0},
    }
    report = dataclasses.replace(full_report, head_values=full_report.head_values | {"per_class": per_class})
    for text in (to_markdown(report), to_html(report)):
        assert text.replace("&#39;", "'").count("it answers '0' for all but 10 of 300 rows, and 50.0% of them are") == 1
        assert "always answering “0”, the commonest class, would be right in 50.0" in text
