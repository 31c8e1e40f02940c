"""What is released can be had: by DVC's and GTO's own commands, with its card, and after the cache was emptied."""

import filecmp
import json

import yaml
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.registry.register import register
from tests.conftest import Clone
from tests.registry.conftest import COMMITS, second_clone


def test_dvc_and_gto_find_a_version_and_show_prints_its_card(reproduced: Clone) -> None:
    reproduced.run("dvc", "push")
    done = reproduced.run("pipeline", "registry", "register")
    assert done.stdout.startswith("digits@v1.0.0 is ")
    assert "v1.0.0" in reproduced.run("gto", "show", "digits").stdout
    reproduced.run("dvc", "artifacts", "get", ".", "digits", "--rev", "v1.0.0", "--out", "got")
    package = reproduced.path / "models/package"
    names = [file.relative_to(package) for file in package.rglob("*") if file.is_file()]
    same, *other = filecmp.cmpfiles(package, reproduced.path / "got", names, shallow=False)
    assert len(same) == len(names) and other == [[], []]
    text = reproduced.run("pipeline", "registry", "show", "v1.0.0").stdout
    card = (package / "README.md").read_text()
    assert (
        card.splitlines()[0] in text and "95 % intervals" in text and "dvc artifacts get . digits --rev v1.0.0" in text
    )
    listed = json.loads(reproduced.run("pipeline", "registry", "list", "--json").stdout)["versions"][0]
    measured = json.loads((reproduced.path / "metrics/evaluate/metrics.json").read_text())
    assert listed["metrics"]["accuracy"] == measured["accuracy"]
    ends = measured["interval"]["accuracy"]
    assert listed["intervals"]["accuracy"] == [ends["low"], ends["high"]]


def hashes(clone: Clone, revision: str) -> dict[str, str]:
    """The hash of every output that a revision's dvc.lock records."""
    stages = yaml.safe_load(clone.run("git", "show", f"{revision}:dvc.lock").stdout)["stages"].values()
    return {out["path"]: out["md5"] for stage in stages for out in stage["outs"]}


def test_the_command_of_keep_loses_what_is_not_released_and_nothing_else(published: Clone) -> None:
    register(published.path, None)
    model = hashes(published, "worse")["models/model.txt"]
    places = [published.path.parent / "dvc-remote", published.path / ".dvc/cache"]
    assert all((place / "files/md5" / model[:2] / model[2:]).is_file() for place in places)

    published.run("git", "tag", "-d", "digits@v1.0.0")
    published.run("git", "checkout", "-q", "main")
    published.run("git", "branch", "-q", "-D", *COMMITS)
    done = CliRunner().invoke(app, ["registry", "keep", "--cloud"])
    assert done.output == "dvc gc --workspace --all-branches --all-tags --cloud\n", "the tag was fetched before"
    published.run(*done.output.split(), "--force")
    assert not any((place / "files/md5" / model[:2] / model[2:]).exists() for place in places)

    other = second_clone(published)
    for revision in ("digits@v1.0.0", "main"):
        other.run("git", "checkout", "-q", revision)
        other.run("dvc", "pull")
        assert (other.path / "models/package/model.onnx").is_file()


def test_keep_names_branches_that_it_does_not_see(published: Clone) -> None:
    other = second_clone(published)
    other.run("git", "checkout", "-q", "-b", "idea")
    other.commit("an idea")
    other.run("git", "push", "-q", "origin", "idea")
    published.run("git", "fetch", "-q")
    done = CliRunner().invoke(app, ["registry", "keep", "--cloud"])
    assert "the data of origin/idea would go, too" in done.stderr
    assert "warning" not in CliRunner().invoke(app, ["registry", "keep"]).output
