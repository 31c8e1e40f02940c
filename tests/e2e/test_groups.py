"""Groups of rows, and one model in two commits, from the table through `dvc repro` to the report's text."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.conftest import Clone


def patients(path: str) -> None:
    """Ten visits of each of 120 patients, of whom some are ill; their values are alike within each."""
    random = np.random.default_rng(0)
    of = np.repeat(np.arange(120), 10)
    own = random.normal(size=(120, 3))
    values = own[of] + 0.5 * random.normal(size=(len(of), 3))
    ill = own[of].sum(axis=1) + random.normal(0, 1.5, len(of)) > 0
    columns = {f"value_{place}": values[:, place].round(4) for place in range(3)}
    pd.DataFrame({"visit": np.arange(len(of)), "patient": of, **columns, "ill": ill}).to_csv(path, index=False)


@pytest.mark.slow
def test_groups_reach_the_report_and_the_same_model_is_known_by_its_hash(reproduced: Clone) -> None:
    table = reproduced.path.parent / "patients.csv"
    patients(str(table))
    reproduced.run("pipeline", "adopt", str(table), "--target", "ill", "--yes")

    def change(section: str, **values: object) -> None:
        path = reproduced.path / "params.yaml"
        params = yaml.safe_load(path.read_text(encoding="utf-8"))
        params[section] |= values
        path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")

    def report() -> dict:
        done = reproduced.run("pipeline", "report", "--base", "HEAD~1", "--head", "HEAD", check=False)
        assert done.returncode in (0, 1), done.stderr
        content = json.loads((reproduced.path / "report/report.json").read_text(encoding="utf-8"))
        return content | {"text": done.stdout}

    change("data", id="visit", group="patient")
    change("train", estimator="linear_model.LogisticRegression", arguments={"C": 1.0}, preprocessing=[])
    reproduced.run("dvc", "repro")
    first = reproduced.commit("visits of patients")
    predictions = pd.read_parquet(reproduced.path / "data/predictions/test.parquet")
    groups = predictions["group"].nunique()
    assert len(predictions) == 10 * groups and groups >= 10, "no patient is on two sides"

    change("train", arguments={"C": 1e-4})
    reproduced.run("dvc", "repro")
    reproduced.commit("a much weaker model")
    found = report()
    assert f"the same {len(predictions)} test rows of {groups} groups" in found["text"]
    assert found["comparison"]["groups"] == groups and found["comparison"]["headline"]["counted"] == "groups"
    counted = [row["counted"] for row in found["comparison"]["classes"].values()]
    assert counted == ["groups", "groups"] and not found["comparison"]["same_model"]
    alone = reproduced.run(
        "pipeline", "compare", "data/predictions/test.parquet", "data/predictions/test.parquet", "--json"
    ).stdout
    assert json.loads(alone)["groups"] == groups, "pipeline compare takes the column, too"

    change("package", purpose="Says which patients are ill.")  # another card, the same model
    reproduced.run("dvc", "repro")
    assert reproduced.commit("another purpose") != first
    found = report()
    assert "Both are the same model, by its hash in dvc.lock" in found["text"]
    assert found["comparison"]["same_model"] and found["verdict"] == "equivalent"
    judged = [rule for rule in found["gate"] if "not worse" in rule["rule"]]
    assert judged and all((rule["status"], rule["found"]) == ("passes", "the same model") for rule in judged)
