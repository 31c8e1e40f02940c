"""Other Pythons than the one that dvc.lock was made with give the same bytes."""

from pathlib import Path

import pytest

from tests.conftest import Clone
from tests.tools import find_python, needs

pytestmark = pytest.mark.slow


@pytest.mark.timeout(1800)  # a download of all packages for that Python, the first time
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_make_repro_with_another_python_changes_nothing(
    before_the_run: Clone, reproduced_template: Path, version: str
) -> None:
    python = find_python(version)
    path = "/usr/local/bin:/usr/bin:/bin"  # without the tests' own environment
    done = before_the_run.run(needs("make"), f"PYTHON={python}", "repro", env={"PATH": path}, timeout=1700)
    assert "Running stage 'package'" in done.stdout and "accuracy" in done.stdout
    assert list(before_the_run.path.glob(f".venv/lib/python{version}/site-packages/scikit_learn-*"))
    assert before_the_run.contents("dvc.lock", "metrics") == Clone(reproduced_template).contents("dvc.lock", "metrics")
