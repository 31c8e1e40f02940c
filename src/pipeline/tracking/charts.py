"""DVCLive's plots as W&B's own charts and tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb

Rows = list[dict[str, Any]]

# Columns that say what a plot is: W&B's chart and its title by x and y.
CURVES = {
    ("fpr", "tpr"): ("wandb/area-under-curve/v0", "ROC"),
    ("recall", "precision"): ("wandb/area-under-curve/v0", "Precision-recall"),
    ("prob_pred", "prob_true"): ("wandb/lineseries/v0", "Calibration"),
}
BESIDE = {"label", "threshold"}  # columns that a curve may have too; with others it is another plot
FIRST = ("truth", "prediction")  # in a caption


def chart(name: str, rows: Rows) -> dict[str, Any]:
    """What to log for one plot: a native chart where the columns say which, and the rows as a table."""
    columns = set(rows[0])
    if {"actual", "predicted"} <= columns:
        return {name: _confusion(rows)}
    for (x, y), (spec, title) in CURVES.items():
        if {x, y} <= columns <= {x, y, *BESIDE}:
            return {name: _curve(rows, x, y, spec, title)}
    found: dict[str, Any] = {f"tables/{name}": table(rows)}
    if len(columns) == 2 and all(_is_number(value) for row in rows for value in row.values()):
        found[name] = wandb.plot.line(table(rows), *rows[0], title=name)
    return found


def table(rows: Rows) -> wandb.Table:
    """Rows as a W&B table; values of different types in one column are allowed."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    data = [[row.get(column) for column in columns] for row in rows]
    return wandb.Table(columns=columns, data=data, allow_mixed_types=True)


def gallery(images: Mapping[str, Path], plots: Mapping[str, Rows]) -> dict[str, list[tuple[Path, str | None]]]:
    """The images of each folder with their captions: the plot row that names the image, or the plot of its name."""
    captions = {}
    for plot, rows in plots.items():
        if f"{plot}.png" in images:
            captions[f"{plot}.png"] = "\n".join(_caption(row) for row in rows if set(FIRST) <= set(row))
        captions |= {Path(row["image"]).name: _caption(row) for row in rows if isinstance(row.get("image"), str)}
    found: dict[str, list[tuple[Path, str | None]]] = {}
    for name, path in images.items():
        parent = Path(name).parent.as_posix()
        key = name if parent == "." else parent
        found.setdefault(f"images/{key}", []).append((path, captions.get(path.name)))
    return found


def _confusion(rows: Rows) -> Any:
    labels = sorted({str(row[side]) for row in rows for side in ("actual", "predicted")}, key=_natural)
    number = {label: index for index, label in enumerate(labels)}
    return wandb.plot.confusion_matrix(
        y_true=[number[str(row["actual"])] for row in rows],
        preds=[number[str(row["predicted"])] for row in rows],
        class_names=labels,
        title="Confusion matrix",
    )


def _curve(rows: Rows, x: str, y: str, spec: str, title: str) -> Any:
    data = [[str(row.get("label", "all")), row[x], row[y]] for row in rows]
    fields = {"x": x, "y": y, "class": "class"}
    if spec == "wandb/lineseries/v0":
        fields = {"step": x, "lineVal": y, "lineKey": "class"}
    return wandb.plot_table(
        vega_spec_name=spec,
        data_table=wandb.Table(columns=["class", x, y], data=data),
        fields=fields,
        string_fields={"title": title, "x-axis-title": x, "y-axis-title": y, "xname": x},
    )


def _natural(label: str) -> tuple[int, str]:
    return (int(label), "") if label.isdigit() else (1 << 60, label)


def _caption(row: dict[str, Any]) -> str:
    names = dict.fromkeys((*FIRST, *row))
    return ", ".join(f"{name}: {_short(row[name])}" for name in names if name in row and name != "image")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
