"""The text files that make a folder with model.onnx an MLflow model (ONNX flavor), the same every time.

Written without MLflow, whose import takes longer than the rest of the stage, and whose own text names the machine's
Python, a random id and the time. A test reads them with MLflow and compares them with what MLflow would have written.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from pipeline.data.schema import Schema, probability_columns
from pipeline.package import table_model
from pipeline.package.graph import INPUT, LABEL, PROBABILITIES

PYTHON = "3.11"  # of the environment that MLflow makes to serve the model
CODE, LOADER = "code", "table_model"  # a folder, and the module in it
EXAMPLE, SERVING_EXAMPLE = "input_example.json", "serving_input_example.json"
PACKAGES = ("mlflow-skinny", "onnx", "onnxruntime", "pandas")


def files(
    schema: Schema, name: str, size: int, probabilities: bool, example: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Contents of MLmodel, conda.yaml, python_env.yaml and requirements.txt; `size` is that of model.onnx in bytes.

    A model of columns also gets its loader and, of an `example` row, the two files in which MLflow keeps one.
    """
    requirements = [f"{package}=={version(package)}" for package in PACKAGES]
    dependencies = [f"python={PYTHON}", "pip", {"pip": requirements}]
    texts = {
        "MLmodel": _yaml(_model(schema, name, size, probabilities)),
        "conda.yaml": _yaml({"channels": ["conda-forge"], "dependencies": dependencies, "name": "mlflow-env"}),
        "python_env.yaml": _yaml(
            {"build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"], "python": PYTHON}
        ),
        "requirements.txt": "\n".join(requirements) + "\n",
    }
    if not schema.tensor:
        texts[f"{CODE}/{LOADER}.py"] = Path(table_model.__file__).read_text(encoding="utf-8")
        split = {"columns": list(example or {}), "data": [list((example or {}).values())]}
        texts[EXAMPLE] = _json(split)
        texts[SERVING_EXAMPLE] = _json({"dataframe_split": split})
    return texts


def _model(schema: Schema, name: str, size: int, probabilities: bool) -> dict[str, Any]:
    loader: dict[str, Any] = {"loader_module": "mlflow.onnx"}
    if not schema.tensor:
        loader = {"loader_module": LOADER, "code": CODE}
    model: dict[str, Any] = {
        "flavors": {
            "onnx": {
                "code": None,
                "data": "model.onnx",
                "onnx_session_options": None,
                "onnx_version": version("onnx"),
                "providers": ["CPUExecutionProvider"],
            },
            "python_function": {
                "data": "model.onnx",
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                **loader,
                "python_version": PYTHON,
            },
        },
        "is_signature_from_type_hint": False,
        "metadata": {"name": name},
        "mlflow_version": version("mlflow-skinny"),
        "model_id": None,
        "model_size_bytes": size,
        "model_uuid": "0" * 32,
        "prompts": None,
        "signature": _signature(schema, probabilities),
        "type_hint_from_example": False,
        "utc_time_created": "1970-01-01 00:00:00.000000",
    }
    if not schema.tensor:
        model["saved_input_example_info"] = {
            "artifact_path": EXAMPLE,
            "pandas_orient": "split",
            "serving_input_path": SERVING_EXAMPLE,
            "type": "dataframe",
        }
    return model


def _signature(schema: Schema, probabilities: bool) -> dict[str, Any]:
    """Inputs and outputs. Columns take anything: declared double, they would refuse whole numbers, and declared boolean
    make true of "false"; the loader knows better.
    """
    whole = isinstance(schema.classes[0], int)
    if schema.tensor:
        inputs = [_tensor(INPUT, "float32", -1, len(schema.features))]
        outputs = [_tensor(LABEL, "int64" if whole else "str", -1)]
        if probabilities:
            outputs.append(_tensor(PROBABILITIES, "float32", -1, len(schema.classes)))
    else:
        inputs = [_column(feature.name, "any") for feature in schema.features]
        outputs = [_column(LABEL, "long" if whole else "string")]
        if probabilities:
            outputs += [_column(name, "float") for name in probability_columns(schema.classes)]
    return {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None}


def _column(name: str, kind: str) -> dict[str, Any]:
    return {"type": kind, "name": name, "required": True}


def _tensor(name: str, dtype: str, *shape: int) -> dict[str, Any]:
    return {"name": name, "type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}}


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def _yaml(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(content, default_flow_style=False)
