"""What a remote answers is data only if its hash says so, and `pipeline verify` finds what came in all the same."""

import contextlib
import hashlib
import http.server
import json
import os
import re
import shutil
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import CheckError
from pipeline.repository import contents
from pipeline.repository.contents import contents_are_recorded
from pipeline.repository.dvc import check_out
from tests.conftest import ROOT, Clone, small_repository

TABLE = "x,target\n" + "1,a\n" * 20_000


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a tracked table and a tracked folder, both pushed to the remote beside it."""
    files = {".dvc/config": (ROOT / ".dvc/config").read_text(encoding="utf-8"), "dvc.yaml": "stages: {}\n"}
    made = small_repository(tmp_path_factory.mktemp("contents") / "repository", {})
    for name, text in {**files, "table.csv": TABLE, "folder/a": "a", "folder/b": "b"}.items():
        made.write(name, text)
    made.run("dvc", "add", "-q", "table.csv", "folder")
    made.run("dvc", "push", "-q")
    made.commit("data")
    return made.path


@pytest.fixture
def repository(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """A copy of it, with its remote, to break; the working directory."""
    shutil.copytree(template.parent, tmp_path, dirs_exist_ok=True)
    clone = Clone(tmp_path / "repository")
    for name, value in clone.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(clone.path)
    return clone


@contextlib.contextmanager
def login_page() -> Iterator[str]:
    """A server that answers everything with a page and 200, as a portal does; yields its address."""

    class Portal(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(b"<html>please log in")

        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "19")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/data"
        server.shutdown()


def objects(folder: Path, size: int) -> Path:
    """The one object of this size."""
    (found,) = (file for file in folder.rglob("*") if file.is_file() and file.stat().st_size == size)
    return found


def overwrite(file: Path, content: bytes) -> None:
    """Other bytes under the same name; as DVC left it, read-only."""
    file.chmod(0o644)
    file.write_bytes(content)
    file.chmod(0o444)


def test_half_a_file_in_the_remote_is_no_data(repository: Clone, tmp_path: Path) -> None:
    overwrite(objects(tmp_path / "dvc-remote", len(TABLE)), TABLE[:1000].encode())
    shutil.rmtree(".dvc/cache")
    Path("table.csv").unlink()
    done = repository.run("dvc", "pull", check=False)
    assert done.returncode == 1 and "table.csv" in done.stderr
    assert not Path("table.csv").exists()
    assert Path("folder/a").read_text() == "a"


def test_a_login_page_is_no_data_and_is_not_spread(repository: Clone) -> None:
    shutil.rmtree(".dvc/cache")
    Path("table.csv").unlink()
    with login_page() as address:
        repository.run("dvc", "remote", "modify", "--local", "default", "url", address)
        done = repository.run("dvc", "pull", "table.csv", check=False)
    assert done.returncode == 1 and "table.csv" in done.stderr
    assert not any(file.is_file() for file in Path(".dvc/cache").rglob("*"))


def test_what_came_under_the_right_name_is_found(repository: Clone) -> None:
    """As by a pull of a clone whose remote lacks `verify`: DVC itself notes the file's hash as checked."""
    shutil.rmtree(".dvc/cache")
    Path("table.csv").unlink()
    with login_page() as address:
        repository.run("dvc", "remote", "modify", "--local", "default", "url", address)
        repository.run("dvc", "remote", "modify", "--local", "default", "verify", "false")
        repository.run("dvc", "pull", "table.csv")
    assert Path("table.csv").read_text().startswith("<html>")
    done = CliRunner().invoke(app, ["verify"])
    assert done.exit_code == 1
    assert "no: 2 files here have the content that is recorded" in done.output
    (problem,) = (line.strip() for line in done.output.splitlines() if line.startswith("  table.csv"))
    assert problem.startswith("table.csv: not the content that is recorded: .dvc/cache/files/md5/")
    assert ", table.csv; delete it, and run: dvc pull" in problem


def test_a_file_of_a_folder_that_changed_without_a_trace_is_found(
    repository: Clone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contents, "LARGE", 1 << 10)
    assert contents_are_recorded().problems == []
    assert re.fullmatch(r"verify: hashing \d+\.\d GiB\n", capsys.readouterr().err)  # a long wait is announced
    before = Path("folder/b").stat()
    Path("folder/b").unlink()
    Path("folder/b").write_text("c")
    os.utime("folder/b", ns=(before.st_atime_ns, before.st_mtime_ns))
    (problem,) = contents_are_recorded().problems
    assert problem.startswith("folder: not the content that is recorded: folder/b; delete it, and run: dvc checkout")


def test_a_folders_list_that_names_other_files_is_found(repository: Clone) -> None:
    listing = next(Path(".dvc/cache").rglob("*.dir"))
    overwrite(listing, listing.read_bytes().replace(b'"relpath": "b"', b'"relpath": "c"'))
    assert stat.S_IMODE(listing.stat().st_mode) == 0o444
    (problem,) = contents_are_recorded().problems
    assert problem.startswith(f"folder: not the content that is recorded: {listing}")


def test_links_into_the_cache_are_no_remark(repository: Clone) -> None:
    """`cache.type symlink`."""
    table, stored = Path("table.csv"), objects(Path(".dvc/cache"), len(TABLE)).resolve()
    for target, remarks in ((stored, []), (Path("/etc/hostname"), ["the symbolic link table.csv leads elsewhere"])):
        table.unlink()
        table.symlink_to(target)
        doubts = contents.imports_are_named().doubts
        assert [doubt.removeprefix("table.csv.dvc: table.csv: ") for doubt in doubts if "symbolic" in doubt] == remarks


# What DVC itself makes of such a list: it writes to src/mine.py; it fetches to there, hashes that, and deletes it.
@pytest.mark.slow
@pytest.mark.parametrize("change", [{"relpath": "../src/mine.py"}, {"md5": "../../../../src/mine.py"}], ids=str)
def test_a_folders_list_that_leads_out_of_it_is_refused_before_anything_is_written(
    repository: Clone, tmp_path: Path, change: dict[str, str]
) -> None:
    """The attack: a list in the remote, named by a .dvc file as any other; every hash is right."""
    (tmp_path / "as").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src/mine.py").write_text("evil\n")  # where the MD5 leads to from the remote
    (tmp_path / "dvc-remote").rename(tmp_path / "as/deep")
    repository.write(".dvc/config.local", f"['remote \"default\"']\n    url = {tmp_path}/as/deep\n")
    remote = tmp_path / "as/deep/files/md5"
    (listing,) = remote.rglob("*.dir")
    entries = json.loads(listing.read_bytes())
    entries[1] |= change
    content = json.dumps(entries).encode()
    made = hashlib.md5(content).hexdigest()
    (remote / made[:2]).mkdir(exist_ok=True)
    (remote / made[:2] / f"{made[2:]}.dir").write_bytes(content)
    repository.edit("folder.dvc", listing.parent.name + listing.name, f"{made}.dir")
    repository.write("src/mine.py", "mine\n")
    shutil.rmtree(".dvc/cache")
    shutil.rmtree("folder")
    done = repository.run(sys.executable, "-P", "-m", "pipeline.repository.bring", check=False)
    (place,) = change.values()
    said = f"folder: its list in the DVC cache names '{place}', outside of the folder; do not pull or check it out"
    assert (done.returncode, done.stderr) == (1, f"error: {said}\n")
    assert not Path("folder").exists() and Path("src/mine.py").read_text() == "mine\n"
    assert contents_are_recorded().problems == [said]
    with pytest.raises(CheckError, match="outside of the folder"):
        check_out(Path(), ["folder"])
    repository.run("dvc", "pull", "--force", check=False)
    mine = Path("src/mine.py")
    assert not mine.exists() or mine.read_text() != "mine\n"  # so it was needed


@pytest.mark.slow
def test_what_is_pulled_with_a_look_is_what_dvc_pulls(repository: Clone) -> None:
    names = ("table.csv", "folder")
    before = repository.contents(*names)
    shutil.rmtree(".dvc/cache")
    shutil.rmtree("folder")
    Path("table.csv").unlink()
    done = repository.run(sys.executable, "-P", "-m", "pipeline.repository.bring")
    assert done.stdout == "3 files fetched\n"  # and the list, before them
    assert repository.contents(*names) == before
    shutil.rmtree("../dvc-remote")
    shutil.rmtree(".dvc/cache")
    shutil.rmtree("folder")
    repository.run(sys.executable, "-P", "-m", "pipeline.repository.bring")  # what is nowhere is left out,
    done = repository.run(sys.executable, "-P", "-m", "pipeline.repository.bring", "folder.dvc", check=False)
    said = "error: folder: neither in the cache nor in the remote; whoever made it runs: dvc push\n"
    assert done.returncode == 2 and done.stderr.endswith(said)  # unless it was asked for
