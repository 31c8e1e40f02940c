"""The one way to ask DVC: its command, its repository object, its settings, its cache, its file system."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError
from pipeline.repository.environment import of_dvc

if TYPE_CHECKING:
    from dvc.repo import Repo


def dvc(folder: Path, *arguments: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run DVC in `folder` with this environment's Python; its output is captured, its failure is the caller's."""
    command = _command(arguments)
    try:
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=timeout, env=of_dvc()
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"no answer within {timeout:.0f} s")


@contextlib.contextmanager
def running(folder: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """DVC at work in `folder`: `stdout` yields its lines, errors among them; `returncode` is there at the end."""
    with subprocess.Popen(
        _command(arguments),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=of_dvc(),
    ) as process:
        yield process


def _command(arguments: tuple[str, ...]) -> list[str]:
    # -P: else Python looks for modules in the current folder first, which may hold a stranger's revision.
    return [sys.executable, "-P", "-m", "dvc", *arguments]


def reason(text: str) -> str:
    """The line of DVC's output that says what went wrong."""
    lines = [line for line in text.splitlines() if line.strip()] or ["no message"]
    return next((line for line in lines if line.startswith("ERROR: ")), lines[-1]).removeprefix("ERROR: ")


def open_repository() -> "Repo":
    """The DVC repository of the current folder.

    Raises:
        InputError: there is none, or dvc.yaml or params.yaml is wrong.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    if not Path("dvc.yaml").exists():
        raise InputError("there is no dvc.yaml here; run this from the root of the repository")
    try:
        repo = Repo()
        repo.index.outs  # noqa: B018  (reads every dvc.yaml and .dvc file)
    except DvcException as error:
        raise InputError(reason(str(error))) from None
    return repo


def check_out(folder: Path, wanted: list[str]) -> bool:
    """Put outputs from the cache into `folder`; False where the cache lacks one. In this process: DVC is loaded."""
    from dvc.exceptions import CheckoutError
    from dvc.repo import Repo

    with contextlib.chdir(folder), Repo() as repo:  # DVC looks for a stage of a target's name in ./dvc.yaml
        try:
            repo.checkout(targets=wanted)
        except CheckoutError:
            return False
    return True


def cache_folder(folder: Path) -> Path:
    """The DVC cache that the repository in `folder` uses."""
    from dvc.config import Config

    settings = Config(dvc_dir=str(folder / ".dvc")) if (folder / ".dvc").is_dir() else Config.from_cwd()
    return folder / (settings["cache"].get("dir") or ".dvc/cache")


def cached(cache: Path, md5: str) -> Path | None:
    """The file with this hash in a DVC cache, or None."""
    path = cache / "files" / "md5" / md5[:2] / md5[2:]
    return path if path.is_file() else None


def share_cache(root: Path, folder: Path) -> None:
    """Let DVC in `folder`, a revision's files, use the settings, cache and remotes of `root`, and nothing of its own.

    Relative addresses would mean something else there. And its own settings could send the user's keys to another
    server, run a command, or, as symbolic links, be written through: so they go.
    """
    from dvc.config import Config

    known = Config(dvc_dir=str(root / ".dvc"))
    place = folder / ".dvc"
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.mkdir()
    with Config(dvc_dir=str(place)).edit("local") as local:
        for section in ("core", "cache"):
            local[section] = _as_text(known[section])
        local["cache"]["dir"] = str(cache_folder(root))
        for name, options in known["remote"].items():
            local["remote"][name] = _as_text(options)
    (place / "config.local").chmod(0o600)  # it may hold the credentials of a remote


def _as_text(options: Mapping[str, Any]) -> dict[str, str]:
    """Settings as their file has them."""
    return {key: ",".join(value) if isinstance(value, list) else str(value) for key, value in options.items()}


def files_of(root: Path, commit: str) -> Any:
    """The files of a commit as a file system (fsspec's), wherever they are: in Git, in the cache, or in the remote."""
    from dvc.api import DVCFileSystem

    return DVCFileSystem(url=str(root), rev=commit)
