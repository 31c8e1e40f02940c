"""The model card, README.md of the package (Mitchell et al., Model Cards for Model Reporting, FAT* 2019)."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.data.date_format import READABLE, write
from pipeline.data.schema import WRITTEN, Feature, Schema
from pipeline.metrics.answers import commonest, poverty
from pipeline.text import markdown, shown

FEATURES_SHOWN = 20
CLASSES_SHOWN = 40
FEW = "of which these rows tell too little"
WITHOUT = {
    "calibration_error": "which is mostly noise of the sample where a model is calibrated well",
    "average_precision": "whose interval holds from 20 test rows (or groups) of each class on",
    "balanced_accuracy": "whose interval holds from 3 test rows (or groups) of each class on",
    "macro_f1": "whose interval holds from 5 test rows (or groups) of each class on, one of them found",
}
REFITTED = (
    "Fitted on the training and validation rows together (`train.refit`), after the validation rows had chosen "
    "between fits on the training rows alone: what is recorded of training is of those."
)
PERCENT = ("accuracy", "balanced_accuracy", "macro_f1", "top_2_accuracy")


@dataclass(frozen=True)
class Facts:
    """What the card reports. `metrics` is the content of metrics/evaluate/metrics.json."""

    name: str
    purpose: str
    steps: Sequence[str]  # the model's steps as text
    schema: Schema
    metrics: Mapping[str, Any]
    confidence: float
    tolerance: float
    hashes: Mapping[str, str]  # MD5 of files by path, as dvc.lock has them
    group: str | None = None  # the column whose rows belong together
    threshold: float | None = None  # from which probability on the second of two classes is the answer, if not 0.5
    refit: bool = False  # whether it learned from the validation rows, too, after they had chosen it


def model_card(facts: Facts) -> str:
    """The card in Markdown. It names no commit: a file cannot hold the commit that it is part of."""
    return (
        "\n\n".join(
            [
                f"# {markdown(facts.name)}",
                _paragraph(facts.purpose) or f"Predicts {_code(facts.schema.target)}.",
                *_model(facts),
                *_results(facts),
                *_limits(facts),
                *_calling(facts),
                *_origin(facts),
            ]
        )
        + "\n"
    )


def value_text(name: str, value: float) -> str:
    """A metric's value for a person: shares in percent."""
    return f"{value:.2%}" if name in PERCENT else f"{value:.4f}"


def interval_text(name: str, interval: Mapping[str, float] | None) -> str:
    """A metric's interval for a person; a dash where there is none."""
    if not interval or "low" not in interval:
        return "-"
    return f"{value_text(name, interval['low'])} to {value_text(name, interval['high'])}"


def beside_the_commonest(
    rows: Sequence[tuple[str, str, str]], metrics: Mapping[str, Any]
) -> list[tuple[str, str, str]]:
    """Name, value and interval of each metric; behind the accuracy, what always answering the commonest class has."""
    found = []
    for row in rows:
        found.append(row)
        if row[0] == "accuracy" and metrics.get("per_class"):
            label, share = commonest(metrics["per_class"])
            found.append((f"always “{markdown(label)}”", value_text("accuracy", share), "-"))
    return found


def scalars(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The plain metrics at the top level of metrics.json."""
    return {k: v for k, v in metrics.items() if isinstance(v, (int, float)) and k not in ("rows", "groups", "step")}


def _model(facts: Facts) -> list[str]:
    schema = facts.schema
    classes = ", ".join(_code(str(label)) for label in schema.classes[:CLASSES_SHOWN])
    more = len(schema.classes) - CLASSES_SHOWN
    shape = f": a picture of {schema.image[0]} x {schema.image[1]} values, row by row" if schema.image else ""
    if schema.tensor:
        of_classes = f" and `probabilities` (rows, {len(schema.classes)}) in the order of the classes"
        taken = (
            f"`features`, float32 (rows, {len(schema.features)}), in the order of `schema.json`{shape}. {_gaps(schema)}"
        )
    else:
        of_classes = " and `proba_<class>` (rows) for each class"
        taken = (
            f"the table's own columns, by name. {_gaps(schema)} A blank text is a category of its own where training "
            "had one; a category that training did not see is none of them." + _dates(schema)
        )
    probabilities = of_classes if _has_probabilities(facts) else ""
    second = ""
    if facts.threshold is not None:
        second = (
            f" The label is {_code(str(schema.classes[1]))} where its probability is {facts.threshold:.6g} or more."
        )
    return [
        "## The model",
        "scikit-learn, exported to ONNX: " + " → ".join(map(_code, facts.steps)) + ".",
        *([REFITTED] if facts.refit else []),
        f"**Input**: {taken}",
        _features(schema),
        f"**Output**: `label` (rows){probabilities}. The classes: {classes}{f' and {more} more' if more > 0 else ''}."
        f"{second}",
    ]


def _gaps(schema: Schema) -> str:
    """What becomes of a missing number; a model that saw no gap has no step that fills one."""
    if any(feature.missing and feature.type not in WRITTEN for feature in schema.features):
        return "A missing number is NaN, where `schema.json` says `missing`."
    return "No number may be missing: no row had a gap."


def _dates(schema: Schema) -> str:
    """How dates are to be written, and what becomes of one that is not."""
    dates = [feature for feature in schema.features if feature.type == "date"]
    if not dates:
        return ""
    written = "; ".join(f"{_code(f.name)} as {_code(f.format or READABLE)}" for f in dates)
    return (
        f" Dates are text: {written}; what is no date is refused, and so is a blank where `schema.json` does not say "
        "`missing`."
    )


def _has_probabilities(facts: Facts) -> bool:
    return "log_loss" in facts.metrics


def _features(schema: Schema) -> str:
    features = schema.features[:FEATURES_SHOWN]
    if schema.show_rows:
        rows = [[_code_cell(f.name), f.type, _range(f)] for f in features]
        table = _table(["feature", "type", "seen in training"], rows)
    else:
        table = _table(
            ["feature", "type", "gaps"], [[_code_cell(f.name), f.type, "some" if f.missing else "-"] for f in features]
        )
    hidden = len(schema.features) - FEATURES_SHOWN
    if hidden <= 0:
        return table
    summary = f"<summary>The first {FEATURES_SHOWN} features; {hidden} more in schema.json</summary>"
    return f"<details>{summary}\n\n{table}\n\n</details>"


def _range(feature: Feature) -> str:
    if feature.type == "text":
        return f"{len(feature.terms):,} terms" + (", some missing" if feature.missing else "")
    if feature.categories:
        shown = ", ".join(markdown(category) or '""' for category in feature.categories[:8])
        return shown + (f" and {len(feature.categories) - 8} more" if len(feature.categories) > 8 else "")
    if feature.minimum is None or feature.maximum is None:
        known = "-"
    elif feature.type == "date":
        known = f"{write(feature.minimum, '')} to {write(feature.maximum, '')}"
    else:
        known = f"{feature.minimum:g} to {feature.maximum:g}"
    return known + (", some missing" if feature.missing else "")


def _results(facts: Facts) -> list[str]:
    metrics = facts.metrics
    intervals = metrics.get("interval", {})
    level = f"{100 * facts.confidence:g}% interval"
    parts = [
        "## Results",
        f"On {metrics['rows']} test rows that the model never learned from.",
        _table(
            ["metric", "value", level],
            beside_the_commonest(
                [(k, value_text(k, v), interval_text(k, intervals.get(k))) for k, v in scalars(metrics).items()],
                metrics,
            ),
        ),
        "### Per class",
        _table(
            ["class", "precision", "recall", "F1", "test rows"],
            [
                [markdown(label), f"{v['precision']:.2%}", f"{v['recall']:.2%}", f"{v['f1']:.2%}", str(v["rows"])]
                for label, v in metrics["per_class"].items()
            ],
        ),
    ]
    if facts.group and "groups" in metrics:
        parts.insert(
            2,
            f"Rows of one {_code(facts.group)} are alike: the intervals count the {metrics['groups']} groups as "
            "evidence, not the rows.",
        )
    if missing := [name for name in scalars(metrics) if name not in intervals]:
        parts.insert(-2, f"No interval: {'; '.join(f'{name}, {WITHOUT.get(name, FEW)}' for name in missing)}.")
    for column, values in metrics.get("slice", {}).items():
        rows = [
            [markdown(name), f"{v['accuracy']:.2%}", interval_text("accuracy", v), str(v["rows"])]
            for name, v in values.items()
        ]
        parts += [f"### Per {_code(column)}", _table([markdown(column), "accuracy", level, "test rows"], rows)]
    return parts


def _limits(facts: Facts) -> list[str]:
    per_class = facts.metrics["per_class"]
    judged = {label: v for label, v in per_class.items() if v["rows"]}
    weakest = min(judged, key=lambda label: judged[label]["recall"])
    fewest = min(per_class, key=lambda label: per_class[label]["rows"])
    recall, rows = judged[weakest]["recall"], judged[weakest]["rows"]
    lines = [
        *(f"{markdown(sentence[:1].upper() + sentence[1:])}." for sentence in poverty(per_class)),
        "The results hold for rows drawn like the test rows; nothing is known of other sources, times or devices.",
        f"It finds {_code(weakest)} least often: {recall:.1%} of its {rows} test rows.",
        f"It was judged on the fewest rows, {per_class[fewest]['rows']}, for {_code(fewest)}.",
        "It always answers with one of its classes, also for a row that is none of them.",
        "Values outside what training saw (`minimum`, `maximum`, `categories` in schema.json) are answered unproven.",
    ]
    if _has_probabilities(facts):
        error = facts.metrics["calibration_error"]
        lines.append(f"Its stated probabilities are off by {error:.1%} on average (expected calibration error).")
    else:
        lines.append("It states no probabilities.")
    return ["## Limits", "\n".join(f"- {line}" for line in lines)]


def _calling(facts: Facts) -> list[str]:
    return [
        "## How to call it",
        "From this folder, with `pip install -r requirements.txt`; first `sha256sum -c SHA256SUMS` proves it whole.",
        *(_calling_an_array(len(facts.schema.features)) if facts.schema.tensor else _calling_columns(facts.schema)),
    ]


def _calling_an_array(features: int) -> list[str]:
    return [
        f"""```python
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
rows = np.zeros((2, {features}), dtype=np.float32)
answer = dict(zip([output.name for output in session.get_outputs()], session.run(None, {{"features": rows}})))
print(answer["label"])
```""",
        f"""```python
import mlflow.pyfunc
import numpy as np

model = mlflow.pyfunc.load_model(".")
print(model.predict(np.zeros((2, {features}), dtype=np.float32))["label"])
```""",
        "Or as a service: `mlflow models serve -m . --env-manager local`.",
    ]


def _calling_columns(schema: Schema) -> list[str]:
    if any("None" in feature.categories for feature in schema.features):
        of_none = (
            "`None` is a category here, and pandas takes it for a blank: read files with "
            '`pandas.read_csv(file, keep_default_na=False, na_values=[""])`.'
        )
        return [*_CALLING_COLUMNS, of_none]
    return _CALLING_COLUMNS


_CALLING_COLUMNS = [
    """```python
import json
import mlflow.pyfunc
import pandas as pd

example = json.load(open("input_example.json"))
rows = pd.DataFrame(example["data"], columns=example["columns"])  # or pandas.read_csv of your own
print(mlflow.pyfunc.load_model(".").predict(rows)["label"].tolist())
```""",
    "Or as a service, `mlflow models serve -m . --env-manager local`, which takes the JSON of "
    "`serving_input_example.json`. Whole numbers, blanks, true and false may stand as they do in the file; other "
    "columns are not looked at; a cell that is no value of its column is refused. Without MLflow: "
    "`table_model.py` in `code/` needs pandas and onnxruntime.",
    "With onnxruntime alone, an input for each column: numbers and booleans (1 and 0) as float64, NaN where there is "
    'none; categories, dates and free text as text, "" where there is none.',
    """```python
import json
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
row = json.load(open("input_example.json"))["data"][0]
cells = {}
for column, cell in zip(session.get_inputs(), row):
    text = column.type == "tensor(string)"
    cells[column.name] = np.array([cell or "" if text else cell], dtype=object if text else np.float64)
answer = dict(zip([output.name for output in session.get_outputs()], session.run(None, cells)))
print(answer["label"].tolist())
```""",
]


def _origin(facts: Facts) -> list[str]:
    digest = facts.hashes["models/model.joblib"]
    return [
        "## Where it comes from",
        "Made by `dvc repro`. On every test row the package gave the label that `evaluate` saw, and probabilities "
        f"within {facts.tolerance:g}. MD5 of what it was made from, as in `dvc.lock`:",
        _table(["file", "MD5"], [[f"`{path}`", f"`{md5}`"] for path, md5 in facts.hashes.items()]),
        f"The commits that had this model: `git log --oneline -S {digest} -- dvc.lock`.",
    ]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _paragraph(text: str) -> str:
    """The user's own Markdown, without HTML."""
    return html.escape(shown(text, lines=True), quote=False)


def _code_cell(text: str) -> str:
    """A span of code in a table, where a bar would begin the next cell even there."""
    return _code(text).replace("|", "\\|")


def _code(text: str) -> str:
    """A span of code that its text cannot leave."""
    return f"`{shown(' '.join(text.replace('`', chr(39)).split()))}`"
