"""What a commit says of its model: metrics with intervals, size, and the hashes of package and dvc.lock; from Git."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.comparison import formats
from pipeline.files import finite, parse_yaml
from pipeline.params import Metric
from pipeline.repository import lock
from pipeline.repository.git import blobs, git

PACKAGE = "models/package"
FILES = ("metrics/evaluate/metrics.json", "metrics/package/metrics.json", "dvc.lock")
LEVEL = re.compile(r"^        evaluate:\n(?:          .*\n)*?          confidence: (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Figures:
    """A commit's own figures; what it does not have is left out. `confidence` is the level of the intervals."""

    values: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    confidence: float = 0.95
    lock: str | None = None

    def text(self, name: str, metric: Metric | None) -> str:
        """A metric for a person, without its interval."""
        return formats.value(metric, self.values.get(name))

    def span(self, name: str, metric: Metric | None) -> str:
        """The interval of a metric for a person: `96.43 to 99.07 %`."""
        if name not in self.intervals:
            return formats.NOTHING
        low, high = (formats.value(metric, end) for end in self.intervals[name])
        unit = " %" if high.endswith(" %") else ""
        return f"{low.removesuffix(unit)} to {high}"

    @property
    def size(self) -> str:
        """The package's size for a person."""
        size = self.values.get("size_bytes")
        return formats.NOTHING if size is None else f"{size / 1000:,.1f} kB"


def figures(root: Path, commits: Sequence[str]) -> list[Figures]:
    """The figures of each commit; Git is asked once for all of them."""
    folder = git(root, "rev-parse", "--show-prefix")
    texts = iter(blobs(root, [f"{commit}:{folder}{file}" for commit in commits for file in FILES]))
    return [_figures(next(texts), next(texts), next(texts)) for _ in commits]


def _figures(evaluated: str | None, packaged: str | None, recorded: str | None) -> Figures:
    measured = _mapping(evaluated) | {"size_bytes": _mapping(packaged).get("size_bytes")}
    ends = measured.get("interval")
    spans = {name: (of.get("low"), of.get("high")) for name, of in ends.items()} if isinstance(ends, Mapping) else {}
    level = LEVEL.search(recorded or "")
    return Figures(
        {name: float(value) for name, value in measured.items() if finite(value)},
        {name: (low, high) for name, (low, high) in spans.items() if finite(low) and finite(high)},
        float(level[1]) if level else 0.95,
        recorded,
    )


def _mapping(text: str | None) -> dict[str, Any]:
    with suppress(ValueError):
        content = json.loads(text or "{}")
        return content if isinstance(content, dict) else {}
    return {}


def artifacts(text: str | None) -> dict[str, str]:
    """The paths of the artifacts that the text of a dvc.yaml names."""
    try:
        content = parse_yaml(text or "")
    except ValueError:
        return {}
    found = content.get("artifacts") if isinstance(content, dict) else None
    entries = found.items() if isinstance(found, dict) else ()
    return {str(name): str(entry.get("path", "")) for name, entry in entries if isinstance(entry, dict)}


def package_hash(recorded: str | None) -> str | None:
    """DVC's hash of the package that the text of a dvc.lock records."""
    return lock.outputs(recorded).get(PACKAGE)


def lock_hash(recorded: str | None) -> str:
    """The MD5 of a dvc.lock, as W&B's runs have it, too."""
    return hashlib.md5((recorded or "").encode(), usedforsecurity=False).hexdigest()


def message_lines(found: Figures, metrics: Mapping[str, Metric]) -> list[str]:
    """The figures as lines of a tag's message: metrics with intervals, the hashes of package and dvc.lock."""
    level = formats.level(found.confidence)
    lines = []
    for name, metric in metrics.items():
        if name in found.values:
            span = f" ({level} interval {found.span(name, metric)})" if name in found.intervals else ""
            lines.append(f"{name} {found.text(name, metric)}{span}")
    return [
        *lines,
        "",
        f"{PACKAGE}: md5 {package_hash(found.lock)}, {found.size}",
        f"dvc.lock: md5 {lock_hash(found.lock)}",
    ]
