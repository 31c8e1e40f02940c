"""What a revision's own code and model predict for other rows than its test rows, in its temporary folder."""

import shutil
from pathlib import Path

import pandas as pd

from pipeline.errors import CheckError
from pipeline.files import read_parquet, replacing
from pipeline.repository import lock
from pipeline.repository.dvc import check_out
from pipeline.repository.sides import PREDICTIONS, Side, pull, reproduce, require_trusted

TEST_ROWS = "data/prepared/test.parquet"


def fetch_model(root: Path, side: Side) -> None:
    """Put what the predicting stage reads into the side's folder: from the cache, else from the remote.

    Raises:
        CheckError: it is nowhere, or may not be fetched.
    """
    recorded = lock.read(side.folder)
    made = lock.outputs(recorded, f"dvc.lock of {side.name}")
    wanted = [dep["path"] for dep in lock.stages(recorded)[_stage(side)].get("deps", []) if dep["path"] in made]
    if check_out(side.folder, wanted):
        return
    require_trusted(root, side.folder, side.name)
    if not pull(side.folder, side.name, wanted):
        raise CheckError(f"{side.name}: its model is neither in the cache nor in the remote; run: dvc push")


def predict(root: Path, side: Side, rows: Path) -> pd.DataFrame:
    """The side's table of predictions for prepared rows, which from then on stand in its folder for the test rows.

    DVC keeps nothing of it in its caches.

    Raises:
        CheckError: its predicting stage fails.
    """
    with replacing(side.folder / TEST_ROWS) as new:  # never through a link into the cache
        shutil.copyfile(rows, new)
    reproduce(root, side.folder, side.name, "--single-item", "--no-commit", "--no-run-cache", _stage(side))
    return read_parquet(side.folder / PREDICTIONS)


def _stage(side: Side) -> str:
    stages = lock.stages(lock.read(side.folder), f"dvc.lock of {side.name}")
    return next(name for name, entry in stages.items() if any(o["path"] == PREDICTIONS for o in entry.get("outs", [])))
