"""The one way to ask Git."""

import os
import subprocess
from collections.abc import Sequence
from io import BytesIO
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


def blobs(root: Path, names: Sequence[str]) -> list[str | None]:
    """The text behind each name (`<commit>:<path from Git's root>`), None where there is none; equal texts are one.

    Two processes, however many names: thousands of commits take a second.
    """
    found = _batch(root, "--batch-check=%(objectname) %(objecttype)", names).decode().splitlines()
    hashes = [line.partition(" ")[0] if line.endswith(" blob") else None for line in found]
    different = list(dict.fromkeys(filter(None, hashes)))
    stream, texts = BytesIO(_batch(root, "--batch", different)), {}
    for name in different:
        size = int(stream.readline().split()[-1])
        texts[name] = stream.read(size).decode("utf-8", errors="replace")
        stream.read(1)
    return [texts[name] if name else None for name in hashes]


def _batch(root: Path, form: str, names: Sequence[str]) -> bytes:
    if not names:
        return b""
    lines = "".join(f"{name}\n" for name in names).encode()
    done = subprocess.run(["git", "cat-file", form], cwd=root, input=lines, capture_output=True)
    if done.returncode:
        raise ResourceError(f"git cat-file: {done.stderr.decode(errors='replace').strip() or 'no message'}")
    return done.stdout


def ask(tree: Path, *arguments: str, **environment: str) -> str:
    """What a Git command prints; nothing if it fails, takes longer than 20 s, or there is no Git."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=tree, env=os.environ | environment, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.rstrip() if done.returncode == 0 else ""
