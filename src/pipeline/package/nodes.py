"""Builds part of an ONNX graph, a node at a time."""

from typing import Any

import numpy as np

Array = str  # the name of a result


class Nodes:
    """Nodes and constants; their results are named `prefix` and a number."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def __call__(self, operator: str, *inputs: Array, domain: str = "", name: str = "", **attributes: Any) -> Array:
        """Add a node and return its result."""
        from onnx import helper

        result = f"{self.prefix}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [result], name=name, domain=domain, **attributes))
        return result

    def constant(self, value: Any) -> Array:
        """Whole numbers as int64, others as float32 unless they are NumPy's, texts as text; of the shape they have."""
        from onnx import numpy_helper

        array = np.asarray(value)
        if isinstance(value, float):
            array = array.astype(np.float32)
        if array.dtype.kind == "U":
            array = array.astype(object)
        name = f"{self.prefix}constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def cast(self, array: Array, dtype: Any, name: str = "") -> Array:
        """The array as NumPy's `dtype`."""
        from onnx import helper

        return self("Cast", array, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), name=name)
