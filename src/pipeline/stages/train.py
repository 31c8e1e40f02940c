"""Fits the model of params.yaml on the prepared training rows, watched on the validation rows."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from sklearn.pipeline import Pipeline

from pipeline.data.columns import Columns
from pipeline.data.schema import GROUP, TARGET, Schema
from pipeline.errors import InputError, run
from pipeline.files import read_json, reading_parquet, replacing
from pipeline.metrics import answers
from pipeline.metrics.slices import per_class
from pipeline.models.estimators import build
from pipeline.models.folds import folds_by_group, means_by_group
from pipeline.models.learn import Learned, Scores, learn, reasons
from pipeline.models.learners import Rows
from pipeline.params import read_params
from pipeline.text import shown
from pipeline.tracking import Live

PREPARED = Path("data/prepared")


def main() -> None:
    """Read the prepared rows, learn, write models/model.joblib and the curves below metrics/train."""
    train = read_params().train
    schema = Schema.from_dict(read_json(PREPARED / "schema.json"))
    model = build(train.estimator, train.arguments, train.preprocessing, train.calibration, train.seed, schema)
    rows = read_rows(PREPARED / "train.parquet", schema)
    validation = read_rows(PREPARED / "validation.parquet", schema)
    require_all_classes(rows, schema)

    *before, (name, classifier) = model.steps
    groups = read_groups(PREPARED / "train.parquet")
    for _, step in before:
        with reasons("the preprocessing", step), means_by_group(step, rows.labels, groups):
            rows = Rows(step.fit_transform(*rows), rows.labels)
            validation = Rows(step.transform(validation.features), validation.labels)
    folds = folds_by_group(classifier, rows.labels, groups)
    with folds, Live("metrics/train") as live, progress(train.epochs) as show:

        def record(step: int, scores: Scores) -> None:
            live.step = step  # from 1, as best_step; DVCLive begins at 0
            for series, value in scores.items():
                live.log_metric(series, value)
            live.next_step()
            show(step, scores)

        learned = learn(
            classifier,
            rows,
            validation,
            epochs=train.epochs,
            batch_size=train.batch_size,
            patience=train.patience,
            seed=train.seed,
            record=record,
        )
        summarize(live, learned)
    for sentence in of_answers(learned.classifier, validation):
        sys.stderr.write(f"train: validation {shown(sentence)}\n")
    model.steps[-1] = (name, learned.classifier)
    if not schema.tensor:
        model = Pipeline([("columns", Columns(schema.features)), *model.steps])
    with replacing("models/model.joblib") as new:
        joblib.dump(model, new)


def read_rows(path: Path, schema: Schema) -> Rows:
    """The encoded features and the labels of a prepared table, without a second copy of them in memory."""
    encode = Columns(schema.features)
    with reading_parquet(path), pq.ParquetFile(path) as file:
        features = np.empty((file.metadata.num_rows, schema.width), dtype=np.float32)
        labels: list[int | str] = []
        for batch in file.iter_batches(batch_size=4096, columns=[*schema.names, TARGET]):
            features[len(labels) : len(labels) + batch.num_rows] = encode.transform(batch.to_pandas())
            labels += batch.column(TARGET).to_pylist()
    return Rows(features, np.array(labels))


def read_groups(path: Path) -> npt.NDArray[np.object_] | None:
    """The group of each row of a prepared table, if data.group is declared."""
    if GROUP not in pq.read_schema(path).names:
        return None
    return np.array(pq.read_table(path, columns=[GROUP]).column(0).to_pylist(), dtype=object)


def require_all_classes(rows: Rows, schema: Schema) -> None:
    """Raise InputError if a class of the schema has no training row: the model could not know it."""
    absent = sorted(set(schema.classes) - set(rows.labels.tolist()), key=str)
    if absent:
        raise InputError(f"train: no training row has the class {absent[0]!r}; add rows of it or another prepare.seed")


def of_answers(classifier: Any, rows: Rows) -> list[str]:
    """What the classifier's answers to these rows say of it."""
    classes = classifier.classes_
    truth, prediction = (
        np.searchsorted(classes, labels) for labels in (rows.labels, classifier.predict(rows.features))
    )
    return answers.told(per_class(truth, prediction, classes.tolist()))


def summarize(live: Live, learned: Learned) -> None:
    """Let the summary say what the kept model scores, which may be an earlier step than the last."""
    live.step = learned.steps
    for series, value in learned.scores.items():
        live.log_metric(series, value, plot=False)
    live.summary["steps"] = learned.steps
    live.summary["best_step"] = learned.best_step
    live.make_summary()


@contextmanager
def progress(total: int) -> Iterator[Callable[[int, Scores], None]]:
    """Shows steps on stderr: a bar on a terminal, elsewhere a line for every tenth part."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(total=total, desc="train", unit="step", leave=False) as bar:

            def advance(step: int, scores: Scores) -> None:
                bar.set_postfix_str(_short(scores), refresh=False)
                bar.update()

            yield advance
    else:

        def line(step: int, scores: Scores) -> None:
            if step == 1 or step % max(1, total // 10) == 0:
                sys.stderr.write(f"train: step {step} of at most {total}: {_short(scores)}\n")

        yield line


def _short(scores: Scores) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in scores.items() if name.startswith("validation"))


if __name__ == "__main__":
    run(main)
