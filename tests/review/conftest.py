"""Fixtures: reports that need no repository."""

import numpy as np
import pandas as pd
import pytest

from pipeline.comparison.compare import compare
from pipeline.comparison.gate import Outcome
from pipeline.params import read_params
from pipeline.repository.proof import Proof
from pipeline.review.changes import Change, Changes, StageChange
from pipeline.review.curves import Curve
from pipeline.review.report import Report, Revision
from pipeline.review.where import Flip
from tests.conftest import ROOT


def predictions(rows: int, right: float, seed: int) -> pd.DataFrame:
    """Predictions of three classes of which the share `right` is right, with probabilities."""
    random = np.random.default_rng(seed)
    truth = np.arange(rows) % 3
    prediction = np.where(random.random(rows) < right, truth, (truth + 1) % 3)
    table = pd.DataFrame({"key": [f"row{place:05}" for place in range(rows)], "truth": truth, "prediction": prediction})
    for label in range(3):
        table[f"proba_{label}"] = np.where(prediction == label, 0.8, 0.1)
    return table


@pytest.fixture
def full_report() -> Report:
    """A report in which every part has something to show."""
    params = read_params(ROOT / "params.yaml")
    comparison = compare(predictions(300, 0.8, 0), predictions(300, 0.95, 1), params.review.metrics)
    flips = (Flip("row00001", "1", "1", "2", 0.8, "data:image/png;base64,AA=="),)
    line = tuple((step, 2.0 * 0.9**step) for step in range(40))
    return Report(
        head=Revision("workspace", "a" * 40, "larger network", "the workspace"),
        base=Revision("bbbbbbb", "b" * 40, "first results", "the DVC cache"),
        primary="accuracy",
        metrics=params.review.metrics,
        comparison=comparison,
        base_values={"accuracy": 0.8, "size_bytes": 1000, "latency_ms": 0.01},
        head_values={"accuracy": 0.95, "size_bytes": 2000, "latency_ms": 0.02},
        changes=Changes(
            rows=(),
            classes=(),
            schema=(),
            parameters=(Change("train.arguments.alpha", "0.001", "0.01"),),
            judging=(),
            environment=(Change("scikit-learn", "1.8.0", "1.9.1"),),
            stages=(StageChange("train", ("parameters", "code"), ("src/pipeline/stages/train.py",)),),
        ),
        broken=flips,
        fixed=flips,
        curves=(Curve("validation/loss", line, line[:20]), Curve("train/loss", line, line)),
        proof=Proof((), "stale", "not run again", "diff --git a/dvc.lock b/dvc.lock\n-old\n+new\n"),
        gate=(Outcome("accuracy at least 95.00 %", "block", "passes", "95.00 %"),),
    )
