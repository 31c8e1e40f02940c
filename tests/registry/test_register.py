"""A commit becomes a version only if everybody can get it and its figures are its own; every refusal says why."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import CheckError, InputError, PipelineError, ResourceError
from pipeline.registry.register import register
from tests.conftest import Clone
from tests.registry.conftest import go, second_clone, tags_of
from tests.repository.small import set_param


def told(*arguments: str) -> str:
    """What a command of the registry prints."""
    done = CliRunner().invoke(app, ["registry", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_version_is_a_tag_of_gtos_with_its_figures_here_and_on_the_remote(published: Clone) -> None:
    assert "has no version yet" in told("list")
    assert told("register").startswith("digits@v1.0.0 is ")
    assert tags_of(published) == ["digits@v1.0.0"]
    message = published.run("git", "tag", "-l", "--format=%(contents)", "digits@v1.0.0").stdout
    recorded = published.run("md5sum", "dvc.lock").stdout.split()[0]
    assert message.startswith("digits v1.0.0\n\naccuracy ") and f"dvc.lock: md5 {recorded}" in message
    assert "v1.0.0" in published.run("gto", "show", "digits").stdout

    go(published, "worse")
    assert told("register").startswith("digits@v1.1.0")
    published.run("git", "tag", "-a", "-m", "by hand", "digits#prod#1", "digits@v1.0.0^{}")
    assert "digits@v1.0.0" in published.run("gto", "show", "digits#prod").stdout
    lines = told("list").splitlines()
    assert lines[0].startswith("prod: v1.0.0 since 2") and lines[0].endswith("by Test")
    assert [line.split()[0] for line in lines[2:]] == ["version", "v1.1.0", "v1.0.0"]
    assert max(map(len, lines)) <= 120 and "log_loss" in lines[2]
    found = json.loads(told("list", "--json"))
    assert found["stages"]["prod"]["version"] == "v1.0.0"
    assert [version["stages"].keys() for version in found["versions"]] == [set(), {"prod"}]
    assert found["versions"][0]["metrics"]["accuracy"] < found["versions"][1]["metrics"]["accuracy"]
    assert [line.split("  ")[1].split(" by ")[0] for line in told("history").splitlines()][-1].startswith("v1.0.0 regi")
    text = told("show", "prod")
    assert text.startswith("digits v1.0.0: prod since") and "--rev v1.0.0" in text and "not to be had" in text


def test_a_narrow_terminal_has_fewer_columns(published: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    told("register", "v0.9.1")
    monkeypatch.setenv("COLUMNS", "80")
    lines = told("list").splitlines()
    assert max(map(len, lines)) <= 80 and "accuracy" in lines[2] and "log_loss" not in lines[2]


def test_what_stands_in_the_way_is_said_at_once(published: Clone) -> None:
    set_param(published, "train.seed", 7)
    published.commit("nothing was run")
    published.edit("pipe.py", "steps", "stepS")
    for file in (published.path.parent / "dvc-remote").rglob("*.dir"):
        file.unlink()
    with pytest.raises(CheckError) as refused:
        register(published.path, None)
    said = str(refused.value)
    assert "pipe.py differs from the commit" in said and "train: params.yaml: train is modified" in said
    assert "models/package is not in the remote; run: dvc push" in said
    assert tags_of(published) == []


def test_a_file_of_the_package_that_the_remote_lacks_is_named(published: Clone) -> None:
    import yaml

    lock = yaml.safe_load((published.path / "dvc.lock").read_text())
    [package] = [out for out in lock["stages"]["package"]["outs"] if out["path"] == "models/package"]
    remote = published.path.parent / "dvc-remote/files/md5"
    [entry] = json.loads((remote / package["md5"][:2] / package["md5"][2:]).read_text())
    (remote / entry["md5"][:2] / entry["md5"][2:]).unlink()
    with pytest.raises(CheckError, match=r"models/package/model\.onnx is not in the remote; run: dvc push"):
        register(published.path, None)


def test_a_commit_has_one_version_and_a_version_one_commit(published: Clone) -> None:
    register(published.path, "1.2.0")
    with pytest.raises(CheckError, match=r"the commit is v1.2.0 already"):
        register(published.path, None)
    with pytest.raises(InputError, match=r"v1.2.0 is \w{7} since"):
        register(published.path, "v1.2.0")
    with pytest.raises(InputError, match=r"'v1.3' is no version"):
        register(published.path, "v1.3")


def test_a_model_that_dvc_yaml_does_not_name_is_refused(published: Clone) -> None:
    set_param(published, "package.name", "numbers")
    published.commit("another name")
    with pytest.raises(InputError, match=r"no artifact 'numbers'.*it has digits"):
        register(published.path, None)


@pytest.mark.parametrize(
    ("break_it", "error", "said"),
    [
        (["git", "config", "user.useConfigOnly", "true"], ResourceError, "Git does not know who you are"),
        (["dvc", "remote", "remove", "default"], ResourceError, "there is no DVC remote"),
        (["git", "remote", "set-url", "origin", "../away.git"], ResourceError, "what is released cannot be asked"),
    ],
)
def test_surroundings_that_do_not_fit_are_named(
    published: Clone,
    break_it: list[str],
    error: type[PipelineError],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL") if "config" in break_it else ():
        monkeypatch.delenv(name, raising=False)
    published.run(*break_it)
    published.run("git", "commit", "-qam", "settings", check=False)
    with pytest.raises(error, match=said):
        register(published.path, None)
    assert tags_of(published) == []


def test_a_shallow_clone_without_tags_fetches_them(published: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    first = published.run("git", "rev-parse", "HEAD").stdout.strip()
    register(published.path, None)
    shallow = second_clone(published, "--depth", "1", "--no-tags")
    assert not shallow.run("git", "tag").stdout
    monkeypatch.chdir(shallow.path)
    assert json.loads(told("list", "--json"))["versions"][0]["commit"] == first
    shallow.run("git", "tag", "-d", "digits@v1.0.0")
    assert register(Path.cwd(), None).tag == "digits@v1.1.0"
    assert tags_of(published) == ["digits@v1.0.0", "digits@v1.1.0"]
