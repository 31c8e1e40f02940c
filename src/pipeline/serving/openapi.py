"""The OpenAPI document: what exactly a row of this package may be, and what every answer looks like."""

from collections.abc import Iterable
from typing import Any

from pipeline.data.date_format import READABLE
from pipeline.data.schema import Feature
from pipeline.package.graph import INPUT
from pipeline.serving.cells import blank_numbers, blanks, takes_booleans, takes_gap, takes_numbers
from pipeline.serving.explain import LARGEST
from pipeline.serving.model import Model
from pipeline.serving.refusal import STATUS

JSON = "application/json"
NAMES = {"minimum": -(2**63), "maximum": 2**63 - 1}  # of a number that is a name
TEXTS = {
    400: "this is no JSON",
    401: "the token is missing or another",
    408: "the body did not arrive in time",
    413: "too many bytes or rows",
    415: "another content type",
    422: "rows that the model cannot answer: up to ten faults, each with its row and column",
    500: "a defect of the service",
    503: "too many requests wait; the header Retry-After says when to try again",
}


def document(model: Model, key: str | None, answer: dict[str, Any]) -> dict[str, Any]:
    """The document for a package. `answer` is what it says of its own example."""
    schema = model.schema
    properties = {feature.name: cell(feature) for feature in schema.features}
    columns = {name: _list(of) for name, of in properties.items()}
    own: Any = {"type": ["string", "number", "null"], **NAMES}
    row = _object(properties | ({key: own} if key else {}), schema.names)
    table = _object(columns | ({key: _list(own)} if key else {}), schema.names)
    forms: list[Any] = [_ref("Row"), _list(_ref("Row")), _ref("Columns")]
    if schema.tensor:
        listed = _array([array_cell(feature) for feature in schema.features])
        forms += [listed, _list(listed)]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": model.card.partition("\n")[0].lstrip("# ") or "model",
            "version": model.version,
            "description": f"Predicts {schema.target}. A category that training did not see is answered, and told in "
            "`warnings`; so is a number outside of what it saw.",
        },
        "paths": {
            "/predict": {
                "post": {
                    "summary": "Answer a row, a list of rows, or columns of equal length",
                    "requestBody": _body({"anyOf": forms}, model.example),
                    "responses": {"200": _answers(_prediction(model), answer), **_refusals(STATUS.values())},
                }
            },
            "/invocations": {
                "post": {
                    "summary": "Answer one of MLflow's four forms, as MLflow does",
                    "requestBody": _body(
                        {"anyOf": [_object({name: of}, [name]) for name, of in _mlflow(model).items()]},
                        {"dataframe_split": {"columns": schema.names, "data": [list(model.example.values())]}},
                    ),
                    "responses": {
                        "200": _answers(_object({"predictions": {"type": ["array", "object"]}}, ["predictions"])),
                        **_refusals(STATUS.values()),
                    },
                }
            },
            **{path: _get(summary, JSON) for path, summary in _GETS.items()},
            "/metrics": _get("Counters for Prometheus", "text/plain"),
            "/": _get("A page to try it on", "text/html"),
        },
        "components": {"schemas": {"Row": row, "Columns": table, "Refusal": _REFUSAL}},
    }


def cell(feature: Feature) -> dict[str, Any]:
    """What a cell of a column may be, as a JSON schema; what `request.type_of` says as a type."""
    if feature.type == "boolean":
        return {"type": _or_null("boolean", feature)}
    if feature.type == "number":
        return {"type": _or_null("number", feature), "minimum": -LARGEST, "maximum": LARGEST, **_not_blank(feature)}
    if feature.type == "text":
        return {"type": ["string", "null"], "description": "free text"}
    if feature.type == "date":
        return {"type": _or_null("string", feature), "description": f"a date as {feature.format or READABLE}"}
    kinds = ["string"] + (["number"] if takes_numbers(feature) else [])
    kinds += ["boolean"] if takes_booleans(feature) else []
    found: dict[str, Any] = {"type": [*kinds, *(["null"] if takes_gap(feature) else [])]}
    found |= NAMES if takes_numbers(feature) else {}
    if not takes_gap(feature):
        found["not"] = {"enum": [*sorted(blanks(feature)), *blank_numbers(feature)]}
        found["pattern"] = r"\S"
    return found


def array_cell(feature: Feature) -> dict[str, Any]:
    """Likewise in a row that is a list of numbers."""
    if feature.type == "boolean":
        return {"enum": [True, False, 0, 1, *([None] if takes_gap(feature) else [])]}
    return cell(feature)


def _or_null(kind: str, feature: Feature) -> Any:
    return [kind, "null"] if takes_gap(feature) else kind


def _not_blank(feature: Feature) -> dict[str, Any]:
    numbers = blank_numbers(feature)
    return {"not": {"enum": numbers}} if numbers and not takes_gap(feature) else {}


def _prediction(model: Model) -> dict[str, Any]:
    label = {"type": "string" if isinstance(model.schema.classes[0], str) else "integer"}
    warning = {"row": {"type": "integer"}, "column": {"type": "string"}, "kind": {"enum": ["unseen", "outside"]}}
    ends = {
        "warnings": _list(_object({**warning, "message": {"type": "string"}}, [*warning, "message"]), 0),
        "version": {"type": "string"},
    }
    share = {"type": "number", "minimum": 0, "maximum": 1.001}
    shares = _object({str(name): share for name in model.schema.classes}, map(str, model.schema.classes))
    lists = _object({str(name): _list(share) for name in model.schema.classes}, map(str, model.schema.classes))
    stated = ["probabilities"] if model.states_probabilities else []
    one = {"prediction": label, **({"probabilities": shares} if stated else {})}
    many = {"prediction": _list(label), **({"probabilities": lists} if stated else {})}
    return {
        "anyOf": [
            _object({**one, **ends}, ["prediction", *stated, *ends]),
            _object({"predictions": _list(_object(one, ["prediction", *stated])), **ends}, ["predictions", *ends]),
            _object({**many, **ends}, ["prediction", *stated, *ends]),
        ]
    }


def _mlflow(model: Model) -> dict[str, Any]:
    row = _array([cell(feature) for feature in model.schema.features])
    split = {"columns": {"const": model.schema.names}, "data": _list(row)}
    forms: dict[str, Any] = {"dataframe_split": _object(split, ["columns", "data"])}
    forms |= dict.fromkeys(("dataframe_records", "instances"), _list(_ref("Row")))
    if model.schema.tensor:
        listed = _list(_array([array_cell(feature) for feature in model.schema.features]))
        forms["inputs"] = {"anyOf": [listed, _object({INPUT: listed}, [INPUT])]}
    else:
        forms["inputs"] = _ref("Columns")
    return forms


_GETS = {
    "/health": "Whether the process lives",
    "/ping": "Likewise, as MLflow and SageMaker ask",
    "/ready": "Whether it answers",
    "/metadata": "Version, hashes, schema and card of the package",
    "/openapi.json": "This document",
}
_REFUSAL = {
    "type": "object",
    "required": ["error_code", "message", "faults", "request_id"],
    "properties": {
        "error_code": {"enum": ["BAD_REQUEST", "INTERNAL_ERROR"]},
        "message": {"type": "string"},
        "faults": {
            "type": "array",
            "maxItems": 10,
            "items": {
                "type": "object",
                "required": ["reason", "row", "column", "message"],
                "properties": {
                    "reason": {"enum": list(STATUS)},
                    "row": {"type": ["integer", "null"]},
                    "column": {"type": ["string", "null"]},
                    "message": {"type": "string"},
                },
            },
        },
        "request_id": {"type": "string"},
    },
}


def _object(properties: dict[str, Any], required: Iterable[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(of: Any, least: int = 1) -> dict[str, Any]:
    return {"type": "array", "items": of, "minItems": least}


def _array(cells: list[Any]) -> dict[str, Any]:
    """A list with these cells, in this order, and no more."""
    return {"type": "array", "prefixItems": cells, "minItems": len(cells), "maxItems": len(cells)}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _body(schema: Any, example: Any) -> dict[str, Any]:
    return {"required": True, "content": {JSON: {"schema": schema, "example": example}}}


def _answers(schema: Any, example: Any = None) -> dict[str, Any]:
    content = {"schema": schema} if example is None else {"schema": schema, "example": example}
    return {"description": "the answer", "content": {JSON: content}}


def _refusals(statuses: Iterable[int]) -> dict[str, Any]:
    content = {JSON: {"schema": _ref("Refusal")}}
    return {
        str(status): {"description": TEXTS[status], "content": content}
        for status in sorted(set(statuses))
        if status in TEXTS
    }


def _get(summary: str, kind: str) -> dict[str, Any]:
    answers = {"200": {"description": "the answer", "content": {kind: {}}}}
    return {"get": {"summary": summary, "responses": {**answers, **_refusals([401, 503])}}}
