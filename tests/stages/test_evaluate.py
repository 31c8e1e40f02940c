"""What `evaluate` writes, and what it refuses."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import joblib
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn import metrics as reference
from sklearn.svm import LinearSVC

from pipeline.data.schema import Schema
from pipeline.errors import CheckError, InputError
from pipeline.files import read_json, write_json
from pipeline.stages import evaluate, package
from tests.stages import judged


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return judged.digits(tmp_path_factory.mktemp("digits") / "project")


@pytest.fixture
def folder(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    shutil.copytree(template, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.chdir(judged.people(tmp_path / "people"))
    return tmp_path / "people"


def read(path: str) -> dict:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(Path("metrics/evaluate", path).read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.mark.filterwarnings("ignore:The y_prob values do not sum to one")  # they are float32's
def test_metrics_are_those_of_the_predictions_that_it_writes(folder: Path):
    evaluate.main()
    measured, predictions = read("metrics.json"), pd.read_parquet("data/predictions/test.parquet")
    probabilities = predictions[[f"proba_{label}" for label in range(10)]]
    assert measured["rows"] == len(predictions) == 450
    assert measured["accuracy"] == reference.accuracy_score(predictions["truth"], predictions["prediction"])
    assert measured["log_loss"] == pytest.approx(reference.log_loss(predictions["truth"], probabilities))
    assert list(predictions["key"]) == sorted(predictions["key"])
    of_floats = {name for name, value in measured.items() if isinstance(value, float)}
    assert set(measured["interval"]) == of_floats - {"calibration_error"}
    for name, interval in measured["interval"].items():
        assert interval["low"] - 1e-6 <= measured[name] <= interval["high"] + 1e-6
        assert interval["low"] < interval["high"]
    assert sum(of_class["rows"] for of_class in measured["per_class"].values()) == 450


def test_twice_gives_the_same_bytes(folder: Path):
    evaluate.main()
    first = judged.contents(folder / "metrics"), judged.contents(folder / "data")
    evaluate.main()
    assert (judged.contents(folder / "metrics"), judged.contents(folder / "data")) == first


def test_plots_are_valid_and_small(folder: Path):
    evaluate.main()
    for name in ("roc", "precision_recall", "calibration"):
        points = read(f"plots/sklearn/{name}.json")[name]
        assert 2 <= len(points) <= 200
    matrix = read("plots/sklearn/confusion_matrix.json")
    predictions = pd.read_parquet("data/predictions/test.parquet")
    expected = sorted(zip(predictions["truth"].astype(str), predictions["prediction"].astype(str), strict=True))
    assert sorted((point["actual"], point["predicted"]) for point in matrix) == expected


def test_hardest_examples_are_the_surest_mistakes_first_and_have_pictures(folder: Path):
    evaluate.main()
    examples = read("plots/custom/hardest.json")
    predictions = pd.read_parquet("data/predictions/test.parquet").set_index("key")
    assert len(examples) == 24
    right = [example["truth"] == example["prediction"] for example in examples]
    wrong = right.count(False)
    assert wrong == min(24, int((predictions["truth"] != predictions["prediction"]).sum())) > 0
    sure = [example["confidence"] for example in examples]
    assert right == sorted(right)
    assert sure[:wrong] == sorted(sure[:wrong], reverse=True)
    assert sure[wrong:] == sorted(sure[wrong:])
    for example in examples:
        key, said = example["key"], example["prediction"]
        assert (example["truth"], said) == tuple(predictions.loc[key, ["truth", "prediction"]])
        assert example["confidence"] == predictions.loc[key, f"proba_{said}"]
        with Image.open(Path("metrics/evaluate/plots/images", example["image"])) as picture:
            assert picture.size == (96, 96)
    assert Path("metrics/evaluate/plots/images/hardest.png").stat().st_size < 60_000


def test_rows_that_may_not_be_shown_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for made in (judged.digits, judged.people):
        folder = made(tmp_path / made.__name__)
        monkeypatch.chdir(folder)
        schema = read_json("data/prepared/schema.json")
        write_json("data/prepared/schema.json", schema | {"show_rows": False})
        evaluate.main()
        hardest = read_json("metrics/evaluate/plots/custom/hardest.json")
        assert {name for example in hardest for name in example} == {"rank", "key", "truth", "prediction", "confidence"}
        pictures = [path.name for path in Path("metrics/evaluate/plots/images").rglob("*.png")]
        assert pictures == ["hardest.png"]


def test_slices_are_by_category_by_value_and_by_bin(table: Path):
    judged.edit(table, "slices: {}", "slices: {age: [30, 50], member: null, city: null}")
    evaluate.main()
    slices = read("metrics.json")["slice"]
    assert list(slices["age"]) == ["below 30", "30 to below 50", "50 and more"]
    assert set(slices["member"]) == {"false", "true"}
    assert set(slices["city"]) == {"missing", "Bonn", "Köln | Süd"}
    test, predictions = (pd.read_parquet(f"data/{name}/test.parquet") for name in ("prepared", "predictions"))
    old = predictions[(test["age"] >= 50).to_numpy()]
    assert slices["age"]["50 and more"]["rows"] == len(old)
    assert slices["age"]["50 and more"]["accuracy"] == pytest.approx((old["truth"] == old["prediction"]).mean())
    assert slices["age"]["50 and more"]["low"] < slices["age"]["50 and more"]["accuracy"]


def test_a_table_shows_its_hardest_examples_with_their_values(table: Path):
    evaluate.main()
    example = read("plots/custom/hardest.json")[0]
    assert set(example["features"]) == {"age", "member", "city"}
    assert isinstance(example["features"]["member"], bool)
    assert example["features"]["city"] in {"", "Bonn", "Köln | Süd"}
    assert "image" not in example
    assert [path.name for path in Path("metrics/evaluate/plots/images").iterdir()] == ["hardest.png"]


def test_an_estimator_without_probabilities_is_judged_by_its_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.chdir(judged.people(tmp_path / "people", LinearSVC()))
    evaluate.main()
    assert list(pd.read_parquet("data/predictions/test.parquet")) == ["key", "truth", "prediction"]
    assert {"accuracy", "macro_f1"} <= set(read("metrics.json"))
    assert "log_loss" not in read("metrics.json")
    assert read("plots/sklearn/roc.json") == {"roc": [{"fpr": None, "tpr": None, "threshold": None}]}
    assert read("plots/sklearn/calibration.json") == {"calibration": [{"prob_true": None, "prob_pred": None}]}


def test_test_rows_of_one_class_are_judged_by_what_they_can_tell(table: Path):
    test = pd.read_parquet("data/prepared/test.parquet")
    test[test["__target__"] == "stays"].to_parquet("data/prepared/test.parquet", index=False)
    evaluate.main()
    measured = read("metrics.json")
    assert "roc_auc" not in measured
    assert measured["per_class"]["leaves"]["rows"] == 0
    assert read("plots/sklearn/roc.json")["roc"] == [{"fpr": None, "tpr": None, "threshold": None}]


@pytest.mark.parametrize(
    ("slices", "message"),
    [
        ("{height: null}", "no such column; it has age, member, city"),
        ("{age: null}", "too many for slices; give the inner edges of bins"),
        ("{city: [1, 2]}", "holds category values, not numbers"),
        ("{age: [50, 30]}", "rising numbers"),
        ("{age: []}", "rising numbers"),
    ],
)
def test_slices_that_cannot_be_made_are_refused_and_the_old_results_stay(table: Path, slices: str, message: str):
    evaluate.main()
    before = judged.contents(table / "metrics")
    judged.edit(table, "slices: {}", f"slices: {slices}")
    with pytest.raises(InputError, match=message):
        evaluate.main()
    assert judged.contents(table / "metrics") == before


def test_a_model_of_other_classes_is_refused(folder: Path):
    schema = json.loads(Path("data/prepared/schema.json").read_text())
    schema["classes"] = schema["classes"][:9]
    Path("data/prepared/schema.json").write_text(json.dumps(schema))
    with pytest.raises(InputError, match=r"its classes are not those of .*schema\.json"):
        evaluate.main()


def test_a_picture_size_that_the_features_do_not_fill_is_refused(folder: Path):
    schema = json.loads(Path("data/prepared/schema.json").read_text())
    schema["image"] = [8, 9]
    Path("data/prepared/schema.json").write_text(json.dumps(schema))
    with pytest.raises(InputError, match="8 x 9 pixels, but a row has 64 features"):
        evaluate.main()


class Harmful:
    """What runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("harmed",)


@pytest.mark.parametrize("stage", [evaluate, package])
def test_only_the_model_that_dvc_lock_records_is_unpickled(folder: Path, stage: ModuleType):
    evaluate.main()
    joblib.dump(Harmful(), "models/model.joblib")
    for refuse in (lambda: None, Path("dvc.lock").unlink):  # another hash, and none
        refuse()
        with pytest.raises(
            CheckError, match=r"models/model.joblib: its MD5 is \w{32}, dvc.lock records .* not unpickled"
        ):
            stage.main()
    assert not Path("harmed").exists()
    judged.save(Harmful())
    with pytest.raises((AttributeError, InputError)):  # vouched for, it is unpickled, and is no model
        stage.main()
    assert Path("harmed").exists()


@pytest.mark.filterwarnings("error")
def test_many_classes_raise_no_warnings() -> None:
    """A column of probabilities at a time, pandas warned 50 times of 150 classes."""
    classes = tuple(range(150))
    table = evaluate.predictions(
        pd.Series(["a"]), None, np.array([1]), np.array([2]), np.ones((1, 150)), Schema((), "target", classes)
    )
    assert list(table)[:4] == ["key", "truth", "prediction", "proba_0"] and table.shape == (1, 153)
