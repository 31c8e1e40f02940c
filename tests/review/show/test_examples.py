"""The worked examples of docs/verdict.md are what the report says of such rows."""

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest

from pipeline.comparison.compare import compare
from pipeline.params import read_params
from pipeline.review.report import Report
from pipeline.review.seeds import summarise
from pipeline.review.show import words
from tests.conftest import ROOT

METRICS = read_params(ROOT / "params.yaml").review.metrics


def labels(right: int, fixed: int, broken: int, broken_in: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """450 rows of ten classes, of which the base has so many right; all that the head breaks is of one class."""
    truth = np.arange(450) % 10
    others = np.flatnonzero(truth != broken_in)
    wrong = others[-(450 - right) :]
    base, head = (pd.DataFrame({"key": np.arange(450), "truth": truth, "prediction": truth}) for _ in range(2))
    base.loc[wrong, "prediction"] = (truth[wrong] + 1) % 10
    head["prediction"] = base["prediction"]
    head.loc[wrong[:fixed], "prediction"] = truth[wrong[:fixed]]
    lost = np.flatnonzero(truth == broken_in)[:broken]
    head.loc[lost, "prediction"] = (truth[lost] + 2) % 10
    return base, head


def probabilities(rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two models of two classes that differ a little in every row."""
    random = np.random.default_rng(4)
    truth, cost = random.integers(0, 2, rows), random.exponential(0.072, rows)
    found = []
    for costs in (cost, cost * np.exp(random.normal(-0.08, 0.4, rows))):
        true = np.exp(-costs)
        first = np.where(truth == 0, true, 1 - true)
        columns = {"key": np.arange(rows), "truth": truth, "proba_0": first, "proba_1": 1 - first}
        found.append(pd.DataFrame({**columns, "prediction": (first < 0.5).astype(int)}))
    return found[0], found[1]


def report(sides: tuple[pd.DataFrame, pd.DataFrame], primary: str = "accuracy", **more: object) -> Report:
    found = compare(*sides, METRICS, primary=primary)
    return Report(primary=primary, metrics=METRICS, comparison=found, **more)  # type: ignore[arg-type]


@cache
def examples() -> list[str]:
    """What is quoted, in its order."""
    better, few = report(labels(434, 9, 1)), report(labels(437, 5, 2))
    many, too_few = (report(probabilities(rows), "log_loss") for rows in (5000, 450))
    seeds = report(labels(434, 9, 1), noise=summarise((0.018, 0.004, -0.002, 0.0, 0.002, -0.004), step=1 / 450))
    moved = report(labels(439, 9, 10, broken_in=8))
    said = [text for each in (better, few, many, too_few) for text in (words.title(each), words.effect(each))]
    return [*said, words.noise(seeds) or "", words.title(moved), words.where(moved) or ""]


@pytest.mark.parametrize("place", range(11))
def test_what_the_page_quotes_is_what_the_report_says(place: int) -> None:
    page = re.sub(r"\s+", " ", (ROOT / "docs" / "verdict.md").read_text(encoding="utf-8"))
    assert f"`{examples()[place]}`" in page
