"""The same inputs give the same bytes, whatever the machine, its threads, its hash seed or the order of the rows."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import ROOT, Clone

# What another machine would do by itself, asked for from outside: an older CPU's kernels without FMA and AVX2,
# the widest ones, other numbers of threads, another order of sets.
X86 = platform.machine() == "x86_64"
MACHINES = {
    "an old CPU": {"OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"},
    "a new CPU": {"OPENBLAS_CORETYPE": "SkylakeX", "NPY_DISABLE_CPU_FEATURES": "", "NPY_ENABLE_CPU_FEATURES": "X86_V3"},
    "two threads": {"OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "1"},
    "many threads": {
        "OPENBLAS_NUM_THREADS": "8",
        "OMP_NUM_THREADS": "8",
        "GOTO_NUM_THREADS": "8",
        "PYTHONHASHSEED": "2",
    },
}
pytestmark = pytest.mark.slow
SUMS = """
import hashlib, numpy
{}
rows = numpy.random.default_rng(0).normal(size=(500, 300))
print(hashlib.md5((rows @ rows.T).tobytes() + numpy.exp(rows).tobytes()).hexdigest())
"""


def run(*command: str, folder: Path, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENBLAS", "NPY_", "OMP_"))}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(ROOT / "src"), "WANDB_MODE": "disabled"} | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return done.stdout


def outputs(folder: Path) -> dict[str, bytes]:
    """The bytes of what `train` makes."""
    files = [folder / "models" / "model.joblib", *sorted((folder / "metrics" / "train").rglob("*"))]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files if file.is_file()}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which digits were loaded and prepared."""
    folder = tmp_path_factory.mktemp("prepared")
    for name in ("params.yaml", "data/schema.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for stage in ("load", "prepare"):
        run("-m", f"pipeline.stages.{stage}", folder=folder)
    return folder


@pytest.fixture(scope="module")
def trained(prepared: Path) -> dict[str, bytes]:
    run("-m", "pipeline.stages.train", folder=prepared)
    return outputs(prepared)


@pytest.mark.parametrize("machine", MACHINES if X86 else ["two threads", "many threads"])
def test_training_gives_the_same_bytes_on_another_machine(
    machine: str, prepared: Path, trained: dict[str, bytes], tmp_path: Path
) -> None:
    shutil.copytree(prepared / "data" / "prepared", tmp_path / "data" / "prepared")
    shutil.copy(prepared / "params.yaml", tmp_path)
    run("-m", "pipeline.stages.train", folder=tmp_path, **MACHINES[machine])
    assert outputs(tmp_path) == trained


@pytest.mark.skipif(not X86, reason="the simulated CPUs are x86-64")
def test_the_simulated_cpu_computes_differently_unless_a_stage_pins_it(tmp_path: Path) -> None:
    free, pinned = SUMS.format(""), SUMS.format("").replace("import", "import pipeline.stages,", 1)
    old = MACHINES["an old CPU"]
    assert run("-c", free, folder=tmp_path) != run("-c", free, folder=tmp_path, **old)
    assert run("-c", pinned, folder=tmp_path) == run("-c", pinned, folder=tmp_path, **old)


def test_the_order_of_the_input_rows_does_not_matter(prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "data" / "raw" / "dataset.parquet"
    table = pd.read_parquet(file)
    shuffled = table.sample(frac=1, random_state=3)
    shuffled.attrs = table.attrs
    shuffled.to_parquet(file, index=False)
    shutil.rmtree(tmp_path / "data" / "prepared")
    run("-m", "pipeline.stages.prepare", folder=tmp_path)
    for name in ("train", "validation", "test"):
        part = f"data/prepared/{name}.parquet"
        assert (tmp_path / part).read_bytes() == (prepared / part).read_bytes()


def test_running_everything_again_changes_no_tracked_file(reproduced: Clone) -> None:
    before = reproduced.contents("dvc.lock", "metrics")
    environment = {**MACHINES["many threads"], "OPENBLAS_CORETYPE": "SkylakeX"}
    reproduced.run("dvc", "repro", "--force", env=environment)
    assert reproduced.contents("dvc.lock", "metrics") == before
    assert reproduced.run("git", "status", "--porcelain").stdout == ""
