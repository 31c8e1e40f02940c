"""The package loads where MLflow models do, is the same every time, and refuses to differ from what was evaluated."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.svm import LinearSVC

from pipeline.errors import CheckError, InputError
from pipeline.files import read_json
from pipeline.stages import evaluate, package
from tests.conftest import ROOT, environment
from tests.stages import judged

PACKAGE = Path("models/package")


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Evaluated and packaged projects."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        for name, make in {"digits": judged.digits, "people": judged.people}.items():
            made[name] = make(tmp_path_factory.mktemp(name) / "project")
            patch.chdir(made[name])
            evaluate.main()
            package.main()
    return made


@pytest.fixture(params=["digits", "people"])
def either(request: pytest.FixtureRequest, templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(templates[request.param], tmp_path, monkeypatch)


@pytest.fixture
def folder(templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(templates["digits"], tmp_path, monkeypatch)


def enter(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    shutil.copytree(template, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def test_rows() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The features and the predictions of the test rows."""
    schema = json.loads(Path("data/prepared/schema.json").read_text(encoding="utf-8"))
    names = [feature["name"] for feature in schema["features"]]
    return pd.read_parquet("data/prepared/test.parquet")[names], pd.read_parquet("data/predictions/test.parquet")


test_rows.__test__ = False


def is_of_columns() -> bool:
    """Whether the package takes the table's own columns."""
    return (PACKAGE / "input_example.json").exists()


def test_mlflow_loads_it_and_predicts_what_evaluate_wrote(either: Path):
    import mlflow.pyfunc

    features, predictions = test_rows()
    model = mlflow.pyfunc.load_model(str(PACKAGE))
    expected = predictions.filter(like="proba_").to_numpy()
    if is_of_columns():
        answer = model.predict(pd.read_parquet("data/prepared/test.parquet"))
        np.testing.assert_allclose(answer.filter(like="proba_"), expected, atol=1e-4)
    else:
        answer = model.predict(features.to_numpy(np.float32))
        np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-4)
    assert list(answer["label"]) == list(predictions["prediction"])


def test_mlflow_would_have_written_the_same_description(folder: Path):
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    schema = json.loads((PACKAGE / "schema.json").read_text(encoding="utf-8"))
    model = Model.load(str(PACKAGE))
    expected = ModelSignature(
        Schema([TensorSpec(np.dtype("float32"), (-1, len(schema["features"])), "features")]),
        Schema(
            [
                TensorSpec(np.dtype("int64"), (-1,), "label"),
                TensorSpec(np.dtype("float32"), (-1, len(schema["classes"])), "probabilities"),
            ]
        ),
    )
    assert model.signature == expected
    assert set(model.flavors) == {"onnx", "python_function"}
    assert set(Model(utc_time_created="x", model_uuid="y").to_dict()) - {"signature"} <= set(model.to_dict())


def test_sums_are_of_all_other_files(either: Path):
    lines = (PACKAGE / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    names = [line.split("  ")[1] for line in lines]
    assert (
        names
        == sorted(names)
        == sorted(
            path.relative_to(PACKAGE).as_posix()
            for path in PACKAGE.rglob("*")
            if path.is_file() and path.name != "SHA256SUMS"
        )
    )
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((PACKAGE / name).read_bytes()).hexdigest() == digest


def test_the_same_bytes_in_another_process_with_another_hash_seed(either: Path):
    before = judged.contents(either / "models/package"), judged.contents(either / "metrics/package")
    subprocess.run(
        [sys.executable, "-m", "pipeline.stages.package"],
        check=True,
        env=environment() | {"PYTHONHASHSEED": "12", "PYTHONPATH": str(ROOT / "src")},
    )
    assert (judged.contents(either / "models/package"), judged.contents(either / "metrics/package")) == before


def test_the_digits_purpose_is_not_said_of_another_table(either: Path):
    shipped = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["package"]["purpose"]
    of_digits = read_json("data/prepared/schema.json")["target"] == "digit"
    assert (shipped in (PACKAGE / "README.md").read_text(encoding="utf-8")) == of_digits


def test_it_names_no_time_no_machine_and_no_registry(either: Path):
    texts = [
        path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".onnx"
    ]
    for text in texts:
        assert str(either) not in text
        assert not re.search(r"index-url|find-links|/home/|/root/|202\d-\d\d-\d\d", text)


def test_the_card_s_examples_work(either: Path):
    card = (PACKAGE / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        done = subprocess.run([sys.executable, "-c", example], cwd=PACKAGE, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(r"\[\d \d\]|\['(leaves|stays)'\]", done.stdout.strip())
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=PACKAGE, check=True)


def test_metrics_state_the_size_and_the_rows_that_were_compared(folder: Path):
    stated = json.loads(Path("metrics/package/metrics.json").read_text())
    assert stated == {
        "size_bytes": sum(path.stat().st_size for path in PACKAGE.iterdir()),
        "parity_rows": 450,
    }


def refused(folder: Path, error: type[Exception], message: str) -> str:
    """The message with which packaging fails, after checking that nothing of the old result changed."""
    before = judged.contents(folder / "models/package"), judged.contents(folder / "metrics")
    with pytest.raises(error, match=message) as raised:
        package.main()
    assert (judged.contents(folder / "models/package"), judged.contents(folder / "metrics")) == before
    assert sorted(path.name for path in (folder / "models").iterdir()) == ["model.joblib", "package"]
    return str(raised.value)


def test_a_changed_prediction_is_refused_and_its_row_named(folder: Path):
    predictions = pd.read_parquet("data/predictions/test.parquet")
    said = predictions.loc[7, "prediction"]
    predictions.loc[7, "prediction"] = (said + 1) % 10
    predictions.to_parquet("data/predictions/test.parquet", index=False)
    message = refused(folder, CheckError, "1 of 450 test rows get another label")
    assert f"{predictions.loc[7, 'key']}: {(said + 1) % 10}, package {said}" in message
    assert len(message.splitlines()) <= 2


def test_a_probability_beyond_the_tolerance_is_refused_and_its_row_named(folder: Path):
    predictions = pd.read_parquet("data/predictions/test.parquet")
    predictions.loc[3, "proba_0"] += 0.0002
    predictions.to_parquet("data/predictions/test.parquet", index=False)
    message = refused(folder, CheckError, "1 of 450 test rows get probabilities beyond the tolerance 0.0001")
    assert f"{predictions.loc[3, 'key']}: off by 0.0002" in message
    judged.edit(folder, "tolerance: 0.0001", "tolerance: 0.001")
    package.main()


def test_a_probability_that_is_no_number_is_refused(folder: Path):
    predictions = pd.read_parquet("data/predictions/test.parquet")
    predictions.loc[3, "proba_0"] = float("nan")
    predictions.to_parquet("data/predictions/test.parquet", index=False)
    refused(folder, CheckError, "1 of 450 test rows get probabilities beyond")


def test_missing_probabilities_are_refused(folder: Path):
    predictions = pd.read_parquet("data/predictions/test.parquet")
    predictions[["key", "truth", "prediction"]].to_parquet("data/predictions/test.parquet", index=False)
    refused(folder, CheckError, "450 of 450 test rows get probabilities beyond")


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_another_model_is_refused(folder: Path):
    model = joblib.load("models/model.joblib")
    features, predictions = test_rows()
    truth = predictions["truth"].to_numpy()
    other = model.set_params(classifier=LogisticRegression(max_iter=5, C=0.01)).fit(
        features[:50].to_numpy(np.float32), truth[:50]
    )
    judged.save(other)
    refused(folder, CheckError, "test rows get another label.*and \\d+ more")


def test_predictions_of_other_rows_are_refused(folder: Path):
    predictions = pd.read_parquet("data/predictions/test.parquet")
    predictions.iloc[1:].to_parquet("data/predictions/test.parquet", index=False)
    refused(folder, CheckError, "is not of the rows in data/prepared/test.parquet")


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_")
def test_an_estimator_that_onnx_does_not_know_is_refused_by_name(folder: Path):
    features, predictions = test_rows()
    judged.save(NearestCentroid().fit(features.to_numpy(np.float32), predictions["truth"]))
    message = refused(folder, InputError, "NearestCentroid cannot be written as ONNX")
    assert "use another" in message
    assert len(message.splitlines()) <= 2


def test_an_estimator_without_probabilities_is_packaged_with_labels_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import onnxruntime

    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.chdir(judged.people(tmp_path / "people", LinearSVC()))
    evaluate.main()
    package.main()
    session = onnxruntime.InferenceSession(str(PACKAGE / "model.onnx"))
    assert [output.name for output in session.get_outputs()] == ["label"]
    assert "It states no probabilities." in (PACKAGE / "README.md").read_text(encoding="utf-8")
