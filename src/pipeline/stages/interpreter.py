"""Lets a stage run in the environment of requirements.lock, whichever Python its command found.

An editor, cron or pipx calls `dvc` without activating anything; the stage's `python3` is then the system's. So a stage
runs itself again in the environment that it belongs to. This is the standard library in the syntax of Python 3.6, and
imports of this project only what is so, too: any Python must come as far as its own message.
"""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from pipeline.repository.packages import any_allowed, differences

TRIED = "PIPELINE_PYTHON"  # the environment that this command was run again in


def settle(stage: str) -> None:
    """Return if the packages of this Python are the locked ones or may be others; else run again in the right Python.

    Where there is none, it ends with exit code 3, after what DVC deleted is back or named.
    """
    tried = os.environ.pop(TRIED, None)
    wrong = differences()
    if not wrong:
        return
    complete = not any(text.startswith("no ") for text in wrong)
    if complete and any_allowed():
        sys.stderr.write(f"warning: {stage} runs with other packages than requirements.lock's: {_some(wrong)}\n")
        return
    home = _home()
    if home and str(home) != tried and home.resolve() != Path(sys.prefix).resolve():
        _run_again(home, stage)
    if sys.version_info >= (3, 11) and find_spec("dvc"):
        _refuse(stage, wrong)
    _give_up(stage, wrong, home)


def _home() -> "Path | None":
    """The environment to run in: the first that holds the lock, else the repository's own."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        home = Path(os.environ.get(name) or "nowhere")
        if _python(home).exists() and not differences([str(path) for path in home.glob("lib/python3*/site-packages")]):
            return home
    root = Path(os.environ.get("DVC_ROOT") or ".").resolve()
    own = [root]
    common, *prefix = _git(root, "rev-parse", "--git-common-dir", "--show-prefix").split("\n")
    if common:  # .git of the main worktree, as seen from the root
        own.append((root / common).parent.joinpath(*prefix))
    return next((folder / ".venv" for folder in own if _python(folder / ".venv").exists()), None)


def _python(home: Path) -> Path:
    return home / "bin" / "python3"


def _run_again(home: Path, stage: str) -> None:
    os.environ[TRIED] = str(home)
    os.environ.pop("__PYVENV_LAUNCHER__", None)  # of a Python of macOS: the next would take it for its own place
    os.execv(str(_python(home)), [str(_python(home)), *_arguments(stage)])  # noqa: S606


def _arguments(stage: str) -> "list[str]":
    """What stands behind `python3` in the command of this process; sys.argv does not know the module's name yet."""
    if hasattr(sys, "orig_argv"):  # from Python 3.10
        return sys.orig_argv[1:]
    try:
        return [os.fsdecode(part) for part in Path("/proc/self/cmdline").read_bytes().split(b"\0")[1:-1]]
    except OSError:  # not Linux
        return ["-m", f"pipeline.stages.{stage.split(':')[-1]}"]


def _refuse(stage: str, wrong: "list[str]") -> None:
    """End in an environment that has another version: DVC is there and brings all outputs back."""
    from functools import partial

    from pipeline import errors
    from pipeline.repository.outputs import restore

    errors.catch(clean_up=partial(restore, stage))
    raise errors.ResourceError(
        f"{sys.prefix} is not what requirements.lock asks for: {_some(wrong)}; run: make install"
        "\n(PIPELINE_ENVIRONMENT=any runs with other packages, and says so in the records)"
    )


def _give_up(stage: str, wrong: "list[str]", home: "Path | None") -> None:
    """End in a Python that has nothing: Git's outputs come back, the others are named."""
    gone = []
    for path in _outputs(stage):
        if not Path(path).exists():
            _git(Path(), "restore", "--", path)
            if not Path(path).exists():
                gone.append(path)
    nowhere = "" if home else ", and there is no .venv here"
    version = ".".join(map(str, sys.version_info[:2]))
    sys.stderr.write(
        f"error: {sys.executable} (Python {version}) lacks what requirements.lock asks for ({_some(wrong)}){nowhere};"
        " run: make install\n"
    )
    if gone:
        sys.stderr.write(f"DVC had deleted {', '.join(gone)} before; what its cache has comes back by: dvc checkout\n")
    sys.exit(3)


def _outputs(stage: str) -> "list[str]":
    """The outputs of a stage by the dvc.lock beside it, whose lines DVC always writes alike."""
    try:
        text = Path("dvc.lock").read_text(encoding="utf-8")
    except OSError:
        return []
    entry = re.search(rf"^  {re.escape(stage.split(':')[-1])}:\n((?:   .*\n)*)", text, flags=re.MULTILINE)
    outs = re.search(r"^    outs:\n((?:    [- ].*\n)*)", entry.group(1) if entry else "", flags=re.MULTILINE)
    return re.findall(r"^    - path: (.+)$", outs.group(1) if outs else "", flags=re.MULTILINE)


def _some(wrong: "list[str]") -> str:
    """The first two, and how many more."""
    return "; ".join(wrong[:2]) + (f"; and {len(wrong) - 2} more" if len(wrong) > 2 else "")


def _git(root: Path, *arguments: str) -> str:
    """What Git says; nothing where it fails or is not there."""
    try:
        done = subprocess.run(["git", *arguments], cwd=str(root), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
