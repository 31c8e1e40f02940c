"""Which models the rows have judged, counted from Git: other predictions count once, other rows are another count."""

import time
from pathlib import Path

import pytest
import yaml

from pipeline.repository.git import blobs
from pipeline.repository.history import history, judged, models_of
from tests.conftest import ROOT, Clone


def lock(predictions: str, raw: str = "a1", **params: object) -> str:
    """A dvc.lock as DVC writes it, of the size that this repository's has."""
    content = yaml.safe_load((ROOT / "dvc.lock").read_text(encoding="utf-8"))
    [prepare] = [stage for name, stage in content["stages"].items() if name == "prepare"]
    for dep in prepare["deps"]:
        if dep["path"] == prepare["params"]["params.yaml"]["data"]["path"]:
            dep["md5"] = raw
    for name, value in params.items():
        section, key = name.split("__")
        prepare["params"]["params.yaml"][section][key] = value
    content["stages"]["evaluate"]["outs"] = [
        out | {"md5": predictions} if out["path"] == "data/predictions/test.parquet" else out
        for out in content["stages"]["evaluate"]["outs"]
    ]
    return yaml.safe_dump(content, sort_keys=False)


@pytest.fixture
def repository(tmp_path: Path) -> Clone:
    clone = Clone(tmp_path)
    clone.run("git", "init", "-q", "-b", "main")
    return clone


def commit(clone: Clone, text: str, message: str = "change") -> str:
    clone.write("dvc.lock", text)
    return clone.commit(message)


def test_a_dvc_lock_names_its_model_and_its_rows() -> None:
    text = (ROOT / "dvc.lock").read_text(encoding="utf-8")
    found, outs = judged(text), yaml.safe_load(text)["stages"]["evaluate"]["outs"]
    [md5] = [out["md5"] for out in outs if out["path"] == "data/predictions/test.parquet"]
    assert found is not None and found.predictions == md5
    assert judged("nonsense") is None and judged("stages: {}\n") is None


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"prepare__validation_size": 0.2}, True),
        ({"prepare__holdout_size": 0.1}, True),
        ({"data__drop": ["pixel_0"]}, True),
        ({"prepare__seed": 1}, False),
        ({"prepare__test_size": 0.3}, False),
        ({"data__group": "writer"}, False),
        ({"raw": "b2"}, False),
    ],
)
def test_rows_are_the_same_unless_something_that_chooses_them_changed(change: dict, same: bool) -> None:
    one, other = judged(lock("p1")), judged(lock("p1", **change))
    assert one is not None and other is not None and (one.rows == other.rows) is same


def test_each_prediction_counts_once_wherever_it_was_committed(repository: Clone) -> None:
    commit(repository, lock("p1"))
    start = commit(repository, lock("p2"))
    commit(repository, lock("p1"), "back")
    repository.run("git", "switch", "-q", "-c", "change", start)
    head = commit(repository, lock("p3"))
    repository.run("git", "switch", "-q", "-c", "elsewhere", start)
    commit(repository, lock("p4"))
    found = history(repository.path, head)
    assert [model.predictions for model in found.models] == ["p1", "p2", "p3"], "the default branch and the head's"
    assert [model.predictions for model in models_of(repository.path, f"{start}..{head}")] == ["p3"]
    assert found.experiments == () and not found.cut


def test_experiments_stand_beside(repository: Clone) -> None:
    commit(repository, lock("p1"))
    repository.run("git", "switch", "-q", "--detach")
    experiment = commit(repository, lock("p9"))
    repository.run("git", "update-ref", "refs/exps/aa/bb/quick-fox", experiment)
    found = history(repository.path, "main")
    assert [model.predictions for model in found.models] == ["p1"]
    assert [model.predictions for model in found.experiments] == ["p9"]


def test_hundreds_of_commits_are_read_quickly(repository: Clone) -> None:
    """By git fast-import, which makes 300 commits in one process."""
    stream, template = [], lock("SLOT")
    for number in range(300):
        body = template.replace("SLOT", f"{number:032x}").encode()
        stream.append(b"commit refs/heads/main\ncommitter T <t@e> %d +0000\ndata 1\nx\n" % (1_700_000_000 + number))
        stream.append(b"M 100644 inline dvc.lock\ndata %d\n%s\n" % (len(body), body))
    (repository.path / "stream").write_bytes(b"".join(stream))
    repository.run("sh", "-c", "git fast-import --quiet < stream")
    started = time.process_time()
    found = history(repository.path, "main")
    assert len(found.models) == 300
    assert time.process_time() - started < 2


def test_a_name_that_is_nowhere_is_none_and_equal_texts_are_read_once(repository: Clone) -> None:
    first = commit(repository, "text\n")
    repository.write("other", "more")
    second = repository.commit("same")
    assert blobs(repository.path, [f"{first}:dvc.lock", f"{first}:nothing", f"{second}:dvc.lock"]) == [
        "text\n",
        None,
        "text\n",
    ]
    assert blobs(repository.path, []) == []
