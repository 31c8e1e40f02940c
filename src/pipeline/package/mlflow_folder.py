"""The text files that make a folder with model.onnx an MLflow model (ONNX flavor), the same every time.

Written without MLflow, whose import takes longer than the rest of the stage, and whose own text names the machine's
Python, a random id and the time. A test reads them with MLflow and compares them with what MLflow would have written.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import yaml

from pipeline.data.schema import Schema
from pipeline.package.export import INPUT, LABEL, PROBABILITIES

PYTHON = "3.11"  # of the environment that MLflow makes to serve the model
PACKAGES = ("mlflow-skinny", "onnx", "onnxruntime", "pandas")


def files(schema: Schema, name: str, size: int, probabilities: bool) -> dict[str, str]:
    """Contents of MLmodel, conda.yaml, python_env.yaml and requirements.txt; `size` is that of model.onnx in bytes."""
    requirements = [f"{package}=={version(package)}" for package in PACKAGES]
    dependencies = [f"python={PYTHON}", "pip", {"pip": requirements}]
    return {
        "MLmodel": _yaml(_model(schema, name, size, probabilities)),
        "conda.yaml": _yaml({"channels": ["conda-forge"], "dependencies": dependencies, "name": "mlflow-env"}),
        "python_env.yaml": _yaml(
            {"build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"], "python": PYTHON}
        ),
        "requirements.txt": "\n".join(requirements) + "\n",
    }


def _model(schema: Schema, name: str, size: int, probabilities: bool) -> dict[str, Any]:
    label = "int64" if isinstance(schema.classes[0], int) else "str"
    outputs = [_tensor(LABEL, label, -1)]
    if probabilities:
        outputs.append(_tensor(PROBABILITIES, "float32", -1, len(schema.classes)))
    return {
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
                "loader_module": "mlflow.onnx",
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
        "signature": {
            "inputs": json.dumps([_tensor(INPUT, "float32", -1, len(schema.features))]),
            "outputs": json.dumps(outputs),
            "params": None,
        },
        "type_hint_from_example": False,
        "utc_time_created": "1970-01-01 00:00:00.000000",
    }


def _tensor(name: str, dtype: str, *shape: int) -> dict[str, Any]:
    return {"name": name, "type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}}


def _yaml(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(content, default_flow_style=False)
