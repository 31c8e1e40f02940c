"""What stands in W&B is exactly what stands in DVCLive's files."""

import csv
import json
import math
import struct
from pathlib import Path
from typing import Any

from tests.tracking.conftest import Project
from tests.tracking.wandb_server import Server

SPECIAL = [
    "0.0",
    "-0.0",
    "1e20",
    "5e-324",
    "2.2250738585072014e-308",
    "1.7976931348623157e308",
    "0.1",
    "1/3",
    "-7",
    "3",
]
SCRIPT = """
import math, random, struct
from pipeline.tracking import Live
random.seed(7)
doubles = []
while len(doubles) < 2000:
    value = struct.unpack("<d", random.randbytes(8))[0]
    doubles += [value] if math.isfinite(value) else []
with Live("records") as live:
    for value in [*doubles, {special}, math.nan, math.inf, -math.inf]:
        live.log_metric("all/value", value)
        live.log_metric("square", value * 0.5)
        live.next_step()
    for step in (3, 3, 3, 1, 0, 5, 2):  # repeated and backward
        live.step = step
        live.log_metric("all/value", step * 0.1)
"""


def tsv(path: Path) -> list[tuple[int, float]]:
    with path.open(newline="") as file:
        return [(int(row[0]), float(row[-1])) for row in list(csv.reader(file, delimiter="\t"))[1:]]


def bits(pairs: list[tuple[Any, Any]]) -> list[tuple[int, bytes]]:
    """Steps and the bits of the values; every NaN is one."""
    return [(step, b"nan" if math.isnan(float(v)) else struct.pack("<d", float(v))) for step, v in pairs]


def test_every_value_in_the_wandb_file_is_the_one_in_the_tsv(project: Project) -> None:
    project.script(SCRIPT.format(special=", ".join(SPECIAL)), WANDB_MODE="disabled")
    project.run("pipeline", "mirror", "records")
    (run,) = project.offline_runs()
    for name in ("all/value", "square"):
        expected = tsv(project.path / f"records/plots/metrics/{name}.tsv")
        assert len(expected) >= 2013
        assert bits(run.series(name)) == bits(expected)
    summary = json.loads((project.path / "records/metrics.json").read_text())
    assert float(run.summary["all/value"]) == summary["all"]["value"]
    assert float(run.summary["square"]) == float(summary["square"])


def test_a_follower_brings_the_same_values_to_the_server(project: Project, server: Server) -> None:
    project.script(SCRIPT.format(special=", ".join(SPECIAL)), **server.environment())
    project.settle()
    ((name, run),) = server.runs.items()
    for series in ("all/value", "square"):
        got = [(row["step"], row[series]) for row in server.rows(name) if series in row]
        expected = tsv(project.path / f"records/plots/metrics/{series}.tsv")
        # W&B's client keeps -0.0 in its file, but sends it as 0: adding 0.0 takes the sign off.
        assert bits(got) == bits([(step, value + 0.0) for step, value in expected])
    assert run["state"] == "finished"


def test_floats_of_32_bits_are_the_same_number_in_series_and_summary(project: Project) -> None:
    project.script(
        "import numpy\nfrom pipeline.tracking import Live\n"
        "with Live('records') as live: live.log_metric('x', numpy.float32(0.1))",
        WANDB_MODE="disabled",
    )
    ((_, value),) = tsv(project.path / "records/plots/metrics/x.tsv")
    assert json.loads((project.path / "records/metrics.json").read_text())["x"] == value
