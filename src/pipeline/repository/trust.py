"""Says no, before anything is pulled, to what a pull request's DVC files would write, fetch or redirect.

Standard library only, so that CI runs the base's copy (`python -P -m pipeline.repository.trust`) over the head's files
before an environment exists. What cannot be read for sure is refused.
"""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.repository.simple_yaml import UnclearError, read

CODE = (".py", ".pyc", ".pyd", ".pyi", ".pth", ".so", ".sh", ".egg-link")  # what Python, or a shell, would run
OF_DVC_FOLDER = ("config", ".gitignore", "plots")
OF_FILE = {"md5", "wdir", "deps", "outs", "frozen", "meta", "always_changed", "desc", "locked"}
HIDDEN_KEY = re.compile(r"relpath|\\[xuU0-9]|^\s*(- )?\? ", re.MULTILINE)  # the only way out that dvc.lock has


def problems(head: Path, config: bytes | None = None, cache: Path | None = None) -> Iterator[str]:
    """What the DVC files below `head` must not say; `config` is the base's .dvc/config, which the head's must equal.

    `cache`: DVC's, for a folder with outputs, which may be links into it.
    """
    own = head / ".dvc"
    if own.is_symlink() or (own / "config").is_symlink():
        yield ".dvc/config: a symbolic link"
    elif config is not None and (own / "config").is_file() and (own / "config").read_bytes() != config:
        yield (
            ".dvc/config: differs from the base's; it says which servers get the keys, and where data lies."
            " Whoever may merge changes it on the default branch"
        )
    if own.is_dir() and not own.is_symlink() and config is not None:
        others = sorted(place.name for place in own.iterdir() if place.name not in OF_DVC_FOLDER)
        yield from (f".dvc/{name}: does not belong into Git" for name in others)
    for path in dvc_files(head):
        name = path.relative_to(head).as_posix()
        if path.is_symlink():
            yield f"{name}: a symbolic link"
        elif path.is_dir():
            yield f"{name}: a DVC repository inside of this one"
        else:
            try:
                yield from (f"{name}: {problem}" for problem in _of_file(head, path, cache))
            except (UnclearError, UnicodeDecodeError, AttributeError, TypeError, KeyError) as error:
                yield f"{name}: cannot be read for sure ({error}); write it as DVC does"


def unnamed(head: Path, sources: list[str]) -> Iterator[str]:
    """Imports whose source is not below one of `sources` (`data.sources` of params.yaml)."""
    for path in dvc_files(head):
        if path.suffix == ".dvc" and path.is_file() and not path.is_symlink():
            try:
                wanted = list(_imports(read(path.read_text(encoding="utf-8")) or {}))
            except (UnclearError, UnicodeDecodeError, AttributeError, TypeError, KeyError):
                continue  # `problems` names it
            for url in wanted:
                named = any(url == source or url.startswith(source.rstrip("/") + "/") for source in sources)
                if not named or ".." in url:
                    yield f"{path.relative_to(head).as_posix()}: imports from {url!r}, which data.sources does not name"


def dvc_files(head: Path) -> Iterator[Path]:
    """Everything that DVC would read, and .dvc folders below the first."""
    for folder, folders, files in os.walk(head):
        here = Path(folder)
        if here == head:
            folders[:] = [name for name in folders if name not in (".git", ".dvc")]
        for name in sorted(folders):
            if name.lower() == ".dvc" or (name.lower().endswith(".dvc") and (here / name).is_symlink()):
                yield here / name
        folders[:] = [name for name in folders if name.lower() != ".dvc"]
        for name in sorted(files):
            if name.lower().endswith(".dvc") or name.lower() in ("dvc.yaml", "dvc.lock", "dvcfile"):
                yield here / name


def _of_file(head: Path, path: Path, cache: Path | None) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    if path.name.lower() == "dvc.lock":
        if HIDDEN_KEY.search(text):
            yield "names files of a folder one by one (relpath), which could lead out of it"
        return
    content = read(text) or {}
    if path.name.lower() == "dvc.yaml":
        for stage in (content.get("stages") or {}).values():
            stage = stage.get("do") or stage
            yield from _wdir(stage)
            for kind in ("outs", "metrics", "plots"):
                for out in stage.get(kind) or []:
                    for name in out if isinstance(out, dict) else [out]:
                        yield from _out(head, path.parent, name, cache)
        return
    if unknown := sorted(content.keys() - OF_FILE):
        yield f"{unknown[0]}: not of a .dvc file that `dvc add` or `dvc import` writes"
    yield from _wdir(content)
    for out in content.get("outs") or []:
        yield from _out(head, path.parent, out["path"], cache)
        if path.parent == head and not PurePosixPath(out["path"]).suffix:
            yield f"{out['path']}: a folder at the top could be a module of Python's; move it into data/"
        for file in out.get("files") or []:
            yield from _out(head, path.parent, f"{out['path']}/{file['relpath']}", cache)
    for dep in content.get("deps") or []:
        if extra := sorted((dep.get("repo") or {}).keys() - {"url", "rev", "rev_lock"}):
            yield f"repo.{extra[0]}: an import with settings of its own"


def _wdir(content: dict[str, Any]) -> Iterator[str]:
    if content.get("wdir") not in (None, "."):
        yield f"wdir: {content['wdir']}: leads to another folder"


def _out(head: Path, folder: Path, name: str, cache: Path | None) -> Iterator[str]:
    """What speaks against an output `name` of a file in `folder`."""
    parts = PurePosixPath(name).parts
    if "$" in name or "\\" in name or "://" in name or name.startswith(("/", "~")) or ".." in parts or not parts:
        yield f"{name}: not a plain path below its own folder"
        return
    place = folder.joinpath(*parts)
    below = place.relative_to(head)
    for link in _links(head, place):
        if cache is None or not link.resolve().is_relative_to(cache.resolve()):
            yield f"{name}: the symbolic link {link.relative_to(head).as_posix()} leads elsewhere"
            return
    if any(part.startswith(".") for part in below.parts) or below.suffix.lower() in CODE:
        yield f"{name}: hidden, or code; DVC files bring data"
    for parent in below.parents:
        if parent != Path() and (head / parent).is_dir() and any((head / parent).glob("*.py")):
            yield f"{name}: {parent.as_posix()} holds code; keep data elsewhere"
            return
    if below.parts[0] in ("src", "tests"):
        yield f"{name}: {below.parts[0]} holds code; keep data elsewhere"


def _links(head: Path, place: Path) -> Iterator[Path]:
    """Symbolic links on the way from `head` to an output, itself, and below it: DVC would write through them."""
    for parent in (place, *place.parents):
        if parent == head:
            break
        if parent.is_symlink():
            yield parent
            return
    for folder, folders, files in os.walk(place):
        yield from (Path(folder, name) for name in (*folders, *files) if Path(folder, name).is_symlink())


def _imports(content: dict[str, Any]) -> Iterator[str]:
    """The addresses that a .dvc file's dependencies name."""
    for dep in content.get("deps") or []:
        if "db" in dep:
            yield f"db:{dep['db'].get('connection')}"
        else:
            yield dep["repo"]["url"] if dep.get("repo") else dep["path"]


def named_sources(text: str) -> list[str] | None:
    """`data.sources` of the text of a params.yaml; None where it has none."""
    section = re.search(r"^data:[ ]*\n((?:[ #].*\n|\n)*)", text + "\n", re.MULTILINE)
    key = section and re.search(r"^( +)sources:.*\n(?:\1(?: |-).*\n)*", section[1], re.MULTILINE)
    found = read(key[0])["sources"] if key else None
    return found if isinstance(found, list) else None


def main() -> int:
    """Check the head's files; what is wrong goes to stderr, and the exit code is 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("head", type=Path)
    parser.add_argument("--base", type=Path, required=True, help="a folder with the base's params.yaml and .dvc/config")
    arguments = parser.parse_args()
    config, params = arguments.base / ".dvc/config", arguments.base / "params.yaml"
    sources = named_sources(params.read_text(encoding="utf-8")) if params.is_file() else None
    head = arguments.head.resolve()
    wrong = [*problems(head, config.read_bytes() if config.is_file() else b""), *unnamed(head, sources or [])]
    for problem in wrong:
        sys.stderr.write(f"error: {problem}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
