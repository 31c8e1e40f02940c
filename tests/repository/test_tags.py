"""GTO's tags: read as GTO reads them, and written so that two at once cannot both have written."""

from pathlib import Path

import pytest

from pipeline.errors import CheckError, ResourceError
from pipeline.repository import tags
from tests.conftest import Clone


@pytest.fixture
def repository(tmp_path: Path) -> Clone:
    """A Git repository of three commits."""
    (tmp_path / "repository").mkdir()
    clone = Clone(tmp_path / "repository")
    clone.run("git", "init", "-q", "-b", "main")
    for text in ("one", "two", "three"):
        clone.commit(text)
    return clone


@pytest.fixture(autouse=True)
def author(monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.com")


def at(clone: Clone, revision: str) -> str:
    return clone.run("git", "rev-parse", f"{revision}^{{commit}}").stdout.strip()


def stage(clone: Clone, name: str = "digits") -> str | None:
    found = tags.at_stage(tags.read(clone.path), name, "prod")
    return found and found.tag


def test_the_newest_of_a_stage_counts_by_its_number(repository: Clone) -> None:
    for tag, commit in (("digits#prod#9", "HEAD~2"), ("digits#prod#10", "HEAD~1"), ("digits#dev#11", "HEAD")):
        repository.run("git", "tag", "-a", "-m", "x", tag, commit)
    for tag in ("v1.0", "digits#prod#x", "other#prod#12", "digits@v1.0.0", "digits@latest", "#prod#1"):
        repository.run("git", "tag", tag)
    found = tags.at_stage(tags.read(repository.path), "digits", "prod")
    assert found is not None
    assert (found.tag, found.commit, found.number) == ("digits#prod#10", at(repository, "HEAD~1"), 10)
    assert [tag.version for tag in tags.read(repository.path) if tag.version] == ["v1.0.0"]


def test_what_was_taken_back_is_at_no_stage_and_what_stood_before_it_is_again(repository: Clone) -> None:
    for number, commit in (("1", "HEAD~2"), ("2", "HEAD")):
        repository.run("git", "tag", f"digits#prod#{number}", commit)
    repository.run("git", "tag", "digits#prod!#3", "HEAD")
    assert stage(repository) == "digits#prod#1"
    repository.run("git", "tag", "digits#prod!#4", "HEAD~2")
    assert stage(repository) is None
    repository.run("git", "tag", "digits#prod#5", "HEAD~2")
    assert stage(repository) == "digits#prod#5"


def test_gto_itself_sees_the_same(repository: Clone) -> None:
    repository.run("gto", "register", "digits", "HEAD~1")
    repository.run("gto", "assign", "digits", "HEAD~1", "--stage", "prod")
    written = tags.write_stage(repository.path, "digits", "holdout", at(repository, "HEAD"), "judged on the rows")
    assert written.tag == "digits#holdout#2", "the counter runs over all stages, as GTO's does"
    assert stage(repository) == "digits#prod#1"
    assert "prod" in (said := repository.run("gto", "show", "digits").stdout) and "holdout" in said
    assert [tag.tag for tag in tags.openings(tags.read(repository.path), "digits")] == ["digits#holdout#2"]


def test_a_model_in_a_folder_has_the_folders_name(repository: Clone) -> None:
    (repository.path / "team/one").mkdir(parents=True)
    assert tags.model(repository.path, "digits") == "digits"
    assert tags.model(repository.path / "team/one", "digits") == "team/one:digits"
    repository.run("git", "tag", "team/one=digits#prod#1")
    assert stage(repository, "team/one:digits") == "team/one=digits#prod#1" and stage(repository) is None


def test_of_two_that_write_at_once_one_is_told_and_has_written_nothing(repository: Clone, tmp_path: Path) -> None:
    repository.run("git", "clone", "-q", "--bare", ".", str(tmp_path / "remote"))
    clones = []
    for name in ("first", "second"):
        repository.run("git", "clone", "-q", str(tmp_path / "remote"), str(tmp_path / name))
        clones.append(Clone(tmp_path / name))
    first, second = clones
    tags.write_stage(first.path, "digits", "holdout", at(first, "HEAD"), "first")
    with pytest.raises(CheckError, match=r"somebody was quicker.*nothing is recorded.*git fetch --tags origin"):
        tags.write_stage(second.path, "digits", "holdout", at(second, "HEAD~1"), "second")
    assert not tags.read(second.path), "what could not be pushed is not here either"
    assert [tag.commit for tag in tags.read(tmp_path / "remote")] == [at(first, "HEAD")]
    second.run("git", "fetch", "-q", "--tags")
    written = tags.write_stage(second.path, "digits", "holdout", at(second, "HEAD~1"), "second")
    assert written.number == 2 and len(tags.read(tmp_path / "remote")) == 2


def test_several_tags_are_written_together_or_not_at_all(repository: Clone, tmp_path: Path) -> None:
    repository.run("git", "clone", "-q", "--bare", ".", str(tmp_path / "remote"))
    repository.run("git", "remote", "add", "origin", str(tmp_path / "remote"))
    repository.run("git", "--git-dir", str(tmp_path / "remote"), "tag", "digits#prod#1", "HEAD~1")
    wanted = [tags.NewTag("digits@v1.0.0", "HEAD", "digits v1.0.0"), tags.NewTag("digits#prod#1", "HEAD", "to prod")]
    with pytest.raises(CheckError, match="origin has digits#prod#1"):
        tags.write(repository.path, wanted)
    assert not tags.read(repository.path) and len(tags.read(tmp_path / "remote")) == 1
    written = tags.write(
        repository.path, [wanted[0], tags.NewTag("digits#prod#2", "HEAD", "to\u2028prod\n\n#2: better")]
    )
    assert [(tag.tag, tag.who, tag.message) for tag in written] == [
        ("digits@v1.0.0", "Test", "digits v1.0.0"),
        ("digits#prod#2", "Test", "to\u2028prod"),
    ]
    assert "#2: better" in repository.run("git", "tag", "-l", "--format=%(contents)", "digits#prod#2").stdout
    with pytest.raises(CheckError, match="is here already"):
        tags.write(repository.path, wanted)
    tags.fetch(repository.path, "digits")
    assert len(tags.read(repository.path)) == 3


def test_a_remote_that_is_away_leaves_no_tag(repository: Clone, tmp_path: Path) -> None:
    repository.run("git", "remote", "add", "origin", str(tmp_path / "nowhere"))
    with pytest.raises(ResourceError, match="nothing is recorded"):
        tags.write_stage(repository.path, "digits", "holdout", "HEAD", "x")
    assert not tags.read(repository.path)
