"""Drops from a restored DVC cache what is not what its name says: `python -P -m pipeline.repository.rehash FOLDER`.

Standard library only: CI runs the base's copy, before anything reads what an earlier run may have put there.
"""

import hashlib
import re
import shutil
import sys
from pathlib import Path

from pipeline.repository.listing import leads_out

NAME = re.compile(r"[0-9a-f]{30}(\.dir)?")


def drop_what_differs(folder: Path) -> tuple[int, int]:
    """Hash every object below `folder` (the cache's files/md5) and delete the wrong; how many stayed, how many went.

    A symbolic link, a name that is no hash, and a folder's list that names files outside of the folder go, too.
    """
    kept = dropped = 0
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            continue
        if _is_right(folder, path):
            kept += 1
        else:
            path.unlink()
            dropped += 1
    return kept, dropped


def _is_right(folder: Path, path: Path) -> bool:
    parts = path.relative_to(folder).parts
    if path.is_symlink() or not path.is_file() or len(parts) != 2 or not NAME.fullmatch(parts[1]):
        return False
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != parts[0] + parts[1].removesuffix(".dir"):
        return False
    return path.suffix != ".dir" or leads_out(path.read_bytes()) is None


def main() -> None:
    """Clean the folder named on the command line; without one of that name there is nothing to do."""
    folder = Path(sys.argv[1])
    if folder.is_symlink() or folder.parent.is_symlink():
        folder.unlink() if folder.is_symlink() else folder.parent.unlink()
    runs = folder.parent.parent / "runs"  # claims of earlier runs, which no hash can check
    shutil.rmtree(runs, ignore_errors=True)
    kept, dropped = drop_what_differs(folder)
    sys.stdout.write(f"{kept} objects are what their names say; {dropped} were not and are gone\n")


if __name__ == "__main__":
    main()
