"""Fixtures: a small repository with models of several skills, published in a DVC remote and a bare Git remote."""

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import Clone
from tests.repository.small import copy, set_param

# The commits of main, the oldest first: parameters that differ from those of the one before.
COMMITS: dict[str, dict[str, object]] = {
    "first": {"gate": [{"metric": "accuracy", "regression": 0.1}]},
    "worse": {"train.arguments.skill": 0.6},
    "better": {"train.arguments.skill": 0.97},
    "held": {"prepare.holdout_size": 0.5, "train.arguments.skill": 0.9},
    "held-better": {"train.arguments.skill": 0.999},
}
OUTPUTS = ("data/prepared", "data/predictions", "models")


@pytest.fixture(scope="session")
def published_template(results_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the repository, `origin.git` and `dvc-remote` beside each other; copied by `published`."""
    folder = tmp_path_factory.mktemp("registry") / "published"
    clone = copy(results_template, folder / "repository")
    for name, params in COMMITS.items():
        for key, value in params.items():
            set_param(clone, key, value)
        if name != "first":  # a gate is no stage's parameter
            clone.run("dvc", "repro")
        clone.run("dvc", "push")  # --all-commits would push the last one's alone (DVC 3.67)
        clone.commit(name)
        clone.run("git", "branch", name)
    clone.run("git", "clone", "-q", "--bare", "--single-branch", ".", "../origin.git")
    clone.run("git", "remote", "add", "origin", "../origin.git")
    clone.run("git", "fetch", "-q", "origin")
    for output in OUTPUTS:  # what is in no workspace differs from no commit
        shutil.rmtree(clone.path / output)
    return folder


@pytest.fixture
def published(tmp_path: Path, published_template: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """The repository at its first commit; this process stands in it, and Git knows who it is."""
    shutil.copytree(published_template, tmp_path, symlinks=True, dirs_exist_ok=True)
    clone = Clone(tmp_path / "repository")
    monkeypatch.chdir(clone.path)
    for name, value in clone.environment().items():
        if name.startswith(("GIT_", "DVC_", "WANDB_", "COLUMNS")):
            monkeypatch.setenv(name, value)
    go(clone, "first")
    return clone


def go(clone: Clone, name: str) -> str:
    """Check one of COMMITS out; its hash."""
    clone.run("git", "checkout", "-q", "--detach", name)
    return clone.run("git", "rev-parse", "HEAD").stdout.strip()


def second_clone(clone: Clone, *options: str) -> Clone:
    """Somebody else's clone of the same remotes, which stands beside and so finds the DVC remote."""
    origin = f"file://{clone.path.parent / 'origin.git'}"
    clone.run("git", "clone", "-q", *options, origin, "../second")
    return Clone(clone.path.parent / "second")


def tags_of(clone: Clone) -> list[str]:
    """The tags that everybody's remote has."""
    origin = clone.path.parent / "origin.git"
    return clone.run("git", "--git-dir", os.fspath(origin), "tag").stdout.split()
