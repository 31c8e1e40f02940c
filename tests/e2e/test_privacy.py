"""A table of one's own is shown to nobody: no cell of it stands in Git, in a report or in W&B."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import Clone

ROWS = 500
WORD, NUMBER = re.compile(rb"[cC]anary"), re.compile(rb"(?<![0-9.])73[0-9]{5}(?![0-9])")  # not decimals of a metric
HASHED = re.compile(rb"[0-9a-f]{32,}")  # what only looks like such a number


def table() -> pd.DataFrame:
    """Canaries as ids, groups, rare and spelled categories, units, codes and numbers; all but the classes."""
    random = np.random.default_rng(0)
    age = random.integers(7300000, 7399999, ROWS)
    towns = np.append(random.choice(["CanaryTown", "canarytown", "CanaryCity"], ROWS - 1), "CanaryHamlet")
    return pd.DataFrame(
        {
            "person": [f"canary{number}" for number in random.permutation(ROWS)],
            "house_id": [f"canaryhouse{number // 4}" for number in range(ROWS)],
            "salary": age,
            "town": towns,
            "weight": random.choice(["40canarykg", "41canarykg", "42canarykg"], ROWS),
            "churned": np.where(age + random.normal(0, 20000, ROWS) > 7350000, "yes", "no"),
        }
    )


def seen(clone: Clone, raw: pd.DataFrame) -> list[str]:
    """The files that Git has or would take, reports, what W&B got and the card, with canaries of the table in them."""
    listed = clone.run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout.split("\0")
    files = {clone.path / name for name in listed if name.startswith(("data/", "metrics/", "params", "dvc"))}
    for folder in ("report", "wandb"):
        files |= set((clone.path / folder).rglob("*"))
    files.add(clone.path / "models/package/README.md")
    assert any(file.suffix == ".wandb" for file in files) and any(file.name == "report.html" for file in files)
    numbers = {str(number).encode() for number in raw["salary"]}  # a mean may look like one
    found = []
    for file in filter(Path.is_file, files):
        content = HASHED.sub(b"", file.read_bytes())
        held = set(WORD.findall(content)) | numbers.intersection(NUMBER.findall(content))
        found += [f"{file}: {cell!r}" for cell in held]
    return found


@pytest.mark.slow
def test_no_cell_of_an_adopted_table_is_shown_and_every_one_may_be(reproduced: Clone) -> None:
    offline = {"WANDB_MODE": "offline"}
    raw = table()
    raw.to_csv(reproduced.path.parent / "people.csv", index=False)
    place = str(reproduced.path.parent / "people.csv")
    reproduced.run("pipeline", "adopt", place, "--target", "churned", "--yes")
    params = (reproduced.path / "params.yaml").read_text(encoding="utf-8")
    assert "show_rows: false" in params and "id: person" in params and "group: house_id" in params
    reproduced.run("dvc", "repro", env=offline)
    reproduced.commit("our people")
    reproduced.edit("params.yaml", "arguments: {}", "arguments: {max_depth: 1, max_iter: 2}")
    reproduced.run("dvc", "repro", env=offline)
    reproduced.run("pipeline", "mirror", env=offline)
    reproduced.run("pipeline", "report", check=False)
    content = json.loads((reproduced.path / "report/report.json").read_text(encoding="utf-8"))
    flips = content["broken"] + content["fixed"]
    assert flips and all(re.fullmatch("[0-9a-f]{32}", flip["key"]) and not flip["cells"] for flip in flips)
    assert seen(reproduced, raw) == []
    example = json.loads((reproduced.path / "models/package/input_example.json").read_text(encoding="utf-8"))
    row = dict(zip(example["columns"], example["data"][0], strict=True))
    assert not (raw[list(row)] == pd.Series(row)).all(axis=1).any(), "the example is a row"

    # Shown where a person allows it: the ids, and cells as they stand in the table.
    reproduced.edit("params.yaml", "show_rows: false", "show_rows: true")
    reproduced.run("dvc", "repro")
    reproduced.commit("may be shown")
    reproduced.edit("params.yaml", "max_depth: 1, max_iter: 2", "max_iter: 50")
    reproduced.run("dvc", "repro")
    reproduced.run("pipeline", "report", check=False)
    content = json.loads((reproduced.path / "report/report.json").read_text(encoding="utf-8"))
    flip = (content["broken"] + content["fixed"])[0]
    of_row = raw.set_index("person").loc[flip["key"]]
    cells = dict(flip["cells"])
    assert (cells["salary"], cells["town"]) == (str(of_row["salary"]), of_row["town"])
    for name in ("report.md", "report.html"):
        text = (reproduced.path / "report" / name).read_text(encoding="utf-8")
        assert flip["key"] in text and f"salary {of_row['salary']}, town {of_row['town']}" in text
