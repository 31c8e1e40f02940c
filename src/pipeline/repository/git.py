"""The one way to ask Git: whatever its user's settings and language are, the answer is the same."""

import os
import subprocess
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from pipeline.errors import ResourceError

# Settings of the user that would stand in an answer: signatures above a subject, colours, columns, another encoding.
PLAIN = {
    "log.showSignature": "false",
    "color.ui": "false",
    "color.branch": "false",
    "color.diff": "false",
    "color.status": "false",
    "column.ui": "never",
    "column.branch": "never",
    "column.tag": "never",
    "column.status": "never",
    "core.quotePath": "false",
    "i18n.logOutputEncoding": "UTF-8",
}
COMMAND = ["git", *(word for name, value in PLAIN.items() for word in ("-c", f"{name}={value}"))]
ASK_SECONDS = 20


class GitError(ResourceError):
    """Git works, and the command failed: there is no such revision, file or common commit, say."""


def git(root: Path, *arguments: str, env: dict[str, str] | None = None, timeout: float | None = None) -> str:
    """The output of a Git command in `root`, without the last newline.

    Raises:
        GitError: the command failed; the message is Git's own.
        ResourceError: Git cannot be asked here at all; the message says what to do.
    """
    try:
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=root,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "LC_ALL": "C", **(env or {})},  # its messages, in English
            timeout=timeout,
        )
    except FileNotFoundError:
        if not root.is_dir():
            raise
        raise ResourceError("there is no git on the PATH; install it, or add its folder to PATH") from None
    except subprocess.TimeoutExpired:
        raise ResourceError(f"git {_name(arguments)}: no answer within {timeout:.0f} s") from None
    if done.returncode:
        raise _failure(root, arguments, done.stderr)
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
    done = subprocess.run([*COMMAND, "cat-file", form], cwd=root, input=lines, capture_output=True)
    if done.returncode:
        raise ResourceError(f"git cat-file: {done.stderr.decode(errors='replace').strip() or 'no message'}")
    return done.stdout


def demand(root: Path) -> None:
    """Ask Git for nothing, so that what keeps it from answering is said.

    Raises:
        ResourceError: there is no Git, no repository, or one that Git does not trust.
    """
    git(root, "rev-parse", "--git-dir")


def ask(tree: Path, *arguments: str, **environment: str) -> str:
    """What a Git command prints; nothing if it fails, takes longer than 20 s, or there is no Git."""
    try:
        return git(tree, *arguments, env=environment, timeout=ASK_SECONDS).rstrip()
    except (ResourceError, OSError):
        return ""


def _failure(root: Path, arguments: tuple[str, ...], stderr: str) -> ResourceError:
    lines = [line for line in stderr.splitlines() if line.strip()] or ["no message"]
    reason = next((line for line in lines if line.startswith(("fatal: ", "error: "))), lines[0])
    if "dubious ownership" in reason:
        place = reason.partition(" at ")[2].strip("'") or str(root.resolve())
        return ResourceError(
            "Git does not trust this repository, because another user owns its folder (in containers: the host's);\n"
            f"if you do, run: git config --global --add safe.directory '{place}'"
        )
    if "not a git repository" in reason.lower():
        return ResourceError(f"{root.resolve()} is in no Git repository; clone it rather than unpack it, or: git init")
    return GitError(f"git {_name(arguments)}: {reason}")


def _name(arguments: tuple[str, ...]) -> str:
    return next(word for word in arguments if word != "-c" and "=" not in word)
