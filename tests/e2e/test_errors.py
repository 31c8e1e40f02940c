"""Wrong input and bad surroundings: exit code 2 or 3, two lines at most that say what and where, the result intact.

Each case runs a stage's own command in a copy of a repository in which the pipeline has run. How DVC's deletion of
the outputs is undone is tested with `dvc repro` in tests/test_outputs.py and below.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Clone
from tests.tools import mounted

RESULT = ("data", "models", "metrics", "dvc.lock")
PROGRESS = re.compile(r"train: (step|validation accuracy) ")

Change = Callable[[Clone], None]


@pytest.fixture
def place(tmp_path: Path, reproduced_template: Path) -> Clone:
    """The files of a repository in which the pipeline has run, without Git and the cache: quick to copy."""
    shutil.copytree(reproduced_template, tmp_path / "place", ignore=shutil.ignore_patterns(".git", ".dvc"))
    return Clone(tmp_path / "place")


def run_stage(place: Clone, stage: str) -> subprocess.CompletedProcess[str]:
    return place.run("python", "-m", f"pipeline.stages.{stage}", env={"PYTHONPATH": "src"}, check=False)


def assert_refused(done: subprocess.CompletedProcess[str], exit_codes: tuple[int, ...], words: str) -> None:
    message = [line for line in done.stderr.splitlines() if not PROGRESS.match(line)]
    assert done.returncode in exit_codes, done.stderr
    assert 1 <= len(message) <= 2, done.stderr
    assert message[0].startswith("error: ")
    assert "Traceback" not in done.stderr
    assert "a defect" not in done.stderr
    assert re.search(words, done.stderr, re.IGNORECASE), done.stderr


def param(pattern: str, replacement: str) -> Change:
    """Change one line of params.yaml."""

    def change(place: Clone) -> None:
        file = place.path / "params.yaml"
        text, count = re.subn(rf"^{pattern}$", replacement, file.read_text(), count=1, flags=re.MULTILINE)
        assert count == 1, pattern
        file.write_text(text)

    return change


def table(content: str | bytes, *changes: Change, name: str = "mine.csv") -> Change:
    """The user's own table, with a column `target` unless the changes name another."""

    def change(place: Clone) -> None:
        file = place.path / "data" / "raw" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        for one in (param("  path: .*", f"  path: data/raw/{name}"), *changes):
            one(place)

    return change


def rows(count: int, line: str = "{i},{i}.5,{c}", header: str = "a,b,target") -> str:
    return "\n".join([header, *(line.format(i=i, c="xy"[i % 2]) for i in range(count)), ""])


def both(*changes: Change) -> Change:
    return lambda place: [change(place) for change in changes] and None


def remove(name: str) -> Change:
    return lambda place: (place.path / name).unlink()


def overwrite(name: str, text: str) -> Change:
    return lambda place: place.write(name, text)


GOOD = rows(60)
INPUTS: dict[str, tuple[str, Change, str]] = {
    # params.yaml
    "no params.yaml": ("load", remove("params.yaml"), "params.yaml: there is no such file"),
    "empty params.yaml": ("load", overwrite("params.yaml", ""), "expected sections"),
    "broken YAML": ("load", param("train:", "train: ["), "not valid YAML"),
    "unknown section": ("load", param("train:", "training:"), "train"),
    "missing key": ("prepare", param("  target: .*", ""), "data.target: missing"),
    "unknown key": ("train", param("  epochs: .*", "  epoch: 9"), "train.epoch: .*did you mean 'epochs'"),
    "wrong type": ("train", param("  epochs: .*", "  epochs: many"), "train.epochs: 'many'"),
    "out of range": ("train", param("  epochs: .*", "  epochs: 0"), "train.epochs: 0"),
    "negative seed": ("train", param("  seed: .*", "  seed: -1"), "seed: -1"),
    "share over one": ("prepare", param("  test_size: .*", "  test_size: 1.5"), "prepare.test_size: 1.5"),
    "shares leave no training rows": ("prepare", param("  test_size: .*", "  test_size: 0.9"), "validation_size"),
    "wrong choice": ("train", param("  calibration: .*", "  calibration: platt"), "train.calibration: 'platt'"),
    "a rule without a bound": ("load", param("  - {metric: accuracy, minimum.*", "  - {metric: accuracy}"), "gate"),
    # the estimator
    "no such estimator": ("train", param("  estimator: .*", "  estimator: svm.SCV"), "svm.SCV.*SVC"),
    "no classifier": ("train", param("  estimator: .*", "  estimator: linear_model.Ridge"), "Ridge is no classifier"),
    "outside scikit-learn": ("train", param("  estimator: .*", "  estimator: os.system"), "os.system"),
    "unknown argument": ("train", param("    alpha: .*", "    alfa: 1"), "train.arguments.alfa: .*alpha"),
    "argument of a wrong type": ("train", param("    alpha: .*", "    alpha: big"), "alpha"),
    "argument out of range": ("train", param("    alpha: .*", "    alpha: -1"), "alpha"),
    "no such preprocessing": ("train", param("    - prep.*", "    - preprocessing.Scaler"), "preprocessing.Scaler"),
    "preprocessing that is none": ("train", param("    - prep.*", "    - svm.SVC"), "SVC"),
    "unknown argument of preprocessing": (
        "train",
        param("    - prep.*", "    - preprocessing.MinMaxScaler: {rang: 1}"),
        "rang",
    ),
    # where the table comes from
    "unknown data set": ("load", param("  dataset: .*", "  dataset: mnist"), "load.dataset: 'mnist'"),
    "no IDX files": ("load", param("  dataset: .*", "  dataset: 'idx:nowhere'"), "nowhere"),
    # the table
    "missing file": ("prepare", param("  path: .*", "  path: data/raw/none.csv"), "data/raw/none.csv: there is no"),
    "empty file": ("prepare", table(""), "mine.csv: the file is empty"),
    "no rows": ("prepare", table("a,target\n"), "no rows"),
    "wrong separator": ("prepare", table(GOOD.replace(",", ";")), "semicolons"),
    "not UTF-8": ("prepare", table(GOOD.replace("a,b", "ä,b").encode("latin-1")), "UTF-8"),
    "broken Parquet": ("prepare", table(b"PAR1 and no more", name="mine.parquet"), "not a readable Parquet"),
    "unknown format": ("prepare", table(GOOD, name="mine.xlsx"), "not a readable workbook"),
    "duplicate columns": ("prepare", table(GOOD.replace("a,b,", "a,a,", 1)), "'?a'?"),
    "a line too long": ("prepare", table(GOOD + "1,2,x,4\n"), "mine.csv"),
    "binary rubbish": ("prepare", table(bytes(range(256)) * 40), "mine.csv"),
    "target missing": ("prepare", table(GOOD, param("  target: .*", "  target: label")), "label"),
    "target constant": ("prepare", table(rows(60, "{i},{i}.5,x")), "target"),
    "target without values": ("prepare", table(rows(60, "{i},{i}.5,")), "target"),
    "target with a hole": ("prepare", table(GOOD + "1,2,\n"), "target"),
    "target that is an amount": ("prepare", table(rows(200, "{i},1,{i}.25")), "target"),
    "one row per class": ("prepare", table(rows(9, "{i},{i}.5,class{i}")), "class"),
    "infinite value": ("prepare", table(GOOD + "inf,2,x\n"), "infinit|finite"),
    "column without values": ("prepare", table(rows(60, "{i},,{c}")), "'b'|b:"),
    "no feature": ("prepare", table("target\n" + "x\ny\n" * 30), "feature|column"),
    "test side empty": (
        "prepare",
        table(rows(12), param("  test_size: .*", "  test_size: 0.001")),
        "test",
    ),
    "id missing": ("prepare", table(GOOD, param("  id: .*", "  id: customer")), "customer"),
    "id not unique": ("prepare", table(rows(60, "1,{i}.5,{c}"), param("  id: .*", "  id: a")), "id|'a'"),
    "group missing": ("prepare", table(GOOD, param("  group: .*", "  group: patient")), "patient"),
    "drop of no column": ("prepare", table(GOOD, param("  drop: .*", "  drop: [c]")), "'c'|c:"),
    "drop of the target": ("prepare", table(GOOD, param("  drop: .*", "  drop: [target]")), "target"),
    "category of no column": ("prepare", table(GOOD, param("  categorical: .*", "  categorical: [c]")), "'c'|c:"),
    "split column missing": ("prepare", table(GOOD, param("  split_column: .*", "  split_column: side")), "side"),
    "split column with other words": (
        "prepare",
        table(GOOD, param("  split_column: .*", "  split_column: b")),
        "train, validation",
    ),
    "picture of another size": ("prepare", table(GOOD, param("  image: .*", "  image: [3, 3]")), "image"),
    "a recorded schema that is none": ("prepare", overwrite("data/schema.json", '{"x": 1}'), "data/schema.json"),
    # what an earlier stage wrote
    "prepared table missing": ("train", remove("data/prepared/train.parquet"), "data/prepared/train.parquet"),
    "model missing": ("evaluate", remove("models/model.joblib"), "models/model.joblib"),
    "slice of no column": ("evaluate", param("  slices: .*", "  slices: {age: null}"), "age"),
    "predictions missing": ("package", remove("data/predictions/test.parquet"), "data/predictions/test.parquet"),
}


@pytest.mark.parametrize("name", INPUTS)
def test_wrong_input_is_refused(place: Clone, name: str) -> None:
    stage, change, words = INPUTS[name]
    change(place)
    before = place.contents(*RESULT)
    done = run_stage(place, stage)
    assert_refused(done, (2, 3), words)
    assert place.contents(*RESULT) == before


def test_there_are_enough_cases() -> None:
    assert len(INPUTS) >= 40


OUTPUTS = {
    "load": "data/raw",
    "prepare": "data",
    "train": "models",
    "evaluate": "data/predictions",
    "package": "models",
}


@contextmanager
def moved_to(folder: Path, *options: str) -> Iterator[None]:
    """A file system over a folder, with the same files in it."""
    copy = folder.with_name(f"{folder.name}-copy")
    shutil.copytree(folder, copy)
    with mounted(folder, *options):
        shutil.copytree(copy, folder, dirs_exist_ok=True)
        shutil.rmtree(copy)
        yield


@pytest.mark.parametrize("stage", OUTPUTS)
def test_a_full_disk_is_named(place: Clone, stage: str) -> None:
    folder = place.path / OUTPUTS[stage]
    size = sum(4096 + -(-file.stat().st_size // 4096) * 4096 for file in folder.rglob("*"))
    with moved_to(folder, "-o", f"size={size // 1024 + 8}k"):
        before = place.contents(*RESULT)
        done = run_stage(place, stage)
        after = place.contents(*RESULT)
    assert_refused(done, (3,), "no space left")
    assert {name for name in before if before[name] != after.get(name) and not name.startswith("metrics/")} == set()


@pytest.mark.parametrize("stage", OUTPUTS)
def test_a_read_only_folder_is_named(place: Clone, stage: str) -> None:
    """Root may write anywhere, so for root it is a mount."""
    folder = place.path / OUTPUTS[stage]
    before = place.contents(OUTPUTS[stage])
    if os.getuid() == 0:
        with moved_to(folder):
            subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
            done, after = run_stage(place, stage), place.contents(OUTPUTS[stage])
    else:
        folder.chmod(0o555)
        done, after = run_stage(place, stage), place.contents(OUTPUTS[stage])
        folder.chmod(0o755)
    assert_refused(done, (3,), "read-only|permission denied")
    assert after == before
