"""Packages to serve, made in a second: of a table's own columns, and of one array."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from pipeline.data.columns import Columns
from pipeline.data.schema import Feature, Schema
from pipeline.data.text import fit
from pipeline.files import write_json
from pipeline.package import mlflow_folder
from pipeline.package.export import columns_to_onnx, to_onnx

ROW = {"age": 40, "income": None, "member": True, "city": "Bonn", "code": "1", "label": 2.5}
TABLE = Schema(
    (
        Feature("age", "number", minimum=18.0, maximum=80.0),
        Feature("income", "number", minimum=0.0, maximum=9e4, missing=True, na_values=(-999,)),
        Feature("member", "boolean", minimum=0.0, maximum=1.0),
        Feature("city", "category", categories=("Bonn", "Köln | Süd")),
        Feature("code", "category", categories=("", "1", "2", "true"), missing=True),
        Feature("label", "number", minimum=0.0, maximum=5.0),  # is called as the graph's output is
    ),
    "churn",
    ("leaves", "stays"),
)
ARRAY = Schema(
    tuple(Feature(f"pixel_{i}", "number", minimum=0.0, maximum=16.0) for i in range(4)), "digit", (0, 1, 2), (2, 2)
)


def table(folder: Path, seed: int = 0) -> Path:
    """A package that takes the columns of TABLE; another seed, another model."""
    random = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "age": random.uniform(18, 80, 200),
            "income": random.uniform(0, 9e4, 200),
            "member": pd.array(random.integers(0, 2, 200).astype(bool), "boolean"),
            "city": random.choice(["Bonn", "Köln | Süd"], 200),
            "code": random.choice(["", "1", "2", "true"], 200),
            "label": random.uniform(0, 5, 200),
        }
    )
    target = np.where(rows["age"] / 40 + (rows["city"] == "Bonn") + random.normal(0, 0.3, 200) > 1.8, "stays", "leaves")
    steps = [
        ("columns", Columns(TABLE.features)),
        ("fill", SimpleImputer(strategy="constant", fill_value=0)),
        ("scale", MinMaxScaler()),
        ("classifier", LogisticRegression(max_iter=500)),
    ]
    model = Pipeline(steps).fit(rows, target)
    return write(folder, columns_to_onnx(model, TABLE, "people"), TABLE, ROW)


def array(folder: Path) -> Path:
    """A package that takes `features`, pictures of 2 x 2."""
    random = np.random.default_rng(0)
    target = random.integers(0, 3, 200)
    values = (random.uniform(0, 8, (200, 4)) + 4 * (target[:, None] == np.arange(4))).astype(np.float32)
    model = Pipeline([("classifier", LogisticRegression(max_iter=500))]).fit(values, target)
    return write(folder, to_onnx(model, 4, "pictures"), ARRAY, None)


def written(folder: Path) -> Path:
    """A package that takes free text."""
    texts = pd.Series([f"{'free prize' if row % 3 else 'see you'} {row % 7}" for row in range(90)], dtype="str")
    terms, weights = fit(texts, 20, (1, 2))
    features = (Feature("note", "text", missing=True, terms=terms, weights=weights),)
    schema = Schema(features, "kind", ("ham", "spam"))
    model = Pipeline([("columns", Columns(features)), ("classifier", LogisticRegression())])
    model.fit(pd.DataFrame({"note": texts}), np.where(np.arange(90) % 3, "spam", "ham"))
    return write(folder, columns_to_onnx(model, schema, "messages"), schema, {"note": "free you"})


def dated(folder: Path) -> Path:
    """A package that takes dates, one of which may be missing."""
    days = pd.Series(pd.date_range("2020-01-01", periods=200, freq="3D"))
    rows = pd.DataFrame({"since": days.dt.strftime("%Y-%m-%d"), "seen": days.dt.strftime("%d.%m.%Y %H:%M")})
    seen = {"parts": ("month", "hour"), "format": "%d.%m.%Y %H:%M"}
    features = (
        Feature("since", "date", minimum=18262.0, maximum=18859.0, missing=True, parts=("year", "days")),
        Feature("seen", "date", minimum=18262.0, maximum=18859.0, **seen),
    )
    schema = Schema(features, "churn", ("leaves", "stays"))
    steps = [("columns", Columns(features)), ("fill", SimpleImputer()), ("scale", MinMaxScaler())]
    model = Pipeline([*steps, ("classifier", LogisticRegression())])
    model.fit(
        rows.assign(since=rows["since"].mask(days.dt.day == 1, "")), np.where(days.dt.month > 6, "stays", "leaves")
    )
    example = {"since": "2021-03-01", "seen": "01.03.2021 08:15"}
    return write(folder, columns_to_onnx(model, schema, "people"), schema, example)


def write(folder: Path, graph: bytes, schema: Schema, example: dict[str, object] | None) -> Path:
    """The folder as the stage `package` lays it out."""
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph)
    for name, text in mlflow_folder.files(schema, "people", len(graph), True, example).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    write_json(folder / "schema.json", schema.to_dict())
    (folder / "README.md").write_text("# people <b>\n\nThe card.\n", encoding="utf-8")
    return seal(folder)


def seal(folder: Path) -> Path:
    """Write SHA256SUMS anew."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != "SHA256SUMS")
    sums = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.relative_to(folder).as_posix()}\n" for f in files]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    return folder
