"""The package reads dates as the pipeline does, and answers nothing where there is none."""

import datetime

import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto, helper

from pipeline.data.date_format import FORMATS, write
from pipeline.data.dates import PARTS, numbers
from pipeline.data.schema import Feature
from pipeline.package.date_nodes import date_parts
from pipeline.package.export import OPSET_OF_TEXT, load_onnxruntime
from pipeline.package.nodes import Nodes
from tests.data.test_dates import days


def parts(cells: list[str], format: str = "", missing: bool = True) -> np.ndarray:
    """What onnxruntime makes of cells, by a graph of nothing else."""
    nodes = Nodes("_")
    feature = Feature("day", "date", parts=PARTS, format=format, missing=missing)
    out = date_parts(feature, "day", nodes)
    inputs = [helper.make_tensor_value_info("day", TensorProto.STRING, ["rows"])]
    outputs = [helper.make_tensor_value_info(out, TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes.nodes, "dates", inputs, outputs, nodes.constants)
    opset = [helper.make_opsetid(domain, number) for domain, number in OPSET_OF_TEXT.items()]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    onnxruntime = load_onnxruntime()
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings)
    return session.run([out], {"day": np.array(cells, dtype=object)})[0]


@pytest.mark.parametrize("format", FORMATS)
def test_thousands_of_dates_of_every_format_are_the_same_numbers(format: str) -> None:
    epoch = datetime.date(1970, 1, 1)
    dates = [write((day - epoch).days, format) for day in days(1500)]
    midnight, later = ("12:00", "11:59") if "%I" in format else ("00:00", "23:59")
    cells = ["", *dates, *(date.replace(midnight, later).replace("AM", "PM") for date in dates)]
    if not format:
        cells += [f"{date}T09:30:59.5Z" for date in dates] + [f"{date} 23:59" for date in dates]
    expected = numbers(pd.Series(cells, dtype="str"), format).to_numpy(np.float32)
    assert not np.isnan(expected[1:]).any()
    np.testing.assert_array_equal(parts(cells, format), expected)
    assert parts([], format).shape == (0, len(PARTS))


@pytest.mark.parametrize("cell", ["2023-02-29", "1900-02-29", "2024-13-01", "0000-01-01", "soon", "1e3", " 2024-01-31"])
def test_what_is_no_date_gets_no_answer(cell: str) -> None:
    with pytest.raises(Exception, match="column 'day' holds a cell that is no date"):
        parts(["2024-01-31", cell])


def test_a_blank_where_training_had_none_gets_no_answer() -> None:
    assert np.isnan(parts([""])).all()
    with pytest.raises(Exception, match="column 'day' holds a cell that is no date"):
        parts([""], missing=False)
