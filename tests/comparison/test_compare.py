"""The comparison as a whole: verdicts, their agreement with intervals and p values, and its invariances."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.comparison.align import pair
from pipeline.comparison.compare import DEFAULT_METRICS, compare
from pipeline.comparison.measures import measure as measure_difference
from pipeline.errors import InputError
from pipeline.metrics.values import measure

OPPOSITE = {"better": "worse", "worse": "better"}
ACCURACY = {"accuracy": {"better": "higher", "tolerance": 0.01}}


def table(random, truth, skill):
    """Predictions whose probabilities favour the truth by `skill`."""
    classes = np.arange(truth.max() + 1)
    logits = random.normal(size=(len(truth), len(classes))) + skill * (truth[:, None] == classes)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    columns = {f"proba_{label}": probabilities[:, label] for label in classes}
    keys = [f"row{index}" for index in range(len(truth))]
    return pd.DataFrame({"key": keys, "truth": truth, "prediction": probabilities.argmax(axis=1), **columns})


def labels(right, truth=None):
    """Predictions without probabilities, right where `right` says so."""
    right = np.asarray(right, dtype=bool)
    truth = np.arange(len(right)) % 2 if truth is None else truth
    return pd.DataFrame({"key": np.arange(len(right)), "truth": truth, "prediction": np.where(right, truth, 1 - truth)})


@st.composite
def pairs_of_tables(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, classes = draw(st.integers(12, 150)), draw(st.integers(2, 4))
    truth = np.append(np.arange(classes), random.integers(0, classes, rows - classes))
    return tuple(table(random, truth, draw(st.sampled_from([0.0, 1.0, 2.0, 5.0]))) for _ in range(2))


@given(tables=pairs_of_tables(), confidence=st.sampled_from([0.8, 0.95, 0.99]))
@settings(deadline=None, max_examples=40)
def test_verdict_interval_and_p_agree(tables, confidence):
    found = compare(*tables, confidence=confidence)
    groups = [group.accuracy for group in found.classes.values()]
    for result in [*found.metrics.values(), *groups]:
        if result.low is None:
            assert result.reason
            assert result.verdict in ("not comparable", "no detectable change")
            continue
        assert result.low <= result.difference <= result.high
        assert result.difference == pytest.approx(result.head - result.base)
        certain = result.low > 0 or result.high < 0
        assert certain == (result.verdict in OPPOSITE) == (result.p < 1 - confidence)
        assert (result.verdict == "equivalent") == (not certain and result.within_tolerance)
        assert result.p >= result.p_unadjusted
        assert result.confidence >= confidence - 1e-12


@given(tables=pairs_of_tables())
@settings(deadline=None, max_examples=30)
def test_swapping_base_and_head_turns_every_sign_and_verdict(tables):
    base, head = tables
    there, back = compare(base, head), compare(head, base)
    for name, result in there.metrics.items():
        other = back.metrics[name]
        assert other.verdict == OPPOSITE.get(result.verdict, result.verdict)
        if result.low is not None:
            assert (other.low, other.high, other.p) == pytest.approx((-result.high, -result.low, result.p), abs=1e-9)
    assert there.flips.right_to_wrong["key"].tolist() == back.flips.wrong_to_right["key"].tolist()


@given(tables=pairs_of_tables(), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_the_order_of_rows_does_not_matter(tables, seed):
    base, head = tables
    shuffled = compare(base.sample(frac=1, random_state=seed), head.sample(frac=1, random_state=seed + 1))
    for name, result in compare(base, head).metrics.items():
        other = shuffled.metrics[name]
        if result.low is not None:
            assert (other.low, other.high, other.p) == pytest.approx((result.low, result.high, result.p), abs=1e-9)


@pytest.mark.parametrize("classes", [2, 5])
def test_values_are_those_that_evaluate_writes(classes):
    random = np.random.default_rng(0)
    truth = random.integers(0, classes, 400)
    base, head = table(random, truth, 1.0), table(random, truth, 2.0)
    found = compare(base, head).metrics
    for side, predictions in (("base", base), ("head", head)):
        probabilities = predictions.filter(like="proba_").to_numpy()
        expected = measure(truth, predictions["prediction"].to_numpy(), probabilities)
        measured = {name: getattr(row, side) for name, row in found.items() if row.verdict != "not comparable"}
        # average precision is compared where params.yaml names it: it is of use for a rare class
        assert measured == pytest.approx({name: expected[name] for name in expected if name != "average_precision"})


def test_a_clear_improvement_is_better_in_every_metric_and_its_reverse_worse():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 2000)
    base, head = table(random, truth, 1.0), table(random, truth, 2.5)
    better = {name: row.verdict for name, row in compare(base, head).metrics.items() if name != "calibration_error"}
    worse = {name: row.verdict for name, row in compare(head, base).metrics.items() if name != "calibration_error"}
    assert set(better.values()) == {"better"}
    assert set(worse.values()) == {"worse"}


@pytest.mark.parametrize(("rows", "verdict"), [(5, "no detectable change"), (3000, "equivalent")])
def test_identical_predictions_keep_the_interval_that_their_number_allows(rows, verdict):
    random = np.random.default_rng(0)
    same = table(random, np.append([0, 1, 2], random.integers(0, 3, rows - 3)), 1.0)
    found = compare(same, same)
    assert found.identical
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "brier"):
        result = found.metrics[name]
        assert (result.verdict, result.difference, result.p) == (verdict, 0, 1)
        assert result.low < 0 < result.high
    assert compare(same, same).metrics["accuracy"].verdict == verdict


def test_the_same_model_is_equivalent_without_an_interval():
    random = np.random.default_rng(0)
    same = table(random, random.integers(0, 3, 20), 1.0)
    found = compare(same, same, same_model=True, slices=same[["key", "truth"]])
    assert found.same_model
    for result in [*found.metrics.values(), *(group.accuracy for group in found.classes.values())]:
        assert (result.verdict, result.reason, result.low) == ("equivalent", "the same model", None)
    other = table(random, same["truth"].to_numpy(), 1.0)
    assert not compare(same, other, same_model=True).same_model


def test_a_difference_that_is_surely_small_is_equivalent_and_one_that_is_surely_there_is_not():
    right = np.ones(20_000, dtype=bool)
    few, fewer = right.copy(), right.copy()
    few[:40], fewer[35:80] = False, False
    assert compare(labels(few), labels(fewer)).headline.verdict == "equivalent"
    found = compare(labels(right), labels(few)).headline
    assert found.verdict == "worse"
    assert found.within_tolerance


def test_few_rows_that_are_all_right_do_not_make_two_models_equivalent():
    """Twelve rows, two of the rare class, no mistake on either side: another sample could show one."""
    random = np.random.default_rng(0)
    truth = np.repeat([0, 1], [10, 2])
    found = compare(table(random, truth, 20.0), table(random, truth, 20.0)).metrics
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "roc_auc"):
        assert (found[name].head, found[name].difference) == (1, 0)
        assert found[name].verdict == "no detectable change", name


def test_a_change_that_is_the_same_in_two_rows_is_not_certain():
    base, head = (labels([1, 1]).assign(proba_0=[p, 1 - p], proba_1=[1 - p, p]) for p in (0.9, 0.8))
    found = compare(base, head).metrics
    assert {found[name].verdict for name in ("log_loss", "brier")} == {"no detectable change"}


def test_too_few_rows_for_a_verdict_say_what_could_have_been_seen():
    base, head = labels([True] * 50), labels([True] * 48 + [False] * 2)
    found = compare(base, head).headline
    assert found.verdict == "no detectable change"
    assert found.smallest_detectable > 0.05


@pytest.mark.parametrize(
    ("base", "head", "metric", "reason"),
    [
        (labels([1, 0]), labels([1, 1]).assign(key=["x", "y"]), "accuracy", "no shared rows"),
        (
            labels([1, 0]),
            labels([1, 1]).assign(truth=[1, 0]),
            "accuracy",
            "no row that is comparable: 2 with another label",
        ),
        (labels([1, 0]), labels([1, 1]), "log_loss", "no probabilities"),
        (labels([1, 0]), labels([1, 1]).assign(proba_0=0.5, proba_1=0.5), "log_loss", "no probabilities in the base"),
        (
            labels([1, 0]).assign(proba_0=0.5, proba_1=0.5),
            labels([1, 1]).assign(proba_0=0.4, proba_1=0.4, proba_2=0.2),
            "roc_auc",
            "different classes: only head: 2",
        ),
        (
            labels([1, 0], np.zeros(2, int)).assign(proba_0=0.5, proba_1=0.5),
            labels([1, 1], np.zeros(2, int)).assign(proba_0=0.6, proba_1=0.4),
            "roc_auc",
            "not defined on these rows",
        ),
        (labels([1]), labels([0]), "macro_f1", "a single row"),
    ],
)
def test_what_cannot_be_compared_says_why(base, head, metric, reason):
    result = compare(base, head).metrics[metric]
    assert result.verdict == "not comparable"
    assert result.reason.startswith(reason)


def test_one_class_less_leaves_the_labels_comparable():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 100)
    base, head = table(random, truth, 2.0), table(random, truth, 2.0)
    head = head.assign(proba_2=0.0)
    found = compare(base, head)
    assert found.metrics["accuracy"].verdict != "not comparable"
    assert found.metrics["brier"].verdict == "not comparable"


def test_a_class_that_only_one_side_says_does_not_change_what_macro_f1_is_a_mean_of():
    random = np.random.default_rng(0)
    right = labels(random.random(400) < 0.9)
    says_new = right.assign(prediction=np.where(np.arange(400) == 7, 2, right["prediction"]))
    result = compare(right, says_new).metrics["macro_f1"]
    assert result.base == pytest.approx(0.9, abs=0.04)
    assert abs(result.difference) < 0.01


def test_secondary_metrics_are_corrected_for_their_number_and_the_primary_one_is_not():
    random = np.random.default_rng(3)
    truth = random.integers(0, 3, 300)
    found = compare(table(random, truth, 1.0), table(random, truth, 1.2), primary="brier")
    assert found.headline.metric == "brier"
    assert found.headline.p == found.headline.p_unadjusted
    others = [row for name, row in found.metrics.items() if name != "brier" and row.p is not None]
    assert len(others) == 6
    for row in others:
        assert row.p == pytest.approx(min(1, 6 * row.p_unadjusted))
        assert row.confidence == pytest.approx(1 - 0.05 / 6)


def test_classes_and_slices_are_compared_on_their_own_rows():
    right = np.ones(400, dtype=bool)
    broken = right.copy()
    broken[:60:2] = False  # rows of class 0
    where = pd.DataFrame({"key": np.arange(400), "half": np.where(np.arange(400) < 200, "first", "second")})
    found = compare(labels(right), labels(broken), slices=where)
    assert found.classes["0"].accuracy.verdict == "worse"
    assert (found.classes["0"].lost, found.classes["0"].gained, found.classes["1"].lost) == (30, 0, 0)
    assert (found.slices["half"]["first"].n, found.slices["half"]["first"].accuracy.base) == (200, 1.0)
    assert found.slices["half"]["second"].accuracy.difference == 0


def test_flips_name_the_rows_and_show_the_most_confident_mistakes_first():
    base = labels([1, 1, 1, 0]).assign(proba_0=[0.9, 0.2, 0.8, 0.6], proba_1=[0.1, 0.8, 0.2, 0.4])
    head = labels([0, 0, 1, 1]).assign(proba_0=[0.3, 0.9, 0.8, 0.1], proba_1=[0.7, 0.1, 0.2, 0.9])
    flips = compare(base, head).flips
    assert flips.right_to_wrong["key"].tolist() == ["1", "0"]
    assert flips.right_to_wrong["head_confidence"].tolist() == [0.9, 0.7]
    assert flips.wrong_to_right[["key", "truth", "base", "head"]].to_numpy().tolist() == [["3", "1", "0", "1"]]


def test_the_dictionary_has_what_the_json_promises():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 50)
    content = compare(table(random, truth, 1.0), table(random, truth, 1.0)).to_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["n"] == 50
    assert {"metric", "verdict"} <= content["headline"].keys()
    fields = {"base", "head", "difference", "low", "high", "p", "verdict", "smallest_detectable"}
    assert all(fields <= row.keys() for row in content["metrics"].values())
    assert content["metrics"].keys() == DEFAULT_METRICS.keys()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metrics": {"acuracy": DEFAULT_METRICS["accuracy"]}}, "unknown metric 'acuracy'; did you mean 'accuracy'?"),
        ({"primary": "speed"}, "the primary metric 'speed' is not among the compared ones"),
        ({"confidence": 95}, "confidence is 95; it must be at least 0.5"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(InputError) as refused:
        compare(labels([1, 0]), labels([1, 1]), **arguments)
    assert message in str(refused.value)


@pytest.mark.parametrize("metric", ["balanced_accuracy", "macro_f1", "roc_auc", "average_precision"])
def test_a_class_of_few_rows_raises_no_false_alarms(metric):
    """150 changes that change nothing: at most 5 % and three standard errors of that."""
    random = np.random.default_rng(0)
    alarms = 0
    for _ in range(150):
        truth = np.append(random.choice(4, 250, p=[0.6, 0.25, 0.12, 0.03]), range(4))
        pairs = pair(*(table(random, truth, 1.5) for _ in range(2)))
        alarms += measure_difference(metric, pairs, 10).estimate.p < 0.05
    assert alarms / 150 <= 0.05 + 3 * (0.05 * 0.95 / 150) ** 0.5


def test_excluded_keys_may_be_numbers_as_in_the_table():
    base, head = labels([1, 1, 0, 1]), labels([1, 0, 0, 1])
    assert compare(base, head, exclude=[0, 3]).excluded == compare(base, head, exclude=["0", "3"]).excluded == 2


def test_rows_of_zeros_are_no_probabilities_with_hundreds_of_classes():
    probabilities = pd.DataFrame(np.zeros((2, 300)), columns=[f"proba_{label}" for label in range(300)])
    empty = pd.concat([labels([1, 1]), probabilities], axis=1)
    with pytest.raises(InputError, match="do not sum to 1"):
        compare(empty, empty)
    rounded = pd.concat([labels([1, 1]), probabilities + 0.003], axis=1)
    found = compare(rounded, rounded)
    assert found.metrics["log_loss"].difference == 0
    assert (
        found.notes[0] == "probabilities of the base do not sum to 1 in 2 of 2 rows, but to 0.9 for example: rounded?"
    )


def test_two_columns_of_one_class_are_refused():
    twice = labels([1, 1]).assign(proba_0=0.2, **{"proba_0.0": 0.6, "proba_1": 0.2})
    with pytest.raises(InputError, match="head: several columns hold the probability of class 0"):
        compare(labels([1, 1]), twice)


def test_booleans_are_the_same_labels_in_parquet_and_csv():
    parquet = pd.DataFrame({"key": range(4), "truth": [True, False] * 2, "prediction": [True] * 4})
    csv = parquet.assign(truth=["true", "false"] * 2, prediction="true")
    found = compare(parquet, csv)
    assert (found.n, found.identical, list(found.classes)) == (4, True, ["false", "true"])


def test_predictions_that_are_no_labels_at_all_are_noted():
    names = pd.DataFrame({"key": range(4), "truth": ["a", "b"] * 2, "prediction": [0, 1] * 2})
    notes = compare(names, names.assign(prediction=["a", "b"] * 2)).notes
    assert notes == ["the base predicts no label that is true anywhere: '0', while 'a' is true"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"metrics": {"accuracy": {"better": "up", "tolerance": 0}}}, "metric 'accuracy': better: "),
        ({"confidence": 0.3}, "at least 0.5 and below 1"),
        ({"slices": pd.DataFrame({"key": [0, 0], "side": ["a", "b"]})}, "slices: a key repeats, for example '0'"),
        ({"slices": pd.DataFrame({"side": ["a", "b"]})}, "slices: no column key"),
    ],
)
def test_wrong_arguments_are_named(arguments, says):
    with pytest.raises(InputError, match=says):
        compare(labels([1, 0, 1]), labels([1, 1, 1]), **arguments)


@given(tables=pairs_of_tables(), confidence=st.sampled_from([0.8, 0.95]))
@settings(deadline=None, max_examples=20)
def test_the_interval_that_a_metric_has_alone_is_that_of_a_comparison_of_it_alone(tables, confidence):
    for name, row in compare(*tables, confidence=confidence).metrics.items():
        alone = compare(*tables, {name: DEFAULT_METRICS[name]}, primary=name, confidence=confidence).headline
        assert (row.low_unadjusted, row.high_unadjusted) == (alone.low, alone.high)
        if row.low is not None:
            assert row.low <= row.low_unadjusted <= row.high_unadjusted <= row.high


def test_losses_that_agree_in_every_row_are_certain_only_with_many_rows():
    """The models differ, but in the probabilities of wrong classes alone."""
    verdicts = {}
    for rows in (3, 9000):
        truth = np.arange(rows) % 3
        base = pd.DataFrame({"key": np.arange(rows), "truth": truth, "prediction": truth})
        for label in range(3):
            base[f"proba_{label}"] = np.where(truth == label, 0.6, 0.2)
        head = base.copy()
        for label in range(3):
            head[f"proba_{label}"] = np.select([truth == label, truth == (label + 1) % 3], [0.6, 0.3], 0.1)
        found = compare(base, head).metrics["log_loss"]
        assert found.low < found.difference == 0 < found.high
        verdicts[rows] = found.verdict
    assert verdicts == {3: "no detectable change", 9000: "equivalent"}


def test_labels_that_are_one_number_written_twice_are_one_label():
    base = pd.DataFrame({"key": range(4), "truth": ["1.50", "2"] * 2, "prediction": ["1.50"] * 4})
    found = compare(base, base.assign(truth=[1.5, 2.0] * 2, prediction=1.5))
    assert (found.n, found.truth_changed, list(found.classes)) == (4, 0, ["1.5", "2"])
    versions = base.assign(truth=["1.10", "1.1"] * 2, prediction="1.1")
    assert list(compare(versions, versions).classes) == ["1.1", "1.10"]


def test_sums_that_are_off_are_noted():
    base = labels([1, 0, 1]).assign(proba_0=[0.9, 0.2, 0.092], proba_1=[0.1, 0.8, 0.9])
    head = labels([1, 0, 1]).assign(proba_0=[0.9, 0.2, 0.1], proba_1=[0.1, 0.8, 0.9])
    assert compare(head, head).notes == []
    [note] = compare(base, head).notes
    assert note == "probabilities of the base do not sum to 1 in 1 of 3 rows, but to 0.992 for example: rounded?"


def test_equal_probabilities_are_two_most_probable_whatever_the_order_of_the_columns():
    table = labels([1, 1], np.array([0, 1])).assign(proba_0=[0.4, 0.25], proba_1=[0.3, 0.5], proba_2=[0.3, 0.25])
    table["truth"] = [1, 1]
    turned = table[["key", "truth", "prediction", "proba_2", "proba_1", "proba_0"]]
    assert compare(table, table).metrics["top_2_accuracy"].base == 0.5
    assert compare(turned, turned).metrics["top_2_accuracy"].base == 0.5


def test_rows_that_repeat_in_a_column_as_a_person_does_are_said_to_be_taken_as_independent():
    base = labels(np.arange(200) % 9 > 0).assign(patient=np.arange(200) // 4, age=np.linspace(20, 60, 200))
    [note] = compare(base, base).notes
    assert note.startswith("rows were taken as independent, though 200 share 50 values of patient: ")
    assert compare(base, base, group="patient").notes == []
    assert compare(base.drop(columns="patient"), base.drop(columns="patient")).notes == []
