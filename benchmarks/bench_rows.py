"""Rows a second of each stage for tables of 10 thousand, 100 thousand and 1 million rows of 20 columns; the growth."""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("prepare", "train", "evaluate", "package")
SIZES = (10_000, 100_000, 1_000_000)


def table(rows: int) -> pd.DataFrame:
    """Ten numbers, five whole ones, two booleans and three categories; two classes that some of them tell."""
    random = np.random.default_rng(0)
    columns = {f"number_{i}": random.normal(size=rows).round(4) for i in range(10)}
    columns |= {f"count_{i}": random.integers(0, 500, rows) for i in range(5)}
    columns |= {f"flag_{i}": random.random(rows) < 0.3 for i in range(2)}
    columns |= {f"kind_{i}": random.choice([f"k{n}" for n in range(20)], rows) for i in range(3)}
    told = columns["number_0"] + columns["count_0"] / 250 + random.normal(0, 0.5, rows) > 1
    return pd.DataFrame(columns).assign(target=np.where(told, "yes", "no"))


def seconds(folder: Path, rows: int) -> dict[str, float]:
    """CPU seconds of each stage, and of starting Python and importing, which no rows cost."""
    (folder / "data/raw").mkdir(parents=True)
    table(rows).to_csv(folder / "data/raw/table.csv", index=False)
    (folder / "data/schema.json").write_text("{}", encoding="utf-8")
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["data"]["path"] = "data/raw/table.csv"
    params["train"] |= {
        "estimator": "ensemble.HistGradientBoostingClassifier",
        "arguments": {"max_iter": 20},
        "preprocessing": [],
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    found = {}
    for stage in STAGES:
        before = os.times()
        subprocess.run(
            [sys.executable, "-m", f"pipeline.stages.{stage}"],
            cwd=folder,
            check=True,
            capture_output=True,
            env=os.environ | {"WANDB_MODE": "disabled", "PYTHONPATH": str(ROOT / "src")},
        )
        after = os.times()
        found[stage] = after.children_user + after.children_system - before.children_user - before.children_system
        if stage == "train":  # what DVC would note; without it no model is unpickled
            md5 = hashlib.md5((folder / "models/model.joblib").read_bytes(), usedforsecurity=False).hexdigest()
            lock = {"stages": {"train": {"outs": [{"path": "models/model.joblib", "md5": md5}]}}}
            (folder / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")
    return found


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Print a line for each stage; the growth is that of CPU seconds from the second largest to the largest table."""
    started = time.perf_counter()
    measured = {}
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            measured[rows] = seconds(Path(folder), rows)
    print("stage     " + "".join(f"{rows:>12,} rows" for rows in sizes) + "   growth (10 is linear)")
    for stage in STAGES:
        speeds = "".join(f"{rows / measured[rows][stage]:>12,.0f}/s   " for rows in sizes)
        print(f"{stage:<10}{speeds}  {measured[sizes[-1]][stage] / measured[sizes[-2]][stage]:.1f}")
    print(f"CPU seconds count, of starting Python as well; all in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
