"""Turns a fitted scikit-learn classifier into ONNX, the same bytes every time, and runs ONNX that takes an array."""

import importlib
import os
import re
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from pipeline.data.schema import Schema
from pipeline.errors import InputError
from pipeline.package import pictures
from pipeline.package.converters import register, with_float32_thresholds, without_threshold
from pipeline.package.graph import INPUT, LABEL, PROBABILITIES, rename, take_columns

OPSET = {"": 18, "ai.onnx.ml": 3}
OPSET_OF_TEXT = {
    "": 20,
    "ai.onnx.ml": 3,
    "com.microsoft": 1,
}  # the first with RegexFullMatch, and onnxruntime's Tokenizer
ROWS_AT_ONCE = 4096
ALTERNATIVES = (
    "use another estimator, such as linear_model.LogisticRegression, neural_network.MLPClassifier, svm.SVC, "
    "neighbors.KNeighborsClassifier, ensemble.RandomForestClassifier or ensemble.HistGradientBoostingClassifier"
)


def to_onnx(model: Any, features: int, name: str) -> bytes:
    """The model as ONNX: `features` float32 (rows, features) -> `label` (rows,), `probabilities` (rows, classes).

    A classifier without `predict_proba` gets no output `probabilities`.

    Raises:
        InputError: skl2onnx cannot convert the estimator or a step before it.
    """
    return _serialized(_convert(model, features, name))


def columns_to_onnx(model: Any, schema: Schema, name: str) -> bytes:
    """A model whose first step is `data.columns.Columns` as ONNX.

    It has an input of shape (rows,) for each column, by its name, text or float64, and the outputs `label` and one
    `proba_<class>` each, of shape (rows,); without `predict_proba` only `label`.

    Raises:
        InputError: as `to_onnx`.
    """
    from onnx.helper import make_opsetid

    made = _convert(Pipeline(model.steps[1:]), schema.width, name)
    take_columns(made.graph, schema)
    opset = OPSET_OF_TEXT if any(feature.type in ("date", "text") for feature in schema.features) else OPSET
    del made.opset_import[:]  # skl2onnx names the lowest that its own nodes need, sometimes twice
    made.opset_import.extend(make_opsetid(domain, number) for domain, number in opset.items())
    return _serialized(made)


def _convert(model: Any, features: int, name: str) -> Any:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    register()
    pictures.register()
    model, threshold = without_threshold(model)
    model = with_float32_thresholds(model)
    inputs = [(INPUT, FloatTensorType([None, features]))]
    settings = {"name": name, "initial_types": inputs, "target_opset": OPSET}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # skl2onnx reads attributes of svm.SVC that will go
            try:
                made = convert_sklearn(model, **settings, options={"zipmap": False})
            except NameError:  # LinearSVC has no such option; named in options, it is not given one by default either
                made = convert_sklearn(model, **settings, options={id(_classifier(model)): {}})
    except InputError:  # one of our own converters says what to do
        raise
    except Exception as error:
        raise InputError(_unsupported(model, error)) from error
    made.producer_name, made.producer_version, made.doc_string = "pipeline", "", ""
    _declare_outputs(made.graph, model, threshold)
    return made


def _serialized(made: Any) -> bytes:
    made.opset_import.sort(key=lambda opset: (opset.domain, opset.version))  # skl2onnx leaves the order of a set
    content: bytes = made.SerializeToString(deterministic=True)
    return content


def load_onnxruntime() -> ModuleType:
    """onnxruntime without its telemetry: the import alone would leave an id and a queue of events in ~/.cache."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    return importlib.import_module("onnxruntime")


def run_onnx(path: Path, features: npt.NDArray[np.float32]) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Labels and probabilities (None if the model has none) of float32 rows (rows, features), at least one row.

    Raises:
        InputError: onnxruntime refuses the model.
    """
    onnxruntime = load_onnxruntime()
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4  # what goes wrong is raised as well
    try:
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        parts = [
            session.run(names, {INPUT: features[start : start + ROWS_AT_ONCE]})
            for start in range(0, len(features), ROWS_AT_ONCE)
        ]
    except Exception as error:
        raise refused_by_onnxruntime(error) from error
    found = {name: np.concatenate([part[i] for part in parts]) for i, name in enumerate(names)}
    return found[LABEL], found.get(PROBABILITIES)


def refused_by_onnxruntime(error: Exception) -> InputError:
    """What to say when onnxruntime does not take or run a model."""
    reason = str(error).strip().partition("\n")[0]
    return InputError(f"params.yaml: train: onnxruntime cannot run this model ({reason[-160:]})\n{ALTERNATIVES}")


def _declare_outputs(graph: Any, model: Any, threshold: float | None) -> None:
    """Give the graph the outputs `label` of shape (rows,) and, if the model has them, `probabilities` as float32.

    With a `threshold` the label is the second of two classes where its probability is as large, else the first.
    """
    from onnx import TensorProto, helper, numpy_helper

    label, scores = graph.output
    rename(graph, {INPUT: INPUT, label.name: "raw_label", scores.name: "raw_scores"})
    label.name, scores.name = LABEL, PROBABILITIES
    if not hasattr(model, "predict_proba"):
        graph.output.remove(scores)
    else:
        # After a step in float64 skl2onnx declares float64, whatever comes out; onnxruntime then refuses the model.
        graph.node.append(helper.make_node("Cast", ["raw_scores"], [PROBABILITIES], to=TensorProto.FLOAT))
        scores.type.tensor_type.elem_type = TensorProto.FLOAT
    if threshold is not None:
        for name, value in {"second": np.array(1), "threshold": np.array(threshold, np.float32)}.items():
            graph.initializer.append(numpy_helper.from_array(value, name))
        graph.initializer.append(numpy_helper.from_array(_plain(model.classes_), "classes"))
        graph.node.append(helper.make_node("Gather", [PROBABILITIES, "second"], ["of_second"], axis=1))
        graph.node.append(helper.make_node("GreaterOrEqual", ["of_second", "threshold"], ["is_second"]))
        graph.node.append(helper.make_node("Cast", ["is_second"], ["answer"], to=TensorProto.INT64))
        graph.node.append(helper.make_node("Gather", ["classes", "answer"], [LABEL]))
    elif hasattr(model, "predict_proba") and any(node.op_type.startswith("TreeEnsemble") for node in graph.node):
        # Trees vote, so draws are common: scikit-learn takes the first class, ONNX's trees the last of two.
        graph.initializer.append(numpy_helper.from_array(_plain(model.classes_), "classes"))
        graph.node.append(helper.make_node("ArgMax", [PROBABILITIES], ["most_probable"], axis=1, keepdims=0))
        graph.node.append(helper.make_node("Gather", ["classes", "most_probable"], [LABEL]))
    else:
        # QuadraticDiscriminantAnalysis has labels of shape (1, rows).
        graph.initializer.append(numpy_helper.from_array(np.array([-1]), "flat"))
        graph.node.append(helper.make_node("Reshape", ["raw_label", "flat"], [LABEL]))


def _plain(classes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Classes as ONNX knows them: int64 or text."""
    return classes.astype(np.int64 if classes.dtype.kind in "iu" else object)


def _unsupported(model: Any, error: Exception) -> str:
    named = re.search(r"<class '(?:\w+\.)*(\w+)'>", str(error))
    culprit = named[1] if named else type(_classifier(model)).__name__
    reason = str(error).strip().partition("\n")[0]
    return (
        f"params.yaml: train: {culprit} cannot be written as ONNX ({type(error).__name__}: {reason[:120]})\n"
        f"{ALTERNATIVES}"
    )


def _classifier(model: Any) -> Any:
    return model.steps[-1][1] if hasattr(model, "steps") else model
