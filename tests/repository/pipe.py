"""The stages of tests/repository/small.py: the right formats, made-up numbers. A row's luck says if it is right."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

PARAMS = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
PIXELS = [f"pixel_{place}" for place in range(4)]


def luck(text: str) -> float:
    """A number between 0 and 1 that depends on the text alone."""
    return int(hashlib.md5(text.encode()).hexdigest()[:8], 16) / 0x100000000


def prepare() -> None:
    rows = pd.read_csv("data/raw/rows.csv", dtype={"key": str})
    table = pd.DataFrame({"__key__": rows["key"]})
    contents = rows.drop(columns="target").astype(str).agg("|".join, axis=1)
    table["__content__"] = [hashlib.md5(text.encode()).hexdigest() for text in contents]
    table["__target__"] = rows["target"]
    for place, name in enumerate(PIXELS):
        table[name] = np.array([16 * luck(f"{key}{place}") for key in rows["key"]], dtype=np.float32)
    table["kind"] = np.array([round(luck(key)) for key in rows["key"]], dtype=np.float32)
    luck_of_side = [luck(f"side{key}") for key in rows["key"]]
    side = pd.Series(pd.cut(luck_of_side, [0, 0.5, 0.6, 1], labels=["train", "validation", "test"]))
    held = np.array([luck(f"held{key}") for key in rows["key"]]) < PARAMS["prepare"].get("holdout_size", 0)
    side = side.cat.add_categories("holdout").mask((side == "train") & held, "holdout")
    Path("data/prepared").mkdir(parents=True, exist_ok=True)
    for name in side.cat.categories:
        table[(side == name).to_numpy()].sort_values("__key__").to_parquet(f"data/prepared/{name}.parquet", index=False)
    number = {"type": "number", "categories": [], "minimum": 0, "maximum": 16, "missing": False}
    features = [{"name": name, **number} for name in PIXELS]
    features += [{**number, "name": "kind", "type": "category", "categories": ["left", "right"]}]
    classes = sorted(int(label) for label in rows["target"].unique())
    schema = {"version": 1, "features": features, "target": "target", "classes": classes, "image": None}
    Path("data/prepared/schema.json").write_text(json.dumps(schema))


def train() -> None:
    skill, seed = PARAMS["train"]["arguments"].get("skill", 0.9), PARAMS["train"]["seed"]
    Path("models").mkdir(exist_ok=True)
    Path("models/model.txt").write_text(json.dumps({"skill": skill, "seed": seed}))
    for name in ("train/loss", "validation/loss", "train/accuracy", "validation/accuracy"):
        file = Path(f"metrics/train/plots/metrics/{name}.tsv")
        file.parent.mkdir(parents=True, exist_ok=True)
        column = name.rsplit("/", 1)[-1]
        values = [skill * (1 - 0.9**step) if column == "accuracy" else 2.3 * 0.9**step for step in range(30)]
        file.write_text(f"step\t{column}\n" + "".join(f"{step}\t{value}\n" for step, value in enumerate(values)))
    write("train", {"steps": 30})


def evaluate() -> None:
    model = json.loads(Path("models/model.txt").read_text())
    rows = pd.read_parquet("data/prepared/test.parquet")
    classes = json.loads(Path("data/prepared/schema.json").read_text())["classes"]
    truth = rows["__target__"]
    right = np.array(
        [luck(key) * 0.95 + luck(f"{key}{model['seed']}") * 0.05 < model["skill"] for key in rows["__key__"]]
    )
    prediction = np.where(right, truth, (truth + 1) % len(classes))
    table = pd.DataFrame({"key": rows["__key__"], "truth": truth, "prediction": prediction})
    sure = np.array([0.6 + 0.3 * luck(f"sure{key}") for key in rows["__key__"]])
    for label in classes:
        table[f"proba_{label}"] = np.where(prediction == label, sure, (1 - sure) / (len(classes) - 1))
    Path("data/predictions").mkdir(parents=True, exist_ok=True)
    table.to_parquet("data/predictions/test.parquet", index=False)
    accuracy = float(right.mean())
    names = PARAMS["review"]["metrics"]
    write("evaluate", {"rows": len(rows), **{name: 0.1 if "l" in name[:1] else accuracy for name in names}})


def package() -> None:
    from onnx import TensorProto, helper, save

    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, len(PIXELS)])
    label = helper.make_tensor_value_info("label", TensorProto.INT64, [None])
    graph = helper.make_graph(
        [helper.make_node("ArgMax", ["features"], ["label"], axis=1, keepdims=0)], "g", [features], [label]
    )
    Path("models/package").mkdir(parents=True, exist_ok=True)
    save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), "models/package/model.onnx"
    )
    write("package", {"size_bytes": Path("models/package/model.onnx").stat().st_size})


def write(stage: str, values: dict) -> None:
    file = Path(f"metrics/{stage}/metrics.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(values))


if __name__ == "__main__":
    globals()[sys.argv[1]]()
