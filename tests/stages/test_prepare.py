"""`prepare`: any sensible table becomes three sides; any other is refused in two lines with advice."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from pipeline.data.schema import CONTENT, KEY, TARGET
from tests.conftest import ROOT, environment

from .project import Project, project

__all__ = ["project"]


def people(rows: int = 200, seed: int = 0) -> pd.DataFrame:
    """A table with every kind of column."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, rows)
    return pd.DataFrame(
        {
            "age": age,
            "income": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(30000, 9000, rows).round(2)),
            "city": rng.choice(["Bern", "Oslo", "Rome", None], rows),
            "member": rng.random(rows) < 0.5,
            "grade": rng.integers(1, 4, rows),
            "target": np.where(rng.random(rows) < 0.2, "maybe", np.where(age > 50, "yes", "no")),
        }
    )


# --- what is accepted


def test_dates_are_written_as_they_are_from_every_format_of_file(project: Project) -> None:
    moments = pd.Series(pd.date_range("2024-01-01", periods=200, freq="7h")).mask(np.arange(200) == 9)
    table = people().assign(day=moments, code=[20240101 + i % 28 for i in range(200)])
    dates = {"day": ["month", "hour"], "code": {"parts": ["day"], "format": "%Y%m%d"}}
    project.write(table)
    sides = project.prepare(dates=dates)
    day, code = project.schema["day"], project.schema["code"]
    assert (day["type"], day["parts"], day["missing"], code["missing"]) == ("date", ["month", "hour"], True, False)
    assert code["format"] == "%Y%m%d" and (code["minimum"], code["maximum"]) == (19723, 19750)
    written = moments.astype("str").mask(moments.isna(), "")
    assert set(pd.concat(sides.values())["day"]) == set(written)
    [described] = [column for column in project.profile["columns"] if column["column"] == "day"]
    assert described == {"column": "day", "type": "date", "missing": 1, "unique": 199}
    project.write(table, "data/raw/table.parquet")
    project.prepare(path="data/raw/table.parquet")
    assert project.schema["day"] == day and project.schema["code"] == code


def test_cells_that_are_no_dates_are_told_of_all_together(project: Project) -> None:
    table = people().assign(day=["2024-02-30", *["2024-02-29"] * 199], end=["31.01.2024", "soon"] * 100)
    project.write(table)
    said = project.refused(dates={"day": ["month"], "end": ["year"]})
    assert (
        "column 'day': 1 of 200 cells are no date as in 1999-12-31 or" in said
        and "such as '2024-02-30' (row 1)" in said
    )
    assert "column 'end': 200 of 200 cells are no date" in said and "(row 1, 2, 3, 4, 5, ...)" in said
    project.write(table.assign(end="31.01.2024", day="2024-01-01"))
    assert "all of 'end' can be read as %d.%m.%Y" in project.refused()
    assert "data.dates.end: format: '%Q' is not known" in project.refused(
        dates={"end": {"parts": ["year"], "format": "%Q"}, "day": ["year"]}
    )
    assert "no column 'days'; did you mean 'day'" in project.refused(dates={"days": ["year"]})


def test_every_kind_of_column_gets_its_type_and_is_written_as_it_is(project: Project) -> None:
    project.write(people())
    sides = project.prepare(categorical=["grade"])
    kinds = {name: feature["type"] for name, feature in project.schema.items()}
    assert kinds == {
        "age": "number",
        "income": "number",
        "city": "category",
        "member": "boolean",
        "grade": "category",
    }
    assert project.schema["city"]["categories"] == ["", "Bern", "Oslo", "Rome"]
    assert project.schema["city"]["missing"] and project.schema["income"]["missing"]
    assert project.schema["grade"]["categories"] == ["1", "2", "3"]
    train = sides["train"]
    assert list(train.columns) == [KEY, CONTENT, TARGET, *kinds]
    assert [str(train[name].dtype) for name in kinds] == ["float64", "float64", "str", "boolean", "str"]
    assert train[KEY].is_monotonic_increasing and train[KEY].is_unique
    assert set(train[TARGET]) == {"maybe", "no", "yes"}
    assert train["income"].isna().any() and set(train["member"]) == {True, False}


def test_numbers_with_blanks_of_any_spelling_are_numbers(project: Project) -> None:
    table = people().assign(score=[("", " ", "NA", "n/a", "NaN", "null", "3.5", " 4 ")[i % 8] for i in range(200)])
    project.write(table)
    sides = project.prepare()
    assert project.schema["score"]["type"] == "number"
    assert set(sides["train"]["score"].dropna()) == {3.5, 4.0}


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["spam", "ham"], ["ham", "spam"]),
        ([True, False], ["False", "True"]),
        ([0.0, 1.0], [0, 1]),
        (["1", "2", "10"], [1, 2, 10]),
        ([f"kind {i:02}" for i in range(30)], [f"kind {i:02}" for i in range(30)]),
        (["None", "Some"], ["None", "Some"]),
    ],
    ids=["text", "booleans", "whole floats", "digits", "30 texts", "the word None"],
)
def test_labels_keep_their_meaning(project: Project, labels: list[object], classes: list[object]) -> None:
    rows = 900
    table = pd.DataFrame({"x": np.random.default_rng(0).random(rows), "target": (labels * rows)[:rows]})
    project.write(table)
    project.prepare()
    assert [entry["class"] for entry in project.profile["classes"]] == classes


def test_csv_and_parquet_in_any_order_of_rows_and_columns_give_the_same_result(project: Project) -> None:
    table = people()
    project.write(table)
    project.prepare()
    expected = project.outputs()
    shuffled = table.sample(frac=1, random_state=1)[["member", "target", "grade", "city", "age", "income"]]
    project.write(shuffled, "data/raw/table.parquet")
    project.prepare(path="data/raw/table.parquet")
    keys = {name: pd.read_parquet(name)[[KEY, CONTENT, TARGET]] for name in expected if name.endswith(".parquet")}
    project.prepare(path="data/raw/table.csv")
    for name, found in keys.items():
        pd.testing.assert_frame_equal(found, pd.read_parquet(name)[[KEY, CONTENT, TARGET]])
    assert project.outputs() == expected
    project.write(table.sample(frac=1, random_state=2))
    project.prepare()
    assert project.outputs() == expected


def test_a_file_added_to_a_folder_moves_no_old_row(project: Project) -> None:
    project.write(people(), "data/raw/mine/2024.csv")
    before = project.prepare(path="data/raw/mine")
    project.write(people(300, seed=1), "data/raw/mine/2025.parquet")
    project.write("*.csv\n", "data/raw/mine/.gitignore")
    after = project.prepare()
    for side, rows in before.items():
        others = pd.concat(table for name, table in after.items() if name != side)
        assert set(rows[KEY]) <= set(after[side][KEY])
        assert not set(rows[KEY]) & set(others[KEY])
    assert sum(map(len, after.values())) == 500


def test_dropping_a_column_moves_no_row(project: Project) -> None:
    project.write(people())
    before = project.prepare()
    after = project.prepare(drop=["income", "city"])
    assert set(before["test"][KEY]) == set(after["test"][KEY])
    for side, rows in after.items():  # rows that now look like a test row are left out
        assert set(rows[KEY]) <= set(before[side][KEY])


def test_codes_with_leading_zeros_are_the_same_in_csv_and_parquet(project: Project) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.random(300), "zip": rng.choice(["01234", "1234"], 300)})
    table["target"] = rng.choice(["07", "7", "01"], 300)
    project.write(table)
    project.prepare(categorical=["zip"])
    found = project.outputs()
    assert project.schema["zip"]["categories"] == ["01234", "1234"]
    assert [entry["class"] for entry in project.profile["classes"]] == ["01", "07", "7"]
    project.write(table, "data/raw/table.parquet")
    project.prepare(path="data/raw/table.parquet")
    assert project.outputs() == found


def test_digits_with_zeros_before_them_stay_names_where_nothing_is_declared(project: Project) -> None:
    random = np.random.default_rng(0)
    table = people(3000).assign(zip=random.choice(["94105", "80331"], 3000), count=random.integers(0, 9, 3000))
    table.loc[2999, "zip"] = "01234"
    project.write(table)
    project.prepare()
    assert project.schema["zip"]["categories"] == ["01234", "80331", "94105"]
    assert project.schema["count"]["type"] == project.schema["age"]["type"] == "number"
    assert project.warnings["code"] == ["zip"]
    found = project.outputs()
    for name in ("t.parquet", "t.csv.gz"):
        table.to_parquet(name) if name.endswith("parquet") else table.to_csv(name, index=False)
        project.prepare(path=name)
        assert project.outputs() == found
    for encoding in ("utf-16", "cp1252"):
        table.to_csv("t.txt", index=False, sep=";", encoding=encoding)
        project.prepare(path="t.txt", read={"sep": ";", "encoding": encoding})
        assert project.schema["zip"]["categories"] == ["01234", "80331", "94105"]


def test_what_tells_the_class_by_being_blank_and_how_classes_are_spelled_is_noticed(project: Project) -> None:
    table = people(400)
    table["target"] = np.where(np.arange(400) % 3, "no", np.where(np.arange(400) % 2, "yes", "Yes"))
    table["reason"] = np.where(table["target"] == "no", np.random.default_rng(0).random(400), np.nan)
    project.write(table)
    project.prepare()
    assert project.warnings["gives_away"][-1] == "reason" and project.warnings["spelling"] == ["target"]
    messages = {warning["column"]: warning["message"] for warning in project.profile["warnings"]}
    assert messages["target"].endswith("such as Yes, yes") and messages["reason"].endswith("→ data.drop: [reason]")


def test_an_id_is_the_key_as_it_is_written(project: Project) -> None:
    table = people().assign(code=[f"{i:05}" for i in range(200)])
    project.write(table)
    sides = project.prepare(id="code")
    assert set(pd.concat(sides.values())[KEY]) == set(table["code"])
    assert "code" not in project.schema


def test_with_an_id_a_changed_cell_changes_the_content_and_not_the_side(project: Project) -> None:
    table = people().assign(code=range(200))
    project.write(table)
    before = pd.concat(project.prepare(id="code"), names=["side"]).reset_index("side").set_index(KEY)
    table.loc[7, "age"] = 17
    project.write(table)
    after = pd.concat(project.prepare(), names=["side"]).reset_index("side").set_index(KEY).loc[before.index]
    assert (before["side"] == after["side"]).all()
    assert list(before.index[before[CONTENT] != after[CONTENT]]) == ["7"]


def test_rows_of_a_group_stay_together(project: Project) -> None:
    table = people(400).assign(patient=np.arange(400) // 5)
    project.write(table)
    sides = project.prepare(group="patient", id=None, drop=[])
    assert "patient" not in project.schema
    ages = table.groupby("patient")["age"].agg(tuple).value_counts()
    assert len(ages) > 70  # groups can be told apart by their ages
    total = sum(len(rows) for rows in sides.values())
    assert total == 400 and all(len(rows) % 5 == 0 for rows in sides.values())
    assert project.warnings["grouped"] == ["patient"]


def test_rows_divided_by_time_are_in_any_order_and_with_any_role_of_the_column(project: Project) -> None:
    table = people(400).assign(day=pd.date_range("2023-01-01", periods=400).strftime("%Y-%m-%d"))
    project.write(table.sample(frac=1, random_state=0))
    project.set(prepare={"split": {"by": "day"}})
    sides = project.prepare(dates={"day": ["month", "weekday"]})
    assert {side: len(rows) for side, rows in sides.items()} == {"train": 240, "validation": 60, "test": 100}
    assert sides["train"]["day"].max() < sides["validation"]["day"].min() < sides["test"]["day"].min()
    project.prepare(dates={}, drop=["day"])
    assert "day" not in project.schema
    assert "prepare.split.by: 'Day' is no column of the table; did you mean 'day'?" in refused_by(project, "Day")
    assert "'target' is the target" in refused_by(project, "target")
    assert "no dates that can be put in order" in refused_by(project, "city") or "no date" in refused_by(
        project, "city"
    )
    assert "divides by time, and data.split_column" in project.refused(split_column="city")


def refused_by(project: Project, name: str) -> str:
    project.set(prepare={"split": {"by": name}})
    return project.refused()


def test_an_official_split_is_kept_and_validation_is_taken_from_its_training_rows(project: Project) -> None:
    table = people(400).assign(part=["Train"] * 300 + ["TEST"] * 100)
    project.write(table)
    sides = project.prepare(split_column="part")
    assert len(sides["test"]) == 100
    assert 20 < len(sides["validation"]) < 80
    table["part"] = ["train"] * 200 + ["validation"] * 100 + ["test"] * 100
    project.write(table)
    assert {side: len(rows) for side, rows in project.prepare().items()} == {
        "train": 200,
        "validation": 100,
        "test": 100,
    }


def test_rows_that_an_id_tells_apart_stay_where_they_are_alike(project: Project) -> None:
    table = people(300).assign(code=range(300))
    project.write(pd.concat([table, table.assign(code=range(300, 600))]))
    sides = project.prepare(id="code")
    assert sum(map(len, sides.values())) == 600 and project.profile["rows_left_out"] == 0
    assert "alike" in project.warnings and "left_out" not in project.warnings


def test_rows_with_the_features_of_a_test_row_are_left_out_and_counted(project: Project) -> None:
    table = people(300).assign(code=range(300))
    repeated = table.assign(code=range(300, 600))
    project.write(pd.concat([table, repeated]))
    sides = project.prepare(drop=["code"])
    features = list(project.schema)
    numbers = {side: rows[features].fillna({"income": -9}) for side, rows in sides.items()}
    test_rows = set(map(tuple, numbers["test"].to_numpy(object).tolist()))
    for side in ("train", "validation"):
        assert not test_rows & set(map(tuple, numbers[side].to_numpy(object).tolist()))
    left_out = 600 - sum(map(len, sides.values()))
    assert project.profile["rows_left_out"] == left_out > 50
    assert project.profile["rows_duplicate"] == 300
    assert "left_out" in project.warnings


def test_repeated_rows_are_numbered_and_stay_on_one_side(project: Project) -> None:
    table = people(100)
    project.write(pd.concat([table, table.iloc[:30], table.iloc[:10]]))
    sides = project.prepare()
    for rows in sides.values():
        assert rows[KEY].is_unique
        numbered = rows.loc[rows[KEY].str.contains("#"), KEY].str.split("#").str[0]
        assert set(numbered) <= set(rows[KEY])
    assert sum(rows[KEY].str.endswith("#3").sum() for rows in sides.values()) == 10


def test_a_category_that_training_did_not_see_is_none_of_the_schema_s(project: Project) -> None:
    table = people(300).assign(part=["train"] * 200 + ["test"] * 100)
    table.loc[250, "city"] = "Lima"
    project.write(table)
    sides = project.prepare(split_column="part")
    assert (sides["test"]["city"] == "Lima").sum() == 1
    assert "Lima" not in project.schema["city"]["categories"]


def test_pictures_keep_their_size_while_all_pixels_are_there(project: Project) -> None:
    project.load("digits")
    project.prepare(path="data/raw/dataset.parquet")
    assert _image() == [8, 8]
    project.prepare(drop=["pixel_0_0"])
    assert _image() is None
    assert "7 x 8" in project.refused(image=[7, 8])


@pytest.mark.parametrize("attrs", [{"split_column": "city"}, {"image": [1, 2]}, {"files": 3, "image": "no"}])
def test_what_a_table_of_ones_own_says_in_secret_steers_nothing(project: Project, attrs: dict[str, object]) -> None:
    """pandas writes `attrs` into a Parquet file, where nobody sees them."""
    table = people(300).assign(part=["train"] * 200 + ["validation"] * 50 + ["test"] * 50)
    project.write(table, "data/raw/plain.parquet")
    project.prepare(path="data/raw/plain.parquet", drop=["part"])
    expected = project.outputs()
    table.attrs = attrs
    project.write(table, "data/raw/secret.parquet")
    project.prepare(path="data/raw/secret.parquet", drop=["part"])
    assert project.outputs() == expected


@pytest.mark.parametrize("attrs", [{"image": [8, -8]}, {"image": "8 x 8"}, {"split_column": ["part"]}])
def test_what_load_says_is_checked_like_parameters(project: Project, attrs: dict[str, object]) -> None:
    table = project.load("digits")
    table.attrs = attrs
    project.write(table, "data/raw/dataset.parquet")
    message = project.refused(path="data/raw/dataset.parquet")
    assert next(iter(attrs)) in message and "dvc repro --force load" in message


def _image() -> list[int] | None:
    from pipeline.files import read_json

    return read_json("data/prepared/schema.json")["image"]


# --- what is noticed


def test_an_id_column_is_noticed_and_not_learned_from(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    table = people().assign(
        customer_id=np.random.default_rng(1).permutation(9000)[:200], code=[f"c{i}" for i in range(200)]
    )
    table.insert(0, "Unnamed: 0", range(200))
    table["visit"] = range(1000, 1200)
    project.write(table)
    project.prepare()
    assert project.warnings["id"] == ["Unnamed: 0", "customer_id", "code", "visit"]
    assert "warning: column 'customer_id': " in capsys.readouterr().err
    assert "visit" in project.schema  # it may be an amount: named, and kept
    assert not {"customer_id", "code", "Unnamed: 0"} & set(project.schema)


def test_columns_worth_a_look_are_named(project: Project) -> None:
    table = people().assign(
        constant=1.0,
        rare=[1.0, *[np.nan] * 196, 2.0, 3.0, 4.0],
        serial=[2**53 + 2 * (i % 90) for i in range(200)],
        device_id=[i % 9 for i in range(200)],
    )
    project.write(table)
    project.prepare()
    assert {code: project.warnings[code] for code in ("constant", "missing", "precision", "group")} == {
        "constant": ["constant", "serial"],
        "missing": ["rare"],
        "precision": ["serial"],
        "group": ["device_id"],
    }


@pytest.mark.parametrize("leak", ["number", "text", "boolean"])
def test_a_feature_that_gives_the_target_away_is_named(project: Project, leak: str) -> None:
    table = people(300)
    table["target"] = np.where(np.random.default_rng(3).random(300) < 0.3, "yes", "no")
    told = table["target"] == "yes"
    noise = np.random.default_rng(4).random(300)
    table["outcome"] = {"number": told * 10 + noise, "text": np.where(told, "won", "lost"), "boolean": told}[leak]
    project.write(table)
    project.prepare()
    assert project.warnings["gives_away"] == ["outcome"]


def test_a_large_table_sorted_by_class_has_the_same_warnings_as_any_other_order(project: Project) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.random(9000), "leak": np.arange(9000) // 4500})
    table["target"] = np.where(rng.random(9000) < 0.994, table["leak"], 1 - table["leak"])
    contradicting = table.iloc[:50].assign(target=1 - table["target"])
    table = pd.concat([table, contradicting]).sort_values("target")
    project.write(table)
    project.prepare()
    assert project.warnings["gives_away"] == ["leak"]
    expected = project.outputs()
    for seed in (1, 2):
        project.write(table.sample(frac=1, random_state=seed))
        project.prepare()
        assert project.outputs() == expected


def passengers(rows: int = 2201) -> pd.DataFrame:
    """A table like the Titanic's: 16 sorts of rows in all."""
    rng = np.random.default_rng(0)
    sort = rng.choice(16, rows, p=np.arange(1, 17) ** 2 / np.sum(np.arange(1, 17) ** 2))
    table = pd.DataFrame({"a": sort // 4, "b": sort % 4, "target": np.where(rng.random(rows) < 0.3, "y", "n")})
    return table.assign(number=range(rows))


def test_a_table_of_few_sorts_of_rows_is_noticed(project: Project) -> None:
    project.write(passengers().drop(columns="number"))
    project.set(prepare={"seed": 1})
    assert len(project.prepare()["test"]) < 200
    assert project.warnings["repeated"] == project.warnings["side_size"] == [""]
    project.set(prepare={"seed": 0})
    message = project.refused()
    assert "validation side (2201 rows in all, of 16 groups or sorts" in message and "columns" in message


def test_where_leaving_out_takes_a_class_from_training_the_error_says_so(project: Project) -> None:
    table = passengers()
    project.write(table.assign(target=np.where(table["b"] == 3, "y", "n")))
    message = project.refused(drop=["number"])
    assert "left out because a test row has the same features" in message and "or data.id" in message


@pytest.mark.parametrize("dataset", ["digits", "iris", "wine", "breast_cancer"])
def test_an_honest_set_is_not_suspected(project: Project, dataset: str) -> None:
    project.load(dataset)
    project.prepare(path="data/raw/dataset.parquet")
    assert set(project.warnings) <= {"left_out"}


def test_contradictory_rows_and_missing_classes_are_counted(project: Project) -> None:
    table = people(300).assign(part=["train"] * 200 + ["test"] * 100)
    twice = table.iloc[[0]].assign(target="maybe" if table.loc[0, "target"] != "maybe" else "yes")
    project.write(pd.concat([table[(table["part"] == "train") | (table["target"] != "maybe")], twice]))
    project.prepare(split_column="part")
    assert project.profile["rows_contradictory"] == 2
    assert project.warnings["contradictory"] == ["target"]
    assert project.warnings["class_missing"] == ["target"]


def test_many_alike_warnings_become_one_and_the_profile_stays_small(project: Project) -> None:
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.integers(0, 9, (300, 784)), columns=[f"p{i}" for i in range(784)])
    wide.iloc[:, :50] = 0
    project.write(wide.assign(target=rng.integers(0, 3, 300)))
    project.prepare()
    (warning,) = [w for w in project.profile["warnings"] if w["code"] == "constant"]
    assert "49 more columns" in warning["message"]
    assert len(project.profile["columns"]) == 100 and project.profile["columns_not_described"] == 684
    assert (project.path / "metrics/prepare/profile.json").stat().st_size < 40_000


# --- what is refused

GOOD = people()
X = pd.DataFrame({"x": np.random.default_rng(0).random(200)})


def with_target(values: object) -> pd.DataFrame:
    return X.assign(target=values)


WRONG: dict[str, tuple[pd.DataFrame | str | bytes, dict[str, object], list[str]]] = {
    "an empty file": ("", {}, ["table.csv", "empty"]),
    "a header and no rows": ("a,target\n", {}, ["no rows"]),
    "semicolons": (GOOD.to_csv(index=False, sep=";"), {}, ["semicolons", "data.read.sep"]),
    "tabs": (GOOD.to_csv(index=False, sep="\t"), {}, ["tabs"]),
    "not UTF-8": (GOOD.to_csv(index=False).replace("Bern", "Zürich").encode("latin-1"), {}, ["UTF-8"]),
    "duplicate columns": ("a,a,target\n1,2,x\n", {}, ["'a'", "more than once"]),
    "too many cells in a row": ("a,target\n1,x\n1,2,y\n", {}, ["line 3"]),
    "an open quote": ('a,target\n1,"x\n2,y\n', {}, ["EOF inside string"]),
    "no such file": (GOOD, {"path": "data/raw/other.csv"}, ["other.csv", "dvc pull"]),
    "another format": (GOOD, {"path": "params.yaml"}, ["params.yaml", "CSV"]),
    "an empty folder": (GOOD, {"path": "empty"}, ["empty", "no CSV"]),
    "no target column": (GOOD, {"target": "targets"}, ["'targets'", "did you mean 'target'"]),
    "a role for a column that is not there": (GOOD, {"drop": ["agee"]}, ["data.drop", "did you mean 'age'"]),
    "two roles for a column": (GOOD, {"id": "age", "group": "age"}, ["'age'", "data.id", "data.group"]),
    "the target dropped": (GOOD, {"drop": ["target"]}, ["'target'", "data.drop"]),
    "a reserved name": (GOOD.rename(columns={"age": "__key__"}), {}, ["__key__", "rename"]),
    "target with blanks": (with_target(["a", "b", None, "a"] * 50), {}, ["'target'", "50 of 200", "row 3, 7"]),
    "target all blank": ("x,target\n" + "1,\n" * 30, {}, ["'target'", "30 of 30"]),
    "constant target": (with_target("a"), {}, ["'target'", "all 200 rows", "'a'"]),
    "amounts as target": (with_target(np.linspace(0, 9.5, 200)), {}, ["amounts", "ranges"]),
    "many whole amounts as target": (with_target(range(1000, 1200)), {}, ["200 different numbers"]),
    "free text as target": (with_target([f"c{i}" for i in range(200)]), {}, ["200 different texts", "no classes"]),
    "few rows per class": (with_target([f"c{i % 50}" for i in range(200)]), {}, ["no training row", "'c"]),
    "id with blanks": (GOOD, {"id": "city"}, ["'city'", "no value"]),
    "id not unique": (GOOD, {"id": "age"}, ["'age'", "unique"]),
    "group with blanks": (GOOD, {"group": "city"}, ["'city'", "no value"]),
    "split with other values": (GOOD, {"split_column": "city"}, ["'city'"]),
    "split of numbers": (GOOD, {"split_column": "age"}, ["'age'", "train, validation, test"]),
    "split without test rows": (GOOD.assign(part="train"), {"split_column": "part"}, ["test side"]),
    "an undeclared split": (GOOD.assign(part=["train", "test"] * 100), {}, ["'part'", "data.split_column"]),
    "infinite numbers": (GOOD.assign(z=[np.inf, 1.0] * 100), {}, ["'z'", "100 of 200", "row 1, 3"]),
    "too large for float32": (GOOD.assign(z=[1e39, *[1.5] * 199]), {}, ["'z'", "1 of 200 rows (row 1)", "float32"]),
    "a column without values": (GOOD.assign(z=np.nan, y=np.nan), {}, ["'z'", "all 200 rows", "1 more"]),
    "dates": (
        GOOD.assign(day=pd.date_range("2024-01-01", periods=200).astype(str)),
        {},
        ["'day'", "dates", "data.drop"],
    ),
    "dates as in Germany": (GOOD.assign(day=[f"{1 + i % 28}.01.2024" for i in range(200)]), {}, ["'day'", "dates"]),
    "words between numbers": (
        GOOD.assign(z=["?" if i == 6 else str(i % 50) for i in range(200)]),
        {},
        ["'z'", "1 of 200", "'?'", "row 7", "data.categorical"],
    ),
    "decimal commas": ('x,target\n"1,5",a\n"2,5",b\n3,a\n4,b\n5,a\n6,b\n', {}, ["'x'", "decimals need a point"]),
    "free text": (
        GOOD.assign(note=[f"note number {i}" for i in range(200)]),
        {},
        ["'note'", "200 different texts", "data.drop"],
    ),
    "too many categories": (
        pd.DataFrame({"x": [f"k {i % 1100}" for i in range(4000)], "target": [0, 1] * 2000}),
        {},
        ["'x'", "1100 categories"],
    ),
    "nothing left as a feature": (X.assign(target=[0, 1] * 100), {"drop": ["x"]}, ["no column is left"]),
    "too few rows": ("x,target\n1,a\n2,b\n", {}, ["side", "prepare.test_size"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_table_is_refused_in_two_lines_and_the_last_good_outputs_stay(project: Project, case: str) -> None:
    table, data, words = WRONG[case]
    (project.path / "empty").mkdir()
    project.write(GOOD)
    project.prepare()
    good = project.outputs()
    project.write(table)
    message = project.refused(**data)
    for word in words:
        assert word in message
    assert project.outputs() == good
    assert not [f for f in project.path.rglob(".*") if f.is_dir()], "scratch folders are left"


def test_a_wrong_row_of_a_folder_is_named_with_its_file(project: Project) -> None:
    project.write(GOOD, "data/raw/mine/2023.csv")
    project.write(GOOD, "data/raw/mine/2024/late.parquet")
    for column, value in {"age": "?", "income": np.inf, "target": None}.items():
        wrong = GOOD.astype({"age": object})
        wrong.loc[6, column] = value
        project.write(wrong, "data/raw/mine/2024/early.csv")
        assert "row 7 of 2024/early.csv" in project.refused(path="data/raw/mine")


def test_broken_parquet_is_refused(project: Project) -> None:
    project.write(GOOD, "data/raw/t.parquet")
    whole = (project.path / "data/raw/t.parquet").read_bytes()
    for content in (whole[: len(whole) // 2], b"PAR1" + whole[:100], b"no parquet at all", b""):
        project.write(content, "data/raw/t.parquet")
        assert "t.parquet" in project.refused(path="data/raw/t.parquet")


def test_parquet_with_cells_that_are_not_one_value_is_refused(project: Project) -> None:
    project.write(GOOD.assign(tags=[[1, 2]] * 200), "data/raw/t.parquet")
    assert "'tags'" in project.refused(path="data/raw/t.parquet")
    project.write(GOOD.assign(blob=[b"x"] * 200), "data/raw/t.parquet")
    assert "bytes" in project.refused()
    project.write(GOOD.assign(blob=pd.Series([b"x"] * 200, dtype="binary[pyarrow]")), "data/raw/t.parquet")
    assert "bytes" in project.refused()
    project.write(GOOD.assign(day=pd.date_range("2024-01-01", periods=200)), "data/raw/t.parquet")
    assert "dates" in project.refused()


def test_a_table_that_no_longer_fits_the_recorded_schema_is_refused(project: Project) -> None:
    project.write(GOOD)
    project.prepare()
    project.write((project.path / "data/prepared/schema.json").read_text(encoding="utf-8"), "data/schema.json")
    project.prepare()
    project.write(GOOD.assign(age=["old", "young"] * 100))
    assert "column 'age': recorded as a number, now a category" in project.refused()
    project.write(GOOD.drop(columns="member"))
    assert "'member': recorded as a boolean, now no feature" in project.refused()
    project.write(GOOD.assign(extra=1.5))
    assert "column 'extra' is not in the recorded schema" in project.refused()
    project.write(GOOD.assign(target=["new", "no", "yes", "maybe"] * 50))
    assert "class 'new' is not in the recorded schema" in project.refused()
    project.write("{}", "data/schema.json")
    project.prepare()
    project.write("[1]", "data/schema.json")
    assert "data/schema.json" in project.refused()


def test_the_command_prints_the_error_without_a_traceback_and_exits_2(project: Project) -> None:
    project.write(GOOD)
    message = project.refused(target="nothing")
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.stages.prepare"],
        env=environment() | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {message}\n")


def test_rows_that_are_held_back_are_a_table_of_their_own_and_else_it_is_empty(project: Project) -> None:
    project.write(people())
    before = project.prepare()
    assert pd.read_parquet(project.path / "data/prepared/holdout.parquet").empty
    project.set(prepare={"holdout_size": 0.2})
    after = project.prepare()
    held = pd.read_parquet(project.path / "data/prepared/holdout.parquet")
    assert list(held.columns) == list(after["test"].columns) and len(held) > 10
    assert before["test"].equals(after["test"]) and before["validation"].equals(after["validation"])
    assert set(held[KEY]) | set(after["train"][KEY]) == set(before["train"][KEY])
    assert not set(held[KEY]) & set(after["train"][KEY])
