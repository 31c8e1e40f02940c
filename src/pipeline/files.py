"""JSON files, written so that a reader never sees half of one: a temporary name beside the target, then a rename."""

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


def yaml_hint(value: Any) -> str:
    """How to write a number that YAML took for text, to go behind a message: 1e-5, or one in quotes; else empty."""
    try:
        number = float(value) if isinstance(value, str) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        return ""
    if value.strip("+-").replace(".", "", 1).isdigit():
        return f"; write {value} without quotes"
    # With a point, 1.0e-05 rather than 1e-05, YAML knows it again.
    text = str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return f"; YAML reads {value} as text, write {text if '.' in text else text.replace('e', '.0e')}"


def leaves(content: Any, key: str = "", listed: bool = False) -> Iterator[tuple[str, Any]]:
    """Every value of nested JSON with its dotted name; not text in lists: it names columns and classes there."""
    if isinstance(content, (dict, list)):
        listed = listed or isinstance(content, list)
        for name, value in content.items() if isinstance(content, dict) else enumerate(content):
            yield from leaves(value, f"{key}.{name}" if key else str(name), listed)
    elif not (listed and isinstance(content, str)):
        yield key, content
