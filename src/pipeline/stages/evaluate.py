"""Stage `evaluate`: measure the model on the test rows, with intervals, per class and per slice."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL.Image import Image

from pipeline.data.columns import Columns
from pipeline.data.schema import GROUP, KEY, TARGET, Schema, matrix, model_input, probability_columns
from pipeline.errors import InputError, run
from pipeline.files import read_json, read_parquet, replacing, write_json
from pipeline.metrics import answers, curves, pictures
from pipeline.metrics import values as metrics
from pipeline.metrics.hardest import hardest
from pipeline.metrics.intervals import intervals
from pipeline.metrics.slices import decode, per_class, per_slice
from pipeline.metrics.values import Codes, Floats
from pipeline.params import Evaluate, read_params
from pipeline.stages.model import load_model
from pipeline.text import shown
from pipeline.tracking import Live

TABLE_FEATURES = 12  # features that the table of hardest examples shows


def main() -> None:
    """Write data/predictions/test.parquet and metrics/evaluate/."""
    params = read_params().evaluate
    schema = Schema.from_dict(read_json("data/prepared/schema.json"))
    test = read_parquet("data/prepared/test.parquet").sort_values(KEY, kind="stable", ignore_index=True)
    model = load_model()
    require_fit(schema, model, test)

    features = model_input(test, schema)
    classes = np.asarray(schema.classes)
    truth = np.searchsorted(classes, test[TARGET].to_numpy(dtype=classes.dtype))
    prediction = np.searchsorted(classes, model.predict(features))
    probabilities = np.asarray(model.predict_proba(features), np.float64) if hasattr(model, "predict_proba") else None

    groups = test[GROUP].astype(str) if GROUP in test else None
    summary = measure(test, truth, prediction, probabilities, schema, params, groups)
    rows = hardest(truth == prediction, confidence(prediction, probabilities), params.hardest)
    with replacing("data/predictions/test.parquet") as new:
        table = predictions(test[KEY], groups, classes[truth], classes[prediction], probabilities, schema)
        table.to_parquet(new, index=False)
    with Live("metrics/evaluate") as live:
        live.summary.update(summary)
        log_curves(live, truth, prediction, probabilities, classes, params.bins)
        log_per_class(live, summary["per_class"])
        log_hardest(live, rows, test, truth, prediction, probabilities, schema)
    for sentence in answers.told(summary["per_class"]):
        sys.stderr.write(f"evaluate: {shown(sentence)}\n")


def require_fit(schema: Schema, model: Any, test: pd.DataFrame) -> None:
    """Raise InputError unless model, schema and test rows belong together."""
    classes = model.classes_.tolist()
    first = getattr(model, "steps", [("", None)])[0][1]
    if not schema.tensor and (not isinstance(first, Columns) or tuple(first.features) != schema.features):
        raise InputError("models/model.joblib: its columns are not those of data/prepared/schema.json; run: dvc repro")
    if test.empty:
        raise InputError("data/prepared/test.parquet: no rows to judge the model by; raise prepare.test_size")
    if classes != list(schema.classes):
        raise InputError("models/model.joblib: its classes are not those of data/prepared/schema.json; run: dvc repro")
    if unknown := sorted(set(test[TARGET]) - set(classes), key=str):
        raise InputError(f"data/prepared/test.parquet: the class {unknown[0]!r} is not in schema.json; run: dvc repro")
    if schema.image and schema.image[0] * schema.image[1] != len(schema.features):
        raise InputError(
            f"params.yaml: data.image: {schema.image[0]} x {schema.image[1]} pixels, "
            f"but a row has {len(schema.features)} features"
        )


def measure(
    test: pd.DataFrame,
    truth: Codes,
    prediction: Codes,
    probabilities: Floats | None,
    schema: Schema,
    params: Evaluate,
    groups: "pd.Series[str] | None" = None,
) -> dict[str, Any]:
    """The content of metrics.json: values at the top, what explains them below names of their own."""
    codes = None if groups is None else pd.factorize(groups)[0]
    found = intervals(truth, prediction, probabilities, codes, params.confidence, len(schema.classes))
    slices = per_slice(test, truth == prediction, schema, params.slices, params.confidence, codes)
    return {
        **metrics.measure(truth, prediction, probabilities, params.bins),
        "rows": len(truth),
        **({} if codes is None else {"groups": int(codes.max()) + 1}),
        "interval": {name: {"low": low, "high": high} for name, (low, high) in found.items()},
        "per_class": per_class(truth, prediction, schema.classes),
        **({"slice": slices} if slices else {}),
    }


def confidence(prediction: Codes, probabilities: Floats | None) -> Floats | None:
    """The probability of each row's predicted class, if the model has probabilities."""
    return None if probabilities is None else metrics.confidences(prediction, probabilities)


def predictions(
    keys: "pd.Series[str]",
    groups: "pd.Series[str] | None",
    truth: npt.NDArray[Any],
    prediction: npt.NDArray[Any],
    probabilities: Floats | None,
    schema: Schema,
) -> pd.DataFrame:
    """The table that the review and the package are checked against; `group` is there if rows belong together."""
    table = pd.DataFrame({"key": keys, "truth": truth, "prediction": prediction})
    if groups is not None:
        table["group"] = groups
    if probabilities is not None:
        named = pd.DataFrame(probabilities, columns=probability_columns(schema.classes), index=table.index)
        table = pd.concat([table, named], axis=1)  # at once: a column at a time, pandas warns from 100 on
    return table


def log_curves(
    live: Live,
    truth: Codes,
    prediction: Codes,
    probabilities: Floats | None,
    classes: npt.NDArray[Any],
    bins: int,
) -> None:
    """Write the files of the confusion matrix, ROC, precision-recall and calibration plots, as DVCLive writes them.

    A curve that cannot be drawn, as without probabilities, is a point of nulls: dvc.yaml names the file, and DVC
    reports an error for a plot without a point.
    """
    order = np.lexsort((prediction, truth))  # a confusion matrix has no order of rows; in this one Git packs it well
    live.log_sklearn_plot("confusion_matrix", classes[truth[order]], classes[prediction[order]])
    folder = Path(live.plots_dir) / "sklearn"
    roc: list[Any] = []
    precision_recall: list[Any] = []
    if probabilities is None:
        write_json(folder / "calibration.json", {"calibration": [dict.fromkeys(("prob_true", "prob_pred"))]})
    else:
        positive, score = curves.one_against_rest(truth, probabilities)
        roc, precision_recall = curves.roc(positive, score), curves.precision_recall(positive, score)
        if len(classes) > 2:
            positive, score = truth == prediction, metrics.confidences(prediction, probabilities)
        live.log_sklearn_plot("calibration", positive, np.clip(score, 0, 1), n_bins=bins)
    # Not through log_sklearn_plot: it keeps every point, and its first threshold, Infinity, is no JSON.
    roc = roc or [dict.fromkeys(("fpr", "tpr", "threshold"))]
    precision_recall = precision_recall or [dict.fromkeys(("recall", "precision", "threshold"))]
    write_json(folder / "roc.json", {"roc": roc})
    write_json(folder / "precision_recall.json", {"precision_recall": precision_recall})


def log_per_class(live: Live, values: dict[str, dict[str, float]]) -> None:
    """Write F1 and the rest of each class as a plot."""
    points = [{"class": label, **of_class} for label, of_class in values.items()]
    live.log_plot("per_class", points, x="f1", y="class", template="bar_horizontal")


def log_hardest(
    live: Live,
    rows: Codes,
    test: pd.DataFrame,
    truth: Codes,
    prediction: Codes,
    probabilities: Floats | None,
    schema: Schema,
) -> None:
    """Write the hardest examples as plots/custom/hardest.json and as pictures, or a picture of a table."""
    sure = confidence(prediction, probabilities)
    examples: list[dict[str, Any]] = []
    for rank, row in enumerate(rows, 1):
        true, said = schema.classes[truth[row]], schema.classes[prediction[row]]
        example = {"rank": rank, "key": test[KEY].iloc[row], "truth": true, "prediction": said}
        example["confidence"] = None if sure is None else float(sure[row])
        if not schema.show_rows:
            pass
        elif schema.image:
            # The rank alone: then `dvc plots diff` puts two models' pictures side by side. A bare number is a step.
            example["image"] = f"hardest/rank_{rank:03d}.png"
        else:
            example["features"] = {
                feature.name: decode(test[feature.name].iloc[row], feature)
                for feature in schema.features[:TABLE_FEATURES]
            }
        examples.append(example)
    write_json(Path(live.plots_dir) / "custom" / "hardest.json", examples)
    if not schema.image or not schema.show_rows:
        live.log_image("hardest.png", _table(examples))
        return
    low = min(feature.minimum or 0.0 for feature in schema.features)
    high = max(feature.maximum or 0.0 for feature in schema.features)
    drawn = [pictures.enlarge(pixels, schema.image, low, high) for pixels in matrix(test.iloc[rows], schema)]
    for example, picture in zip(examples, drawn, strict=True):
        live.log_image(example["image"], picture)
    captions = [
        pictures.Caption(f"says {e['prediction']}{_percent(e['confidence'])}", f"is {e['truth']}", right=bool(right))
        for e, right in zip(examples, truth[rows] == prediction[rows], strict=True)
    ]
    live.log_image("hardest.png", pictures.sheet(drawn, captions))


def _table(examples: list[dict[str, Any]]) -> Image:
    header = ["row", "truth", "prediction", "confidence"]
    names = list(examples[0].get("features", ())) if examples else []
    lines = [
        [_key(e["key"]), str(e["truth"]), str(e["prediction"]), _percent(e["confidence"]).strip()]
        + ["" if value is None else str(value) for value in e.get("features", {}).values()]
        for e in examples
    ]
    return pictures.table([*header, *names], lines)


def _key(key: str) -> str:
    """An id as it is; of a hash, which nobody knows by heart, its beginning."""
    return key[:10] if re.fullmatch("(?=[0-9]*[a-f])[0-9a-f]{32}(#[0-9]+)?", key) else key


def _percent(share: float | None) -> str:
    return "" if share is None else f"  {share:.1%}"


if __name__ == "__main__":
    run(main)
