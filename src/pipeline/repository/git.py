"""The one way to ask Git."""

import os
import subprocess
from pathlib import Path

from pipeline.errors import ResourceError


def git(root: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    """The output of a Git command in `root`, without the last newline.

    Raises:
        ResourceError: the command failed; the message is Git's own first line.
    """
    done = subprocess.run(
        ["git", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, **(env or {})},
    )
    if done.returncode:
        reason = (done.stderr.strip() or "no message").splitlines()[0]
        command = next(word for word in arguments if word != "-c" and "=" not in word)
        raise ResourceError(f"git {command}: {reason}")
    return done.stdout.removesuffix("\n")


def ask(tree: Path, *arguments: str, **environment: str) -> str:
    """What a Git command prints; nothing if it fails, takes longer than 20 s, or there is no Git."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=tree, env=os.environ | environment, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.rstrip() if done.returncode == 0 else ""
