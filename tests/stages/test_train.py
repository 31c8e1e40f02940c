"""The stage `train`: what it writes, what it says while it works, and what it refuses without touching anything."""

import contextlib
import shutil
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import SVC

from pipeline.data.schema import Schema
from pipeline.errors import explain
from pipeline.files import read_json
from pipeline.stages import train
from tests.conftest import ROOT

from .project import Project, project

__all__ = ["project"]
MODEL, METRICS = Path("models/model.joblib"), Path("metrics/train")


def prepared(path: Path, table: pd.DataFrame, **data: Any) -> Path:
    """A folder in which `prepare` was run on a table with the column `target`."""
    with contextlib.chdir(path), pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        made = Project(path)
        made.write(table)
        made.prepare(target="target", **data)
    return path


@pytest.fixture(scope="module")
def flowers_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(0)
    kind = random.integers(0, 3, 240)
    length = kind + random.normal(scale=0.3, size=240)
    table = pd.DataFrame(
        {
            "length": np.where(random.random(240) < 0.1, np.nan, length),
            "width": random.normal(size=240) - kind,
            "colour": np.array(["red", "blue", "white"])[(kind + (random.random(240) < 0.2)) % 3],
            "wild": random.random(240) < 0.5,
            "target": np.array(["setosa", "versicolor", "virginica"])[kind],
        }
    )
    return prepared(tmp_path_factory.mktemp("flowers"), table)


@pytest.fixture(scope="module")
def digits_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = load_digits(as_frame=True).frame.head(500)
    return prepared(tmp_path_factory.mktemp("digits"), table, image=[8, 8])


@pytest.fixture
def flowers(project: Project, flowers_template: Path) -> Project:
    """A project whose prepared table has numbers with gaps, a category, a boolean and three classes with names."""
    shutil.copytree(flowers_template, project.path, dirs_exist_ok=True)
    return project


@pytest.fixture
def digits(project: Project, digits_template: Path) -> Project:
    """A project with 500 digits, prepared."""
    shutil.copytree(digits_template, project.path, dirs_exist_ok=True)
    return project


def run(project: Project, **section: Any) -> dict[str, Any]:
    """Run the stage with another section `train:`, and return its metrics."""
    project.params["train"] = section
    (project.path / "params.yaml").write_text(yaml.safe_dump(project.params), encoding="utf-8")
    train.main()
    return read_json(METRICS / "metrics.json")


def series(name: str) -> pd.DataFrame:
    return pd.read_csv(METRICS / "plots" / "metrics" / f"{name}.tsv", sep="\t")


def test_the_model_takes_prepared_rows_and_knows_the_classes(flowers: Project) -> None:
    run(flowers, estimator="linear_model.LogisticRegression", preprocessing=["preprocessing.StandardScaler"])
    model = joblib.load(MODEL)
    schema = Schema.from_dict(read_json("data/prepared/schema.json"))
    test = train.read_rows([Path("data/prepared/test.parquet")], schema)
    assert model.classes_.tolist() == list(schema.classes) == ["setosa", "versicolor", "virginica"]
    rows = pd.read_parquet("data/prepared/test.parquet")
    assert np.mean(model.predict(rows) == test.labels) > 0.8
    assert model.predict_proba(rows).shape == (len(test.labels), 3)


def test_curves_are_written_step_by_step_and_the_summary_is_the_kept_step(flowers: Project) -> None:
    metrics = run(
        flowers,
        estimator="neural_network.MLPClassifier",
        arguments={"hidden_layer_sizes": [32], "learning_rate_init": 0.05},
        epochs=40,
        patience=4,
    )
    loss = series("validation/loss")
    assert loss["step"].tolist() == list(range(1, metrics["steps"] + 1))
    assert metrics["step"] == metrics["steps"] == metrics["best_step"] + 4
    assert metrics["best_step"] == loss["step"][loss["loss"].idxmin()]
    for side in ("train", "validation"):
        for name in ("loss", "accuracy"):
            values = series(f"{side}/{name}")
            assert metrics[side][name] == values[name][metrics["best_step"] - 1]
    assert np.isfinite(loss["loss"]).all()


def test_a_model_that_learns_at_once_has_one_step(flowers: Project) -> None:
    metrics = run(flowers, estimator="svm.SVC")
    assert (metrics["steps"], metrics["best_step"]) == (1, 1)
    assert series("validation/accuracy")["accuracy"].tolist() == [metrics["validation"]["accuracy"]]


def test_progress_is_a_few_plain_lines_where_there_is_no_terminal(
    flowers: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    run(flowers, estimator="linear_model.SGDClassifier", arguments={"loss": "log_loss"}, epochs=50, patience=0)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0].startswith("train: step 1 of at most 50: validation/loss ")
    assert 10 <= len(err.splitlines()) <= 12 and "\r" not in err


def test_pixels_are_read_as_bytes_and_learned_as_the_numbers_that_they_are(project: Project) -> None:
    project.load("digits")
    sides = project.prepare(path="data/raw/dataset.parquet", target="target")
    names, schema = list(project.schema), Schema.from_dict(read_json("data/prepared/schema.json"))
    assert train.read_rows([train.TRAINING, train.VALIDATION], schema).features.dtype == np.uint8
    sections = [
        {"estimator": "linear_model.LogisticRegression", "preprocessing": ["preprocessing.StandardScaler"]},
        {"estimator": "neighbors.KNeighborsClassifier", "preprocessing": ["pictures.Straighten"], "refit": True},
    ]
    of_bytes = [(run(project, **section), MODEL.read_bytes()) for section in sections]
    for side, table in sides.items():
        table.astype(dict.fromkeys(names, np.float32)).to_parquet(f"data/prepared/{side}.parquet", index=False)
    assert [(run(project, **section), MODEL.read_bytes()) for section in sections] == of_bytes


# --- train.refit


def rows_of(*sides: str) -> int:
    return sum(len(pd.read_parquet(f"data/prepared/{side}.parquet")) for side in sides)


NEAREST = {"estimator": "neighbors.KNeighborsClassifier", "preprocessing": ["preprocessing.StandardScaler"]}
NETWORK = {"estimator": "neural_network.MLPClassifier", "arguments": {"hidden_layer_sizes": [8]}, "epochs": 30}


@pytest.mark.parametrize("section", [NEAREST, NETWORK, {"estimator": "svm.SVC", "calibration": "sigmoid"}])
def test_without_refit_nothing_is_other_than_before_there_was_such_a_thing(
    flowers: Project, section: dict[str, Any]
) -> None:
    metrics, model = run(flowers, **section), MODEL.read_bytes()
    assert "refit_rows" not in metrics
    assert run(flowers, **section, refit=False) == metrics and MODEL.read_bytes() == model


@pytest.mark.parametrize("section", [NEAREST, NETWORK, {"estimator": "svm.SVC", "calibration": "sigmoid"}])
def test_with_refit_the_records_are_those_of_the_choice_and_the_model_is_the_same_every_time(
    flowers: Project, section: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    chosen, without = run(flowers, **section), MODEL.read_bytes()
    both = rows_of("train", "validation")
    assert run(flowers, **section, refit=True) == chosen | {"refit_rows": both}
    assert f"once more, on the {both} training and validation rows" in capsys.readouterr().err
    refitted = MODEL.read_bytes()
    run(flowers, **section, refit=True)
    assert MODEL.read_bytes() == refitted != without


def test_every_part_of_the_model_is_fitted_on_both_sides(flowers: Project) -> None:
    run(flowers, **NEAREST, refit=True)
    model = joblib.load(MODEL)
    numbers = model.named_steps["columns"]  # the name of both the table's columns and what encodes them
    found = {type(part).__name__: part for part in (*model.named_steps.values(), numbers)}
    scaler = found["ColumnTransformer"].named_transformers_["numbers"][-1]
    assert np.max(scaler.n_samples_seen_) == model[-1].n_samples_fit_ == rows_of("train", "validation")


def test_a_model_of_steps_learns_as_many_again_as_were_best(flowers: Project) -> None:
    section = NETWORK | {"arguments": {"hidden_layer_sizes": [32], "learning_rate_init": 0.05}, "patience": 4}
    metrics = run(flowers, **section, refit=True)
    assert metrics["best_step"] < metrics["steps"]
    assert joblib.load(MODEL)[-1].t_ == metrics["best_step"] * rows_of("train", "validation")


@pytest.mark.parametrize(
    ("estimator", "arguments", "size"),
    [
        ("ensemble.RandomForestClassifier", {"n_estimators": 12}, lambda model: len(model.estimators_)),
        (
            "ensemble.HistGradientBoostingClassifier",
            {"max_iter": 12, "learning_rate": 1.0},
            lambda model: model.n_iter_,
        ),
        ("ensemble.AdaBoostClassifier", {"n_estimators": 12}, lambda model: len(model.estimators_)),
    ],
)
def test_an_ensemble_grows_to_the_size_that_was_best(
    flowers: Project, estimator: str, arguments: dict[str, Any], size: Any
) -> None:
    metrics = run(flowers, estimator=estimator, arguments=arguments, epochs=12, patience=2, refit=True)
    assert metrics["best_step"] < 12
    assert size(joblib.load(MODEL)[-1]) == metrics["best_step"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown estimator": ({"estimator": "svm.SVCC"}, "svm.SVC"),
    "regressor": ({"estimator": "linear_model.LinearRegression"}, "is no classifier"),
    "outside scikit-learn": ({"estimator": "os.system"}, "train.estimator"),
    "unknown argument": ({"estimator": "svm.SVC", "arguments": {"gama": 1}}, "did you mean 'gamma'"),
    "argument out of range": ({"estimator": "svm.SVC", "arguments": {"C": 0}}, "train.arguments.C"),
    "argument of a wrong type": ({"estimator": "svm.SVC", "arguments": {"C": "big"}}, "train.arguments.C"),
    "unknown step": ({"estimator": "svm.SVC", "preprocessing": ["decomposition.PCAA"]}, "decomposition.PCA"),
    "argument of a step": (
        {"estimator": "svm.SVC", "preprocessing": [{"decomposition.PCA": {"n": 1}}]},
        "train.preprocessing.0.decomposition.PCA.n",
    ),
    "more components than columns": (
        {"estimator": "svm.SVC", "preprocessing": [{"decomposition.PCA": {"n_components": 40}}]},
        "the preprocessing cannot learn from these rows: n_components=40",
    ),
    "numbers below zero": ({"estimator": "naive_bayes.MultinomialNB"}, "Negative values"),
    "arguments that contradict": (
        {"estimator": "svm.LinearSVC", "arguments": {"penalty": "l1", "loss": "hinge"}},
        "LinearSVC cannot learn from these rows",
    ),
    "layer of no size": (
        {"estimator": "neural_network.MLPClassifier", "arguments": {"hidden_layer_sizes": [0]}},
        "hidden_layer_sizes must be > 0",
    ),
    "unknown calibration": ({"estimator": "svm.SVC", "calibration": "platt"}, "train.calibration"),
    "no epochs": ({"estimator": "svm.SVC", "epochs": 0}, "train.epochs"),
    "unknown key": ({"estimator": "svm.SVC", "epoch": 3}, "did you mean 'epochs'"),
    "no estimator": ({}, "train.estimator"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_parameters_end_with_advice_and_leave_the_model(flowers: Project, case: str) -> None:
    section, advice = WRONG[case]
    MODEL.parent.mkdir()
    MODEL.write_bytes(b"the last good model")
    with pytest.raises(Exception) as caught:
        run(flowers, **section)
    message, exit_code = explain(caught.value)
    assert (exit_code, len(message.splitlines())) == (2, 1), message
    assert advice in message
    assert MODEL.read_bytes() == b"the last good model"


def test_what_can_be_seen_before_the_data_is_read_leaves_the_records(flowers: Project) -> None:
    before = run(flowers, estimator="naive_bayes.GaussianNB")
    with pytest.raises(Exception, match=r"train.arguments.C"):
        run(flowers, estimator="svm.SVC", arguments={"C": -1})
    assert read_json(METRICS / "metrics.json") == before


def test_a_class_without_a_training_row_is_refused(flowers: Project) -> None:
    path = Path("data/prepared/train.parquet")
    rows = pd.read_parquet(path)
    rows[rows["__target__"] != "setosa"].to_parquet(path, index=False)
    with pytest.raises(Exception, match="no training row has the class 'setosa'"):
        run(flowers, estimator="naive_bayes.GaussianNB")


def test_probabilities_are_learned_by_group_where_the_table_has_groups(project: Project) -> None:
    """Twenty nearly equal rows of each of 120 patients: folds over rows make the model certain, and wrong."""
    random = np.random.default_rng(0)
    patient = np.repeat(np.arange(120), 20)
    centre = random.normal(size=(120, 8))
    ill = np.where(centre[:, 0] + random.normal(scale=1.5, size=120) > 0, "ill", "well")[patient]
    cells = centre[patient] + random.normal(scale=0.05, size=(len(patient), 8))
    columns = {f"x{i}": cells[:, i] for i in range(8)}
    project.write(pd.DataFrame({"patient": patient, **columns, "target": ill}))
    sides = project.prepare(target="target", group="patient")
    section = {"estimator": "svm.SVC", "arguments": {"C": 10}, "calibration": "sigmoid"}
    by_group = run(project, **section)["validation"]["loss"]
    sides["train"].drop(columns="__group__").to_parquet("data/prepared/train.parquet", index=False)
    by_row = run(project, **section)["validation"]["loss"]
    assert by_group < 0.8 < 1 < by_row


def test_what_is_fitted_again_is_calibrated_by_group_too(project: Project) -> None:
    random = np.random.default_rng(0)
    patient = np.repeat(np.arange(40), 5)
    columns = {"patient": patient, "x": random.normal(size=200), "target": np.where(patient % 2, "ill", "well")}
    project.write(pd.DataFrame(columns))
    project.prepare(target="target", group="patient")
    run(project, estimator="svm.SVC", calibration="sigmoid", refit=True)
    rows = pd.concat(pd.read_parquet(f"data/prepared/{side}.parquet") for side in ("train", "validation"))
    features, expected = rows[["x"]].to_numpy(np.float32), StratifiedGroupKFold(5)
    folds = list(expected.split(features, rows["__target__"], rows["__group__"]))
    again = CalibratedClassifierCV(SVC(random_state=0), method="sigmoid", ensemble=False, cv=folds)
    again.fit(features, rows["__target__"])
    assert np.allclose(joblib.load(MODEL)[-1].predict_proba(features), again.predict_proba(features))


def blocks() -> list[dict[str, Any]]:
    """The `train:` sections that docs/estimators.md shows."""
    text = (ROOT / "docs" / "estimators.md").read_text(encoding="utf-8")
    parts = [part.split("```")[0] for part in text.split("```yaml\n")[1:]]
    return [content["train"] for part in parts if "train" in (content := yaml.safe_load(part))]


@pytest.mark.parametrize("section", blocks(), ids=lambda section: section["estimator"])
def test_every_example_of_the_documentation_trains(digits: Project, section: dict[str, Any]) -> None:
    metrics = run(digits, **section)
    learns = section["estimator"] != "dummy.DummyClassifier"
    assert metrics["validation"]["accuracy"] > (0.7 if learns else 0.0)
    assert MODEL.is_file()


def test_the_documentation_shows_several_examples() -> None:
    assert len(blocks()) >= 6
