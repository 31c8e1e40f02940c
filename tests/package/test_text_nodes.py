"""The package weighs the terms of texts of any script as the pipeline does, to the last bit."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from pipeline.data.schema import Feature
from pipeline.data.text import fit, weigh
from pipeline.package.export import OPSET_OF_TEXT, load_onnxruntime
from pipeline.package.nodes import Nodes
from pipeline.package.text_nodes import term_weights
from tests.data.test_text import texts


@pytest.mark.parametrize(("ngram_range", "most"), [((1, 1), 2000), ((1, 2), 200), ((2, 3), 50), ((1, 3), 2)])
def test_the_weights_are_the_same(ngram_range: tuple[int, int], most: int) -> None:
    terms, weights = fit(texts(), most, ngram_range)
    nodes = Nodes("_")
    out = term_weights(Feature("note", "text", terms=terms, weights=weights), "note", nodes)
    inputs = [helper.make_tensor_value_info("note", TensorProto.STRING, ["rows"])]
    outputs = [helper.make_tensor_value_info(out, TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes.nodes, "texts", inputs, outputs, nodes.constants)
    opset = [helper.make_opsetid(domain, number) for domain, number in OPSET_OF_TEXT.items()]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    session = load_onnxruntime().InferenceSession(model.SerializeToString())
    [found] = session.run([out], {"note": texts().to_numpy(object)})
    expected = weigh(texts(), terms, weights).toarray()
    assert np.count_nonzero(expected) > 400
    np.testing.assert_array_equal(found, expected)
    for few in ([], [""], ["..."]):
        [found] = session.run([out], {"note": np.array(few, dtype=object)})
        assert found.shape == (len(few), len(terms)) and not found.any()
