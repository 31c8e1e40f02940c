"""The commands of docs/mnist.md, on a small folder of IDX files in MNIST's format: digits of scikit-learn, enlarged."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from pipeline.files import read_json
from tests.conftest import ROOT, Clone
from tests.data.test_sources import idx_bytes

TEST_ROWS = 500
PAGE = (ROOT / "docs" / "mnist.md").read_text(encoding="utf-8")
COMMANDS = [line.split("  #")[0] for line in "".join(re.findall(r"```bash\n(.*?)```", PAGE, re.S)).splitlines()]


def mnist(folder: Path) -> None:
    """Pictures of 28 x 28 as training and test images and labels, compressed as they are to be had."""
    digits = load_digits()
    pictures = np.pad(digits.images.repeat(3, axis=1).repeat(3, axis=2) * 15, ((0, 0), (2, 2), (2, 2)))
    folder.mkdir()
    for side, rows in {"train": slice(0, -TEST_ROWS), "t10k": slice(-TEST_ROWS, None)}.items():
        for kind, values in {"images-idx3": pictures, "labels-idx1": digits.target}.items():
            content = idx_bytes(values[rows])
            (folder / f"{side}-{kind}-ubyte.gz").write_bytes(gzip.compress(content, compresslevel=1))


@pytest.mark.slow
def test_every_command_of_the_page_runs_from_raw_files_to_a_package_for_both_settings(reproduced: Clone) -> None:
    mnist(reproduced.path.parent / "mnist")
    found = {}
    for command in COMMANDS:
        reproduced.run("bash", "-c", command)
        if taken := re.search(r"docs/mnist/(\w+).yaml", command):
            package = reproduced.path / "models" / "package"
            found[taken[1]] = read_json(reproduced.path / "metrics/evaluate/metrics.json")
            assert read_json(reproduced.path / "metrics/package/metrics.json")["parity_rows"] == TEST_ROWS
            assert read_json(package / "schema.json")["image"] == [28, 28]
            refitted = "train.refit" in (package / "README.md").read_text(encoding="utf-8")
            assert refitted is (taken[1] == "best")
            assert (reproduced.path / "metrics/evaluate/plots/images/hardest.png").is_file()
    assert set(found) == {"best", "workshop"}
    assert found["best"]["rows"] == found["workshop"]["rows"] == TEST_ROWS
    assert found["best"]["accuracy"] > found["workshop"]["accuracy"] > 0.8
    assert reproduced.run("git", "status", "--porcelain", "data", "models").stdout == ""
