"""A small repository with this one's files and formats whose stages take a second: numbers from a formula, no model."""

import os
import shutil
import sys
from pathlib import Path

import yaml

from tests.conftest import ROOT, Clone

STAGES = {
    "prepare": (["data", "prepare"], ["pipe.py", "data/raw/rows.csv"], ["data/prepared"], []),
    "train": (["train"], ["data/prepared", "src/pipeline/learn.py"], ["models/model.txt"], ["metrics/train/plots"]),
    "evaluate": (["evaluate"], ["models/model.txt", "data/prepared"], ["data/predictions/test.parquet"], []),
    "package": (["package"], ["models/model.txt"], ["models/package"], []),
}
ARTIFACTS = {"digits": {"path": "models/package", "type": "model"}}


def make_repository(path: Path, rows: int = 400) -> Clone:
    """A Git and DVC repository at `path` whose first commit holds the results of `dvc repro`."""
    stages = {}
    for name, (params, deps, outs, plots) in STAGES.items():
        stages[name] = {"cmd": f"{sys.executable} pipe.py {name}", "params": params, "deps": deps, "outs": outs}
        if name != "prepare":
            stages[name]["metrics"] = [{f"metrics/{name}/metrics.json": {"cache": False}}]
        if plots:
            stages[name]["plots"] = [{plot: {"cache": False}} for plot in plots]
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["data"]["path"] = "data/raw/rows.csv"
    params["train"] |= {"estimator": "neural_network.MLPClassifier", "arguments": {"skill": 0.9}}
    params["evaluate"]["slices"] = {"pixel_0": [8], "kind": None}
    texts = {
        "dvc.yaml": yaml.safe_dump({"stages": stages, "artifacts": ARTIFACTS}, sort_keys=False),
        "params.yaml": yaml.safe_dump(params, sort_keys=False),
        "pipe.py": (Path(__file__).parent / "pipe.py").read_text(encoding="utf-8"),
        "src/pipeline/learn.py": "# what train depends on\n",
        "data/raw/rows.csv": "key,target\n" + "".join(f"row{number:04},{number % 10}\n" for number in range(rows)),
        "requirements.lock": "numpy==2.4.6 \\\n    --hash=sha256:00\npandas==3.1.1 ; python_version >= '3.11'\n",
        ".gitignore": "/report/\n/data/prepared\n/data/predictions\n/models\n",
        ".dvc/config": "[core]\n    analytics = false\n    check_update = false\n    remote = default\n"
        "['remote \"default\"']\n    url = ../../dvc-remote\n",
        ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
        ".dvcignore": "",
    }
    for name, text in texts.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    clone = Clone(path)
    clone.run("git", "init", "-q", "-b", "main")
    clone.run("dvc", "repro")
    clone.commit("first results")
    return clone


def copy(template: Path, target: Path) -> Clone:
    """A copy of a repository, free to change."""
    shutil.copytree(template, target, symlinks=True)
    return Clone(target)


def set_param(clone: Clone, name: str, value: object) -> None:
    """Change one value of params.yaml, named with dots."""
    path = clone.path / "params.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    *sections, key = name.split(".")
    node = content
    for section in sections:
        node = node[section]
    node[key] = value
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def state(path: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file of the user's own: what a review must leave as it is."""
    found = {}
    for folder, folders, files in os.walk(path):
        folders[:] = [name for name in folders if name not in (".git", "tmp", "report", "cache", "__pycache__")]
        for name in files:
            stat = os.lstat(Path(folder, name))
            found[str(Path(folder, name).relative_to(path))] = (stat.st_size, stat.st_mtime_ns)
    return found
