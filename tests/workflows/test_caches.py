"""What one run of CI leaves in a cache is never executed, nor believed, by a later one."""

import hashlib
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.tools import needs
from tests.workflows.test_rules import FOLDER, WORKFLOWS, read

OBJECTS = ".dvc/cache/files/md5"  # of the DVC cache, what has its own hash as its name


def steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in read(workflow)["jobs"].values() for step in job["steps"]]


def test_only_objects_of_the_dvc_cache_are_kept() -> None:
    """No environment, and nothing of uv's or pip's: see the next test."""
    kept = [step for workflow in WORKFLOWS for step in steps(workflow) if "actions/cache" in step.get("uses", "")]
    assert {step["with"]["path"] for step in kept} == {OBJECTS} and len(kept) == 2
    options = {key for workflow in WORKFLOWS for step in steps(workflow) for key in step.get("with", {})}
    assert not {"cache", "enable-cache", "cache-dependency-path"} & options
    users = {step["uses"].partition("@")[0] for workflow in WORKFLOWS for step in steps(workflow) if "uses" in step}
    assert users == {"actions/cache/restore", "actions/cache/save", "actions/checkout", "actions/setup-python"} | {
        "actions/upload-artifact"  # none of them caches by itself
    }


def test_what_is_restored_is_hashed_before_anything_else_runs() -> None:
    names = [step.get("id") or step["name"] for step in read(FOLDER / "ci.yml")["jobs"]["review"]["steps"]]
    at = names.index("cache")
    assert names[at + 1 : at + 3] == ["Hash what was restored", "environment"]


@pytest.mark.parametrize("poison", [False, True])
def test_uv_believes_its_cache(tmp_path: Path, poison: bool) -> None:
    """Why none of it is kept: what uv has unpacked once is installed as it lies there, and no hash is asked."""
    wheel, code = tmp_path / "tiny-1.0-py3-none-any.whl", "VALUE = 'as locked'\n"
    about = {"METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n", "RECORD": "tiny.py,,\n"}
    about["WHEEL"] = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("tiny.py", code)
        for name, text in about.items():
            packed.writestr(f"tiny-1.0.dist-info/{name}", text)
    (tmp_path / "lock").write_text(f"tiny==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    install = [needs("uv"), "pip", "install", "--no-config", "--no-index", "--find-links", str(tmp_path)]
    install += ["--cache-dir", str(tmp_path / "cache"), "--link-mode", "copy", "--require-hashes", "-r", "lock"]
    subprocess.run([*install, "--target", "first"], cwd=tmp_path, check=True, capture_output=True)
    (unpacked,) = (tmp_path / "cache").rglob("tiny.py")
    if poison:
        unpacked.write_text("VALUE = 'poison'\n")
    subprocess.run([*install, "--target", "second"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "first/tiny.py").read_text() == code
    assert ("poison" in (tmp_path / "second/tiny.py").read_text()) == poison


@pytest.mark.parametrize("checked", [True, False], ids=["by the base's copy", "the base has none yet"])
def test_the_step_itself_drops_a_poisoned_object(tmp_path: Path, checked: bool) -> None:
    """ci.yml's own line, on a cache in which one object, one list and the record of a run were changed."""
    (script,) = (step["run"] for step in steps(FOLDER / "ci.yml") if step.get("name") == "Hash what was restored")
    right = hashlib.md5(b"right").hexdigest()
    outside = b'[{"md5": "%s", "relpath": "../../src/sitecustomize.py"}]' % right.encode()
    made = {"right": b"right", "poison": b"poison", "list": outside}
    names = {"right": right, "poison": hashlib.md5(b"what it was").hexdigest()}
    names["list"] = hashlib.md5(outside).hexdigest() + ".dir"
    for kind, content in made.items():
        place = tmp_path / OBJECTS / names[kind][:2] / names[kind][2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (tmp_path / ".dvc/cache/runs/ab").mkdir(parents=True)
    if checked:
        (tmp_path / "temp/base").mkdir(parents=True)
        (tmp_path / "temp/base/src").symlink_to(ROOT / "src")
    env = os.environ | {"RUNNER_TEMP": str(tmp_path / "temp")}
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=tmp_path, env=env, check=True)
    left = [path for path in (tmp_path / ".dvc").rglob("*") if path.is_file()]
    assert left == ([tmp_path / OBJECTS / right[:2] / right[2:]] if checked else [])


@pytest.mark.parametrize(("code", "ends", "warns"), [(0, 0, False), (1, 1, False), (3, 0, True), (124, 0, True)])
def test_a_pull_that_is_refused_stops_ci_and_one_that_fails_does_not(
    tmp_path: Path, code: int, ends: int, warns: bool
) -> None:
    """ci.yml's own lines; tests/repository/test_contents.py holds which codes the program itself gives."""
    wanted = (step["run"] for step in steps(FOLDER / "ci.yml") if step.get("name") == "Fetch data from the DVC remote")
    (script,) = wanted
    python = tmp_path / ".venv/bin/python"
    base = tmp_path / "temp/base/src/pipeline/repository/bring.py"
    for file in (python, base):
        file.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$PYTHONPATH $*"\nexit {code}\n')
    python.chmod(0o755)
    base.touch()
    env = os.environ | {"RUNNER_TEMP": str(tmp_path / "temp")}
    command = ["bash", "-e", "-o", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.returncode, "::warning::" in done.stdout) == (ends, warns)
    assert done.stdout.startswith(f"{tmp_path}/temp/base/src -P -m pipeline.repository.bring\n")  # the base's copy
