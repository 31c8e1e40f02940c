"""Stage `package`: write the deployable package, if it predicts what `evaluate` saw."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.data.schema import KEY, Schema, matrix, probability_columns
from pipeline.errors import CheckError, run
from pipeline.files import read_json, replacing
from pipeline.package import mlflow_folder
from pipeline.package.card import Facts, model_card
from pipeline.package.export import run_onnx, to_onnx
from pipeline.package.parity import parity
from pipeline.params import read_params
from pipeline.stages.model import MODEL, load_model
from pipeline.tracking import Live

TEST = "data/prepared/test.parquet"
SCHEMA = "data/prepared/schema.json"
PREDICTIONS = "data/predictions/test.parquet"
METRICS = "metrics/evaluate/metrics.json"
OF_DIGITS = "Reads one handwritten digit from a picture of 8 x 8 grey values."  # package.purpose as it comes


def main() -> None:
    """Write models/package/ and metrics/package/."""
    params = read_params()
    schema = Schema.from_dict(read_json(SCHEMA))
    test = pd.read_parquet(TEST).sort_values(KEY, kind="stable", ignore_index=True)
    predictions = pd.read_parquet(PREDICTIONS)
    model = load_model()
    facts = Facts(
        name=params.package.name,
        purpose=purpose(params.package.purpose, schema),
        steps=[" ".join(repr(step).split()) for _, step in getattr(model, "steps", [("", model)])],
        schema=schema,
        metrics=read_json(METRICS),
        confidence=params.evaluate.confidence,
        tolerance=params.package.tolerance,
        hashes={path: digest(Path(path), "md5") for path in (MODEL, SCHEMA, TEST, PREDICTIONS)},
        group=params.data.group,
    )
    content = to_onnx(model, len(schema.features), params.package.name)
    with replacing("models/package") as folder:
        write(folder, content, facts)
        require_parity(folder, test[KEY], matrix(test, schema), predictions, schema, params.package.tolerance)
        size = sum(file.stat().st_size for file in folder.iterdir())
    with Live("metrics/package") as live:
        # Not the largest difference: onnxruntime rounds differently on another CPU, and the records would change.
        live.summary.update(size_bytes=size, parity_rows=len(test))


def purpose(text: str, schema: Schema) -> str:
    """The purpose that the user wrote; nothing if it is still the digits' and the table is another."""
    return "" if text == OF_DIGITS and schema.image != (8, 8) else text


def write(folder: Path, content: bytes, facts: Facts) -> None:
    """Fill a new folder with the package's files; SHA256SUMS lists the others."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(content)
    texts = mlflow_folder.files(facts.schema, facts.name, len(content), "log_loss" in facts.metrics)
    texts["schema.json"] = json.dumps(facts.schema.to_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    texts["README.md"] = model_card(facts)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    sums = [f"{digest(file, 'sha256')}  {file.name}\n" for file in sorted(folder.iterdir())]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8", newline="\n")


def require_parity(
    folder: Path,
    keys: "pd.Series[str]",
    features: npt.NDArray[np.float32],
    predictions: pd.DataFrame,
    schema: Schema,
    tolerance: float,
) -> None:
    """Raise CheckError unless the package in `folder` predicts for every test row what `predictions` says."""
    if keys.tolist() != predictions["key"].tolist():
        raise CheckError(f"{PREDICTIONS} is not of the rows in {TEST}; run: dvc repro evaluate")
    labels, probabilities = run_onnx(folder / "model.onnx", features)
    columns = [name for name in probability_columns(schema.classes) if name in predictions]
    expected: npt.NDArray[Any] | None = predictions[columns].to_numpy(np.float64) if columns else None
    found = parity(
        keys.to_numpy(object), predictions["prediction"].to_numpy(), labels, expected, probabilities, tolerance
    )
    if not found.holds:
        raise CheckError(
            f"no package: {found.message}\n"
            f"ONNX cannot follow this model (docs/package.md), use another; or {PREDICTIONS} is of another: dvc repro"
        )


def digest(file: Path, algorithm: str) -> str:
    """A file's hash in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


if __name__ == "__main__":
    run(main)
