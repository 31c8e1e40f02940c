"""What ONNX computes is what scikit-learn computes, for the estimators that people use."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from skl2onnx.sklapi import CastTransformer
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from pipeline.errors import InputError
from pipeline.package.export import run_onnx, to_onnx

TREES = [
    BaggingClassifier(random_state=0),
    DecisionTreeClassifier(random_state=0),
    ExtraTreesClassifier(20, random_state=0),
    GradientBoostingClassifier(n_estimators=5, random_state=0),
    RandomForestClassifier(20, random_state=0),
]
OTHERS = [
    CalibratedClassifierCV(LinearSVC(), ensemble=False),
    CalibratedClassifierCV(SVC(), ensemble=False),
    DummyClassifier(),
    DummyClassifier(strategy="most_frequent"),
    GaussianNB(),
    HistGradientBoostingClassifier(max_iter=5),
    KNeighborsClassifier(),
    LinearSVC(),
    LogisticRegression(),
    MLPClassifier([8], max_iter=20, random_state=0),
    Perceptron(),
    QuadraticDiscriminantAnalysis(),
    RidgeClassifier(),
    SGDClassifier(random_state=0),
    SVC(),
]


def rows(classes: int, text: bool) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    features = random.normal(size=(600, 5)).astype(np.float32)
    target = np.digitize(features[:, 0] + features[:, 1] * features[:, 2], np.linspace(-0.7, 0.7, classes + 1)[1:-1])
    return features, np.array(["no", "yes", 'it\'s "odd"'])[target] if text else target


def before(estimator) -> list:
    """The step that goes before an estimator: trees compare in float64, boosted histograms as they were trained."""
    if isinstance(estimator, HistGradientBoostingClassifier):
        return []
    return [CastTransformer(dtype=np.float64)] if estimator in TREES else [StandardScaler()]


@pytest.mark.parametrize(("classes", "text"), [(2, False), (3, True)], ids=["2 numbers", "3 texts"])
@pytest.mark.parametrize("estimator", TREES + OTHERS, ids=lambda estimator: type(estimator).__name__)
@pytest.mark.filterwarnings("ignore")
def test_onnx_gives_the_labels_and_probabilities_of_scikit_learn(estimator, classes: int, text: bool, tmp_path: Path):
    features, target = rows(classes, text)
    model = make_pipeline(*before(estimator), estimator).fit(features[:300], target[:300])
    content = to_onnx(model, 5, "test")
    (tmp_path / "model.onnx").write_bytes(content)
    labels, probabilities = run_onnx(tmp_path / "model.onnx", features)
    assert labels.tolist() == model.predict(features).tolist()
    if hasattr(model, "predict_proba"):
        assert probabilities is not None
        assert probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities, model.predict_proba(features), atol=1e-5)
    else:
        assert probabilities is None
    assert to_onnx(model, 5, "test") == content


def test_onnxruntime_leaves_nothing_in_the_home_folder(tmp_path: Path):
    program = "from pipeline.package.export import load_onnxruntime; load_onnxruntime()"
    environment = os.environ | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "estimator",
    [
        *TREES,
        HistGradientBoostingClassifier(max_iter=20),
        BaggingClassifier(HistGradientBoostingClassifier(max_iter=3), 3, random_state=0),
        CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=3), ensemble=False),
    ],
    ids=lambda estimator: repr(estimator)[:60],
)
def test_neighbours_that_meet_at_a_float32_stay_apart(estimator, seed: int, tmp_path: Path):
    random = np.random.default_rng(seed)
    features = (random.integers(-60, 60, (900, 3)) / 100).astype(np.float32)  # 0.42, 0.43: half way is 0.425
    target = (features[:, 0] + random.normal(0, 0.1, 900) > 0.42).astype(int) + (features[:, 1] > 0.425)
    steps = [CastTransformer(dtype=np.float64)] if estimator in TREES else []
    model = make_pipeline(*steps, estimator).fit(features[:600], target[:600])
    features = np.vstack([features, (features + np.float32(0.005)).round(3)])  # 0.425 itself, above 0.425 as float64
    (tmp_path / "model.onnx").write_bytes(to_onnx(model, 3, "test"))
    labels, probabilities = run_onnx(tmp_path / "model.onnx", features)
    assert probabilities is not None
    assert labels.tolist() == model.predict(features).tolist()
    np.testing.assert_allclose(probabilities, model.predict_proba(features), atol=1e-5)


def test_a_draw_between_trees_goes_to_the_first_class_as_in_scikit_learn(tmp_path: Path):
    features, target = rows(2, text=True)
    model = make_pipeline(CastTransformer(dtype=np.float64), RandomForestClassifier(4, random_state=0))
    model.fit(features[:300], target[:300])
    (tmp_path / "model.onnx").write_bytes(to_onnx(model, 5, "test"))
    labels, probabilities = run_onnx(tmp_path / "model.onnx", features)
    assert probabilities is not None
    assert (probabilities[:, 0] == probabilities[:, 1]).sum() > 10
    assert labels.tolist() == model.predict(features).tolist()


@pytest.mark.parametrize("strategy", ["uniform", "stratified"])
def test_answers_drawn_at_random_are_refused_in_one_line(strategy: str) -> None:
    features, target = rows(3, text=False)
    model = make_pipeline(DummyClassifier(strategy=strategy)).fit(features[:300], target[:300])
    with pytest.raises(
        InputError, match=f"^params.yaml: train: strategy '{strategy}' .*; take prior or most_frequent$"
    ):
        to_onnx(model, 5, "test")


def test_what_onnx_cannot_do_is_refused_with_advice(tmp_path: Path):
    features, target = rows(3, text=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make_pipeline(RadiusNeighborsClassifier(radius=3.0)).fit(features[:300], target[:300])
        with pytest.raises(InputError, match="use another estimator") as raised:
            (tmp_path / "model.onnx").write_bytes(to_onnx(model, 5, "test"))
            run_onnx(tmp_path / "model.onnx", features * 100)
    assert len(str(raised.value).splitlines()) == 2
