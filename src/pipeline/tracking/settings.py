"""Where the mirror goes and where it keeps its files: mode, server, repository. Light: every stage imports it."""

import configparser
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
    """The W&B server's address: the environment's, else the one that the user has logged in to.

    Never what `wandb/settings` of the working folder says, which W&B's client would take: that may be a file of the
    revision at hand, and the key in the environment goes to whatever server is named here.
    """
    return (os.environ.get("WANDB_BASE_URL") or _of_user("base_url") or DEFAULT_SERVER).rstrip("/")


def _of_user(name: str) -> str:
    """A value of the user's own settings file, which `wandb login` writes."""
    file = configparser.ConfigParser(interpolation=None)
    try:
        file.read(Path(os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb").expanduser() / "settings", "utf-8")
    except (OSError, ValueError, configparser.Error):
        return ""
    return file.get("default", name, fallback="")


def key() -> str:
    """The key that W&B's client would find: in the environment, or in the netrc file for this server; else empty."""
    if found := os.environ.get("WANDB_API_KEY"):
        return found
    path = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
    try:
        login = netrc.netrc(path).authenticators(urlsplit(server()).netloc)
    except (OSError, netrc.NetrcParseError):
        return ""
    return login[2] if login else ""


def repository(records: str | Path = "dvclive") -> Path:
    """The root of the repository that holds a DVCLive folder: the nearest folder with .dvc or .git.

    Outside any it is the folder that the records stand in, wherever a command that names them runs.
    """
    records = Path(records).resolve()
    for folder in (records, *records.parents):
        if (folder / ".dvc").is_dir() or (folder / ".git").exists():
            return folder
    return records.parent


def tree(records: Path) -> Path:
    """The folder of the pipeline that a DVCLive folder belongs to: the nearest with a dvc.yaml, else the repository."""
    root, records = repository(records), records.resolve()
    folders = (folder for folder in records.parents if folder.is_relative_to(root))
    return next((folder for folder in folders if (folder / "dvc.yaml").is_file()), root)


def home(root: Path) -> Path:
    """Where the mirror keeps its ledger and what waits to be mirrored, below W&B's own folder."""
    return root / "wandb" / "mirror"


def make_home(root: Path) -> Path:
    """The mirror's folder, made and kept out of Git if need be."""
    path = home(root)
    path.mkdir(parents=True, exist_ok=True)
    ignore = path.parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return path
