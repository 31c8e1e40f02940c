"""What an engineer writes by hand with FastAPI for the package of bench_serve.py; run by uvicorn, not imported."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from fastapi import FastAPI
from pydantic import ConfigDict, create_model

FOLDER = Path(os.environ["PACKAGE"])
FEATURES = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))["features"]
TYPES = {"number": float, "boolean": bool, "category": str}
Row = create_model(
    "Row",
    __config__=ConfigDict(extra="forbid", strict=True),
    **{feature["name"]: (TYPES[feature["type"]], ...) for feature in FEATURES},
)
settings = onnxruntime.SessionOptions()
settings.intra_op_num_threads = settings.inter_op_num_threads = 1
settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = onnxruntime.InferenceSession(str(FOLDER / "model.onnx"), settings, providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs()]
app = FastAPI()


@app.post("/predict")
async def predict(row: Row) -> dict[str, object]:
    """Answer one row."""
    cells = row.model_dump()
    feed = {
        feature["name"]: np.array(
            [cells[feature["name"]]], dtype=object if feature["type"] == "category" else np.float64
        )
        for feature in FEATURES
    }
    label, *shares = session.run(names, feed)
    probabilities = {name.removeprefix("proba_"): float(of[0]) for name, of in zip(names[1:], shares, strict=True)}
    return {"prediction": label[0], "probabilities": probabilities}
