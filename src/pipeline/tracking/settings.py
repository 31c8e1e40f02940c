"""Where the mirror goes and where it keeps its files: mode, server, repository. Light: every stage imports it."""

import netrc
import os
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

Mode = Literal["online", "offline", "disabled"]
DEFAULT_SERVER = "https://api.wandb.ai"


def mode() -> Mode:
    """`online`, `offline` or `disabled`: WANDB_MODE if set; else online with a key; else offline."""
    wanted = os.environ.get("WANDB_MODE", "").strip().lower()
    for known in get_args(Mode):
        if wanted == known:
            return cast(Mode, known)
    if wanted == "dryrun":  # W&B's old name
        return "offline"
    return "online" if key() else "offline"


def server() -> str:
    """The W&B server's address."""
    return (os.environ.get("WANDB_BASE_URL") or DEFAULT_SERVER).rstrip("/")


def key() -> str:
    """The key that W&B's client would find: in the environment, or in the netrc file for this server; else empty."""
    if found := os.environ.get("WANDB_API_KEY"):
        return found
    path = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
    try:
        login = netrc.netrc(path).authenticators(urlsplit(server()).hostname or "")
    except (OSError, netrc.NetrcParseError):
        return ""
    return login[2] if login else ""


def repository(start: str | Path = ".") -> Path:
    """The root of the repository that holds `start`: the nearest folder with .dvc or .git, else the working folder."""
    start = Path(start).resolve()
    for folder in (start, *start.parents):
        if (folder / ".dvc").is_dir() or (folder / ".git").exists():
            return folder
    return Path.cwd()


def home(root: Path) -> Path:
    """Where the mirror keeps its ledger and what waits to be mirrored, below W&B's own folder."""
    return root / "wandb" / "mirror"
