"""Stage `package`: write the deployable package, if it predicts what `evaluate` saw."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd

from pipeline.data.columns import Columns
from pipeline.data.schema import KEY, Schema, matrix, probability_columns
from pipeline.errors import CheckError, run
from pipeline.files import read_json, read_parquet, replacing
from pipeline.package import mlflow_folder
from pipeline.package.card import Facts, model_card
from pipeline.package.converters import without_threshold
from pipeline.package.example import example_row
from pipeline.package.export import columns_to_onnx, refused_by_onnxruntime, run_onnx, to_onnx
from pipeline.package.parity import encoding_differs, parity
from pipeline.package.steps import described
from pipeline.package.table_model import TableModel
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
    test = read_parquet(TEST).sort_values(KEY, kind="stable", ignore_index=True)
    predictions = read_parquet(PREDICTIONS)
    model = load_model()
    facts = Facts(
        name=params.package.name,
        purpose=purpose(params.package.purpose, schema),
        steps=[described(s) for _, s in getattr(model, "steps", [("", model)]) if not isinstance(s, Columns)],
        schema=schema,
        metrics=read_json(METRICS),
        confidence=params.evaluate.confidence,
        tolerance=params.package.tolerance,
        hashes={path: digest(Path(path), "md5") for path in (MODEL, SCHEMA, TEST, PREDICTIONS)},
        group=params.data.group,
        threshold=without_threshold(model)[1],
        refit=params.train.refit,
    )
    if schema.tensor:
        content = to_onnx(model, len(schema.features), params.package.name)
    else:
        content = columns_to_onnx(model, schema, params.package.name)
        require_encoding(content, model.steps[0][1], test, schema)
    with replacing("models/package") as folder:
        write(folder, content, facts, None if schema.tensor else example_row(test, schema))
        require_parity(folder, test, predictions, schema, params.package.tolerance)
        size = sum(file.stat().st_size for file in every_file(folder))
    with Live("metrics/package") as live:
        # Not the largest difference: onnxruntime rounds differently on another CPU, and the records would change.
        live.summary.update(size_bytes=size, parity_rows=len(test))


def purpose(text: str, schema: Schema) -> str:
    """The purpose that the user wrote; nothing if it is still the digits' and the table is another."""
    return "" if text == OF_DIGITS and schema.image != (8, 8) else text


def write(folder: Path, content: bytes, facts: Facts, example: dict[str, Any] | None) -> None:
    """Fill a new folder with the package's files; SHA256SUMS lists the others."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(content)
    texts = mlflow_folder.files(facts.schema, facts.name, len(content), "log_loss" in facts.metrics, example)
    texts["schema.json"] = json.dumps(facts.schema.to_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    texts["README.md"] = model_card(facts)
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    sums = [f"{digest(file, 'sha256')}  {file.relative_to(folder).as_posix()}\n" for file in every_file(folder)]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8", newline="\n")


def every_file(folder: Path) -> list[Path]:
    """The files of a folder and of those in it, in order."""
    return sorted(file for file in folder.rglob("*") if file.is_file())


def require_encoding(content: bytes, columns: Columns, test: pd.DataFrame, schema: Schema) -> None:
    """Raise CheckError unless the graph encodes every test row, as it stands, as the model itself does.

    Which column differs is not to be seen in labels.
    """
    for feature, differing in zip(schema.features, encoding_differs(content, columns, test, schema), strict=True):
        if differing.any():
            example = f", such as {test[feature.name][differing].iloc[0]!r}" if schema.show_rows else ""
            raise CheckError(
                f"no package: ONNX encodes column '{feature.name}' otherwise in {int(differing.sum())} of {len(test)} "
                f"test rows{example}\nThis is a defect; until it is mended, list the column in data.drop"
            )


def require_parity(
    folder: Path,
    test: pd.DataFrame,
    predictions: pd.DataFrame,
    schema: Schema,
    tolerance: float,
) -> None:
    """Raise CheckError unless the package in `folder` predicts for every test row what `predictions` says."""
    keys = test[KEY]
    if keys.tolist() != predictions["key"].tolist():
        raise CheckError(f"{PREDICTIONS} is not of the rows in {TEST}; run: dvc repro evaluate")
    columns = [name for name in probability_columns(schema.classes) if name in predictions]
    if schema.tensor:
        labels, probabilities = run_onnx(folder / "model.onnx", matrix(test, schema))
    else:
        labels, probabilities = answers(folder, test, schema)
    expected: npt.NDArray[Any] | None = predictions[columns].to_numpy(float) if columns else None
    found = parity(
        keys.to_numpy(object), predictions["prediction"].to_numpy(), labels, expected, probabilities, tolerance
    )
    if not found.holds:
        raise CheckError(
            f"no package: {found.message}\n"
            f"ONNX cannot follow this model (docs/package.md), use another; or {PREDICTIONS} is of another: dvc repro"
        )


def answers(folder: Path, test: pd.DataFrame, schema: Schema) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Labels and probabilities of the package in `folder`, asked as its users ask it."""
    try:
        answer = TableModel(folder).predict(test)
    except ValueError as error:
        raise CheckError(
            f"no package: it refuses a test row: {error}\n"
            "This is a defect; until it is mended, list the column in data.drop"
        ) from error
    except Exception as error:
        raise refused_by_onnxruntime(error) from error
    columns = [name for name in probability_columns(schema.classes) if name in answer]
    return answer["label"].to_numpy(), answer[columns].to_numpy() if columns else None


def digest(file: Path, algorithm: str) -> str:
    """A file's hash in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


if __name__ == "__main__":
    run(main)
