"""What `pipeline metrics` prints: the last metrics with their intervals, and where the package is."""

from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.files import read_json
from pipeline.metrics.answers import commonest, poverty
from pipeline.package.card import interval_text, scalars, value_text
from pipeline.params import read_params
from pipeline.text import shown


def print_metrics() -> None:
    """Print a short table.

    Raises:
        InputError: `dvc repro` was not run, or its metrics are gone or broken.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    measured = _read("metrics/evaluate/metrics.json")
    packaged = _read("metrics/package/metrics.json")
    params = read_params()
    table = Table(title=escape(shown(f"{params.package.name}: {measured['rows']} test rows")), title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column(f"{params.evaluate.confidence:.0%} interval", justify="right")
    for name, value in scalars(measured).items():
        interval = interval_text(name, measured.get("interval", {}).get(name))
        table.add_row(escape(shown(name)), value_text(name, value), interval)
        if name == "accuracy" and measured.get("per_class"):
            label, share = commonest(measured["per_class"])
            table.add_row(escape(shown(f"  always “{label}”")), value_text(name, share), "-")
    console = Console()
    console.print(table)
    for sentence in poverty(measured.get("per_class", {})):
        console.print(escape(shown(f"warning: {sentence}")), highlight=False)
    where = "models/package" if Path("models/package").is_dir() else "models/package (not here; run: dvc pull)"
    console.print(f"package: {where}, {packaged['size_bytes'] / 1000:.0f} kB, ONNX in MLflow's format", highlight=False)
    if Path("models/package/MLmodel").is_symlink():  # cache.type symlink
        told = "its files are links into the DVC cache, which MLflow refuses; for it: cp -rL models/package COPY"
        console.print(told, highlight=False)


def _read(path: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = read_json(path)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; run: dvc repro") from None
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error}); run: dvc repro --force") from None
    return content
