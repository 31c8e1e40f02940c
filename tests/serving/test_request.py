"""What a request may be: all faults are told with their place, and nothing that is wrong is answered."""

import json
from typing import Any

import hypothesis.strategies as st
import jsonschema
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings

from pipeline.data.schema import Feature, Schema
from pipeline.package.table_model import TableModel
from pipeline.serving import explain, invocations
from pipeline.serving.active import Active, answer
from pipeline.serving.refusal import RefusalError
from pipeline.serving.request import Reader
from tests.serving.packages import ROW, TABLE


def ask(active: Active, body: object) -> dict[str, Any]:
    """The answer to a body, as /predict gives it."""
    asked = active.reader.read(body if isinstance(body, bytes) else json.dumps(body).encode())
    return answer(asked.form, active.model, asked, active.model.predict(asked.taken.feed))


def refusal(active: Active, body: object) -> list[tuple[str, int | None, str | None]]:
    """Reason, row and column of each fault."""
    with pytest.raises(RefusalError) as refused:
        ask(active, body)
    assert 400 <= refused.value.status < 500
    assert all(fault.sentence and "\n" not in fault.sentence for fault in refused.value.faults)
    return [(fault.reason, fault.row, fault.column) for fault in refused.value.faults]


def test_a_row_rows_and_columns_get_the_same_answer_each_in_its_form(table: Active) -> None:
    one = ask(table, ROW)
    rows = ask(table, [ROW, ROW])
    columns = ask(table, {name: [cell, cell] for name, cell in ROW.items()})
    assert one["prediction"] in ("leaves", "stays") and set(one["probabilities"]) == {"leaves", "stays"}
    assert rows["predictions"] == [{"prediction": one["prediction"], "probabilities": one["probabilities"]}] * 2
    assert columns["prediction"] == [one["prediction"]] * 2
    assert columns["probabilities"] == {name: [share] * 2 for name, share in one["probabilities"].items()}
    assert one["version"] == rows["version"] == columns["version"] == table.model.version
    assert one["warnings"] == rows["warnings"] == columns["warnings"] == []


def test_a_model_of_an_array_takes_names_and_lists(array: Active) -> None:
    by_name = ask(array, {f"pixel_{i}": i for i in range(4)})
    assert by_name == ask(array, [0, 1, 2, 3])
    assert ask(array, [[0, 1, 2, 3]])["predictions"][0]["probabilities"] == by_name["probabilities"]
    assert ask(array, [[0, 1, 2, 3], [9, 9, 9, 17]])["warnings"] == [
        {"row": 2, "column": "pixel_3", "kind": "outside", "message": "training saw 0 to 16"}
    ]


def test_what_training_did_not_see_is_answered_and_marked(table: Active) -> None:
    said = ask(table, [ROW, ROW | {"city": "Mars", "age": 90}])
    assert len(said["predictions"]) == 2
    assert [(mark["row"], mark["column"], mark["kind"]) for mark in said["warnings"]] == [
        (2, "age", "outside"),
        (2, "city", "unseen"),
    ]


@pytest.mark.parametrize("same", [{"code": 1}, {"code": 1.0}, {"code": "1.0"}, {"code": " 1 "}, {"income": -999}])
def test_ways_to_write_a_cell_mean_the_same(table: Active, same: dict[str, Any]) -> None:
    assert ask(table, ROW | same) == ask(table, ROW)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"age": None}, "gap"),
        ({"city": None}, "gap"),
        ({"city": "  "}, "gap"),
        ({"city": "NA"}, "gap"),
        ({"age": "40"}, "type"),
        ({"age": True}, "type"),
        ({"member": 1}, "type"),
        ({"member": "true"}, "type"),
        ({"city": 7}, "type"),
        ({"city": True}, "type"),
        ({"age": float("nan")}, "range"),
        ({"age": float("inf")}, "range"),
        ({"age": 1e300}, "range"),
        ({"age": 10**400}, "range"),
        ({"age": [40]}, "shape"),
        ({"age": {"value": 40}}, "shape"),
        ({"request_id": True}, "type"),
    ],
)
def test_a_wrong_cell_is_named(table: Active, change: dict[str, Any], reason: str) -> None:
    [column] = change
    assert refusal(table, ROW | change) == [(reason, 1, column)]
    assert refusal(table, [ROW, ROW | change]) == [(reason, 2, column)]
    columns = {name: [cell, cell] for name, cell in ROW.items()} | {column: [ROW.get(column), change[column]]}
    assert refusal(table, columns) == [(reason, 2, column)]


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        (b"", [("empty", None, None)]),
        ([], [("empty", None, None)]),
        ({}, [("empty", None, None)]),
        ({name: [] for name in ROW}, [("empty", None, None)]),
        (b"{", [("not_json", None, None)]),
        (b"\xff", [("not_json", None, None)]),
        (b"age=40", [("not_json", None, None)]),
        (b"[" * 100_000, [("shape", None, None)]),
        (b"9" * 5_000, [("range", None, None)]),
        (3, [("shape", None, None)]),
        ([ROW, [ROW]], [("shape", 2, None)]),
        (ROW | {"extra": 1}, [("unknown_column", 1, "extra")]),
        ({k: v for k, v in ROW.items() if k != "age"}, [("missing_column", 1, "age")]),
        ({k: [v, v] for k, v in ROW.items()} | {"age": [1]}, [("shape", None, "income")]),
    ],
)
def test_a_wrong_body_is_refused(table: Active, body: object, faults: list) -> None:
    assert refusal(table, body) == faults


def test_an_array_of_another_size_is_refused(array: Active) -> None:
    assert refusal(array, [1, 2]) == [("shape", 1, None)]
    assert refusal(array, [[1, 2, 3, 4], [1, 2, 3]]) == [("shape", 2, None)]
    assert refusal(array, [[1, None, "x", 4]]) == [("gap", 1, "pixel_1"), ("type", 1, "pixel_2")]


def test_all_faults_are_told_up_to_ten(table: Active) -> None:
    bad = ROW | {"age": None, "member": 1, "label": "x"}
    assert len(refusal(table, [bad] * 2)) == 6
    with pytest.raises(RefusalError) as refused:
        ask(table, [bad] * 5)
    assert len(refused.value.faults) == 10 and refused.value.content("id")["message"].endswith("; and more")


def test_a_column_that_every_row_lacks_is_told_once(table: Active) -> None:
    assert refusal(table, [{k: v for k, v in ROW.items() if k != "age"}] * 5) == [("missing_column", 1, "age")]


def test_too_many_rows_are_refused(table: Active) -> None:
    assert refusal(table, [ROW] * 10_001) == [("too_many_rows", None, None)]


def test_a_free_text_is_taken_as_it_is_and_may_be_empty() -> None:
    """What the graph takes of it; that it is text is still asked."""
    schema = Schema((Feature("note", "text"), Feature("age", "number")), "churn", ("leaves", "stays"))  # type: ignore[arg-type]
    reader = Reader(schema, "request_id", 10)
    notes = [" a b ", None, "NA", "1.0"]
    asked = reader.read(json.dumps({"note": notes, "age": [1, 2, 3, 4]}).encode())
    assert asked.taken.feed["note"].tolist() == ["a b", "", "", "1"] and not asked.taken.marks
    for wrong in (1, True, ["a"], "\ud800"):
        with pytest.raises(RefusalError) as refused:
            reader.read(json.dumps([{"note": wrong, "age": 1}]).encode())
        assert [fault.column for fault in refused.value.faults] == ["note"]


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["", "NA", "1", "1.0", "01", "true", "Bonn", "Köln | Süd", 1, 2.0, -999, 3.5e38, "\ud800"]),
    st.just([1]),
    st.just({}),
)
ROWS = st.fixed_dictionaries({name: st.one_of(st.just(cell), CELLS) for name, cell in ROW.items()})


@settings(max_examples=300)
@given(ROWS)
@example(ROW | {"code": float("nan")})
@example(ROW | {"city": "\ud800"})
def test_types_explanations_and_the_document_agree(table: Active, row: dict[str, Any]) -> None:
    """Three places say what a cell may be: for the decoder, for a person, for a client's program."""
    told, _ = explain.explain(row, TABLE, "request_id")
    document = json.loads(table.openapi)["components"]["schemas"]["Row"]
    try:
        body = json.dumps(row)
        fits = not list(jsonschema.Draft202012Validator(document).iter_errors(json.loads(body)))
        ask(table, body.encode())
    except RefusalError as refused:
        assert refused.reason != "not_json" and len(refused.faults) == min(len(told), 10), refused.faults
        return
    assert not told
    assert fits, row


FITTING = st.fixed_dictionaries(
    {
        "age": st.floats(-1e6, 1e6),
        "income": st.one_of(st.none(), st.just(-999.0), st.floats(0, 9e4)),
        "member": st.booleans(),
        "city": st.sampled_from(["Bonn", "Köln | Süd", " Bonn", "Mars", "1.0"]),
        "code": st.sampled_from(["1", "2.0", 1, 2.0, "true", True, False, None, "NA", "", 7, "01", 1.5]),
        "label": st.integers(-5, 5),
    }
)


@given(st.lists(FITTING, min_size=1, max_size=5))
def test_the_answers_are_those_of_the_package(table: Active, table_folder, rows: list[dict[str, Any]]) -> None:
    """The service has its own way to the graph, without pandas; it must lead to the same place."""
    expected = LOADED.setdefault(str(table_folder), TableModel(table_folder)).predict(pd.DataFrame(rows, dtype=object))
    asked = table.reader.read(json.dumps(rows).encode())
    found = table.model.predict(asked.taken.feed)
    assert found.labels.tolist() == expected["label"].tolist()
    shares = np.column_stack([expected[f"proba_{label}"] for label in TABLE.classes])
    assert np.column_stack(found.probabilities).tolist() == shares.tolist()


LOADED: dict[str, TableModel] = {}


@pytest.mark.parametrize("form", ["dataframe_split", "dataframe_records", "instances", "inputs"])
def test_mlflow_forms_are_answered_as_mlflow_does(table: Active, form: str) -> None:
    rows = [ROW, ROW | {"city": "Mars"}]
    content: dict[str, Any] = {
        "dataframe_split": {"columns": list(ROW), "data": [list(row.values()) for row in rows]},
        "dataframe_records": rows,
        "instances": rows,
        "inputs": {name: [row[name] for row in rows] for name in ROW},
    }
    asked = invocations.read(json.dumps({form: content[form]}).encode(), table.reader)
    said = invocations.answer(table.model, table.model.predict(asked.taken.feed))["predictions"]
    plain = ask(table, rows)["predictions"]
    assert [row["label"] for row in said] == [row["prediction"] for row in plain]
    assert [row["proba_stays"] for row in said] == [row["probabilities"]["stays"] for row in plain]
    assert invocations.unseen(asked) == "city=1"


@pytest.mark.parametrize(
    "content",
    [
        {"inputs": [[0, 1, 2, 3]]},
        {"inputs": {"features": [[0, 1, 2, 3]]}},
        {"instances": [[0, 1, 2, 3]]},
        {"instances": [{"features": [0, 1, 2, 3]}]},
        {"dataframe_split": {"columns": [f"pixel_{i}" for i in range(4)], "data": [[0, 1, 2, 3]]}},
        {"inputs": {f"pixel_{i}": [i] for i in range(4)}},
    ],
)
def test_mlflow_forms_of_an_array(array: Active, content: object) -> None:
    asked = invocations.read(json.dumps(content).encode(), array.reader)
    said = invocations.answer(array.model, array.model.predict(asked.taken.feed))["predictions"]
    expected = ask(array, [0, 1, 2, 3])
    assert said == {
        "label": [expected["prediction"]],
        "probabilities": [list(expected["probabilities"].values())],
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "shape"),
        ({}, "shape"),
        ({"instances": [ROW], "inputs": {}}, "shape"),
        ({"instances": [ROW], "params": {"a": 1}}, "shape"),
        ({"instances": 3}, "shape"),
        ({"instances": []}, "empty"),
        ({"dataframe_split": {"columns": ["age"], "data": [[1, 2]]}}, "shape"),
        ({"dataframe_split": {"columns": ["age", "age"], "data": [[1, 2]]}}, "shape"),
        ({"dataframe_records": [ROW | {"age": float("nan")}]}, "range"),
        ({"dataframe_records": [ROW | {"age": None}]}, "gap"),
        ({"dataframe_records": [ROW | {"extra": 1}]}, "unknown_column"),
        ({"inputs": {name: [cell] for name, cell in ROW.items()} | {"age": [1, 2]}}, "shape"),
    ],
)
def test_wrong_mlflow_forms_are_refused(table: Active, content: object, reason: str) -> None:
    with pytest.raises(RefusalError) as refused:
        invocations.read(json.dumps(content).encode(), table.reader)
    assert refused.value.reason == reason
