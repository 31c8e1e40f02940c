"""A folder's list, by which DVC knows each file's MD5 and place: whether it leads out of the folder or of the cache.

DVC joins what stands there to its own paths and looks no further: `../../src/x` is written into src, and what a list
names as an MD5 is fetched to, or deleted at, a path made of it. The list comes from a remote, under a hash that any
.dvc file may name. Standard library only, as `repository.trust`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.errors import CheckError

MD5 = re.compile(r"[0-9a-f]{32}")
NESTED = (".git", ".dvc")  # of a repository inside: its settings name programs


def leads_out(content: bytes) -> str | None:
    """The first place in a list that is no plain path below its folder, or no MD5; None where all are.

    What is no list at all is left to its own hash, or to DVC.
    """
    try:
        entries = json.loads(content)
    except (ValueError, RecursionError):
        return None
    for entry in entries if isinstance(entries, list) else []:
        place, md5 = (entry.get(key) for key in ("relpath", "md5")) if isinstance(entry, dict) else (None, None)
        parts = place.split("/") if isinstance(place, str) else [""]
        if any(part in ("", ".", "..") or part.lower() in NESTED or set(part) & set("\\\0") for part in parts):
            return str(place)
        if not (isinstance(md5, str) and MD5.fullmatch(md5)):
            return str(md5)
    return None


def leading_out(repo: Any) -> dict[str, str]:
    """The outputs of DVC's repository `repo` whose list, in its cache, leads out, each with what is to be said."""
    found = {}
    for out, stored in lists(repo):
        if stored.is_file() and (place := leads_out(stored.read_bytes())) is not None:
            found[str(out)] = (
                f"{out}: its list in the DVC cache names {place!r}, outside of the folder; do not pull or check it out"
            )
    return found


def are_here(repo: Any, targets: list[str]) -> bool:
    """Whether the cache has the lists of the folders that outputs or .dvc files name; else DVC asks the remote."""
    return all(stored.is_file() for out, stored in lists(repo) if {str(out), out.stage.relpath} & set(targets))


def refuse(repo: Any) -> None:
    """Let no list lead out before anything is made of it.

    Raises:
        CheckError: one does; the message names each such output.
    """
    if found := leading_out(repo):
        raise CheckError("\n".join(found.values()))


def lists(repo: Any) -> Iterator[tuple[Any, Path]]:
    """Every folder that DVC keeps, and the place of its list in the cache."""
    for out in repo.index.outs:
        if out.use_cache and out.hash_info and out.hash_info.isdir:
            yield out, Path(out.cache.oid_to_path(out.hash_info.value))
