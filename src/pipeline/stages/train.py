"""Fits the model of params.yaml on the prepared training rows, watched on the validation rows."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from pipeline.data.columns import Columns
from pipeline.data.schema import GROUP, TARGET, Schema
from pipeline.errors import InputError, run
from pipeline.files import read_json, reading_parquet, replacing
from pipeline.metrics import answers
from pipeline.metrics.slices import per_class
from pipeline.models.estimators import build
from pipeline.models.folds import folds_by_group, means_by_group
from pipeline.models.learn import Learned, Scores, learn, reasons, relearn
from pipeline.models.learners import Rows
from pipeline.models.pictures import OfPictures
from pipeline.models.threshold import choose, require_threshold, with_threshold
from pipeline.params import Train, read_params
from pipeline.text import shown
from pipeline.tracking import Live

PREPARED = Path("data/prepared")
TRAINING, VALIDATION = PREPARED / "train.parquet", PREPARED / "validation.parquet"


def main() -> None:
    """Read the prepared rows, learn, write models/model.joblib and the curves below metrics/train."""
    train = read_params().train
    schema = Schema.from_dict(read_json(PREPARED / "schema.json"))
    model = build(train.estimator, train.arguments, train.preprocessing, train.calibration, train.seed, schema)
    again = clone(model) if train.refit else None
    rows, validation = read_rows([TRAINING], schema), read_rows([VALIDATION], schema)
    require_all_classes(rows, schema)

    groups = read_groups([TRAINING])
    require_threshold(train.threshold, model.steps[-1][1], len(schema.classes))
    rows, validation = preprocess(model, rows, groups, validation)
    classifier = model.steps[-1][1]
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
        threshold = choose(train.threshold, learned.classifier, validation)
        if train.threshold == "validation":
            live.summary["threshold"] = threshold
        summarize(live, learned)
        answering = with_threshold(learned.classifier, threshold)
        for sentence in of_answers(answering, validation):
            sys.stderr.write(f"train: validation {shown(sentence)}\n")
        if again is not None:
            del rows, validation  # before they are read again, all of them
            model, learned_from = refit(again, schema, train, learned.best_step)
            live.summary["refit_rows"] = learned_from
            live.make_summary()
            answering = with_threshold(model.steps[-1][1], threshold)
        model.steps[-1] = (model.steps[-1][0], answering)
    if not schema.tensor:
        model = Pipeline([("columns", Columns(schema.features)), *model.steps])
    with replacing("models/model.joblib") as new:
        joblib.dump(model, new)


def preprocess(model: Pipeline, rows: Rows, groups: npt.NDArray[np.object_] | None, *others: Rows) -> tuple[Rows, ...]:
    """Fit every step of `model` before its classifier on `rows`; these and `others` as the classifier takes them."""
    if not isinstance(model.steps[0][1], OfPictures):  # others count in float64 what is given to them as bytes
        rows = rows._replace(features=rows.features.astype(np.float32, copy=False))
        others = tuple(other._replace(features=other.features.astype(np.float32, copy=False)) for other in others)
    for _, step in model.steps[:-1]:
        with reasons("the preprocessing", step), means_by_group(step, rows.labels, groups):
            rows = Rows(step.fit_transform(*rows), rows.labels)
            others = tuple(Rows(step.transform(other.features), other.labels) for other in others)
    return rows, *others


def refit(model: Pipeline, schema: Schema, train: Train, steps: int) -> tuple[Pipeline, int]:
    """The unfitted `model`, all of it fitted on training and validation rows together, and how many these are.

    Its classifier learns as many steps as were best on the validation rows when it did not learn from them.
    """
    sides = [TRAINING, VALIDATION]
    rows, groups = read_rows(sides, schema), read_groups(sides)
    count = len(rows.labels)
    sys.stderr.write(f"train: once more, on the {count:,} training and validation rows, {steps} steps\n")
    (rows,) = preprocess(model, rows, groups)
    name, classifier = model.steps[-1]
    with folds_by_group(classifier, rows.labels, groups):
        fitted = relearn(classifier, rows, steps, epochs=train.epochs, batch_size=train.batch_size, seed=train.seed)
    model.steps[-1] = (name, fitted)
    return model, count


def read_rows(paths: Sequence[Path], schema: Schema) -> Rows:
    """The encoded features and the labels of prepared tables, without a second copy of them in memory.

    Sparse where there is free text. Float32, but for pixels that `prepare` kept as one byte each: these stay so.
    """
    encode = Columns(schema.features)
    count, kinds = 0, set[pa.DataType]()
    for path in paths:
        with reading_parquet(path), pq.ParquetFile(path) as file:
            count += file.metadata.num_rows
            written = file.schema_arrow  # made anew each time that it is asked for
            kinds |= {written.field(name).type for name in schema.names}
    sparse_parts: list[Any] = []
    free = any(feature.type == "text" for feature in schema.features)
    features: Any = np.empty((0 if free else count, schema.width), np.uint8 if kinds == {pa.uint8()} else np.float32)
    labels: list[int | str] = []
    for path in paths:
        with reading_parquet(path), pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=4096, columns=[*schema.names, TARGET]):
                encoded = encode.transform(batch.to_pandas())
                if free:
                    sparse_parts.append(encoded)
                else:
                    features[len(labels) : len(labels) + batch.num_rows] = encoded
                labels += batch.column(TARGET).to_pylist()
    if free:
        from scipy import sparse

        features = sparse.vstack(sparse_parts, format="csr")
    return Rows(features, np.array(labels))


def read_groups(paths: Sequence[Path]) -> npt.NDArray[np.object_] | None:
    """The group of each row of prepared tables, if data.group is declared."""
    if GROUP not in pq.read_schema(paths[0]).names:
        return None
    tables = [pq.read_table(path, columns=[GROUP]) for path in paths]
    return np.array([group for table in tables for group in table.column(0).to_pylist()], dtype=object)


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
