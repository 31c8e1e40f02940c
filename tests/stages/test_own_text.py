"""Free text beside all other types goes through the stages, sparse, and the package answers it as it stands."""

import json
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

from pipeline.errors import explain
from pipeline.package.table_model import TableModel
from pipeline.stages import evaluate, package, train

from .project import Project, project
from .test_own_columns import PACKAGE, run

__all__ = ["project"]

LOGISTIC = {
    "estimator": "linear_model.LogisticRegression",
    "arguments": {"C": 100, "max_iter": 1000},
    "preprocessing": ["preprocessing.StandardScaler"],
}
SPAM = ["WIN", "free", "prize", "claim", "now!", "call", "£1000", "txt", "STOP", "urgent", "cash", "offer"]
HAM = ["ok", "see", "you", "home", "lunch", "tomorrow", "love", "sorry", "later", "mum", "work", "call", "now"]
COMMON = ["the", "to", "a", "i'm", "and", "on", "it", "u", "at", "für", "naïve", "…", "😊", "2"]


def messages(rows: int, seed: int = 0) -> pd.DataFrame:
    """Messages of which a seventh is spam, some of them hard to tell, beside a number, a category and a date."""
    random = np.random.default_rng(seed)
    spam = random.random(rows) < 0.15
    texts = []
    for is_spam in spam:
        own, other = (SPAM, HAM) if is_spam else (HAM, SPAM)
        chosen = [*random.choice(own, random.integers(3, 8)), *random.choice(COMMON, random.integers(2, 9))]
        chosen += list(random.choice(other, random.integers(0, 2)))
        texts.append(" ".join(random.permutation(chosen)))
    table = pd.DataFrame({"message": texts, "size": random.normal(5, 2, rows).round(2)})
    table["city"] = random.choice(["Bern", "Oslo", None], rows)
    table["sent"] = pd.Series(pd.date_range("2024-01-01", periods=rows, freq="5h")).dt.strftime("%Y-%m-%d %H:%M")
    table.loc[::50, "message"] = None
    table.loc[::40, "size"] = None
    return table.assign(kind=np.where(spam, "spam", "ham"))


def whole(project: Project, model: dict[str, object], rows: int = 500) -> float:
    """Run every stage and return the accuracy."""
    project.write(messages(rows))
    project.set(train=model, evaluate={"slices": {"message": [20, 60]}})
    text = {"message": {"max_features": 300, "ngram_range": [1, 2]}}
    project.prepare(target="kind", text=text, dates={"sent": ["hour", "days"]})
    run(train, evaluate, package)
    return float(json.loads(Path("metrics/evaluate/metrics.json").read_text(encoding="utf-8"))["accuracy"])


def test_text_goes_through_every_stage_and_the_package_is_the_same_every_time(project: Project) -> None:
    assert whole(project, LOGISTIC) >= 0.95
    feature = project.schema["message"]
    assert feature["type"] == "text" and len(feature["terms"]) == len(feature["weights"]) == 300
    assert {"free", "win"} <= set(feature["terms"]) and any(" " in term for term in feature["terms"])
    prepared = pd.read_parquet("data/prepared/test.parquet")
    model = joblib.load("models/model.joblib")
    assert (
        model.steps[0][1].transform(prepared).format == "csr"
        and model.steps[1][1].transform(model.steps[0][1].transform(prepared)).format == "csr"
    )
    slices = json.loads(Path("metrics/evaluate/metrics.json").read_text(encoding="utf-8"))["slice"]["message"]
    assert list(slices) == ["below 20", "20 to below 60", "60 and more", "missing"]
    [described] = [column for column in project.profile["columns"] if column["column"] == "message"]
    assert described["type"] == "text" and described["missing"] == 10
    card = (PACKAGE / "README.md").read_text(encoding="utf-8")
    assert "| `message` | text | 300 terms, some missing |" in card
    example = json.loads((PACKAGE / "input_example.json").read_text(encoding="utf-8"))
    assert example["data"][0][0] not in set(prepared["message"]) and len(example["data"][0][0].split()) == 5

    predictions = pd.read_parquet("data/predictions/test.parquet")
    answer = TableModel(PACKAGE).predict(prepared)
    assert answer["label"].tolist() == predictions["prediction"].tolist()
    np.testing.assert_allclose(answer["proba_spam"], predictions["proba_spam"], atol=1e-5)
    written = {file: file.read_bytes() for file in PACKAGE.rglob("*") if file.is_file()}
    project.write(messages(500).sample(frac=1, random_state=1))
    project.prepare()
    run(train, evaluate, package)
    assert {file: file.read_bytes() for file in PACKAGE.rglob("*") if file.is_file()} == written

    row = {"message": "free prize", "size": 5, "city": "Bern", "sent": "2024-02-01 10:00"}

    def share(message: object) -> float:
        return float(
            TableModel(PACKAGE).predict(pd.DataFrame([row | {"message": message}], dtype=object))["proba_spam"][0]
        )

    assert share("free prize") == share("  FREE, prize!! ") > share("see you at home")
    assert share(None) == share(np.nan) == share("") == share("NA") == share("…") == share("zzz")
    assert share(2) == share("2") == share(2.0) != share("zzz")
    for wrong, words in {"half": "\ud800", "list": ["free"], "dict": {"a": 1}}.items():
        with pytest.raises(ValueError, match=r"column 'message': .* is no (whole )?text.* \(row 1\)"):
            share(words)
        assert wrong


@pytest.mark.parametrize(
    ("estimator", "arguments"),
    [
        ("ensemble.HistGradientBoostingClassifier", {"max_iter": 10}),
        ("ensemble.RandomForestClassifier", {"n_estimators": 10}),
        ("neural_network.MLPClassifier", {"hidden_layer_sizes": [8], "learning_rate_init": 0.03}),
        ("svm.LinearSVC", {}),
        ("naive_bayes.GaussianNB", {}),
    ],
)
def test_estimators_of_sparse_rows_and_of_plain_arrays_learn_from_text(
    project: Project, estimator: str, arguments: dict[str, object]
) -> None:
    steps = [] if estimator.startswith("ensemble.") else LOGISTIC["preprocessing"]
    model = {"estimator": estimator, "arguments": arguments, "preprocessing": steps, "epochs": 5}
    assert whole(project, model, 300) > 0.7


def test_what_is_too_large_as_an_array_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.data.columns.MOST_BYTES", 10_000)
    with pytest.raises(Exception) as caught:
        whole(project, {"estimator": "naive_bayes.GaussianNB", "arguments": {}, "preprocessing": []}, 300)
    message, exit_code = explain(caught.value)
    assert exit_code == 2 and "as one array, are 0.0 GB; take an estimator for sparse rows" in message


def test_text_without_a_word_and_a_column_of_two_types_are_refused(project: Project) -> None:
    project.write(messages(300).assign(message=[f"#{'!' * (row % 9)}" for row in range(300)]))
    dates = {"sent": ["hour"]}
    said = project.refused(target="kind", dates=dates, text={"message": {}})
    assert "column 'message' (data.text): no word in any training row" in said
    said = project.refused(text={"sent": {}})
    assert "column 'sent' is in data.dates and in data.text at once" in said
    assert "ngram_range rises" in project.refused(text={"message": {"ngram_range": [2, 1]}})
    project.write(messages(300))
    said = project.refused(text={})
    assert "give it a line in data.text, such as {message: {max_features: 2000}}" in said
