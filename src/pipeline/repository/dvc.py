"""The one way to ask DVC: its command, its repository object, its settings, its cache, its file system."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError, PipelineError, ResourceError
from pipeline.repository import listing
from pipeline.repository.environment import of_dvc

if TYPE_CHECKING:
    from dvc.config import Config
    from dvc.repo import Repo

NAMED = ("remote", "db", "machine")  # sections of DVC's settings of which there are several, each with a name


def dvc(
    folder: Path, *arguments: str, timeout: float | None = None, module: str = "dvc"
) -> subprocess.CompletedProcess[str]:
    """Run DVC in `folder` with this environment's Python; its output is captured, its failure is the caller's.

    `module`: a program of this package that does what DVC should.
    """
    command = _command(arguments, module)
    try:
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=timeout, env=of_dvc()
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"no answer within {timeout:.0f} s")


def repro(
    folder: Path,
    *arguments: str,
    tell: Callable[[str], None],
    variables: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Run `dvc repro` in `folder` and `tell` the name of each stage that runs; the last lines where it fails, else [].

    The rest of what DVC says is of a folder that will be gone: it advises to add files to Git there. `variables` of the
    environment may let its stages run in another one (`repository.environments`).
    """
    said: deque[str] = deque(maxlen=50)
    with subprocess.Popen(
        _command(("repro", *arguments)),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**of_dvc(), **variables},
    ) as process:
        for line in process.stdout or ():
            said.append(line.rstrip())
            if stage := re.match("Running stage '(.+)':", line):
                tell(stage[1])
    return (list(said) or ["no message"]) if process.returncode else []


def _command(arguments: tuple[str, ...], module: str = "dvc") -> list[str]:
    # -P: else Python looks for modules in the current folder first, which may hold a stranger's revision.
    return [sys.executable, "-P", "-m", module, *arguments]


def reason(text: str) -> str:
    """The line of DVC's output that says what went wrong."""
    lines = [line for line in text.splitlines() if line.strip()] or ["no message"]
    return next((line for line in lines if line.startswith("ERROR: ")), lines[-1]).removeprefix("ERROR: ")


@contextlib.contextmanager
def open_repository() -> Iterator["Repo"]:
    """The DVC repository of the current folder, for a block; what DVC refuses in it is said in a line.

    Raises:
        InputError: there is none, or dvc.yaml, params.yaml or .dvc/config is wrong.
        ResourceError: another DVC command holds it.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    if not Path("dvc.yaml").exists():
        raise InputError("there is no dvc.yaml here; run this from the root of the repository")
    try:
        with Repo() as repo:
            demand_idle(Path(repo.root_dir))
            repo.index.outs  # noqa: B018  (reads every dvc.yaml and .dvc file)
            yield repo
    except DvcException as error:
        raise failure(error) from None


def demand_idle(root: Path) -> None:
    """Refuse to look at a repository in which `dvc repro` is at work: outputs are gone until their stage has ended.

    Raises:
        ResourceError: it is; the message names the process.
    """
    with contextlib.suppress(OSError, ValueError, KeyError, AttributeError):
        held = json.loads((root / ".dvc" / "tmp" / "rwlock").read_text(encoding="utf-8"))["write"]
        for holder in held.values():
            if _lives(holder["pid"]) and "DVC_STAGE" not in os.environ:
                raise _busy(f" (PID {holder['pid']}): {holder['cmd']}")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def _busy(holder: str) -> ResourceError:
    return ResourceError(f"another DVC command is at work in this repository{holder}; wait until it ends")


def failure(error: Exception) -> PipelineError:
    """What one of DVC's exceptions means to the user."""
    from dvc.config import ConfigError
    from dvc.exceptions import CheckoutError
    from dvc.lock import LockError

    if isinstance(error, CheckoutError):  # its text ends in an address
        wanted = ", ".join(os.path.relpath(path) for path in error.target_infos)
        return InputError(f"{wanted}: neither in the cache nor in the remote; whoever made it runs: dvc push")
    if isinstance(error, LockError):
        holder = re.search(r"\(PID \d+\): [^\n]+", str(error))
        return _busy(f" {holder[0]}" if holder else "")
    if isinstance(error, ConfigError):
        return InputError(f".dvc/config or .dvc/config.local is wrong: {reason(str(error))}; correct it")
    return InputError(reason(str(error)))


def check_out(folder: Path, wanted: list[str]) -> bool:
    """Put outputs from the cache into `folder`; False where the cache lacks one. In this process: DVC is loaded.

    Raises:
        CheckError: a folder's list in the cache leads out of the folder.
        InputError: DVC refuses.
    """
    from dvc.exceptions import CheckoutError, DvcException
    from dvc.repo import Repo

    try:
        with contextlib.chdir(folder), Repo() as repo:  # DVC looks for a stage of a target's name in ./dvc.yaml
            if not listing.are_here(repo, wanted):
                return False
            listing.refuse(repo)
            repo.checkout(targets=wanted)
    except CheckoutError:
        return False
    except DvcException as error:
        raise failure(error) from None
    return True


def _settings(folder: Path) -> "Config":
    """DVC's settings in `folder`.

    Raises:
        InputError: they cannot be read.
    """
    from dvc.config import Config, ConfigError

    try:
        return Config(dvc_dir=str(folder / ".dvc")) if (folder / ".dvc").is_dir() else Config.from_cwd()
    except ConfigError as error:
        raise failure(error) from None


def cache_folder(folder: Path) -> Path:
    """The DVC cache that the repository in `folder` uses."""
    return folder / (_settings(folder)["cache"].get("dir") or ".dvc/cache")


def cached(cache: Path, md5: str) -> Path | None:
    """The file with this hash in a DVC cache, or None."""
    path = cache / "files" / "md5" / md5[:2] / md5[2:]
    return path if path.is_file() else None


def cached_output(cache: Path, outputs: Mapping[str, str | None], path: str) -> Path | None:
    """The file that stood at `path`, in a DVC cache, or None where it is not; `outputs`: hashes by path.

    It may be an output itself, or a file of the folder that is one.
    """
    if md5 := outputs.get(path):
        return cached(cache, md5)
    for folder in map(str, Path(path).parents):
        if (md5 := outputs.get(folder)) and (listing := cached(cache, md5)):
            entries = json.loads(listing.read_text(encoding="utf-8"))
            within = Path(path).relative_to(folder).as_posix()
            return next((cached(cache, entry["md5"]) for entry in entries if entry["relpath"] == within), None)
    return None


def share_cache(root: Path, folder: Path) -> None:
    """Let DVC in `folder` use the settings, cache and remotes of `root`, whose relative addresses would mean else.

    The settings that the commit in `folder` has are left aside: they may be broken, and what a stranger's say of a
    remote shall not stand beside the user's keys. Git is nothing to DVC there: in a worktree of a Git submodule it
    looks for it in the wrong place.
    """
    known, place = _settings(root), folder / ".dvc"
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)  # whatever lies in it may be a link, through which DVC would write
    place.unlink(missing_ok=True)
    place.mkdir()
    content = {
        f'{kind} "{name}"' if kind in NAMED else kind: options
        for kind, section in known.items()
        for name, options in (section.items() if kind in NAMED else [("", section)])
    }
    content["cache"] = {**content.get("cache", {}), "dir": str(cache_folder(root))}
    content["core"] = {**content.get("core", {}), "no_scm": True}
    for name, text in (("config", {}), ("config.local", content)):
        (place / name).unlink(missing_ok=True)
        (place / name).touch(0o600)  # it may hold the credentials of a remote
        _write_settings(place / name, text)


def _write_settings(path: Path, sections: Mapping[str, Mapping[str, Any]]) -> None:
    """Write settings of DVC as UTF-8; its own writer knows only ASCII, and fails below a folder with other letters."""
    from configobj import ConfigObj

    written = ConfigObj(encoding="utf-8")
    for name, options in sections.items():
        if options:
            written[name] = {key: _plain(value) for key, value in options.items()}
    with path.open("wb") as file:
        written.write(file)


def _plain(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def in_remote(hashes: list[str]) -> set[str]:
    """Those of the hashes that the default remote has."""
    with open_repository() as repo:
        storage = repo.cloud.get_remote_odb()
        return {md5 for md5 in hashes if storage.exists(md5)}


def missing_in_remote(root: Path, path: str, md5: str) -> list[str]:
    """What the default remote lacks of an output with this hash: the output itself, or some files of a folder.

    Raises:
        ResourceError: there is no remote, or it cannot be asked.
    """
    from dvc.exceptions import DvcException

    with contextlib.chdir(root), open_repository() as repo:
        if not repo.config["remote"]:
            raise ResourceError("there is no DVC remote; name one: dvc remote add --default <name> <url>")
        try:
            storage = repo.cloud.get_remote_odb()
            if not storage.exists(md5):
                return [path]
            entries = json.loads(storage.fs.cat_file(storage.oid_to_path(md5))) if md5.endswith(".dir") else []
            return [f"{path}/{entry['relpath']}" for entry in entries if not storage.exists(entry["md5"])]
        except (DvcException, OSError, ValueError, KeyError) as error:
            why = reason(str(error) or type(error).__name__)
            advice = "; run: make remote" if "requires 'dvc-" in why else ""
            raise ResourceError(f"the DVC remote cannot be asked: {why}{advice}") from None


def use_remote(folder: Path, url: str) -> None:
    """Name the default remote, as `dvc remote add --force --default default URL` does, which fails on most letters.

    A folder's relative path is one from `folder`.
    """
    from configobj import ConfigObj

    address = url if "://" in url or Path(url).is_absolute() else os.path.relpath(folder / url, folder / ".dvc")
    settings = ConfigObj(str(folder / ".dvc" / "config"), encoding="utf-8", interpolation=False)
    settings.setdefault("core", {})["remote"] = "default"
    settings['remote "default"'] = {"url": address} | ({} if address.startswith("hdfs:") else {"verify": "true"})
    settings.write()
    _settings(folder)


def files_of(root: Path, commit: str) -> Any:
    """The files of a commit as a file system (fsspec's), wherever they are: in Git, in the cache, or in the remote."""
    from dvc.api import DVCFileSystem

    return DVCFileSystem(url=str(root), rev=commit)


if __name__ == "__main__":
    use_remote(Path.cwd(), sys.argv[1])
