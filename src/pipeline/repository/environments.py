"""The environment that a revision runs in: this one, or one made from the revision's own requirements.lock.

uv makes it, checks the lock's hashes, and links files from its cache; it is kept by the lock's hash in `.dvc/tmp` of
the clone, where neither Git nor DVC look.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ResourceError
from pipeline.repository.packages import ANY, LOCK, pinned

KEPT = ".dvc/tmp/environments"
AT_MOST = 3  # environments that are kept, the last used ones
SECONDS = 900  # for a download of all packages


@dataclass(frozen=True)
class Environment:
    """Variables for the processes that are to run in it, and a remark for the report if it is not the usual one."""

    variables: dict[str, str]
    remark: str = ""


def environment_for(folder: Path, root: Path, say: Callable[[str], None]) -> Environment:
    """The environment for the pipeline in `folder`, a worktree of the clone `root` that this Python belongs to.

    Where that of another lock cannot be made, it is this one, whose other packages the stages must let through.
    """
    locks = [tree / LOCK for tree in (folder, root)]
    asked, here = (pinned(lock.read_text(encoding="utf-8")) if lock.is_file() else {} for lock in locks)
    if not asked or asked == here:
        return Environment({})
    try:
        home = _kept(locks[0], root / KEPT, say)
    except (ResourceError, OSError) as error:
        remark = f"in the packages of this environment, since those of its own {LOCK} could not be installed ({error})"
        say(remark)
        return Environment({"PIPELINE_ENVIRONMENT": ANY}, remark)
    path = os.pathsep.join([str(home / "bin"), os.environ.get("PATH", "")])
    return Environment({"PATH": path, "VIRTUAL_ENV": str(home)}, f"in an environment of its own {LOCK}")


def _kept(lock: Path, keep: Path, say: Callable[[str], None]) -> Path:
    """The environment of a lock, made if it is not there yet; whole or not at all."""
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    home = keep.resolve() / f"{digest}-{sys.version_info.major}.{sys.version_info.minor}"
    if not home.is_dir():
        say(f"installing the packages of its own {LOCK}, once")
        keep.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="new-", dir=keep) as scratch:
            new = Path(scratch) / "environment"
            _uv(new, "venv", "--quiet", "--relocatable", "--python", sys.executable, str(new))
            _uv(new, "pip", "install", "--quiet", "--require-hashes", "--requirement", str(lock))
            if not home.is_dir():  # else another review was quicker
                new.rename(home)
    os.utime(home)
    for old in sorted((path for path in keep.iterdir() if path.is_dir()), key=_age)[:-AT_MOST]:
        shutil.rmtree(old, ignore_errors=True)
    return home


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _uv(home: Path, *arguments: str) -> None:
    """Run this environment's uv, else the user's.

    Raises:
        ResourceError: there is none, or it fails; the message is uv's first line.
    """
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise ResourceError("there is no uv")
    command = [uv, "--system-certs", *arguments]
    environment = os.environ | {"VIRTUAL_ENV": str(home)}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=SECONDS, env=environment
        )
    except subprocess.TimeoutExpired:
        raise ResourceError(f"uv took longer than {SECONDS} s") from None
    if done.returncode:
        said = [line.strip(" ×├╰─▶") for line in done.stderr.splitlines() if not line.startswith("warning")]
        raise ResourceError(next(filter(None, said), "uv failed")[:160].removeprefix("error: "))
