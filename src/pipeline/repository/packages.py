"""Which versions of packages decide a result: those that requirements.lock names against those that are installed.

A stage asks before it imports anything, perhaps in an old Python that knows nothing of this project: so this is the
standard library in the syntax of Python 3.6, and reads names of folders where `importlib.metadata` would read files.
"""

import os
import re
import sys
from pathlib import Path

LOCK = "requirements.lock"
DECIDING = ("scikit-learn", "numpy", "scipy", "pandas", "pyarrow", "onnx", "skl2onnx", "onnxruntime")
ANY = "any"  # as PIPELINE_ENVIRONMENT: run with other packages, too, and say so in the records
RECORDED = "other_packages"  # the name in a metrics.json under which it says so


def any_allowed() -> bool:
    """Whether the user lets other packages through than the locked ones."""
    return os.environ.get("PIPELINE_ENVIRONMENT") == ANY


def pinned(lock: str) -> "dict[str, list[str]]":
    """The versions of every package in the text of a requirements.lock: several where platforms get different ones."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, flags=re.MULTILINE):
        found.setdefault(_canonical(name), []).append(version)
    return found


def installed(folders: "list[str]") -> "dict[str, str]":
    """The version of every package that these folders of a Python path hold; the first folder that has one decides."""
    found: dict[str, str] = {}
    for folder in folders:
        try:
            names = [path.name for path in Path(folder).iterdir()]
        except OSError:  # a zip file, or nothing
            continue
        for name in names:
            match = re.match(r"([^-]+)-([^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info$", name)
            if match:
                found.setdefault(_canonical(match.group(1)), match.group(2))
    return found


def differences(folders: "list[str] | None" = None) -> "list[str]":
    """What decides a result and is not as requirements.lock of this folder has it: "numpy 2.3.0 instead of 2.4.6".

    `folders` are those of a Python path, of this Python if none are given. Without a lock there is nothing to differ.
    """
    try:
        pins = pinned(Path(LOCK).read_text(encoding="utf-8"))
    except OSError:
        return []
    here = installed(sys.path if folders is None else folders)
    found = []
    for name in DECIDING:
        versions, version = pins.get(name, []), here.get(name)
        if versions and version not in versions:
            asked = " or ".join(versions)
            found.append(f"{name} {version} instead of {asked}" if version else f"no {name} {asked}")
    return found


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
