"""JSON and YAML, and files written so that a reader never sees half of one: a temporary name, then a rename."""

import io
import json
import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import ResourceError

if TYPE_CHECKING:
    import pandas as pd


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


def read_parquet(path: str | Path, columns: list[str] | None = None) -> "pd.DataFrame":
    """A table that a stage wrote; of `columns`, those that it has.

    Raises:
        ResourceError: the file is not whole.
    """
    import pandas as pd
    import pyarrow.parquet as pq

    with reading_parquet(path):
        known = pq.read_schema(path).names if columns is not None else []
        return pd.read_parquet(path, columns=None if columns is None else [name for name in columns if name in known])


@contextmanager
def reading_parquet(path: str | Path) -> Iterator[None]:
    """In this block a Parquet file that is cut off or something else is named, with what to do.

    Raises:
        ResourceError: the file is not whole: a full disk, half a download, or another program's.
    """
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError) or (isinstance(error, OSError) and error.strerror):
            raise  # the file system's, not Parquet's
        said = str(error).partition("\n")[0].rstrip(".")
        raise ResourceError(
            f"{path}: no whole Parquet file; delete it, then run dvc checkout, dvc pull or dvc repro\n{said}"
        ) from None


def finite(value: Any) -> bool:
    """Whether `value` is a number that is neither NaN nor infinite."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def parse_yaml(text: str) -> Any:
    """The content of YAML as DVC reads it: version 1.2, where 1e-5 is a number, `no` a text, and a key stands once.

    Everything that DVC reads or writes too (params.yaml, dvc.yaml, dvc.lock) must be read with this, else a value is
    one thing for DVC and another for a stage. ruamel.yaml is what DVC itself uses, and DVCLive imports it anyway.

    Raises:
        ValueError: this is no YAML; the message is one line that begins with the line in the text.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe").load(text)
    except (YAMLError, ValueError, RecursionError) as error:  # ValueError: of a date such as 2024-13-01
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        said = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise ValueError(f"{where}{' '.join(said.split())}") from None


def dump_yaml(content: Any) -> str:
    """YAML that `parse_yaml`, and so DVC, reads as `content` again."""
    from ruamel.yaml import YAML

    yaml, text = YAML(typ="safe"), io.StringIO()
    yaml.default_flow_style = False
    yaml.dump(content, text)
    return text.getvalue()


def leaves(content: Any, key: str = "", listed: bool = False) -> Iterator[tuple[str, Any]]:
    """Every value of nested JSON with its dotted name; not text in lists: it names columns and classes there."""
    if isinstance(content, (dict, list)):
        listed = listed or isinstance(content, list)
        for name, value in content.items() if isinstance(content, dict) else enumerate(content):
            yield from leaves(value, f"{key}.{name}" if key else str(name), listed)
    elif not (listed and isinstance(content, str)):
        yield key, content
