"""The steps of models/pictures.py as plain ONNX operators: MatMul, GridSample, Conv, Relu, Sqrt and arithmetic."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.models import pictures
from pipeline.models.pictures import OrientedGradients, Straighten

OPSET = 18


def register() -> None:
    """Tell skl2onnx how to convert them."""
    from skl2onnx import update_registered_converter

    update_registered_converter(Straighten, "PipelineStraighten", _shape(_as_before), _convert_straighten)
    update_registered_converter(
        OrientedGradients, "PipelineOrientedGradients", _shape(_parts), _convert_oriented_gradients
    )


def _as_before(step: Any) -> int:
    return int(step.n_features_in_)


def _parts(step: Any) -> int:
    height, width = step.size
    return int(step.directions * -(-height // step.step) * -(-width // step.step))


def _shape(width: Callable[[Any], int]) -> Callable[[Any], None]:
    """What tells skl2onnx the shape of a step's output."""
    from skl2onnx.common.data_types import FloatTensorType

    def declare(operator: Any) -> None:
        rows = operator.inputs[0].get_first_dimension()
        operator.outputs[0].type = FloatTensorType([rows, width(operator.raw_operator)])

    return declare


class _Graph:
    """Adds constants and nodes to what skl2onnx writes, under names that it keeps apart."""

    def __init__(self, scope: Any, container: Any) -> None:
        self.scope, self.container = scope, container

    def constant(self, values: npt.ArrayLike) -> str:
        """An array of int64 as it is, anything else as float32."""
        from onnx import TensorProto

        array = np.asarray(values)
        whole = array.dtype.kind == "i"
        name: str = self.scope.get_unique_variable_name("constant")
        kind = TensorProto.INT64 if whole else TensorProto.FLOAT
        flat = array.astype(np.int64 if whole else np.float32).ravel().tolist()
        self.container.add_initializer(name, kind, list(array.shape), flat)
        return name

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """A node of one output, which is returned."""
        made: str = output or self.scope.get_unique_variable_name(kind.lower())
        name = self.scope.get_unique_operator_name(kind)
        self.container.add_node(kind, list(inputs), made, name=name, op_version=OPSET, **attributes)
        return made


def _convert_straighten(scope: Any, operator: Any, container: Any) -> None:
    graph = _Graph(scope, container)
    height, width = operator.raw_operator.size
    picture = graph.node("Reshape", operator.inputs[0].full_name, graph.constant([-1, 1, height, width]))
    by_row = graph.node("MatMul", picture, graph.constant(pictures.powers(width, 1).T))
    moments = graph.node("MatMul", graph.constant(pictures.powers(height, 2)), by_row)  # (rows, 1, 3, 2)

    def moment(down: int, right: int) -> str:
        part = graph.node("Gather", moments, graph.constant(np.array(down)), axis=2)
        return graph.node("Gather", part, graph.constant(np.array(right)), axis=2)

    total = graph.node("Max", moment(0, 0), graph.constant(pictures.LEAST))
    right, down = graph.node("Div", moment(0, 1), total), graph.node("Div", moment(1, 0), total)
    covariance = graph.node("Sub", graph.node("Div", moment(1, 1), total), graph.node("Mul", right, down))
    spread = graph.node("Sub", graph.node("Div", moment(2, 0), total), graph.node("Mul", down, down))
    spread = graph.node("Add", spread, graph.constant(pictures.PIXEL_VARIANCE))
    moves = graph.node("Concat", right, down, graph.node("Div", covariance, spread), axis=1)  # (rows, 3)

    # GridSample counts from -1 to 1 over the pixels' outer edges: places from the centre, by half of the size.
    v, u = np.meshgrid(pictures.from_centre(height), pictures.from_centre(width), indexing="ij")
    one, none = np.ones_like(u), np.zeros_like(u)
    scale = np.array([2 / width, 2 / height])
    ways = [np.stack(way, axis=-1) * scale for way in ((one, none), (none, one), (v, none))]
    grid = graph.node("MatMul", moves, graph.constant(np.reshape(ways, (3, -1))))
    grid = graph.node("Add", grid, graph.constant((np.stack([u, v], axis=-1) * scale).reshape(1, -1)))
    grid = graph.node("Reshape", grid, graph.constant([-1, height, width, 2]))
    upright = graph.node("GridSample", picture, grid, mode="bilinear", padding_mode="zeros", align_corners=0)
    flat = graph.constant([-1, height * width])
    graph.node("Reshape", upright, flat, output=operator.outputs[0].full_name)


def _convert_oriented_gradients(scope: Any, operator: Any, container: Any) -> None:
    graph, step = _Graph(scope, container), operator.raw_operator
    height, width = step.size
    compass = pictures.directions(step.directions)
    picture = graph.node("Reshape", operator.inputs[0].full_name, graph.constant([-1, 1, height, width]))
    to_right = graph.node("MatMul", picture, graph.constant(pictures.differences(width).T))
    downwards = graph.node("MatMul", graph.constant(pictures.differences(height)), picture)
    squares = [graph.node("Mul", one, one) for one in (to_right, downwards)]
    strength = graph.node("Sqrt", graph.node("Add", *squares))
    edges = graph.node("Concat", to_right, downwards, strength, axis=1)
    pointing = graph.node("Relu", graph.node("Conv", edges, graph.constant(compass[:, :, None, None])))
    by_row = graph.node("MatMul", pointing, graph.constant(pictures.windows(width, step.step, step.reach).T))
    parts = graph.node("MatMul", graph.constant(pictures.windows(height, step.step, step.reach)), by_row)
    flat = graph.node("Reshape", parts, graph.constant([-1, _parts(step)]))
    axis = graph.constant([1])
    bright = graph.node("ReduceSum", graph.node("Abs", operator.inputs[0].full_name), axis, keepdims=1)
    bright = graph.node("Mul", bright, graph.constant(pictures.FLAT))
    total = graph.node("ReduceSum", flat, axis, keepdims=1)
    total = graph.node("Max", total, bright, graph.constant(pictures.LEAST))
    shares = graph.node("Add", graph.node("Div", flat, total), graph.constant(pictures.FAINT))
    graph.node("Sqrt", shares, output=operator.outputs[0].full_name)
