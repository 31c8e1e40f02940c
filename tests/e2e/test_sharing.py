"""`dvc push` here and `dvc pull` there give the same bytes over every kind of remote; failures are clear."""

import getpass
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Clone, small_repository
from tests.e2e import servers
from tests.e2e.servers import KEYS
from tests.tools import free_ports, mounted

FILES = 200

pytestmark = pytest.mark.slow  # servers, and a `dvc` process for every command


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed repository with 200 tracked files of different content and size."""
    made = small_repository(tmp_path_factory.mktemp("template") / "repository", {"dvc.yaml": "stages: {}\n"})
    for number in range(FILES):
        made.write(f"data/{number:03}.txt", f"{number}\n" * (1 + number * 7))
    made.run("dvc", "add", "-q", "data")
    made.commit("data")
    return made.path


@pytest.fixture
def repository(template: Path, tmp_path: Path) -> Clone:
    """A copy of it without a remote."""
    shutil.copytree(template, tmp_path / "repository")
    return Clone(tmp_path / "repository")


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of a real S3 server that rejects wrong keys."""
    with servers.seaweed(tmp_path_factory.mktemp("seaweed") / "data") as endpoint:
        yield endpoint


def add_remote(clone: Clone, url: str, **settings: str) -> None:
    """What `dvc remote add --default` and `dvc remote modify` write, for everybody who clones the repository."""
    lines = [f"    {name} = {value}" for name, value in {"url": url, **settings}.items()]
    clone.write(".dvc/config", "\n".join(["[core]", "    remote = storage", "['remote \"storage\"']", *lines, ""]))
    clone.commit("remote")


def sibling(clone: Clone) -> Clone:
    """A `git clone` beside it."""
    other = Clone(clone.path.parent / "sibling")
    clone.run("git", "clone", "-q", ".", str(other.path))
    return other


def assert_same_data(one: Clone, other: Clone) -> None:
    expected = one.contents("data")
    assert len(expected) == FILES
    assert other.contents("data") == expected


def assert_clear(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """A failure that names its cause in DVC's own words."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert any(word.lower() in done.stderr.lower() for word in words), done.stderr


def test_the_default_remote_beside_the_clone_needs_no_setup(clone_factory: Callable[[str], Clone]) -> None:
    here = clone_factory("here")
    here.write("data/raw/mine.csv", "x,target\n1,a\n2,b\n")
    here.run("dvc", "add", "-q", "data/raw/mine.csv")
    here.run("dvc", "push", "data/raw/mine.csv")
    here.commit("my table")
    there = sibling(here)
    there.run("dvc", "pull", "data/raw/mine.csv")
    assert there.contents("data/raw/mine.csv") == here.contents("data/raw/mine.csv")
    assert (here.path.parent / "dvc-remote").is_dir()


def test_s3_takes_the_right_keys_only(repository: Clone, s3: str) -> None:
    add_remote(repository, "s3://bucket/path", endpointurl=s3)
    wrong_secret, wrong_id = {**KEYS, "AWS_SECRET_ACCESS_KEY": "wrong"}, {**KEYS, "AWS_ACCESS_KEY_ID": "wrong"}
    assert_clear(repository.run("dvc", "push", env=wrong_secret, check=False), "forbidden", "access denied")
    repository.run("dvc", "push", env=KEYS)
    other = sibling(repository)
    assert_clear(other.run("dvc", "pull", env=wrong_id, check=False), "forbidden", "access denied")
    other.run("dvc", "pull", env=KEYS)
    assert_same_data(repository, other)


def test_s3_of_moto(repository: Clone, tmp_path: Path) -> None:
    with servers.moto(tmp_path / "moto") as endpoint:
        add_remote(repository, "s3://bucket/path", endpointurl=endpoint)
        repository.run("dvc", "push", env=KEYS)
        other = sibling(repository)
        other.run("dvc", "pull", env=KEYS)
    assert_same_data(repository, other)


def test_ssh(repository: Clone, tmp_path: Path) -> None:
    with servers.sshd(tmp_path / "sshd") as (port, key):
        storage = tmp_path / "storage"
        add_remote(repository, f"ssh://127.0.0.1:{port}{storage}", user=getpass.getuser(), keyfile=str(key))
        repository.run("dvc", "push")
        other = sibling(repository)
        other.run("dvc", "pull")
    assert_same_data(repository, other)


def test_http_is_read(repository: Clone, tmp_path: Path) -> None:
    add_remote(repository, str(tmp_path / "storage"))
    repository.run("dvc", "push")
    with servers.web(tmp_path / "storage") as address:
        add_remote(repository, address)
        other = sibling(repository)
        other.run("dvc", "pull")
    assert_same_data(repository, other)


def test_a_missing_bucket_is_named(repository: Clone, s3: str) -> None:
    add_remote(repository, "s3://nobody-made-it/path", endpointurl=s3)
    assert_clear(repository.run("dvc", "push", env=KEYS, check=False), "bucket does not exist")


def test_a_server_that_is_down_is_named(repository: Clone) -> None:
    (port,) = free_ports(1)
    add_remote(repository, "s3://bucket/path", endpointurl=f"http://127.0.0.1:{port}")
    once = {**KEYS, "AWS_MAX_ATTEMPTS": "1"}
    assert_clear(repository.run("dvc", "push", env=once, check=False), "could not connect")
    done = repository.run("pipeline", "verify", "--remote", env=once, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1)
    assert_clear(done, "could not connect")


def test_data_that_was_never_pushed_is_named(repository: Clone) -> None:
    add_remote(repository, "../../storage")
    assert_clear(sibling(repository).run("dvc", "pull", check=False), "failed to pull", "missing cache")


def test_a_full_remote_loses_nothing(repository: Clone, tmp_path: Path) -> None:
    """Half of the files fit; with room, the same command completes them."""
    storage = tmp_path / "storage"
    storage.mkdir()
    with mounted(storage, "-o", "size=600k"):
        add_remote(repository, str(storage))
        assert_clear(repository.run("dvc", "push", check=False), "no space left")
        subprocess.run(["mount", "-o", "remount,size=50m", str(storage)], check=True)
        repository.run("dvc", "push")
        other = sibling(repository)
        other.run("dvc", "pull")
    assert_same_data(repository, other)


def count(folder: Path) -> int:
    """How many files are below a folder."""
    return sum(len(files) for _, _, files in os.walk(folder))


def test_a_push_killed_halfway_is_completed_by_the_next(repository: Clone, tmp_path: Path) -> None:
    """The remote never holds half of a file under its final name, so a pull after it is whole."""
    storage = tmp_path / "storage"
    add_remote(repository, str(storage))
    deadline = time.monotonic() + 300
    pushed = FILES
    while pushed >= FILES:  # else the push was faster than this loop: again
        assert time.monotonic() < deadline
        shutil.rmtree(storage, ignore_errors=True)
        process = repository.start("dvc", "push", "--jobs", "1")
        while process.poll() is None and count(storage) < FILES // 4:
            time.sleep(0.002)
        process.kill()
        process.communicate()
        pushed = count(storage)
    assert pushed >= FILES // 4
    repository.run("dvc", "push")
    other = sibling(repository)
    other.run("dvc", "pull")
    assert_same_data(repository, other)
