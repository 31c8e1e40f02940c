"""A table with every kind of column goes through the stages, and the package answers rows as they stand in the file."""

import json
import re
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pandas as pd
import pytest

from pipeline.errors import CheckError
from pipeline.files import read_json
from pipeline.package.table_model import TableModel
from pipeline.stages import evaluate, package, train

from .judged import record
from .project import Project, project

__all__ = ["project"]

PACKAGE = Path("models/package")
MODEL = {"estimator": "linear_model.LogisticRegression", "arguments": {"max_iter": 500}, "preprocessing": []}
SCALED = MODEL | {"preprocessing": ["preprocessing.StandardScaler"]}
DATES = {"since": ["year", "month", "days"], "seen": {"parts": ["hour", "weekday"], "format": "%d.%m.%Y %H:%M"}}


def table(rows: int = 300) -> pd.DataFrame:
    """Text, numbers, booleans, dates and gaps; one column is called like an output of the package, one holds codes."""
    random = np.random.default_rng(0)
    moments = pd.Series(pd.date_range("1999-01-01", periods=rows, freq="47h11min"))
    dates = {"since": moments.dt.strftime("%Y-%m-%d").mask(moments.dt.day == 7)}
    age, code = random.integers(18, 90, rows), random.integers(1, 5, rows)
    return pd.DataFrame(
        {
            "age": age,
            "income (EUR)": np.where(random.random(rows) < 0.1, np.nan, random.normal(30000, 9000, rows).round(2)),
            "label": random.choice(["Bern", "Zürich | Süd", "None", None], rows),
            "member": np.where(random.random(rows) < 0.1, None, random.random(rows) < 0.5),
            "code": [f"{number:02}" for number in code],
            "grade": random.integers(1, 4, rows),
            **dates,
            "seen": moments[::-1].dt.strftime("%d.%m.%Y %H:%M").to_numpy(),
            "nr": [f"n{row}" for row in range(rows)],
            "y": np.where(age + 10 * code + random.normal(0, 9, rows) > 75, "stays", "leaves"),
        }
    )


def run(*stages: ModuleType) -> None:
    """Run stages one after the other, as `dvc repro` would."""
    for stage in stages:
        stage.main()
        if stage is train:
            record()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after all stages."""
    folder = tmp_path_factory.mktemp("own") / "project"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("WANDB_MODE", "disabled")
        project = Project(folder)
        project.write(table())
        slices = {"label": None, "age": [40, 60], "member": None, "since": None, "seen": [2000]}
        project.set(train=SCALED, evaluate={"slices": slices})
        project.prepare(target="y", id="nr", categorical=["code", "grade"], dates=DATES)
        run(train, evaluate, package)
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(template, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    return tmp_path / "project"


@pytest.fixture
def row(folder: Path) -> dict[str, object]:
    """A row that every column fits."""
    example = json.loads((PACKAGE / "input_example.json").read_text(encoding="utf-8"))
    return dict(zip(example["columns"], example["data"][0], strict=True))


def raw_test_rows() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The test rows as `read_csv` has them, and what `evaluate` predicted; `None` is a word, as the card says."""
    predictions = pd.read_parquet("data/predictions/test.parquet")
    raw = pd.read_csv("data/raw/table.csv", dtype={"code": str}, keep_default_na=False, na_values=[""])
    return raw.set_index("nr", drop=False).loc[predictions["key"]].reset_index(drop=True), predictions


def agrees(answer: pd.DataFrame, predictions: pd.DataFrame) -> bool:
    probabilities = [name for name in predictions if name.startswith("proba_")]
    close = np.allclose(answer[probabilities], predictions[probabilities], atol=1e-5)
    return len(answer) > 40 and answer["label"].tolist() == predictions["prediction"].tolist() and close


def test_prepare_writes_columns_as_they_are_and_the_model_begins_with_their_encoding(folder: Path) -> None:
    import joblib

    prepared = pd.read_parquet("data/prepared/test.parquet")
    assert {name: str(prepared[name].dtype) for name in ("age", "member", "label", "code", "since")} == {
        "age": "float64",
        "member": "boolean",
        "label": "str",
        "code": "str",
        "since": "str",
    }
    assert "" in set(prepared["since"]) and max(prepared["since"]) >= "2000-01-01"
    assert set(prepared["label"]) == {"", "Bern", "None", "Zürich | Süd"} and set(prepared["code"]) <= {
        "01",
        "02",
        "03",
        "04",
    }
    model = joblib.load("models/model.joblib")
    predictions = pd.read_parquet("data/predictions/test.parquet")
    assert model.predict(prepared).tolist() == predictions["prediction"].tolist()


def test_mlflow_answers_rows_as_read_csv_gives_them(folder: Path) -> None:
    import mlflow.pyfunc

    rows, predictions = raw_test_rows()
    model = mlflow.pyfunc.load_model(str(PACKAGE))
    assert agrees(model.predict(rows), predictions)
    assert rows["member"].dtype == object and rows["age"].dtype == np.int64 and rows["label"].isna().any()
    plain = json.loads(rows.drop(columns="y").to_json(orient="records"))  # null for a gap, whole numbers as such
    assert agrees(model.predict(pd.DataFrame(plain, dtype=object)), predictions)


def test_mlflow_reads_the_example_and_would_have_written_the_same_description(folder: Path) -> None:
    from mlflow.models import Model, ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, Schema

    model = Model.load(str(PACKAGE))
    names = ["age", "income (EUR)", "label", "member", "code", "grade", "since", "seen"]
    outputs = [ColSpec("string", "label"), ColSpec("float", "proba_leaves"), ColSpec("float", "proba_stays")]
    assert model.signature == ModelSignature(Schema([ColSpec(AnyType(), name) for name in names]), Schema(outputs))
    example = model.load_input_example(str(PACKAGE))
    assert list(example.columns) == names
    assert example["since"].iloc[0].startswith("1999-") and example["seen"].iloc[0].endswith(".1999 00:00")
    assert TableModel(PACKAGE).predict(example)["label"].iloc[0] in ("leaves", "stays")


def test_onnxruntime_alone_gives_the_same(folder: Path) -> None:
    import onnxruntime

    rows, predictions = raw_test_rows()
    session = onnxruntime.InferenceSession(str(PACKAGE / "model.onnx"))
    names = ["age", "income (EUR)", "label_", "member", "code", "grade", "since", "seen"]
    assert [one.name for one in session.get_inputs()] == names
    cells = {
        "age": rows["age"].to_numpy(np.float64),
        "income (EUR)": rows["income (EUR)"].to_numpy(),
        "label_": rows["label"].fillna("").to_numpy(object),
        "member": rows["member"].astype("boolean").to_numpy(np.float64, na_value=np.nan),
        "code": rows["code"].to_numpy(object),
        "grade": rows["grade"].astype(str).to_numpy(object),
        "since": rows["since"].fillna("").to_numpy(object),
        "seen": rows["seen"].to_numpy(object),
    }
    names = [output.name for output in session.get_outputs()]
    assert agrees(pd.DataFrame(dict(zip(names, session.run(None, cells), strict=True))), predictions)
    assert names == ["label", "proba_leaves", "proba_stays"]


DAY = pd.Timestamp("1999-03-01 08:15")


def answer(*rows: dict[str, object]) -> list[float]:
    return TableModel(PACKAGE).predict(pd.DataFrame(rows, dtype=object))["proba_stays"].tolist()


@pytest.mark.parametrize(
    ("column", "alike"),
    [
        ("income (EUR)", [None, np.nan, "", " NA ", pd.NA, "null"]),
        ("income (EUR)", [30000, 30000.0, np.float32(30000), "30000", "3e4", np.int32(30000)]),
        ("label", [None, np.nan, "", "  "]),
        ("label", ["Bern", " Bern "]),
        ("label", ["Lima", "Oslo", 3, True]),
        ("member", [True, "true", "TRUE", 1, 1.0, "1", np.True_]),
        ("member", [False, "false", "False", 0, "0"]),
        ("member", [None, np.nan, ""]),
        ("grade", [2, 2.0, "2", "2.0", np.int64(2)]),
        ("since", [None, np.nan, "", " NA ", pd.NaT]),
        ("since", ["1999-03-01", " 1999-03-01 ", "1999-03-01T23:59:59.5Z", "1999-03-01 08:15", DAY, DAY.date()]),
        ("since", [DAY, DAY.to_datetime64(), DAY.tz_localize("Asia/Tokyo"), DAY.to_pydatetime()]),
        ("seen", ["1.3.1999 08:15", "01.03.1999 8:15", DAY, "01.03.1999 08:59", "8.03.1999 08:00"]),
    ],
)
def test_cells_that_say_the_same_get_the_same_answer(row: dict, column: str, alike: list) -> None:
    one_by_one = [answer(row | {column: cell}) for cell in alike]
    together = answer(*(row | {column: cell} for cell in alike))
    assert np.ptp(one_by_one) == 0 and np.ptp(together) == 0
    assert np.allclose(one_by_one[0], together[0])  # onnxruntime adds in another order where rows are many


def test_cells_that_say_something_else_get_another_answer(row: dict) -> None:
    for column, cells in {
        "label": ["Bern", None, "None", "Lima"],
        "member": [True, False],
        "grade": [1, 2, 3],
        "code": ["01", "02"],
        "since": [None, "1999-03-01", "1999-03-02", "1999-04-01", "2020-02-29"],
        "seen": ["01.03.1999 08:15", "01.03.1999 09:15", "02.03.1999 08:15"],
    }.items():
        assert len(set(answer(*(row | {column: cell} for cell in cells)))) == len(cells)


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("age", None, "column 'age': 1 row has no value (row 2), and the model never saw"),
        ("age", "old", "column 'age': 'old' is no number (row 2)"),
        ("age", True, "column 'age': True is no number (row 2)"),
        ("age", 1e300, "column 'age': 1e+300 is infinite, or too large"),
        ("age", "1_000", "column 'age': '1_000' is no number"),
        ("age", [1], "column 'age': [1] is no number"),
        ("member", 2, "column 'member': 2 is neither true nor false (row 2)"),
        ("member", "yes", "column 'member': 'yes' is no number (row 2)"),
        ("code", 1, "column 'code': 1 is a number, but names here have leading zeros, such as 01"),
        ("since", "soon", "column 'since': 'soon' is no date as in 1999-12-31 or 1999-12-31 12:30:00 (row 2)"),
        ("since", "1999-02-29", "column 'since': '1999-02-29' is no date"),
        ("since", "1999-01-31T00:00:00+02:00", "column 'since': '1999-01-31T00:00:00+02:00' is no date"),
        ("since", 10957, "column 'since': 10957 is no date"),
        ("since", True, "column 'since': True is no date"),
        ("since", ["1999-01-31"], "column 'since': ['1999-01-31'] is no date"),
        ("seen", "1999-01-31 08:15", "column 'seen': '1999-01-31 08:15' is no date as in %d.%m.%Y %H:%M (row 2)"),
        ("seen", None, "column 'seen': 1 row has no value (row 2), and the model never saw"),
        ("label", ["a"], "column 'label': ['a'] is no name (row 2)"),
        ("label", {"a": 1}, "column 'label': {'a': 1} is no name (row 2)"),
    ],
)
def test_a_cell_that_is_no_value_of_its_column_is_refused(row: dict, column: str, cell: object, words: str) -> None:
    with pytest.raises(ValueError) as refused:
        answer(row, row | {column: cell})
    assert words in str(refused.value)


def test_a_missing_column_is_refused_and_another_one_not_looked_at(row: dict) -> None:
    assert answer(row) == answer(row | {"y": "stays", "extra": [1]}) == answer({f" {k}": v for k, v in row.items()})
    with pytest.raises(ValueError, match="the rows lack 1 columns: member"):
        answer({name: cell for name, cell in row.items() if name != "member"})
    assert list(TableModel(PACKAGE).predict(pd.DataFrame([row]).iloc[:0])) == ["label", "proba_leaves", "proba_stays"]


def test_slices_and_the_hardest_examples_show_what_the_rows_hold(folder: Path) -> None:
    measured = json.loads(Path("metrics/evaluate/metrics.json").read_text(encoding="utf-8"))["slice"]
    assert set(measured["label"]) == {"missing", "Bern", "None", "Zürich | Süd"}
    assert list(measured["age"]) == ["below 40", "40 to below 60", "60 and more"]
    assert set(measured["member"]) == {"false", "true", "missing"}
    assert list(measured["since"]) == ["1999", "2000", "missing"] and measured["since"]["missing"]["rows"] > 0
    assert list(measured["seen"]) == ["below 2000", "2000 and more"]
    hardest = json.loads(Path("metrics/evaluate/plots/custom/hardest.json").read_text(encoding="utf-8"))
    shown = hardest[0]["features"]
    assert isinstance(shown["age"], int) and shown["member"] in (True, False, None) and len(shown["code"]) == 2


def test_a_package_that_encodes_otherwise_is_refused_by_column(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.package.export import columns_to_onnx

    def wrong(*arguments: object) -> bytes:
        model = onnx.load_from_string(columns_to_onnx(*arguments))
        encoder = next(node for node in model.graph.node if node.op_type == "LabelEncoder")
        floats = next(attribute for attribute in encoder.attribute if attribute.name == "values_floats")
        floats.floats[:] = [*floats.floats[1:], floats.floats[0]]
        return model.SerializeToString()

    before = {file: file.read_bytes() for file in sorted(PACKAGE.rglob("*")) if file.is_file()}
    monkeypatch.setattr(package, "columns_to_onnx", wrong)
    with pytest.raises(CheckError, match="no package: ONNX encodes column 'label' otherwise in"):
        package.main()
    assert {file: file.read_bytes() for file in sorted(PACKAGE.rglob("*")) if file.is_file()} == before


def test_the_card_says_how_dates_are_written_and_onnxruntime_alone_refuses_others(folder: Path) -> None:
    import onnxruntime

    card = (PACKAGE / "README.md").read_text(encoding="utf-8")
    assert "`since` as `1999-12-31 or 1999-12-31 12:30:00`; `seen` as `%d.%m.%Y %H:%M`" in card
    assert re.search(r"\| `since` \| date \| 1999-01-\d\d to 2000-0\d-\d\d, some missing \|", card)
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    session = onnxruntime.InferenceSession(PACKAGE / "model.onnx", settings)
    cells = TableModel(PACKAGE).cells(raw_test_rows()[0])
    for name, wrong in {"since": "31.01.1999", "seen": ""}.items():
        with pytest.raises(Exception, match=f"column '{name}' holds a cell that is no date"):
            session.run(None, cells | {name: np.where(np.arange(len(cells[name])) == 3, wrong, cells[name])})


def test_the_card_says_which_word_pandas_would_take_for_a_blank(folder: Path) -> None:
    assert "pandas.read_csv(file, keep_default_na=False" in (PACKAGE / "README.md").read_text(encoding="utf-8")


def test_blanks_are_blank_to_the_package_as_they_are_to_prepare() -> None:
    from pipeline.data import cells
    from pipeline.package import table_model

    assert table_model.BLANK == cells.BLANK
    assert cells.NUMBER.startswith(table_model.NUMBER.pattern)


def test_what_data_read_calls_a_blank_is_one_to_the_package_and_the_file_stays(project: Project) -> None:
    rows = table().drop(columns=["member", "nr", *DATES])
    raw = rows.assign(label=rows["label"].fillna("?")).fillna({"income (EUR)": -999}).to_csv(index=False, sep=";")
    project.write(raw.replace(".", ","))
    project.set(train=MODEL)
    how = {"sep": ";", "decimal": ",", "na_values": {"income (EUR)": [-999], "label": ["?"]}}
    sides = project.prepare(target="y", categorical=["code"], read=how)
    assert sides["train"]["income (EUR)"].isna().any() and "" in project.schema["label"]["categories"]
    run(train, evaluate, package)
    example = json.loads((PACKAGE / "input_example.json").read_text(encoding="utf-8"))
    row = dict(zip(example["columns"], example["data"][0], strict=True))
    assert answer(row | {"income (EUR)": -999}) == answer(row | {"income (EUR)": None}) != answer(row)
    assert answer(row | {"income (EUR)": "-999.0"}) == answer(row | {"income (EUR)": np.nan})
    assert answer(row | {"label": "?"}) == answer(row | {"label": None}) != answer(row | {"label": "Bern"})
    assert json.loads((PACKAGE / "schema.json").read_text(encoding="utf-8"))["read"] == how
    assert "no column 'labels'; did you mean 'label'" in project.refused(read=how | {"na_values": {"labels": ["?"]}})


@pytest.mark.parametrize(("encoding", "classes"), [("target", 3), ("frequent", 2)])
def test_many_categories_go_through_every_stage(project: Project, encoding: str, classes: int) -> None:
    random = np.random.default_rng(0)
    postcode = np.minimum(random.geometric(0.003, 3000), 1500)  # most of them rare
    many = pd.DataFrame({"size": random.normal(size=3000).round(2), "zip": [f"{code:05}" for code in postcode]})
    many["target"] = [f"c{kind}" for kind in (postcode // 7 + (random.random(3000) < 0.1)) % classes]
    project.write(many)
    project.set(train=MODEL)
    sides = project.prepare(categories={"zip": encoding})
    known = project.schema["zip"]["categories"]
    assert len(known) == (200 if encoding == "frequent" else sides["train"]["zip"].nunique())
    assert set(sides["test"]["zip"]) - set(known), "a test row has one that is not known"
    run(train, evaluate, package)
    predictions = pd.read_parquet("data/predictions/test.parquet")
    assert (predictions["truth"] == predictions["prediction"]).mean() > 1.2 / classes
    written = {file: file.read_bytes() for file in PACKAGE.rglob("*") if file.is_file()}
    project.write(many.sample(frac=1, random_state=1))
    project.prepare()
    run(train, evaluate, package)
    assert {file: file.read_bytes() for file in PACKAGE.rglob("*") if file.is_file()} == written


def test_a_dummy_classifier_works_in_every_stage(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.write(table())
    project.set(train={"estimator": "dummy.DummyClassifier", "arguments": {}, "preprocessing": []})
    project.prepare(target="y", id="nr", dates=DATES)
    run(train, evaluate, package)
    rows = pd.read_parquet("data/prepared/test.parquet")
    assert TableModel(PACKAGE).predict(rows)["label"].nunique() == 1
    said = capsys.readouterr().err
    assert "train: validation warning: it answers " in said and "evaluate: warning: it answers " in said
    assert "for all rows, and" in (PACKAGE / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("estimator", "threshold"),
    [
        ("linear_model.LogisticRegression", "validation"),
        ("ensemble.HistGradientBoostingClassifier", "validation"),
        ("tree.DecisionTreeClassifier", 0.2),
    ],
)
def test_a_threshold_is_applied_in_every_stage_and_inside_the_package(
    project: Project, estimator: str, threshold: float | str
) -> None:
    rare = table().assign(y=lambda rows: np.where(np.arange(len(rows)) % 3, "leaves", rows["y"]))
    project.write(rare)
    arguments = {"max_depth": 3} if "Tree" in estimator else {}
    project.set(train={"estimator": estimator, "arguments": arguments, "preprocessing": [], "threshold": threshold})
    project.prepare(target="y", id="nr", categorical=["code"], dates=DATES)
    run(train, evaluate, package)
    said = pd.read_parquet("data/predictions/test.parquet")
    by_half = np.where(said["proba_stays"] >= 0.5, "stays", "leaves")
    assert (said["prediction"] != by_half).any()
    chosen = read_json("metrics/train/metrics.json").get("threshold", threshold)
    assert (said["prediction"] == np.where(said["proba_stays"] >= chosen, "stays", "leaves")).all()
    answers = TableModel(PACKAGE).predict(pd.read_parquet("data/prepared/test.parquet").sort_values("__key__"))
    assert answers["label"].tolist() == said["prediction"].tolist()
    assert f"where its probability is {chosen:.6g} or more" in (PACKAGE / "README.md").read_text(encoding="utf-8")


def test_thresholds_between_neighbours_are_the_package_s_too(project: Project) -> None:
    between = {"train": [0.42, 0.43], "validation": [0.41, 0.44], "test": [0.425, 0.4251]}
    rows = [{"x": x, "side": side, "y": "ab"[x > 0.424]} for side, both in between.items() for x in both]
    project.write(pd.DataFrame(rows * 40))
    project.set(train={"estimator": "ensemble.HistGradientBoostingClassifier", "arguments": {}, "preprocessing": []})
    project.prepare(target="y", split_column="side")
    run(train, evaluate, package)


@pytest.mark.parametrize(("columns", "array"), [(200, False), (201, True)])
def test_many_numbers_stay_one_array(project: Project, columns: int, array: bool) -> None:
    random = np.random.default_rng(0)
    wide = pd.DataFrame(random.normal(size=(120, columns)), columns=[f"x{i}" for i in range(columns)])
    project.write(wide.assign(target=np.where(wide["x0"] > 0, "a", "b")))
    project.set(train=MODEL)
    sides = project.prepare()
    assert set(map(str, sides["test"].dtypes[list(project.schema)])) == {"float32" if array else "float64"}
    run(train, evaluate, package)
    [first, *others] = onnx.load(str(PACKAGE / "model.onnx")).graph.input
    assert (first.name, len(others)) == (("features", 0) if array else ("x0", 199))
