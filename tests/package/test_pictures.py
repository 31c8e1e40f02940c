"""The steps for pictures in ONNX: the numbers of NumPy, the same bytes every time."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from pipeline.models.pictures import OrientedGradients, Straighten
from pipeline.package.export import load_onnxruntime, run_onnx, to_onnx
from pipeline.package.graph import INPUT


def odd_pictures(size: int, most: int) -> np.ndarray:
    """Rows of noise, of nothing, of one grey, of a single bright pixel each, and of a few bright ones."""
    random = np.random.default_rng(0)
    few = random.integers(0, most + 1, (30, size)) * (random.random((30, size)) < 0.1)
    rows = [
        random.integers(0, most + 1, (30, size)),
        np.zeros((1, size)),
        np.full((1, size), most),
        most * np.eye(size),
    ]
    return np.vstack([*rows, few]).astype(np.float32)


def steps_in_onnx(steps: Pipeline, width: int, rows: np.ndarray) -> np.ndarray:
    """What the graph of `steps` makes of rows, taken from a model that stands behind them."""
    model = Pipeline([*steps.steps, ("classifier", LogisticRegression(max_iter=1))])
    with pytest.warns():
        model.fit(rows, np.arange(len(rows)) % 2)
    graph = onnx.load_from_string(to_onnx(model, width, "test"))
    [last] = [node for node in graph.graph.node if node.op_type == "LinearClassifier"]
    graph.graph.output.append(onnx.helper.make_tensor_value_info(last.input[0], onnx.TensorProto.FLOAT, None))
    session = load_onnxruntime().InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run([last.input[0]], {INPUT: rows})[0]
    return found


@pytest.mark.parametrize("image", [(1, 1), (1, 6), (5, 1), (4, 7), (8, 8), (28, 28)])
@pytest.mark.parametrize("most", [1, 16, 255])
def test_onnx_counts_as_numpy(image: tuple[int, int], most: int) -> None:
    rows = odd_pictures(image[0] * image[1], most)
    for steps, tolerance in (
        (make_pipeline(Straighten(image)), 1e-5 * most),
        (make_pipeline(OrientedGradients(image, directions=5, step=2)), 1e-6),
        (make_pipeline(Straighten(image), OrientedGradients(image)), 1e-4),
    ):
        expected = steps.fit(rows).transform(rows)
        found = steps_in_onnx(steps, rows.shape[1], rows)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=tolerance)


def test_the_package_of_digits_says_what_the_model_says_in_the_same_bytes_every_time(tmp_path: Path) -> None:
    features, labels = load_digits(return_X_y=True)
    features = features.astype(np.float32)
    steps = Straighten((8, 8)), OrientedGradients((8, 8), step=2), PCA(30, random_state=0)
    model = make_pipeline(*steps, SVC(C=5)).fit(features[:900], labels[:900])
    content = to_onnx(model, 64, "digits")
    assert to_onnx(model, 64, "digits") == content
    (tmp_path / "model.onnx").write_bytes(content)
    predicted, _ = run_onnx(tmp_path / "model.onnx", features)
    assert (predicted == model.predict(features)).all()
    assert (predicted[900:] == labels[900:]).mean() > 0.95
    used = {node.op_type for node in onnx.load_from_string(content).graph.node}
    assert {"GridSample", "MatMul", "Conv", "Relu", "Sqrt"} <= used
