"""What skl2onnx lacks or rounds wrongly: DummyClassifier, TargetEncoder of several classes, thresholds of trees."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import TargetEncoder

from pipeline.data.columns import Dense
from pipeline.errors import InputError


def with_float32_thresholds(model: Any) -> Any:
    """The model with each threshold of a tree at the largest float32 that is not above it.

    Of a float32 it asks the same: x <= 0.425 if and only if x <= that. skl2onnx rounds to the nearest, which may be
    above, and where neighbours meet at a float32 (0.42 and 0.43) rows would go the other way. A model without trees is
    returned as it is, else a copy.
    """
    if not any(True for _ in _thresholds(model)):
        return model
    copied = copy.deepcopy(model)
    for thresholds in _thresholds(copied):
        thresholds[:] = _not_above(thresholds)
    return copied


def _not_above(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    with np.errstate(over="ignore"):
        nearest = values.astype(np.float32)
    below = np.where(nearest > values, np.nextafter(nearest, np.float32(-np.inf)), nearest)
    return below.astype(np.float64)


def _thresholds(model: Any) -> Iterator[npt.NDArray[np.float64]]:
    """Views of the thresholds of every tree in a model, whatever it is made of."""
    for part in _parts(model, set()):
        for of_iteration in getattr(part, "_predictors", ()):  # HistGradientBoostingClassifier
            for tree in of_iteration:
                yield tree.nodes["num_threshold"]
        if hasattr(part, "tree_"):
            yield part.tree_.threshold


def _parts(whole: Any, seen: set[int]) -> Iterator[Any]:
    """An estimator and all that it holds, each once."""
    if id(whole) in seen:
        return
    seen.add(id(whole))
    if isinstance(whole, dict):
        inside = list(whole.values())
    elif isinstance(whole, (list, tuple)) or (isinstance(whole, np.ndarray) and whole.dtype == object):
        inside = list(np.ravel(whole)) if isinstance(whole, np.ndarray) else list(whole)
    elif type(whole).__module__.startswith("sklearn."):
        yield whole
        inside = list(getattr(whole, "__dict__", {}).values())
    else:
        return
    for part in inside:
        yield from _parts(part, seen)


def without_threshold(model: Any) -> tuple[Any, float | None]:
    """A classifier, or a pipeline that ends with one, without its threshold, and that: ONNX applies it by itself."""
    last = model.steps[-1][1] if isinstance(model, Pipeline) else model
    if not isinstance(last, FixedThresholdClassifier):
        return model, None
    inside = last.estimator_.estimator
    bare = Pipeline([*model.steps[:-1], (model.steps[-1][0], inside)]) if isinstance(model, Pipeline) else inside
    return bare, float(last.threshold)


def register() -> None:
    """Tell skl2onnx how to convert them."""
    from skl2onnx import update_registered_converter
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    update_registered_converter(
        DummyClassifier,
        "PipelineDummyClassifier",
        calculate_linear_classifier_output_shapes,
        _convert_dummy,
        options={"zipmap": [True, False, "columns"], "nocl": [True, False], "output_class_labels": [False, True]},
    )

    def shape(operator: Any) -> None:
        model = operator.raw_operator
        width = model.n_features_in_ * np.size(model.target_mean_)
        operator.outputs[0].type = FloatTensorType([operator.inputs[0].get_first_dimension(), width])

    def same(operator: Any) -> None:
        operator.outputs[0].type = type(operator.inputs[0].type)(operator.inputs[0].type.shape)

    update_registered_converter(Dense, "PipelineDense", same, _convert_dense)
    update_registered_converter(TargetEncoder, "PipelineTargetEncoder", shape, _convert_means)


def _convert_dense(scope: Any, operator: Any, container: Any) -> None:
    """In ONNX all is dense."""
    [rows], [same] = operator.inputs, operator.outputs
    name = scope.get_unique_operator_name("Identity")
    container.add_node("Identity", [rows.full_name], same.full_name, name=name, op_version=13)


def _convert_dummy(scope: Any, operator: Any, container: Any) -> None:
    """The same label and the same probabilities for every row."""
    from onnx import TensorProto

    model, rows = operator.raw_operator, operator.inputs[0].full_name
    if model.strategy in ("stratified", "uniform"):
        raise InputError(
            f"params.yaml: train: strategy '{model.strategy}' of DummyClassifier draws its answers at random, which no"
            " package can repeat; take prior or most_frequent"
        )
    one = np.zeros((1, 1), np.float32)  # it looks at no feature, but a row of its own is wanted
    probabilities = model.predict_proba(one)[0].astype(np.float32)
    text = model.classes_.dtype.kind not in "iu"
    label = [str(model.predict(one)[0]).encode()] if text else [int(model.predict(one)[0])]
    constants = {
        "first": (TensorProto.INT64, [1], [0]),
        "classes": (TensorProto.INT64, [1], [len(probabilities)]),
        "answer": (TensorProto.STRING if text else TensorProto.INT64, [1], label),
        "shares": (TensorProto.FLOAT, [1, len(probabilities)], probabilities.tolist()),
    }
    names = {name: scope.get_unique_variable_name(name) for name in (*constants, "shape", "count", "size")}
    for name, (kind, shape, values) in constants.items():
        container.add_initializer(names[name], kind, shape, values)
    nodes = [
        ("Shape", [rows], names["shape"], {}),
        ("Gather", [names["shape"], names["first"]], names["count"], {}),
        ("Expand", [names["answer"], names["count"]], operator.outputs[0].full_name, {}),
        ("Concat", [names["count"], names["classes"]], names["size"], {"axis": 0}),
        ("Expand", [names["shares"], names["size"]], operator.outputs[1].full_name, {}),
    ]
    for kind, inputs, output, attributes in nodes:
        container.add_node(kind, inputs, output, name=scope.get_unique_operator_name(kind), op_version=13, **attributes)


def _convert_means(scope: Any, operator: Any, container: Any) -> None:
    """Codes 0, 1, ... of categories as float32 become the means of the target; -1, which is none, the mean of all."""
    from onnx import TensorProto

    model, codes = operator.raw_operator, operator.inputs[0].full_name
    outputs = np.ravel(model.target_mean_)
    counter = iter(range(10_000_000))

    def constant(kind: int, values: npt.NDArray[Any]) -> str:
        name: str = scope.get_unique_variable_name(f"means_{next(counter)}")
        container.add_initializer(name, kind, list(values.shape), values.ravel().tolist())
        return name

    def node(kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        made: str = output or scope.get_unique_variable_name(f"means_{next(counter)}")
        name = scope.get_unique_operator_name(kind)
        container.add_node(kind, list(inputs), made, name=name, op_version=13, **attributes)
        return made

    places = node("Add", node("Cast", codes, to=TensorProto.INT64), constant(TensorProto.INT64, np.array([1])))
    parts = []
    for column in range(model.n_features_in_):
        of_column = model.encodings_[column * len(outputs) : (column + 1) * len(outputs)]
        known = model.categories_[column].astype(int)
        means = np.tile(outputs, (known.max() + 2, 1))
        means[known + 1] = np.column_stack(of_column)
        place = node("Gather", places, constant(TensorProto.INT64, np.array(column)), axis=1)
        parts.append(node("Gather", constant(TensorProto.FLOAT, means), place, axis=0))
    node("Concat", *parts, output=operator.outputs[0].full_name, axis=1)
