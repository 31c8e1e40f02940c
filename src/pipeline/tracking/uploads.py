"""Finds the bytes of DVC's data in its cache, for those who ask for uploads (`tracking.upload`)."""

import json
from pathlib import Path

from pipeline.repository.dvc import cache_folder, cached
from pipeline.tracking.lineage import Data

File = tuple[str, str, Path]  # name within the artifact, md5, where its bytes are


def files(root: Path, data: Data) -> list[File]:
    """The files of one version of data, from the DVC cache; none if they are not all there."""
    cache = cache_folder(root)
    entries = [{"relpath": Path(data.path).name, "md5": data.md5}]
    if data.md5.endswith(".dir"):
        listing = cached(cache, data.md5)
        entries = json.loads(listing.read_text(encoding="utf-8")) if listing else []
    found = [(entry["relpath"], entry["md5"], cached(cache, entry["md5"])) for entry in entries]
    there = [(name, md5, path) for name, md5, path in found if path]
    return there if len(there) == len(found) else []
