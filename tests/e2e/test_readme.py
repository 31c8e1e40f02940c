"""Every command of README.md runs, in its order, in a clone in which the pipeline ran once."""

import re
import shutil

import pandas as pd

from tests.conftest import ROOT, Clone

README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """The lines of README's bash blocks, without their comments."""
    lines = "".join(re.findall(r"```bash\n(.*?)```", README, re.S)).splitlines()
    return [line.split("#")[0].strip() for line in lines]


def test_readme_commands_work(reproduced: Clone):
    predictions = reproduced.path / "data/predictions/test.parquet"
    for side in ("base", "head"):
        shutil.copy(predictions, reproduced.path / f"{side}.parquet")
    rows = pd.read_parquet(reproduced.path / "data/raw/dataset.parquet")
    rows.to_csv(reproduced.path / "data/raw/mine.csv", index=False)

    for command in commands():
        if command.startswith("make "):  # .ci/run makes the environment; here only that the target is there
            reproduced.run("make", "--dry-run", *command.split()[1:])
        elif command != "source .venv/bin/activate":
            reproduced.run("bash", "-c", command)


def test_readme_names_only_files_that_exist():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing
    assert links
