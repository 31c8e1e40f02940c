"""The card says what was measured, and text from the data cannot break its tables."""

import re
from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt

from pipeline.data.schema import Feature, Schema
from pipeline.package.card import Facts, interval_text, model_card, scalars, value_text

METRICS: dict[str, Any] = {
    "accuracy": 0.9,
    "log_loss": 0.25,
    "calibration_error": 0.031,
    "rows": 20,
    "interval": {"accuracy": {"low": 0.699, "high": 0.972}},
    "per_class": {
        "a|b": {"precision": 1.0, "recall": 0.8, "f1": 0.888, "rows": 15},
        "c": {"precision": 0.7, "recall": 1.0, "f1": 0.82, "rows": 5},
    },
    "slice": {"city": {"x\ny": {"accuracy": 0.5, "low": 0.1, "high": 0.9, "rows": 2}}},
}
FACTS = Facts(
    name="churn",
    purpose="Says who leaves.",
    steps=["SVC()"],
    schema=Schema((Feature("city", "category", categories=("", "x\ny")),), "churn", ("a|b", "c")),
    metrics=METRICS,
    confidence=0.95,
    tolerance=1e-4,
    hashes={"models/model.joblib": "0" * 32},
)


def test_it_reports_metrics_with_intervals_classes_slices_limits_and_hashes():
    card = model_card(FACTS)
    for expected in (
        "Says who leaves.",
        "| accuracy | 90.00% | 69.90% to 97.20% |",
        "| log_loss | 0.2500 | - |",
        "| c | 70.00% | 100.00% | 82.00% | 5 |",
        "### Per `city`",
        "It finds `a|b` least often: 80.0% of its 15 test rows.",
        "off by 3.1% on average",
        f"| `models/model.joblib` | `{'0' * 32}` |",
        "git log --oneline -S " + "0" * 32,
    ):
        assert expected in card


def test_the_commonest_class_stands_beside_the_accuracy_and_poor_answers_among_the_limits():
    card = model_card(FACTS)
    assert "| accuracy | 90.00% | 69.90% to 97.20% |\n| always “a\\|b” | 75.00% | - |" in card
    assert "never answers" not in card
    predicted = {"a|b": 20, "c": 0}
    per_class = {name: of | {"predicted": predicted[name]} for name, of in METRICS["per_class"].items()}
    card = model_card(replace(FACTS, metrics=METRICS | {"per_class": per_class}))
    assert "- It answers 'a\\|b' for all rows, and 75.0% of them are." in card


def test_text_of_the_data_cannot_break_a_table():
    card = model_card(FACTS)
    assert "| a\\|b | 100.00%" in card
    assert "| x y | 50.00% | 10.00% to 90.00% | 2 |" in card
    tables = [block.splitlines() for block in card.split("\n\n") if block.startswith("|")]
    assert len(tables) >= 4
    card = model_card(replace(FACTS, schema=replace(FACTS.schema, classes=("a\nb", "c"))))
    assert "The classes: `a b`, `c`." in card
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table}) == 1


def test_text_of_others_is_shown_and_becomes_no_html():
    hostile = "<img src=x onerror=y>\x1b[2J\u202e![p](//e.vil)"
    schema = Schema((Feature(hostile, "category", categories=(hostile, "b")),), hostile, (hostile, "c"))
    one = {"accuracy": 0.5, "low": 0.1, "high": 0.9, "rows": 2, "precision": 1.0, "recall": 0.8, "f1": 0.9}
    metrics = METRICS | {"per_class": {hostile: one}, "slice": {hostile: {hostile: one}}}
    facts = replace(
        FACTS, name=hostile, purpose=hostile, steps=[hostile], schema=schema, metrics=metrics, group=hostile
    )
    card = model_card(facts)
    assert "\\x1b[2J\\u202e" in card and not {"\x1b", "\u202e"} & set(card)
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(card)
    assert re.findall(r"<(?:img|script)[^>]*>", html) == ['<img src="//e.vil" alt="p" />']  # the user's own purpose


def test_it_says_whether_validation_rows_were_learned_from():
    assert "train.refit" not in model_card(FACTS)
    assert "Fitted on the training and validation rows together (`train.refit`)" in model_card(
        replace(FACTS, refit=True)
    )


def test_without_probabilities_it_promises_none():
    metrics = {k: v for k, v in METRICS.items() if k not in ("log_loss", "calibration_error")}
    card = model_card(replace(FACTS, metrics=metrics))
    assert "It states no probabilities." in card
    assert "`probabilities`" not in card


@pytest.mark.parametrize(("confidence", "level"), [(0.95, "95%"), (0.995, "99.5%"), (0.57, "57%")])
def test_the_level_of_the_intervals_is_not_rounded(confidence: float, level: str):
    assert f"| metric | value | {level} interval |" in model_card(replace(FACTS, confidence=confidence))


@pytest.mark.parametrize("missing", [True, False])
def test_it_allows_missing_numbers_only_where_the_model_learned_to_fill_them(missing: bool):
    schema = replace(FACTS.schema, features=(Feature("age", "number", minimum=0, maximum=9, missing=missing),))
    card = model_card(replace(FACTS, schema=schema))
    assert ("A missing number is NaN" in card) == missing
    assert ("No number may be missing" in card) != missing


def test_rows_of_groups_are_not_independent_and_it_says_so():
    assert "are alike" not in model_card(FACTS)
    card = model_card(replace(FACTS, group="patient", metrics={**METRICS, "groups": 12}))
    assert "Rows of one `patient` are alike: the intervals count the 12 groups as evidence" in card
    assert "| groups |" not in card


def test_what_has_no_interval_says_why():
    card = model_card(FACTS)
    assert "No interval: " in card
    assert "calibration_error, which is mostly noise of the sample" in card


@pytest.mark.parametrize(("name", "text"), [("accuracy", "12.35%"), ("log_loss", "0.1235")])
def test_shares_are_percent(name: str, text: str):
    assert value_text(name, 0.12346) == text


def test_a_missing_interval_is_a_dash():
    assert interval_text("roc_auc", None) == "-"


def test_only_plain_metrics_are_listed():
    assert list(scalars(METRICS)) == ["accuracy", "log_loss", "calibration_error"]
