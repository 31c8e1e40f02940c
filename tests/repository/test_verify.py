"""`pipeline verify` says yes to a whole result, also in a clone without data, and lists what is wrong with others."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.repository.verify import metrics_are_finite
from tests.conftest import ROOT, Clone, small_repository
from tests.tracking.conftest import until

FILES = {
    "dvc.yaml": """
stages:
  make:
    cmd: python make.py
    params: [prepare.seed]
    deps: [make.py, raw.csv]
    outs: [folder]
    metrics: [{metrics/make.json: {cache: false}}]
    plots: [{metrics/plots: {cache: false}}]
  use:
    cmd: cp folder/a.txt copy.txt
    deps: [folder]
    outs: [copy.txt]
""",
    "make.py": """
import json, os, pathlib, yaml
for folder in ("folder", "metrics/plots"):
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
size = yaml.safe_load(open("params.yaml"))["prepare"]["seed"] + 3
for name in "ab":
    pathlib.Path("folder", name + ".txt").write_text(name * size)
pathlib.Path("metrics/make.json").write_text(json.dumps({"size": size, "by": {"a": 0.5}}))
pathlib.Path("metrics/plots/x.tsv").write_text("step\\tx\\n0\\t1\\n")
""",
    "params.yaml": (ROOT / "params.yaml").read_text(encoding="utf-8"),
    "raw.csv": "x\n1\n",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small repository with two stages and a tracked table: run, pushed to a remote beside it, and committed."""
    made = small_repository(tmp_path_factory.mktemp("template") / "repository", FILES)
    made.run("git", "rm", "-q", "--cached", "raw.csv")
    made.run("dvc", "add", "-q", "raw.csv")
    made.run("dvc", "remote", "add", "-q", "--default", "beside", "../remote")
    made.run("dvc", "repro", "-q")
    made.run("dvc", "push", "-q")
    made.commit("result")
    return made.path


@pytest.fixture
def repository(template: Path, tmp_path: Path) -> Clone:
    """A copy of it, with its remote, to break."""
    shutil.copytree(template.parent, tmp_path, dirs_exist_ok=True)
    return Clone(tmp_path / "repository")


def fresh(repository: Clone) -> Clone:
    """A clone of it without data, beside it."""
    clone = Clone(repository.path.parent / "fresh")
    repository.run("git", "clone", "-q", ".", str(clone.path))
    return clone


def object_in_remote(repository: Clone, content: bytes) -> Path:
    (found,) = (
        file
        for file in (repository.path.parent / "remote").rglob("*")
        if file.is_file() and file.read_bytes() == content
    )
    return found


def test_a_whole_result_holds_in_the_workspace_and_in_a_fresh_clone(repository: Clone) -> None:
    for clone, files in (
        (repository, 8),
        (fresh(repository), 0),
    ):  # of 4 the cache has 3: 2 are equal; a list
        done = clone.run("pipeline", "verify", "--remote")
        assert done.stdout.splitlines() == [
            "ok: dvc.lock is current",
            "ok: 1 metrics file is there and finite",
            f"ok: {files} files here have the content that is recorded",
            "ok: DVC files keep to their folders and to named sources",
            "ok: every output is in the remote",
        ]
        assert clone.run("git", "status", "--porcelain").stdout == ""


def merge_badly(clone: Clone) -> None:
    lock = (clone.path / "dvc.lock").read_text()
    first, second = lock.split("  use:")
    md5 = first.split("path: folder\n")[1].split("md5: ")[1].split("\n")[0]
    clone.write("dvc.lock", first + "  use:" + second.replace(md5, "0" * 32 + ".dir"))


def metrics(text: str) -> Callable[[Clone], None]:
    return lambda clone: clone.write("metrics/make.json", text)


BROKEN: dict[str, tuple[Callable[[Clone], None], str]] = {
    "parameter": (
        lambda clone: clone.edit("params.yaml", "size: 0\n  seed: 0", "size: 0\n  seed: 1"),
        "make: params.yaml: prepare.seed is modified",
    ),
    "code": (lambda clone: clone.edit("make.py", "import json", "import  json"), "make: make.py is modified"),
    "command": (lambda clone: clone.edit("dvc.yaml", "cp folder", "cp  folder"), "use: changed command"),
    "deleted code": (lambda clone: (clone.path / "make.py").unlink(), "make: make.py is deleted"),
    "new stage": (
        lambda clone: clone.edit("dvc.yaml", "  use:", "  more:\n    cmd: cp folder/a.txt b\n    deps: [folder]\n"
                                 "    outs: [b]\n  use:"),
        "more: not in dvc.lock",
    ),
    "no lock": (lambda clone: (clone.path / "dvc.lock").unlink(), "use: not in dvc.lock"),
    "merge": (merge_badly, "use: folder in dvc.lock is not what its own stage wrote"),
    "missing metrics": (lambda clone: (clone.path / "metrics/make.json").unlink(), "metrics/make.json: missing"),
    "broken metrics": (metrics('{"size": 3'), "metrics/make.json: cannot be read as JSON"),
    "NaN": (metrics('{"size": 3, "by": {"a": NaN}}'), "metrics/make.json: by.a is nan"),
    "NaN as text": (metrics('{"size": 3, "by": {"a": "nan"}}'), "metrics/make.json: by.a is nan"),
    "infinity": (metrics('{"size": [1, -Infinity]}'), "metrics/make.json: size.1 is -inf"),
    "empty metrics": (metrics("{}"), "metrics/make.json: holds no number"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_wrong_is_named(repository: Clone, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """In a clone without data, where it is hardest to see; in this process, because there are many of them."""
    clone = fresh(repository)
    damage, expected = BROKEN[what]
    damage(clone)
    monkeypatch.chdir(clone.path)
    for name, value in clone.environment().items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, ["verify"])
    assert done.exit_code == 1
    assert any(line.strip().startswith(expected) for line in done.stdout.splitlines()), done.output


def test_a_column_or_a_class_may_be_called_like_a_number_that_is_not_finite(
    repository: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = '{"rows": 3, "columns": [{"column": "Infinity", "top": [{"category": "nan", "rows": 3}]}]}'
    repository.write("metrics/make.json", named)
    monkeypatch.chdir(repository.path)
    assert metrics_are_finite().problems == []


def test_changed_data_in_the_workspace_is_named(repository: Clone) -> None:
    (repository.path / "raw.csv").write_text("x\n2\n")
    done = repository.run("pipeline", "verify", check=False)
    assert done.returncode == 1
    assert "make: raw.csv is modified; run: dvc repro" in done.stdout


@pytest.mark.parametrize(("content", "name"), [(b"bbb", "folder/b.txt"), (b"x\n1\n", "raw.csv")])
def test_an_object_that_the_remote_lost_is_named_and_the_advice_helps(
    repository: Clone, content: bytes, name: str
) -> None:
    lost = object_in_remote(repository, content)
    lost.unlink()
    for clone in (repository, fresh(repository)):
        done = clone.run("pipeline", "verify", "--remote", check=False)
        assert done.returncode == 1
        line = next(line for line in done.stdout.splitlines() if line.startswith(f"  {name}: not in the remote; "))
    assert line.endswith("run: dvc push")
    if listing := re.search(r"delete (files/md5/\S+) from the remote", line):
        (lost.parents[3] / listing[1]).unlink()
    repository.run("dvc", "push")
    assert lost.read_bytes() == content
    assert repository.run("pipeline", "verify", "--remote").returncode == 0


def test_an_empty_remote_has_nothing_to_delete(repository: Clone) -> None:
    shutil.rmtree(repository.path.parent / "remote")
    done = repository.run("pipeline", "verify", "--remote", check=False)
    assert done.returncode == 1 and "  folder/a.txt: not in the remote; run: dvc push" in done.stdout
    assert "delete" not in done.stdout


def test_a_remote_of_any_name_can_be_used(repository: Clone) -> None:
    name = "../it's ré möte (1)"
    repository.run("python", "-m", "pipeline.repository.dvc", name)
    assert "verify = true" in (repository.path / ".dvc/config").read_text()  # what is downloaded is hashed
    repository.run("dvc", "push", "-q")
    assert len(list((repository.path / name).rglob("*"))) > 3
    assert repository.run("pipeline", "verify", "--remote").returncode == 0


def test_an_import_counts_as_it_was_pinned(repository: Clone, tmp_path: Path) -> None:
    source = small_repository(tmp_path / "source", {"table.csv": "x\n1\n"})
    repository.run("dvc", "import", "-q", str(source.path), "table.csv", "-o", "raw.csv", "--force")
    repository.run("dvc", "repro", "-q")
    repository.commit("imported")
    whole = repository.run("pipeline", "verify").stdout.splitlines()
    assert whole[0] == "ok: dvc.lock is current" and "ok: imported data is what its source holds" in whole
    source.write("table.csv", "x\n2\n")
    source.commit("newer")
    newer = repository.run("pipeline", "verify").stdout
    assert "warning: imported data" in newer and "dvc update raw.csv.dvc" in newer
    shutil.rmtree(source.path)
    gone = repository.run("pipeline", "verify").stdout
    assert "ok: dvc.lock is current" in gone and "raw.csv.dvc: its source cannot be asked: " in gone


def test_a_repository_in_which_dvc_is_at_work_is_named(repository: Clone) -> None:
    """Outputs are gone until their stage has ended: that is no stale lock and no reason to run anything."""
    repository.edit("make.py", "import json", "import time; time.sleep(600)\nimport json")
    process = repository.start("dvc", "repro")
    lock = repository.path / ".dvc/tmp/rwlock"
    until(lambda: lock.is_file() and '"write": {"' in lock.read_text())  # its two keys stand in any order
    done = repository.run("pipeline", "verify", check=False)
    process.terminate()
    assert done.returncode == 3 and f"(PID {process.pid})" in done.stderr and "wait until it ends" in done.stderr


def test_without_a_remote_the_answer_is_an_error(repository: Clone) -> None:
    repository.run("dvc", "remote", "remove", "beside")
    done = repository.run("pipeline", "verify", "--remote", check=False)
    assert done.returncode == 3
    assert "no remote" in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_outside_a_repository_the_error_says_where_to_go(tmp_path: Path) -> None:
    done = Clone(tmp_path).run("pipeline", "verify", check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "root of the repository" in done.stderr


def test_a_run_from_nothing_confirms_a_deterministic_pipeline(repository: Clone) -> None:
    done = repository.run("pipeline", "verify", "--reproduce")
    assert "ok: a run from nothing gives the same dvc.lock and metrics" in done.stdout
    assert repository.run("git", "status", "--porcelain").stdout == ""


def test_a_run_from_nothing_finds_what_stands_beside_the_repository(repository: Clone) -> None:
    beside = repository.path.parent / "sets" / "mine"
    beside.mkdir(parents=True)
    (beside / "labels").write_text("7")
    repository.edit("params.yaml", "dataset: digits", "dataset: idx:../sets/mine")
    repository.edit("make.py", 'seed"] + 3', "seed\"] + int(open('../sets/mine/labels').read())")
    repository.run("dvc", "repro")
    done = repository.run("pipeline", "verify", "--reproduce")
    assert "ok: a run from nothing gives the same dvc.lock and metrics" in done.stdout


def test_a_run_from_nothing_finds_randomness(repository: Clone) -> None:
    repository.edit("make.py", "name * size)", "os.urandom(4).hex())")
    repository.edit("make.py", "0\\t1", '0\\t" + os.urandom(4).hex() + "')
    repository.run("dvc", "repro")
    done = repository.run("pipeline", "verify", "--reproduce", check=False)
    assert done.returncode == 1
    assert "  folder: " in done.stdout
    assert "  metrics/plots/x.tsv: differs from a new run" in done.stdout
    assert "  metrics/make.json" not in done.stdout


def test_a_run_from_nothing_needs_the_table_that_it_starts_from(repository: Clone) -> None:
    done = fresh(repository).run("pipeline", "verify", "--reproduce", check=False)
    assert done.returncode == 3
    assert done.stderr == "error: raw.csv: not in this clone; run: dvc pull raw.csv\n"
