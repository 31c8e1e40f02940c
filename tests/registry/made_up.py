"""A made-up history: a commit after the other with its dvc.lock, its metrics, and its predictions in the DVC cache."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tests.conftest import ROOT

LOCK = """schema: '2.0'
stages:
  prepare:
    cmd: prepare
    deps:
    - path: data/raw/dataset.parquet
      hash: md5
      md5: 0
      size: 1
    params:
      params.yaml:
        data:
          path: data/raw/dataset.parquet
        prepare:
          seed: 0
    outs:
    - path: data/prepared/test.parquet
      hash: md5
      md5: {rows}
      size: 1
  evaluate:
    cmd: evaluate
    params:
      params.yaml:
        evaluate:
          bins: 10
          confidence: 0.9
    outs:
    - path: data/predictions/test.parquet
      hash: md5
      md5: {predictions}
      size: 1
"""


def make_history(root: Path, wrong: Sequence[range], rows: int = 400) -> list[str]:
    """A repository whose commits, one a day, are wrong in these rows of two classes; the commits, the oldest first."""
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc/config").write_text("[core]\n    analytics = false\n")
    shutil.copy(ROOT / "params.yaml", root)
    tested = keep(root, pd.DataFrame({"__key__": keys(rows), "__content__": "as it is"}))
    stream = ["reset refs/heads/main\n"]
    for number, places in enumerate(wrong):
        predictions = keep(root, table(rows, places))
        accuracy = 1 - len(places) / rows
        ends = {"low": accuracy - 0.02, "high": min(accuracy + 0.02, 1.0)}
        metrics = {"accuracy": accuracy, "interval": {"accuracy": ends}, "rows": rows}
        files = {
            "dvc.lock": LOCK.format(rows=tested, predictions=predictions) + f"# {number}\n",
            "metrics/evaluate/metrics.json": json.dumps(metrics),
        }
        message = f"change <b>{number}</b>"
        when = 1_700_000_000 + 86_400 * number
        stream.append(f"commit refs/heads/main\ncommitter Test <test@example.com> {when} +0000\n")
        stream.append(f"data {len(message)}\n{message}\n")
        stream += [f"M 644 inline {name}\ndata {len(text)}\n{text}\n" for name, text in files.items()]
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=root, check=True)
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, input="".join(stream), text=True, check=True)
    return said("git", "-C", str(root), "rev-list", "--reverse", "main").split()


def said(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def keys(rows: int) -> list[str]:
    """The rows' names."""
    return [f"row{row:05}" for row in range(rows)]


def table(rows: int, wrong: range) -> pd.DataFrame:
    """Predictions that are wrong in some rows."""
    truth = np.arange(rows) % 2
    prediction = truth.copy()
    prediction[wrong.start : wrong.stop] ^= 1
    return pd.DataFrame({"key": keys(rows), "truth": truth, "prediction": prediction})


def keep(root: Path, content: pd.DataFrame) -> str:
    """Put a table into the DVC cache; its hash."""
    file = root / ".dvc/new.parquet"
    content.to_parquet(file, index=False)
    md5 = hashlib.md5(file.read_bytes()).hexdigest()
    place = root / f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}"
    place.parent.mkdir(parents=True, exist_ok=True)
    file.replace(place)
    return md5
