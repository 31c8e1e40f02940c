"""A version goes to a stage only if it is not worse than what stands there; of two at once one wins."""

import threading
from subprocess import CompletedProcess
from typing import Any

import pytest

from pipeline.errors import CheckError, InputError, ResourceError
from pipeline.registry import promote as promoting
from pipeline.registry import versions
from pipeline.registry.promote import promote, rollback
from pipeline.registry.register import register
from pipeline.repository import tags
from pipeline.tracking.promotion import told
from tests.conftest import Clone
from tests.registry.conftest import go, second_clone, tags_of
from tests.repository.small import set_param
from tests.tracking.wandb_file import RunFile, runs


def message(clone: Clone, tag: str) -> str:
    return clone.run("git", "tag", "-l", "--format=%(contents)", tag).stdout


def test_the_first_is_judged_by_the_gate_alone_and_later_ones_against_the_champion(published: Clone) -> None:
    done = promote(published.path, None, "prod", None)
    assert (done.tag.tag, done.version) == ("digits#prod#1", "v1.0.0")
    assert tags_of(published) == ["digits#prod#1", "digits@v1.0.0"], "it became a version on the way"
    with pytest.raises(CheckError, match=r"v1.0.0 is at prod already"):
        promote(published.path, "prod", "prod", None)

    go(published, "worse")
    with pytest.raises(CheckError, match=r"v1.1.0 does not go to prod: accuracy not worse by more than 10.00 points"):
        promote(published.path, None, "prod", None)
    set_param(published, "gate", [])
    published.commit("no gate")
    with pytest.raises(CheckError, match=r"v1.1.0 does not go to prod: worse than v1.0.0: .*same \d+ test rows"):
        promote(published.path, None, "prod", None)
    assert tags_of(published) == ["digits#prod#1", "digits@v1.0.0"], "what is refused is no version either"

    go(published, "better")
    done = promote(published.path, None, "prod", None)
    assert done.why.startswith("better than v1.0.0: +") and done.tag.tag == "digits#prod#2"
    assert "digits v1.1.0 to prod\n\nbetter than v1.0.0" in message(published, "digits#prod#2")
    assert "v1.1.0" in published.run("gto", "show", "digits#prod").stdout

    forced = promote(published.path, "v1.0.0", "prod", "labels\nwere \x1b[2Jwrong")
    assert message(published, forced.tag.tag).startswith(
        "digits v1.0.0 to prod, forced: labels were \\x1b[2Jwrong\n\nnot allowed: "
    )
    assert rollback(published.path, "prod", "too slow").version == "v1.1.0"
    assert rollback(published.path, "prod", None).version == "v1.0.0", "twice goes back by two"
    assert "v1.0.0" in published.run("gto", "show", "digits#prod").stdout
    with pytest.raises(CheckError, match=r"nothing stood at prod before v1.0.0"):
        rollback(published.path, "prod", None)
    with pytest.raises(CheckError, match="nothing is at staging"):
        rollback(published.path, "staging", None)


def test_what_cannot_be_promoted_is_named(published: Clone) -> None:
    with pytest.raises(InputError, match=r"digits has no version 'v3.0.0'; it has: none yet"):
        promote(published.path, "v3.0.0", "prod", None)
    for stage in ("holdout", "no stage"):
        with pytest.raises(InputError, match=stage):
            promote(published.path, None, stage, None)
    register(published.path, None)
    for file in (published.path.parent / "dvc-remote").rglob("*.dir"):
        file.unlink()
    with pytest.raises(CheckError, match="models/package is not in the remote"):
        promote(published.path, "v1.0.0", "prod", "even by force")
    assert tags_of(published) == ["digits@v1.0.0"]


def test_rows_held_back_are_opened_last_and_on_record(published: Clone) -> None:
    register(published.path, None)
    for name in ("held", "held-better"):
        go(published, name)
        register(published.path, None)
    promote(published.path, "v1.0.0", "prod", None)
    promote(published.path, "v1.2.0", "prod", None)
    assert "holdout" not in " ".join(tags_of(published)), "the first champion has learned from these rows"
    with pytest.raises(CheckError):
        promote(published.path, "v1.1.0", "prod", None)
    assert "holdout" not in " ".join(tags_of(published)), "a model that is refused anyway has not seen them"
    promote(published.path, "v1.1.0", "staging", None)
    done = promote(published.path, "v1.2.0", "staging", None)
    assert "digits#holdout#4" in tags_of(published) and done.tag.tag == "digits#staging#5"
    assert "digits#holdout#4: on " in message(published, "digits#staging#5") and "rows held back" in done.why


def test_a_shallow_clone_promotes_from_the_remotes_as_in_ci(published: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    promote(published.path, None, "prod", None)
    shallow = second_clone(published, "--depth", "1", "--no-tags")
    monkeypatch.chdir(shallow.path)
    done = promote(shallow.path, None, "prod", None)
    assert (done.version, done.tag.tag) == ("v1.1.0", "digits#prod#2") and done.why.startswith("better than v1.0.0: ")
    assert tags_of(published) == ["digits#prod#1", "digits#prod#2", "digits@v1.0.0", "digits@v1.1.0"]


def test_of_two_at_once_one_wins_and_the_other_is_told(published: Clone) -> None:
    promote(published.path, None, "prod", None)
    go(published, "better")
    register(published.path, None)
    other = second_clone(published)
    go(other, published.run("git", "rev-parse", "held-better").stdout.strip())
    ended: dict[str, CompletedProcess[str]] = {}

    def run(name: str, clone: Clone, *arguments: str) -> None:
        ended[name] = clone.run("pipeline", "promote", *arguments, check=False)

    threads = [
        threading.Thread(target=run, args=("first", published, "v1.1.0")),
        threading.Thread(target=run, args=("second", other)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = "\n".join(done.stderr for done in ended.values())
    found = tags_of(published)
    assert [tag for tag in found if "#prod#" in tag] == ["digits#prod#1", "digits#prod#2"], said
    assert sorted(done.returncode for done in ended.values()) == [0, 1] and "somebody was quicker" in said, said
    assert ("digits@v1.2.0" in found) == (ended["second"].returncode == 0), "nothing is half pushed"


def test_what_was_promoted_while_another_was_judged_is_seen(published: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    promote(published.path, None, "prod", None)
    go(published, "better")
    judged = promoting.assemble_commits

    def meanwhile(*arguments: Any) -> Any:
        tags.write(published.path, [tags.NewTag("digits#staging#2", "worse", "by somebody else")])
        tags.write(published.path, [tags.NewTag("digits#prod#3", "worse", "by somebody else")])
        return judged(*arguments)

    monkeypatch.setattr(promoting, "assemble_commits", meanwhile)
    with pytest.raises(CheckError, match=r"somebody was quicker: \w{7} is at prod since .*, by Test"):
        promote(published.path, None, "prod", None)
    assert tags_of(published) == ["digits#prod#1", "digits#prod#3", "digits#staging#2", "digits@v1.0.0"]


def test_a_remote_that_does_not_take_the_tags_records_nothing(published: Clone) -> None:
    hook = published.path.parent / "origin.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho tags are protected >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(ResourceError, match="could not be pushed to origin, so nothing is recorded"):
        promote(published.path, None, "prod", None)
    assert tags_of(published) == [] and versions.read(published.path, "digits").steps == ()


def test_wandbs_champion_follows_also_back(published: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    done = [promote(published.path, None, "prod", None)]
    go(published, "better")
    done += [promote(published.path, None, "prod", None), rollback(published.path, "prod", None)]
    for each in done:
        assert told(published.path, each.tag, each.version)[0].startswith(f"W&B: champion is {each.version} (wandb/")
    followed = {run.run.run_group: champions(run) for run in runs(published.path) if run.run.job_type == "promote"}
    assert followed["digits#prod#1"] == followed["digits#prod#3"] != followed["digits#prod#2"]
    assert all(followed.values())


def champions(run: RunFile) -> set[str]:
    """The artifacts that a run gives the alias to."""
    return {artifact.digest for artifact in run.artifacts if "champion" in artifact.aliases}
