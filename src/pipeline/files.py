"""Writes files so that a reader never sees half of one: a temporary name beside the target, then a rename."""

import json
import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(target: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; what the block wrote there replaces `target` if it did not raise.

    The block writes a file or makes a folder. `target` keeps its old content on any failure and any interruption. Only
    a kill (SIGKILL) between the two renames that replace a folder leaves it missing, the old one beside it in .tmp-*.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".tmp-{target.name}-", dir=target.parent))
    try:
        new, old = scratch / target.name, scratch / ".old"
        yield new
        try:
            if target.is_dir():
                target.replace(old)
            new.replace(target)
        except BaseException:
            if old.exists() and not target.exists():
                old.replace(target)
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_json(target: str | Path, content: Any) -> None:
    """Write `content` as JSON with sorted keys; NaN and infinities are refused with ValueError."""
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    with replacing(target) as new:
        new.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """The content of a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def finite(value: Any) -> bool:
    """Whether `value` is a number that is neither NaN nor infinite."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
