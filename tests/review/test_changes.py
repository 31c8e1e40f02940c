"""What changed between two folders, cause by cause."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipeline.review.changes import Change, find_changes, packages
from pipeline.review.show.words import causes


@pytest.fixture
def sides(tmp_path: Path, results_template: Path) -> tuple[Path, Path]:
    """Two equal folders with results."""
    for name in ("base", "head"):
        shutil.copytree(results_template, tmp_path / name, ignore=shutil.ignore_patterns(".git", "cache"))
    return tmp_path / "base", tmp_path / "head"


def edit_lock(folder: Path, stage: str, path: str) -> None:
    """Give a dependency or an output another hash, as a run would."""
    lock = yaml.safe_load((folder / "dvc.lock").read_text())
    for entry in [*lock["stages"][stage]["deps"], *lock["stages"][stage]["outs"]]:
        if entry["path"] == path:
            entry["md5"] = "0" * 32
    (folder / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))


def test_equal_sides_have_no_change(sides: tuple[Path, Path]) -> None:
    found = find_changes(*sides)
    assert not any((found.rows, found.classes, found.schema, found.parameters, found.environment, found.stages))


def test_only_changed_parameters_are_listed_old_and_new(sides: tuple[Path, Path]) -> None:
    params = yaml.safe_load((sides[1] / "params.yaml").read_text())
    params["train"]["arguments"] = {"hidden_layer_sizes": [64, 32]}
    params["data"]["id"] = "name"
    (sides[1] / "params.yaml").write_text(yaml.safe_dump(params))
    assert find_changes(*sides).parameters == (
        Change("data.id", "null", "name"),
        Change("train.arguments.hidden_layer_sizes", None, "[64, 32]"),
        Change("train.arguments.skill", "0.9", None),
    )


def test_a_value_whose_type_alone_changes_is_a_change(sides: tuple[Path, Path]) -> None:
    for side, value in zip(sides, ("0.01", 0.01), strict=True):
        params = yaml.safe_load((side / "params.yaml").read_text())
        params["train"]["arguments"] = {"alpha": value, "kind": "plain text"}
        (side / "params.yaml").write_text(yaml.safe_dump(params))
    assert find_changes(*sides).parameters == (Change("train.arguments.alpha", '"0.01"', "0.01"),)


def test_prepared_tables_from_before_rows_had_a_hash_are_not_compared_row_by_row(sides: tuple[Path, Path]) -> None:
    for path in (sides[0] / "data/prepared").glob("*.parquet"):
        pd.read_parquet(path).drop(columns="__content__").to_parquet(path)
    edit_lock(sides[1], "prepare", "data/prepared")
    assert find_changes(*sides).rows == ()


def test_a_changed_gate_is_told_apart_from_what_changes_the_model(sides: tuple[Path, Path]) -> None:
    params = yaml.safe_load((sides[1] / "params.yaml").read_text())
    params["review"]["primary"] = "log_loss"
    params["gate"][0]["minimum"] = 0.5
    (sides[1] / "params.yaml").write_text(yaml.safe_dump(params))
    found = find_changes(*sides)
    assert found.parameters == ()
    old = str(yaml.safe_load((sides[0] / "params.yaml").read_text())["gate"][0]["minimum"])
    assert found.judging == (
        Change("gate.accuracy minimum", f"{old} (block)", "0.5 (block)"),
        Change("review.primary", "accuracy", "log_loss"),
    )


def test_a_rule_that_goes_is_named_and_those_after_it_keep_their_names(sides: tuple[Path, Path]) -> None:
    params = yaml.safe_load((sides[1] / "params.yaml").read_text())
    gone = params["gate"].pop(1)
    (sides[1] / "params.yaml").write_text(yaml.safe_dump(params))
    name = f"gate.{gone['metric']} regression"
    assert find_changes(*sides).judging == (Change(name, f"{gone['regression']} ({gone['action']})", None),)


def test_another_estimator_is_the_first_cause_and_its_arguments_are_not_compared(sides: tuple[Path, Path]) -> None:
    params = yaml.safe_load((sides[1] / "params.yaml").read_text())
    params["train"] |= {"estimator": "svm.SVC", "arguments": {"C": 1}, "epochs": 7}
    (sides[1] / "params.yaml").write_text(yaml.safe_dump(params))
    [(kind, text)] = causes(find_changes(*sides))
    assert kind == "parameters"
    assert text.startswith("train.estimator neural_network.MLPClassifier → svm.SVC, train.epochs")
    assert "arguments" not in text


def test_packages_are_told_apart_from_data(sides: tuple[Path, Path]) -> None:
    for side, md5 in zip(sides, ("1" * 32, "2" * 32), strict=True):
        lock = yaml.safe_load((side / "dvc.lock").read_text())
        lock["stages"]["train"]["deps"].append({"path": "requirements.lock", "md5": md5})
        (side / "dvc.lock").write_text(yaml.safe_dump(lock))
    assert [stage.because for stage in find_changes(*sides).stages] == [("packages",)]


def test_code_is_named_by_stage_and_file_and_followers_say_so(sides: tuple[Path, Path]) -> None:
    edit_lock(sides[1], "train", "src/pipeline/learn.py")
    edit_lock(sides[1], "evaluate", "models/model.txt")
    found = find_changes(*sides)
    assert [(stage.stage, stage.because, stage.files) for stage in found.stages] == [
        ("train", ("code",), ("src/pipeline/learn.py",)),
        ("evaluate", ("an earlier stage",), ()),
    ]
    assert found.code == ("src/pipeline/learn.py",)


def test_rows_are_counted_by_key_and_content(sides: tuple[Path, Path]) -> None:
    path = sides[1] / "data/prepared/test.parquet"
    table = pd.read_parquet(path)
    table.loc[0, "__content__"] = "other"
    table.loc[1, "__target__"] = (table.loc[1, "__target__"] + 1) % 10
    new = table.iloc[[2]].assign(__key__="new")
    pd.concat([table.iloc[:-3], new]).to_parquet(path)
    edit_lock(sides[1], "prepare", "data/prepared")
    [row] = find_changes(*sides).rows
    assert (row.split, row.added, row.removed, row.changed, row.moved) == ("test", 1, 3, 2, 0)
    assert row.head == row.base - 2


def test_rows_that_only_went_to_another_split_are_neither_new_nor_gone(sides: tuple[Path, Path]) -> None:
    train, test = (sides[1] / f"data/prepared/{split}.parquet" for split in ("train", "test"))
    first, second = pd.read_parquet(train), pd.read_parquet(test)
    pd.concat([first, second.iloc[:4]]).to_parquet(train)
    pd.concat([second.iloc[4:], first.iloc[:0]]).to_parquet(test)
    edit_lock(sides[1], "prepare", "data/prepared")
    found = find_changes(*sides)
    assert [(row.split, row.added, row.removed, row.changed, row.moved) for row in found.rows] == [
        ("train", 0, 0, 0, 4),
    ]
    assert causes(found) == [("split", "4 rows moved to another side")]


def test_class_balance_and_schema_are_shown_where_they_moved(sides: tuple[Path, Path]) -> None:
    path = sides[1] / "data/prepared/train.parquet"
    table = pd.read_parquet(path)
    table[table["__target__"] != 3].to_parquet(path)
    schema = json.loads((sides[1] / "data/prepared/schema.json").read_text())
    schema["features"][0]["type"] = "boolean"
    schema["features"].append(
        {**schema["features"][1], "name": "colour", "type": "category", "categories": ["", "red"]}
    )
    (sides[1] / "data/prepared/schema.json").write_text(json.dumps(schema))
    edit_lock(sides[1], "prepare", "data/prepared")
    found = find_changes(*sides)
    assert "3" in [change.name for change in found.classes]
    assert found.schema == (Change("colour", None, "category (2)"), Change("pixel_0", "number", "boolean"))


def test_locked_packages_are_compared_by_version(sides: tuple[Path, Path]) -> None:
    lock = sides[1] / "requirements.lock"
    lock.write_text(lock.read_text().replace("numpy==2.4.6", "numpy==2.5.0") + "new-package==1.0 \\\n")
    assert find_changes(*sides).environment == (Change("new-package", None, "1.0"), Change("numpy", "2.4.6", "2.5.0"))


def test_several_versions_by_platform_are_joined(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("a==1 ; python_version < '3.12' \\\n  --hash=sha256:0\na==2 ; python_version >= '3.12'\n")
    assert packages(lock) == {"a": "1, 2"}


def test_a_new_stage_and_one_that_is_gone_are_named(sides: tuple[Path, Path]) -> None:
    lock = yaml.safe_load((sides[1] / "dvc.lock").read_text())
    lock["stages"]["explain"] = lock["stages"].pop("package")
    (sides[1] / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))
    found = {stage.stage: stage.because for stage in find_changes(*sides).stages}
    assert found == {"explain": ("new",), "package": ("gone",)}
