"""Finds the bytes of DVC's data in its cache, for those who ask for uploads (`tracking.upload`)."""

import json
from pathlib import Path

from pipeline.tracking.lineage import Data

File = tuple[str, str, Path]  # name within the artifact, md5, where its bytes are


def files(root: Path, data: Data) -> list[File]:
    """The files of one version of data, from the DVC cache; none if they are not all there."""
    cache = cache_folder(root)
    if not data.md5.endswith(".dir"):
        found = [(Path(data.path).name, data.md5, cached(cache, data.md5))]
    else:
        listing = cached(cache, data.md5)
        if not listing.exists():
            return []
        entries = json.loads(listing.read_text(encoding="utf-8"))
        found = [(entry["relpath"], entry["md5"], cached(cache, entry["md5"])) for entry in entries]
    return found if all(path.exists() for _, _, path in found) else []


def cached(cache: Path, md5: str) -> Path:
    """Where DVC's cache keeps the content with this hash."""
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def cache_folder(root: Path) -> Path:
    """The folder of the DVC cache of the repository at `root`, as its configuration says."""
    from dvc.config import Config

    configured = Config.from_cwd() if not (root / ".dvc").is_dir() else Config(str(root / ".dvc"))
    found = configured.get("cache", {}).get("dir")
    return (root / found).resolve() if found else root / ".dvc" / "cache"
