"""Who may take the champion's place: not the worse, not the doubtful, and of equals the simpler."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.comparison.compare import compare
from pipeline.comparison.gate import Figures
from pipeline.comparison.gate import judge as by_gate
from pipeline.params import Params, Rule, read_params
from pipeline.registry.judgement import Judgement, judge, judge_held_back
from pipeline.review.changes import Change, Changes
from pipeline.review.report import Report
from tests.conftest import ROOT

NOTHING = Changes((), (), (), (), (), (), ())


def predictions(rows: int, wrong: range) -> pd.DataFrame:
    """So many rows of two classes, of which those of a range are wrong."""
    truth = np.arange(rows) % 2
    prediction = np.where([row in wrong for row in range(rows)], 1 - truth, truth)
    return pd.DataFrame({"key": [f"row{row:05}" for row in range(rows)], "truth": truth, "prediction": prediction})


def params(*gate: Rule) -> Params:
    return read_params(ROOT / "params.yaml").model_copy(update={"gate": list(gate)})


def report(champion: range, challenger: range, rows: int = 2000, *gate: Rule, **changes: object) -> Report:
    """The review of two models that are wrong in these rows."""
    metrics = {"accuracy": params().review.metrics["accuracy"]}
    found = compare(predictions(rows, champion), predictions(rows, challenger), metrics)
    values = {"accuracy": found.headline.head, "size_bytes": 1000}
    made = Report(
        primary="accuracy",
        metrics=metrics,
        comparison=found,
        base_values={"accuracy": found.headline.base, "size_bytes": 1000},
        head_values=values,
        changes=NOTHING,
        gate=by_gate(list(gate), metrics, Figures(values, {}, found.metrics)),
    )
    return replace(made, **changes)


BOUND = Rule(metric="accuracy", regression=0.03)
SAME, BETTER, DOUBTFUL = range(100), range(40), range(95, 190)


def test_better_is_allowed_and_worse_is_not() -> None:
    assert judge(report(SAME, BETTER), params(), "v1.0.0").why.startswith("better than v1.0.0: +3.00 points")
    found = judge(report(BETTER, SAME), params(), "v1.0.0")
    assert not found.allowed and found.why.startswith("worse than v1.0.0: −3.00 points")


def test_what_the_gate_refuses_is_refused_with_its_reason() -> None:
    floor = Rule(metric="accuracy", minimum=0.99)
    found = judge(report(SAME, BETTER, 2000, floor), params(floor), "v1.0.0")
    assert not found.allowed and "accuracy at least 99.00 % (98.00 %)" in found.why


def test_the_doubtful_is_refused_unless_a_rule_bounds_what_may_be_lost() -> None:
    small = report(SAME, DOUBTFUL, 400)
    assert small.verdict == "no detectable change"
    found = judge(small, params(), "v1.0.0")
    assert not found.allowed and "cannot be told, and no rule of the gate bounds how much" in found.why
    bounded = report(SAME, DOUBTFUL, 2000, BOUND, head_values={"accuracy": 0.95, "size_bytes": 500})
    assert bounded.verdict == "no detectable change" and bounded.gate[0].status == "passes"
    assert judge(bounded, params(BOUND), "v1.0.0").allowed
    soft = Rule(metric="accuracy", regression=0.03, action="inform")
    informed = report(SAME, DOUBTFUL, 2000, soft, head_values={"accuracy": 0.95, "size_bytes": 500})
    assert not judge(informed, params(soft), "v1.0.0").allowed, "a rule that stops nobody bounds nothing"


@pytest.mark.parametrize(
    ("size", "columns", "allowed", "said"),
    [
        (1000, (), False, "as good as v1.0.0, and no smaller (1.0 kB → 1.0 kB): v1.0.0 stays"),
        (960, (), False, "no smaller"),
        (900, (), True, "as good as v1.0.0, and smaller (1.0 kB → 0.9 kB)"),
        (900, (Change("age", None, "number"),), False, "asks for 1 column more: the simpler stays"),
        (2000, (Change("age", "number", None),), True, "asks for 1 column fewer: the simpler stays"),
        (900, (Change("age", "number", "text"),), True, "and smaller"),
    ],
)
def test_of_equals_the_simpler_stays(size: int, columns: tuple[Change, ...], allowed: bool, said: str) -> None:
    equal = report(SAME, range(1, 101), 20_000, changes=replace(NOTHING, schema=columns))
    equal = replace(equal, head_values={"accuracy": 0.995, "size_bytes": size})
    assert equal.verdict == "equivalent"
    found = judge(equal, params(), "v1.0.0")
    assert found.allowed == allowed and said in found.why


def test_the_same_model_changes_nothing() -> None:
    metrics = {"accuracy": params().review.metrics["accuracy"]}
    same = compare(predictions(50, SAME), predictions(50, SAME), metrics, same_model=True)
    found = judge(report(SAME, SAME, comparison=same), params(), "v1.0.0")
    assert (found.allowed, found.why) == (False, "it is the same model as v1.0.0, which stays")


def test_without_a_champion_the_gate_decides() -> None:
    assert judge(Report(primary="accuracy"), params(), "").allowed


def test_rows_held_back_refuse_the_worse_alone() -> None:
    def held(champion: range, challenger: range, rows: int) -> Judgement:
        found = report(champion, challenger, rows, BOUND)
        assert found.comparison is not None
        return judge_held_back(found.comparison, found.gate, "v1.0.0", "digits#holdout#4")

    assert held(SAME, BETTER, 500).allowed and held(range(5), range(2, 7), 60).allowed
    found = held(BETTER, SAME, 500)
    assert not found.allowed and found.why == "worse than v1.0.0 on the rows held back"
    assert found.found == ("digits#holdout#4: on 500 rows held back worse, accuracy 92.00 % → 80.00 %",)
