"""Fixtures: throw-away copies of this repository, and commands run in them as a user would."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as the stages have it: several test processes share the CPUs

# A terminal's and GitHub's ways to ask for colours; Typer looks once, at import.
for name in [name for name in os.environ if name.startswith("GITHUB_") or name in ("FORCE_COLOR", "PY_COLORS")]:
    del os.environ[name]

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # `make test &` in a script: no child would hear a Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A loaded machine is no failure, and what another run would find belongs into a test: every run tries the same.
hypothesis.settings.register_profile(
    "repository",
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("repository")


# A test that uses one of these needs a server, a browser or a whole clone of this repository, and so is slow.
SLOW = {"server", "browser", "s3", "clone", "clone_factory", "reproduced_template", "default_branch"}
SLOW |= {"published_template"}


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what uses a fixture of SLOW, directly or not, so that nobody has to remember it."""
    for item in items:
        if SLOW & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


STARTED: list[subprocess.Popen[str]] = []  # by the test that runs


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    """End what a test that failed has left running; it would slow down all later ones."""
    yield
    for process in STARTED:
        with contextlib.suppress(psutil.Error):
            running = psutil.Process(process.pid) if process.poll() is None else None
            for child in [*running.children(recursive=True), running] if running else []:
                child.kill()
    STARTED.clear()


class Clone:
    """A throw-away repository; commands run in it with this environment's tools."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def environment(self) -> dict[str, str]:
        """What commands in the clone see; DVC's machine-wide folders lie beside the clone and go with it."""
        return environment() | dvc_folders(self.path.parent)

    def run(self, *command: str, env: dict[str, str] | None = None, check: bool = True, timeout: int = 300):
        """Run a command in the clone; with `check`, a failure shows its whole output."""
        done = subprocess.run(
            command,
            cwd=self.path,
            env={**self.environment(), **(env or {})},
            text=True,
            capture_output=True,
            timeout=timeout,
        )
        if check and done.returncode:
            pytest.fail(f"{' '.join(command)} exited {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done

    def start(self, *command: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command in the clone, in a process group of its own, so that it can be sent signals like a Ctrl-C."""
        process = subprocess.Popen(
            command,
            cwd=self.path,
            env={**self.environment(), **(env or {})},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        STARTED.append(process)
        return process

    def commit(self, message: str = "change") -> str:
        """Commit everything and return the commit."""
        self.run("git", "add", "-A")
        self.run("git", "commit", "-q", "--allow-empty", "-m", message)
        return self.run("git", "rev-parse", "HEAD").stdout.strip()

    def write(self, file: str, text: str) -> None:
        """Write a file, with the folders above it."""
        (self.path / file).parent.mkdir(parents=True, exist_ok=True)
        (self.path / file).write_text(text, encoding="utf-8")

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace the first `old` in a file; it must be there."""
        text = (self.path / file).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        (self.path / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    def contents(self, *names: str) -> dict[str, bytes]:
        """The bytes of every file at or below the named paths."""
        tops = [self.path / name for name in names]
        files = [file for top in tops for file in ([top] if top.is_file() else sorted(top.rglob("*")))]
        return {str(file.relative_to(self.path)): file.read_bytes() for file in files if file.is_file()}


def environment() -> dict[str, str]:
    """This environment without accounts, keys, personal settings or a terminal, and with its own Git identity."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "DVC_", "AWS_", "GITHUB_", "GH_", "GIT_"))
    }
    return kept | {
        "SHELL": "/bin/sh",  # what DVC runs stages with
        "WANDB_MODE": "disabled",
        "WANDB_ERROR_REPORTING": "false",
        "DVC_NO_ANALYTICS": "true",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "Test",
        "GIT_AUTHOR_EMAIL": "test@example.com",
        "GIT_COMMITTER_NAME": "Test",
        "GIT_COMMITTER_EMAIL": "test@example.com",
        "NO_PROXY": "localhost,127.0.0.1",
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }


def dvc_folders(beside: Path) -> dict[str, str]:
    """DVC's machine-wide folders, at a place of their own."""
    return {"DVC_SITE_CACHE_DIR": str(beside / "dvc-site"), "DVC_GLOBAL_CONFIG_DIR": str(beside / "dvc-config")}


def copy_repository(target: Path) -> Clone:
    """Copy the files that Git has or would take into a new repository at `target`, without data, models or cache."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    clone = Clone(target)
    clone.run("git", "init", "-q", "-b", "main")
    clone.commit("copy")
    return clone


def small_repository(target: Path, files: dict[str, str]) -> Clone:
    """A new DVC repository at `target` that holds only `files`, committed; quick stages for tests of the tools."""
    target.mkdir(parents=True)
    clone = Clone(target)
    for name, text in files.items():
        clone.write(name, text)
    clone.run("git", "init", "-q", "-b", "main")
    clone.run("dvc", "init", "-q")
    clone.commit("files")
    return clone


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A fresh copy of this repository without data, models or cache, as after `git clone`."""
    return copy_repository(tmp_path / "repository")


@pytest.fixture(scope="session")
def reproduced_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which the pipeline was run once; copied by `reproduced`, and shared by pytest-xdist's workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    finished = shared / "template" / "repository"
    with FileLock(shared / "template.lock"):
        if not finished.exists():
            clone = copy_repository(shared / "template" / "unfinished")
            clone.run("dvc", "repro")
            clone.commit("reproduced")
            clone.path.rename(finished)
    return finished


@pytest.fixture
def reproduced(tmp_path: Path, reproduced_template: Path) -> Clone:
    """A fresh copy in which `dvc repro` was run and committed; free to change."""
    shutil.copytree(reproduced_template, tmp_path / "repository", symlinks=True)
    return Clone(tmp_path / "repository")


@pytest.fixture
def before_the_run(tmp_path: Path, reproduced_template: Path) -> Clone:
    """The very files from which `reproduced` was made, as after `git clone`, to compare another run with it."""
    Clone(reproduced_template).run("git", "clone", "-q", ".", str(tmp_path / "repository"))
    clone = Clone(tmp_path / "repository")
    clone.run("git", "reset", "-q", "--hard", "HEAD~1")
    return clone


@pytest.fixture
def clone_factory(tmp_path: Path) -> Callable[[str], Clone]:
    """Makes fresh copies by name, beside each other."""
    return lambda name: copy_repository(tmp_path / name)


@pytest.fixture(scope="session")
def results_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small repository (tests/repository/small.py) whose only commit has results; copied by `results`."""
    from tests.repository.small import make_repository

    return make_repository(tmp_path_factory.mktemp("review") / "repository").path


@pytest.fixture
def results(tmp_path: Path, results_template: Path) -> Clone:
    """A small repository whose only commit has results; free to change."""
    shutil.copytree(results_template, tmp_path / "repository", symlinks=True)
    return Clone(tmp_path / "repository")
