"""Every command of README.md and CONTRIBUTING.md runs, in its order, in a clone in which the pipeline ran once."""

import re
import shutil

import pandas as pd
import pytest

from tests.conftest import ROOT, Clone

pages = pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])


def commands(page: str) -> list[str]:
    """The lines of a page's bash blocks, without their comments."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = "".join(re.findall(r"```bash\n(.*?)```", text, re.S)).splitlines()
    return [line.split("#")[0].strip() for line in lines]


@pages
def test_commands_work(reproduced: Clone, page: str):
    predictions = reproduced.path / "data/predictions/test.parquet"
    for side in ("base", "head"):
        shutil.copy(predictions, reproduced.path / f"{side}.parquet")
    rows = pd.read_parquet(reproduced.path / "data/raw/dataset.parquet")
    rows.rename(columns={"target": "churned"}).to_csv(reproduced.path / "data/raw/mine.csv", index=False)

    for command in commands(page):
        if command.startswith("make "):  # .ci/run makes the environment; here only that the target is there
            reproduced.run("make", "--dry-run", *command.split()[1:])
        elif command != "source .venv/bin/activate":
            reproduced.run("bash", "-c", command)


@pages
def test_only_files_that_exist_are_named(page: str):
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing
    assert links
