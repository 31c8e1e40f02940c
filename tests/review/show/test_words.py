"""The first screen's sentences: what they say of small, identical and secondary differences, of seeds and causes."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from pipeline.comparison import formats
from pipeline.comparison.compare import compare
from pipeline.comparison.gate import Harmless, Outcome
from pipeline.params import read_params
from pipeline.review.anchor import Anchor
from pipeline.review.changes import Change, Changes, RowChange, StageChange
from pipeline.review.looks import Looks
from pipeline.review.report import Report, Revision
from pipeline.review.seeds import summarise
from pipeline.review.show import tables, words
from tests.conftest import ROOT
from tests.review.conftest import predictions

METRICS = read_params(ROOT / "params.yaml").review.metrics


def report_on(base: pd.DataFrame, head: pd.DataFrame, **more: object) -> Report:
    return Report(primary="accuracy", metrics=METRICS, comparison=compare(base, head, METRICS), **more)  # type: ignore[arg-type]


def changed(**kinds: object) -> Changes:
    return Changes(**{field.name: kinds.get(field.name, ()) for field in dataclasses.fields(Changes)})  # type: ignore[arg-type]


def labels_only(rows: int, right: float, seed: int) -> pd.DataFrame:
    return predictions(rows, right, seed)[["key", "truth", "prediction"]]


def test_a_difference_that_is_surely_small_says_so_in_the_title() -> None:
    base = labels_only(100_000, 0.95, 0)
    head = base.copy()
    wrong = np.flatnonzero(base["prediction"] != base["truth"])[:100]
    head.loc[wrong, "prediction"] = base.loc[wrong, "truth"]
    better, worse = report_on(base, head), report_on(head, base)
    assert words.title(better).startswith("Better, within the tolerance: accuracy 9")
    assert words.title(worse).startswith("Worse, within the tolerance: accuracy 9")
    assert words.effect(worse).endswith(
        "That is surely there, and surely less than 1.00 points, the declared tolerance."
    )
    refused = dataclasses.replace(worse, missing=("log_loss",))
    assert words.title(refused).startswith("Worse, within the tolerance, not allowed: accuracy")


def test_a_difference_that_may_be_large_is_plainly_worse() -> None:
    assert words.title(report_on(predictions(300, 0.95, 0), predictions(300, 0.8, 1))).startswith("Worse: accuracy")


def test_identical_predictions_are_called_that_and_not_surely_small() -> None:
    same = labels_only(10, 0.8, 0)
    said = words.effect(report_on(same, same))
    assert said.startswith("Both make the same predictions on the same 10 test rows; on others they may differ (95 %")
    assert "surely" not in said
    with_probabilities = predictions(10, 0.8, 0)
    said = words.effect(report_on(with_probabilities, with_probabilities))
    assert said.startswith("Both make the same predictions on the same 10 test rows; on others they may differ (95 %")


def test_few_rows_that_make_half_of_a_difference_are_named() -> None:
    base = predictions(300, 0.95, 0)
    head = base.copy()
    row = head.index[(head["truth"] == 0) & (head["prediction"] == 0)][3]
    head.loc[row, ["proba_0", "proba_1", "proba_2"]] = [1e-12, 1 - 2e-12, 1e-12]
    found = report_on(base, head)
    [said] = [text for text in words.few_rows(found) if text.startswith("log loss")]
    assert said.startswith("log loss: half of the difference comes from 1 row: ")
    assert str(head["key"][row]) in said
    assert "→ 27.63)" in said


def test_secondary_metrics_and_classes_that_are_surely_worse_are_on_the_first_screen() -> None:
    base, head = predictions(2000, 0.9, 0), predictions(2000, 0.9, 0)
    for label in range(3):  # the same labels, and far too sure of them
        head[f"proba_{label}"] = np.where(head["prediction"] == label, 0.998, 0.001)
    found = report_on(base, head)
    assert found.verdict == "equivalent"
    also = words.also(found)
    assert also is not None and also.startswith("worse: log loss")
    assert f"Also: {also}" in words.lines(found)
    turned = head.copy()
    first = turned.index[(turned["truth"] == 0) & (turned["prediction"] == 0)][:200]
    turned.loc[first, "prediction"] = 1
    assert "class 0" in (words.also(report_on(head, turned)) or "")


def test_where_nothing_else_is_sure_nothing_is_said() -> None:
    assert words.also(report_on(predictions(100, 0.9, 0), predictions(100, 0.9, 1))) is None


@pytest.mark.parametrize(
    ("differences", "says"),
    [
        ((0.2, 0.21, 0.19), "so the difference is more than luck of the seed"),
        ((0.2, -0.21, 0.1), "so the difference may be luck of the seed"),
        ((-0.02, -0.021, -0.019), "the seeds say otherwise: on average the change makes models worse"),
    ],
)
def test_the_seeds_confirm_doubt_or_contradict_the_headline(differences: tuple[float, ...], says: str) -> None:
    found = report_on(predictions(300, 0.8, 0), predictions(300, 0.95, 1), noise=summarise(differences))
    assert says in (words.noise(found) or "")


def test_seeds_that_could_not_be_tried_say_why() -> None:
    found = report_on(predictions(300, 0.8, 0), predictions(300, 0.95, 1), no_noise="base: a stage failed")
    assert words.noise(found) == "not tried, because base: a stage failed."


def test_what_makes_the_model_is_named_before_what_only_records_it() -> None:
    names = ["package.name", "tracking.entity", "tracking.project", "tracking.upload", "train.arguments.alpha"]
    found = words.causes(changed(parameters=tuple(Change(name, "1", "2") for name in names)))
    assert found[0][1].startswith("train.arguments.alpha 1 → 2, package.name")


def test_another_primary_metric_comes_before_the_gate_and_lost_rules_before_others() -> None:
    judging = (
        Change("gate.accuracy minimum", "0.9 (block)", "0.95 (block)"),
        Change("gate.latency_ms ratio", "3 (inform)", None),
        Change("review.metrics.brier.tolerance", "0.01", "0.02"),
        Change("review.primary", "accuracy", "log_loss"),
    )
    [(_, said)] = words.causes(changed(judging=judging))
    assert said.startswith("review.primary accuracy → log_loss, gate.latency_ms ratio (gone), gate.accuracy minimum")


def test_a_stage_that_was_taken_out_did_not_run_again() -> None:
    stages = (StageChange("train", ("code",), ("a.py",)), StageChange("package", ("gone",), ()))
    assert words.ran_again(changed(stages=stages)) == "train"


def test_the_notes_of_a_comparison_reach_the_report() -> None:
    base = labels_only(30, 0.8, 0)
    found = report_on(base, base.assign(truth="x" + base["truth"].astype(str)))
    assert found.comparison is not None and found.comparison.notes
    from pipeline.review.show.html import to_html
    from pipeline.review.show.render import to_markdown

    for text in (to_markdown(found), to_html(found)):
        assert "compared as text" in text


def test_the_table_says_which_interval_the_gate_judges(full_report: Report) -> None:
    assert "the 95 % interval that each metric has alone" in words.intervals(full_report)
    row = full_report.comparison.metrics["log_loss"]  # type: ignore[union-attr]
    shown = {name: interval for name, _, _, _, interval, *_ in tables.metric_rows(full_report)}
    assert shown["log_loss"].startswith(formats.interval(METRICS["log_loss"], row.low, row.high))
    assert shown["log_loss"].endswith(f" ({100 * row.confidence:.3g} %)")


@pytest.mark.parametrize(
    ("difference", "shown"),
    [(0.0, "±0.00 points"), (0.00003, "+0.003 points"), (-0.00004, "−0.004 points"), (0.0123, "+1.23 points")],
)
def test_a_small_difference_does_not_print_like_none(difference: float, shown: str) -> None:
    assert formats.difference(METRICS["accuracy"], difference) == shown


def test_rows_that_only_got_other_keys_were_neither_added_nor_removed() -> None:
    rows = (RowChange("test", base=50, head=60, added=60, removed=50, changed=0, moved=0),)
    renamed = changed(rows=rows, parameters=(Change("data.id", None, "number"),))
    assert words.causes(renamed)[0] == ("data", "every row has another key, by data.id")
    assert words.causes(changed(rows=rows))[0] == ("data", "60 rows added, 50 rows removed")


def test_without_an_anchor_one_line_says_how_to_set_one() -> None:
    found = report_on(predictions(300, 0.9, 0), predictions(300, 0.9, 1))
    [line] = [line for line in words.lines(found) if "nchor" in line]
    assert line.startswith("Anchor: none") and "release a version, or set review.anchor to a revision" in line
    assert "nchor" not in words.title(found) + words.effect(found)


def test_an_anchor_that_was_looked_at_too_often_asks_for_another() -> None:
    used = Anchor("digits#prod#3", "a" * 40, look=26)
    found = report_on(predictions(300, 0.9, 0), predictions(300, 0.6, 1), anchor=used)
    assert used.used_up
    assert words.anchor(found) == (
        "digits#prod#3 was compared with 26 models, and is good for 25;"
        " release a version, or set review.anchor to a revision"
    )
    assert "digits#prod#3" not in words.title(found), "what it shows is worth nothing any more"


def test_a_loss_against_the_anchor_is_in_the_title_unless_that_says_it_already() -> None:
    base, head, released = (predictions(300, right, seed) for right, seed in ((0.8, 1), (0.8, 2), (0.95, 3)))
    worse = Anchor(
        "digits#prod#3", "a" * 40, look=7, result=compare(released, head, METRICS, confidence=0.998).headline
    )
    assert "No detectable change, but worse than digits#prod#3: accuracy" in words.title(
        report_on(base, head, anchor=worse)
    )
    assert "digits#prod#3" not in words.title(report_on(released, head, anchor=worse))
    assert "look 7 of 25" in (words.anchor(report_on(base, head, anchor=worse)) or "")


def test_the_looks_at_the_rows_and_what_they_leave_of_the_headline_are_told() -> None:
    base, head = predictions(300, 0.8, 0), predictions(300, 0.84, 1)
    found = report_on(base, head)
    assert found.verdict == "better"
    adjusted = compare(base, head, METRICS, confidence=1 - 0.05 / 200).headline
    said = words.looks(dataclasses.replace(found, looks=Looks(201, 3, True, adjusted))) or ""
    assert said.startswith("these test rows have judged at least 201 models, and 3 experiments of this clone")
    assert "99.98 % interval" in said and "the headline would be “no detectable change”" in said
    assert words.looks(dataclasses.replace(found, looks=Looks(2, 0, False))) is None, "one look is no many looks"


def test_what_is_sure_is_so_after_all_looks() -> None:
    base = labels_only(100_000, 0.95, 0)
    head = base.copy()
    wrong = np.flatnonzero(base["prediction"] != base["truth"])[:5]
    head.loc[wrong, "prediction"] = base.loc[wrong, "truth"]
    adjusted = compare(base, head, METRICS, confidence=1 - 0.05 / 200).headline
    found = report_on(base, head)
    looked = dataclasses.replace(found, looks=Looks(201, 0, False, adjusted))
    assert (found.verdict, adjusted.verdict) == ("better", "equivalent")
    assert "surely there" in words.effect(found)
    assert words.effect(looked).endswith("That is there, and less than 1.00 points, the declared tolerance.")


def test_where_all_looks_divide_the_level_every_text_says_the_divided_one() -> None:
    from pipeline.review.show.html import to_html
    from pipeline.review.show.render import to_markdown

    base, head = predictions(300, 0.8, 0), predictions(300, 0.95, 1)
    divided = compare(base, head, METRICS, confidence=1 - 0.05 / 24)
    found = Report(primary="accuracy", metrics=METRICS, comparison=divided, looks=Looks(25, 0, False))
    for text in (to_markdown(found), to_html(found)):
        plain = text.replace("\N{NO-BREAK SPACE}", " ")
        assert "99.8 % interval" in plain and "hold in 99.8 % of reports" in plain and "allows for all looks" in plain
        assert "95 %" not in plain


def test_one_training_against_one_is_in_the_headline() -> None:
    base, head = predictions(300, 0.8, 0), predictions(300, 0.95, 1)
    assert "test rows, one training against one." in words.effect(report_on(base, head, one_training=True))
    assert "one training" not in words.effect(report_on(base, head))


def test_a_rule_that_stops_many_harmless_changes_says_which_margin_would_do() -> None:
    rule = Outcome(
        "accuracy not worse by more than 2.00 points",
        "block",
        "passes",
        "",
        harmless=Harmless("accuracy", 0.394, 0.033),
    )
    state, said = words.gate(report_on(predictions(300, 0.9, 0), predictions(300, 0.9, 1), gate=(rule,)))
    assert state == "ok" and "stops 39 % of the changes without effect" in said and "3.30 points does so to 5 %" in said


def test_the_bases_branch_is_named() -> None:
    """Also where it is another remote's: a fork's default branch may be years behind."""
    base = Revision("bbbbbbb", "b" * 40, "first results", "the DVC cache", "upstream/main")
    assert words.revision(base) == "bbbbbbb of upstream/main “first results” (results from the DVC cache)"
