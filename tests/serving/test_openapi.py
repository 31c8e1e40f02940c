"""Schemathesis asks a running service whatever its OpenAPI document allows, and what it does not."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import environment
from tests.serving.conftest import Running
from tests.tools import needs

pytestmark = pytest.mark.slow
EXAMPLES = 500


@pytest.mark.parametrize("kind", ["table", "array"])
def test_no_request_breaks_it(kind: str, table_folder: Path, array_folder: Path, tmp_path: Path) -> None:
    """No status of 500 or more, and every answer is one that the document describes, for good and for bad requests."""
    running = Running(table_folder if kind == "table" else array_folder)
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    checks += "negative_data_rejection,unsupported_method"  # that all lists of Columns are equally long, no schema says
    paths = ["--include-path", "/predict", "--include-path", "/invocations"]
    options = ["--max-examples", str(EXAMPLES // 2), "--phases", "fuzzing", "--seed", "1", "--checks", checks]
    done = subprocess.run(
        [
            needs("schemathesis"),
            "run",
            f"{running.address}/openapi.json",
            *options,
            *paths,
            "--generation-database=none",
        ],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    found = re.search(r"(\d+) generated", done.stdout)
    assert found and int(found[1]) >= EXAMPLES, done.stdout[-3000:]
    assert running.end() == 0
