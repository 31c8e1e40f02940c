"""Hashes what is in this clone, the DVC cache and the outputs: whether it is what dvc.lock and the .dvc files record.

`dvc status` does not: it believes a file whose time and size it has seen, and a download whose name is right.
"""

import hashlib
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.params import read_params
from pipeline.repository import listing
from pipeline.repository.dvc import cache_folder, open_repository
from pipeline.repository.trust import problems, unnamed
from pipeline.repository.verify import Fact
from pipeline.text import count, have

LARGE = 1 << 30  # bytes from which the wait is worth a line where there is no terminal
BLOCK = 1 << 20


def contents_are_recorded() -> Fact:
    """Every file of an output that is here, in the workspace or in the cache, has the MD5 that is recorded for it.

    What is not here is no problem. Metrics and plots are Git's, and left to it.
    """
    wanted: dict[Path, tuple[str, str]] = {}  # file: the hash that it must have, and its output's name
    with open_repository() as repo:
        outside = listing.leading_out(repo)
        for out in repo.index.outs:
            if str(out) in outside:
                continue  # nothing of what such a list names is touched
            if out.use_cache and out.hash_info and out.hash_name == "md5":  # DVC 2's hashes are of changed line ends
                name = os.path.relpath(out.fs_path)
                wanted |= {path: (md5, name) for path, md5 in _files(out).items()}
        cache = Path(repo.cache.local.path)
    sizes = {path: path.stat().st_size for path in wanted if path.is_file()}
    found = _hashes(sizes)
    wrong: dict[str, list[Path]] = defaultdict(list)
    for path, md5 in found.items():
        if md5 != wanted[path][0]:
            wrong[wanted[path][1]].append(path)
    return Fact(
        f"{count(len(found), 'file')} here {have(len(found))} the content that is recorded",
        [*outside.values(), *(_problem(name, paths, cache) for name, paths in wrong.items())],
    )


def imports_are_named() -> Fact:
    """DVC files write below their own folders and import from what data.sources names: remarks here, refusals in CI."""
    named = (read_params().data.sources or []) if Path("params.yaml").exists() else []
    doubts = [*problems(Path(), cache=cache_folder(Path())), *unnamed(Path(), named)]
    return Fact("DVC files keep to their folders and to named sources", [], doubts)


def _files(out: Any) -> dict[Path, str]:
    """The files of one of DVC's outputs, in the cache and in the workspace, with the hashes recorded for them."""
    md5 = out.hash_info.value
    stored = Path(out.cache.oid_to_path(md5))
    place = Path(out.fs_path)
    if not out.hash_info.isdir:
        return {stored: md5, place: md5}
    wanted = {stored: md5.removesuffix(".dir")}
    for entry in _listing(stored):
        wanted[Path(out.cache.oid_to_path(entry["md5"]))] = entry["md5"]
        wanted[place / entry["relpath"]] = entry["md5"]
    return wanted


def _listing(stored: Path) -> list[Mapping[str, Any]]:
    """What a folder holds, by its list in the cache; nothing if that is not there, or is none: its hash then tells."""
    try:
        found = json.loads(stored.read_bytes())
        return [entry for entry in found if isinstance(entry["md5"], str) and isinstance(entry["relpath"], str)]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _hashes(sizes: Mapping[Path, int]) -> dict[Path, str]:
    """The MD5 of each file; a file with several names (hard links) is read once."""
    names = defaultdict(list)
    for path in sizes:
        state = path.stat()
        names[state.st_dev, state.st_ino].append(path)
    firsts = [paths[0] for paths in names.values()]
    with _progress(sum(sizes[path] for path in firsts)) as advance, ThreadPoolExecutor(os.cpu_count()) as pool:

        def digest(path: Path) -> str:
            made = hashlib.md5(usedforsecurity=False)
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    made.update(block)
                    advance(len(block))
            return made.hexdigest()

        found = pool.map(digest, firsts)
        return {path: md5 for paths, md5 in zip(names.values(), found, strict=True) for path in paths}


def _problem(name: str, paths: list[Path], cache: Path) -> str:
    """An output and those of its files that are not what they should be, with the way out."""
    shown = ", ".join(os.path.relpath(path) for path in sorted(paths)[:3]) + (", ..." if len(paths) > 3 else "")
    way = f"delete it, and run: dvc checkout {name} (if you changed it yourself: dvc repro)"
    if any(path.is_relative_to(cache) for path in paths):
        way = "delete it, and run: dvc pull, or dvc repro"
    return f"{name}: not the content that is recorded: {shown}; {way}"


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """A bar on a terminal; elsewhere one line before a long wait."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(total=total, desc="hashing", unit="B", unit_scale=True, leave=False) as bar:
            yield bar.update
    else:
        if total > LARGE:
            sys.stderr.write(f"verify: hashing {total / LARGE:.1f} GiB\n")
        yield lambda size: None
