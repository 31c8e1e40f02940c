"""Folders in which `evaluate` and `package` can run: prepared rows and a fitted model, made in a second."""

import hashlib
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import yaml
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from pipeline.data.columns import Columns
from pipeline.data.schema import KEY, TARGET, Feature, Schema
from pipeline.files import write_json
from tests.conftest import ROOT


def digits(folder: Path, classifier: ClassifierMixin | None = None, rows: int = 900) -> Path:
    """Handwritten digits, half of them to train and half to test, as pictures of 8 x 8."""
    from sklearn.datasets import load_digits

    values, target = load_digits(return_X_y=True)
    features = tuple(Feature(f"pixel_{i}", "number", minimum=0.0, maximum=16.0) for i in range(64))
    schema = Schema(features, "digit", tuple(range(10)), (8, 8))
    return write(folder, values[:rows], target[:rows], schema, classifier or LogisticRegression(max_iter=200))


def people(folder: Path, classifier: ClassifierMixin | None = None) -> Path:
    """A table with a number that can be missing, a boolean and a category, and two classes with text labels."""
    random = np.random.default_rng(0)
    age, member, city = random.uniform(18, 80, 400), random.integers(0, 2, 400), random.integers(0, 3, 400)
    target = np.where(age / 40 + member + random.normal(0, 0.5, 400) > 1.7, "stays", "leaves")
    features = (
        Feature("age", "number", minimum=18.0, maximum=80.0),
        Feature("member", "boolean", minimum=0.0, maximum=1.0),
        Feature("city", "category", categories=("", "Bonn", "Köln | Süd")),
    )
    values = np.column_stack([age, member, city])
    return write(
        folder, values, target, Schema(features, "churn", ("leaves", "stays")), classifier or LogisticRegression()
    )


def write(folder: Path, values: np.ndarray, target: np.ndarray, schema: Schema, classifier: ClassifierMixin) -> Path:
    """Fit on the first half of the rows and write what `evaluate` reads, the second half as its test rows."""
    values, half = values.astype(np.float32), len(values) // 2
    model = Pipeline([("scale", MinMaxScaler()), ("classifier", classifier)]).fit(values[:half], target[:half])
    if not schema.tensor:
        model = Pipeline([("columns", Columns(schema.features)), *model.steps])
    (folder / "models").mkdir(parents=True)
    save(model, folder)
    keys = [f"{i:04d}" for i in range(half, len(values))]
    typed = [
        as_it_is(column, feature, schema.tensor)
        for column, feature in zip(values[half:].T, schema.features, strict=True)
    ]
    columns = dict(zip(schema.names, typed, strict=True))
    table = pd.DataFrame({KEY: keys, "__content__": keys, TARGET: target[half:], **columns})
    (folder / "data/prepared").mkdir(parents=True)
    table.to_parquet(folder / "data/prepared/test.parquet", index=False)
    write_json(folder / "data/prepared/schema.json", schema.to_dict())
    (folder / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def save(model: BaseEstimator, folder: Path = Path()) -> None:
    """Write a model as `train` does, and what DVC then records."""
    joblib.dump(model, folder / "models/model.joblib")
    record(folder)


def record(folder: Path = Path()) -> None:
    """Write the model's hash into dvc.lock, as DVC does when `train` has ended."""
    md5 = hashlib.md5((folder / "models/model.joblib").read_bytes()).hexdigest()
    lock = {
        "schema": "2.0",
        "stages": {"train": {"outs": [{"path": "models/model.joblib", "hash": "md5", "md5": md5}]}},
    }
    (folder / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")


def as_it_is(values: np.ndarray, feature: Feature, tensor: bool) -> object:
    """An encoded column as `prepare` writes it."""
    if tensor or feature.type == "number":
        return values
    if feature.type == "boolean":
        return pd.array(values, "boolean")
    return [feature.categories[int(code)] for code in values]


def edit(folder: Path, old: str, new: str) -> None:
    """Replace text in the folder's params.yaml; it must be there."""
    text = (folder / "params.yaml").read_text(encoding="utf-8")
    assert old in text
    (folder / "params.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file at or below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
