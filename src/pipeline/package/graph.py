"""The outside of an ONNX graph: names that are the same every time, and a table's own columns instead of one array."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pipeline.data.schema import WRITTEN, Feature, Label, Schema, probability_columns
from pipeline.package.date_nodes import date_parts
from pipeline.package.nodes import Nodes
from pipeline.package.text_nodes import term_weights

INPUT = "features"
LABEL = "label"
PROBABILITIES = "probabilities"
ENCODING = "encoding"  # the node that holds the array which the columns became


def rename(graph: Any, names: dict[str, str], others: str = "result_") -> None:
    """Rename the results of a graph and of those inside it, as `names` says and else by number, after `others`.

    Some of skl2onnx's names hold addresses in memory, and would differ in every run.
    """
    names = {"": "", **names}
    graphs = list(_graphs(graph))
    for part in graphs:
        results = [result.name for result in (*part.input, *part.initializer)]
        for name in [*results, *(output for node in part.node for output in node.output)]:
            names.setdefault(name, f"{others}{len(names)}")
    for number, part in enumerate(graphs):
        if number:
            part.name = f"graph_{number}"
        del part.value_info[:]
        for result in (*part.input, *part.output, *part.initializer):
            result.name = names[result.name]
        for position, node in enumerate(part.node):
            node.name = f"{node.op_type}_{position}"
            node.input[:] = [names[name] for name in node.input]
            node.output[:] = [names[name] for name in node.output]


def _graphs(graph: Any) -> Iterator[Any]:
    """The graph and every graph inside it: the bodies of loops."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def input_names(schema: Schema) -> list[str]:
    """The names of the graph's inputs: the columns', with `_` behind one that is called like an output."""
    taken = {LABEL, *probability_columns(schema.classes), *schema.names}
    names = []
    for name in schema.names:
        if name == LABEL or name in probability_columns(schema.classes):
            while name in taken:
                name += "_"
            taken.add(name)
        names.append(name)
    return names


def take_columns(graph: Any, schema: Schema) -> None:
    """Let a graph from `features` to `label` and `probabilities` take the schema's columns and give `proba_<class>`."""
    from onnx import helper, numpy_helper

    inputs = input_names(schema)
    outputs = [LABEL, *probability_columns(schema.classes)]
    inside = "_"
    while any(name.startswith(inside) for name in (*inputs, *outputs)):  # no name inside may be a column's
        inside += "_"
    rename(graph, {}, inside)
    [array], [label, *probabilities] = graph.input, list(graph.output)
    graph.initializer.append(numpy_helper.from_array(np.array([1]), f"{inside}axis"))
    first: list[Any] = []
    encoded = []
    for place, feature in enumerate(schema.features):
        if feature.type in ("date", "text"):
            nodes = Nodes(f"{inside}column_{place}_")
            of_type = date_parts if feature.type == "date" else term_weights
            encoded.append(of_type(feature, inputs[place], nodes))
            first += nodes.nodes
            graph.initializer.extend(nodes.constants)
        else:
            first += _encode(feature, inputs[place], f"{inside}axis", f"{inside}column_{place}")
            encoded.append(f"{inside}column_{place}")
    first.append(helper.make_node("Concat", encoded, [array.name], axis=1))
    said = {place: node.name for place, node in enumerate(first) if node.name}
    last = [helper.make_node("Identity", [label.name], [LABEL])]
    if probabilities:
        last += _split(graph, probabilities[0].name, schema.classes, inside)
    own = list(graph.node)
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend([*first, *own, *last])
    for position, node in enumerate(graph.node):
        node.name = said.get(position, f"{node.op_type}_{position}")
    graph.node[len(first) - 1].name = ENCODING
    graph.input.extend(_declare(name, feature.type) for name, feature in zip(inputs, schema.features, strict=True))
    kind = "category" if isinstance(schema.classes[0], str) else "whole"
    graph.output.append(_declare(LABEL, kind))
    graph.output.extend(_declare(name, "probability") for name in (outputs[1:] if probabilities else ()))


def encoding_alone(content: bytes) -> bytes:
    """The part of a model of columns that makes them one array, which is its only output."""
    import onnx

    model = onnx.load_from_string(content)
    graph = model.graph
    end = next(place for place, node in enumerate(graph.node) if node.name == ENCODING)
    [array] = graph.node[end].output
    del graph.node[end + 1 :], graph.output[:]
    graph.output.append(onnx.helper.make_tensor_value_info(array, onnx.TensorProto.FLOAT, ["rows", None]))
    alone: bytes = model.SerializeToString(deterministic=True)
    return alone


def _encode(feature: Feature, name: str, axis: str, inside: str) -> list[Any]:
    """The nodes that make a column of shape (rows,) one of the array's, as `data.encode.encode` does."""
    from onnx import TensorProto, helper

    if feature.type == "category":
        step = helper.make_node(
            "LabelEncoder",
            [name],
            [f"{inside}_values"],
            domain="ai.onnx.ml",
            keys_strings=list(feature.categories),
            values_floats=[float(place) for place in range(len(feature.categories))],
            default_float=-1.0,
        )
    else:
        step = helper.make_node("Cast", [name], [f"{inside}_values"], to=TensorProto.FLOAT)
    return [step, helper.make_node("Unsqueeze", [f"{inside}_values", axis], [inside])]


def _split(graph: Any, probabilities: str, classes: Sequence[Label], inside: str) -> list[Any]:
    """The nodes that make an output of each class's probability."""
    from onnx import helper, numpy_helper

    parts = [f"{inside}class_{place}" for place in range(len(classes))]
    graph.initializer.append(numpy_helper.from_array(np.ones(len(classes), np.int64), f"{inside}ones"))
    nodes = [helper.make_node("Split", [probabilities, f"{inside}ones"], parts, axis=1)]
    for part, name in zip(parts, probability_columns(classes), strict=True):
        nodes.append(helper.make_node("Squeeze", [part, f"{inside}axis"], [name]))
    return nodes


def _declare(name: str, kind: str) -> Any:
    """An input or output of shape (rows,)."""
    from onnx import TensorProto, helper

    types = {"whole": TensorProto.INT64, "probability": TensorProto.FLOAT} | dict.fromkeys(WRITTEN, TensorProto.STRING)
    return helper.make_tensor_value_info(name, types.get(kind, TensorProto.DOUBLE), ["rows"])
