"""MLflow itself, in an environment of its own, answers rows of a table's own columns from the package."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from pipeline.package.table_model import TableModel
from pipeline.stages import evaluate, package, train

from ..conftest import ROOT, environment
from ..stages.project import Project
from ..stages.test_own_columns import run

pytestmark = pytest.mark.slow
MLFLOW = ROOT / ".venv" / "mlflow"  # `make clean` removes it; full MLflow wants an older pyarrow than the lock has
ROWS = [
    {"age": 30, "member": True, "city": "Bonn", "since": "2024-01-31", "note": "was called twice, and WON"},
    {"age": 40.5, "member": "false", "city": None, "since": None, "note": None},
    {"age": 61, "member": False, "city": "nowhere", "since": "2023-03-01 08:15", "note": "naïve 😊"},
]
MODEL = {"estimator": "linear_model.LogisticRegression", "preprocessing": ["preprocessing.StandardScaler"]}
SPARK = """
import sys
import mlflow.pyfunc
from pyspark.sql import SparkSession
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
answer = mlflow.pyfunc.spark_udf(spark, sys.argv[1], "label string, proba_stays float", env_manager="local")
cells = [
    (30.0, True, "Bonn", "2024-01-31", "was called twice, and WON"),
    (40.5, False, None, None, None),
    (61.0, False, "nowhere", "2023-03-01 08:15", "naïve 😊"),
]
rows = spark.createDataFrame(cells, "age double, member boolean, city string, since string, note string")
answers = rows.select(answer("age", "member", "city", "since", "note").alias("a"))
for found in answers.select("a.label", "a.proba_stays").collect():
    print("ROW", found["label"], found["proba_stays"])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a table with a number, a boolean, a category, a date and free text."""
    random = np.random.default_rng(0)
    age, member = random.uniform(18, 80, 400).round(1), random.random(400) < 0.5
    days = pd.Series(pd.date_range("2023-01-01", periods=400)).dt.strftime("%Y-%m-%d")
    people = pd.DataFrame({"age": age, "member": member, "city": random.choice(["Bonn", "Köln | Süd", None], 400)})
    people["since"] = days.mask(people.index % 9 == 0)
    people["note"] = [f"was called {'twice' if row % 3 else 'once'}, {row}" for row in range(400)]
    people["target"] = np.where(age / 40 + member + random.normal(0, 0.3, 400) > 1.7, "stays", "leaves")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        patch.chdir(tmp_path_factory.mktemp("people"))
        project = Project(Path.cwd())
        project.write(people)
        project.set(train={"arguments": {}, **MODEL})
        project.prepare(dates={"since": ["month", "days"]}, text={"note": {"max_features": 50}})
        run(train, evaluate, package)
        return Path("models/package").resolve()


@pytest.fixture(scope="module")
def programs(folder: Path) -> Path:
    """The programs of an environment with MLflow, what the package says that it needs, and Spark where Java is."""
    wanted = (folder / "requirements.txt").read_text(encoding="utf-8").replace("mlflow-skinny", "mlflow")
    wanted += "pyspark==4.0.1\n" if shutil.which("java") else ""
    finished = MLFLOW / "requirements.txt"
    with FileLock(f"{MLFLOW}.lock"):
        if not finished.exists() or finished.read_text(encoding="utf-8") != wanted:
            uv = [str(ROOT / ".venv/bin/uv"), "--system-certs"]
            subprocess.run([*uv, "venv", "--quiet", "--clear", str(MLFLOW)], check=True)
            (MLFLOW / "wanted.txt").write_text(wanted, encoding="utf-8")
            into = ["--python", str(MLFLOW / "bin/python"), "-r", str(MLFLOW / "wanted.txt")]
            subprocess.run([*uv, "pip", "install", "--quiet", *into], check=True)
            (MLFLOW / "wanted.txt").rename(finished)
    return MLFLOW / "bin"


def surroundings(programs: Path) -> dict[str, str]:
    return environment() | {"PATH": f"{programs}:{environment()['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true"}


@pytest.fixture(scope="module")
def expected(folder: Path) -> list[dict[str, Any]]:
    """What the package's own loader says, and that it says something of each kind."""
    answer = TableModel(folder).predict(pd.DataFrame(ROWS, dtype=object))
    assert set(answer["label"]) == {"stays", "leaves"}
    return answer.to_dict("records")


def same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> bool:
    return [row["label"] for row in found] == [row["label"] for row in expected] and all(
        row["proba_stays"] == pytest.approx(other["proba_stays"], abs=1e-5)
        for row, other in zip(found, expected, strict=True)
    )


def test_mlflow_wants_a_copy_where_the_files_are_links_into_the_cache(
    folder: Path, expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    """`cache.type symlink`: docs/package.md says what MLflow says, and what to do. The package's own loader follows."""
    import mlflow.pyfunc
    from mlflow.exceptions import MlflowException

    links = tmp_path / "links"
    for file in (path for path in folder.rglob("*") if path.is_file()):
        (links / file.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
        (links / file.relative_to(folder)).symlink_to(file)
    rows = pd.DataFrame(ROWS, dtype=object)
    with pytest.raises(MlflowException, match="outside the artifact directory"):
        mlflow.pyfunc.load_model(str(links))
    assert TableModel(links).predict(rows).to_dict("records") == expected
    subprocess.run(["cp", "-rL", str(links), str(tmp_path / "COPY")], check=True)
    answer = mlflow.pyfunc.load_model(str(tmp_path / "COPY")).predict(rows)
    assert same(answer.to_dict("records"), expected)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_models_predict(form: str, folder: Path, programs: Path, expected: list, tmp_path: Path) -> None:
    file = tmp_path / f"rows.{form}"
    if form == "csv":
        table = pd.DataFrame(ROWS).assign(extra=1, member=[str(row["member"]).lower() for row in ROWS])
        table.to_csv(file, index=False)
    else:
        file.write_text(json.dumps({"dataframe_records": ROWS}))
    command = ["mlflow", "models", "predict", "-m", str(folder), "--env-manager", "local", "-t", form]
    done = subprocess.run(
        [str(programs / command[0]), *command[1:], "-i", str(file), "-o", str(tmp_path / "answer.json")],
        env=surroundings(programs),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert same(json.loads((tmp_path / "answer.json").read_text())["predictions"], expected)


@pytest.fixture(scope="module")
def address(folder: Path, programs: Path) -> Iterator[str]:
    """Where `mlflow models serve` answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["mlflow", "models", "serve", "-m", str(folder), "--env-manager", "local", "-p", str(port), "-w", "1"]
    server = subprocess.Popen([str(programs / command[0]), *command[1:]], env=surroundings(programs))
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert server.poll() is None, "the server ended"
                time.sleep(0.5)  # there is nothing else to wait for
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        server.terminate()
        server.wait(60)


def ask(address: str, content: object) -> Any:
    request = urllib.request.Request(
        address, json.dumps(content).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["predictions"]
    except urllib.error.HTTPError as error:
        assert error.code == 400
        return error.read().decode()


def test_models_serve_in_every_form(address: str, folder: Path, expected: list) -> None:
    columns = list(ROWS[0])
    forms: list[object] = [
        {"dataframe_split": {"columns": columns, "data": [list(row.values()) for row in ROWS]}},
        {"dataframe_records": ROWS},
        {"instances": ROWS},
        {"inputs": {name: [row[name] for row in ROWS] for name in columns}},
    ]
    for form in forms:
        assert same(ask(address, form), expected)
    example = json.loads((folder / "serving_input_example.json").read_text(encoding="utf-8"))
    assert len(ask(address, example)) == 1


def test_models_serve_refuses_what_it_could_only_answer_wrongly(address: str) -> None:
    for change in (
        {"age": None},
        {"age": "old"},
        {"age": 1e300},
        {"member": 7},
        {"city": ["a"]},
        {"since": "soon"},
        {"note": [1]},
    ):
        assert isinstance(ask(address, {"dataframe_records": [ROWS[0] | change]}), str), change
    without = {name: cell for name, cell in ROWS[0].items() if name != "member"}
    assert "member" in ask(address, {"dataframe_records": [without]})
    assert len(ask(address, {"dataframe_records": [ROWS[0] | {"extra": 1}]})) == 1


@pytest.mark.skipif(not shutil.which("java"), reason="Spark needs Java")
def test_spark_asks_it_as_a_function(folder: Path, programs: Path, expected: list) -> None:
    done = subprocess.run(
        [str(programs / "python"), "-c", SPARK, str(folder)], env=surroundings(programs), capture_output=True, text=True
    )
    rows = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("ROW")]
    found = [{"label": label, "proba_stays": float(share)} for label, share in rows]
    assert done.returncode == 0 and same(found, expected), done.stderr[-3000:]
