"""Learns step by step, measures every step on training and validation rows, stops early and goes back to the best."""

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import InputError
from pipeline.metrics.values import Floats, log_losses
from pipeline.models.learners import Rows, choose

WATCHED = 10_000  # training rows that are measured after a step, at most: enough for a curve, and every step pays

# What scikit-learn raises at rows or arguments that an estimator does not take; other errors are the pipeline's own.
REFUSALS = (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError, AttributeError, LookupError, RuntimeError)

Scores = dict[str, float]


@dataclass(frozen=True)
class Learned:
    """The best classifier, how many steps were made, which was the best (from 1), and its scores."""

    classifier: Any
    steps: int
    best_step: int
    scores: Scores


def learn(
    classifier: Any,
    train: Rows,
    validation: Rows,
    *,
    epochs: int,
    batch_size: int,
    patience: int,
    seed: int,
    record: Callable[[int, Scores], None],
) -> Learned:
    """Let `classifier` learn the training rows; after each step `record` gets its number, from 1, and its scores.

    Scores are `train/loss`, `train/accuracy`, `validation/loss`, `validation/accuracy`; see `score` for the loss.
    Learning ends after `patience` steps without a smaller validation loss, and the best step is returned; with a
    patience of 0 it goes on to the end and the last step is returned.

    Raises:
        InputError: the classifier refuses the rows, or its loss is not finite.
    """
    watched = _evenly(train, WATCHED)
    learner = choose(classifier, train, epochs, batch_size, seed)
    least, best, step, scores = math.inf, Learned(classifier, 0, 0, {}), 0, {}
    with reasons(type(classifier).__name__, classifier):
        for step, current in enumerate(learner.steps(), 1):
            scores = {f"train/{name}": value for name, value in score(current, watched).items()}
            scores |= {f"validation/{name}": value for name, value in score(current, validation).items()}
            _require_finite(scores, step, classifier)
            record(step, scores)
            loss = scores.get("validation/loss", -scores["validation/accuracy"])
            if loss < least or not patience:
                least, best = loss, Learned(classifier, step, step, scores)
                learner.keep()
            elif step - best.best_step >= patience:
                break
        return Learned(learner.kept(), step, best.best_step, best.scores)


def relearn(classifier: Any, rows: Rows, steps: int, *, epochs: int, batch_size: int, seed: int) -> Any:
    """The unfitted `classifier` after so many of at most `epochs` steps over `rows`: a choice that was made on others.

    Nothing is measured on the way, since no row is left to measure it on.

    Raises:
        InputError: the classifier refuses the rows.
    """
    learner = choose(classifier, rows, epochs, batch_size, seed)
    with reasons(type(classifier).__name__, classifier):
        for _ in islice(learner.steps(), steps):
            pass
        learner.keep()
        return learner.kept()


def score(classifier: Any, rows: Rows) -> Scores:
    """`accuracy`, and `loss`: log loss where there are probabilities, else hinge loss where each class has a score."""
    features, labels, classes = *rows, classifier.classes_
    if hasattr(classifier, "predict_proba"):
        probabilities = classifier.predict_proba(features)
        accuracy = float(np.mean(classes[probabilities.argmax(axis=1)] == labels))
        losses = log_losses(np.searchsorted(classes, labels), probabilities)
        return {"loss": float(np.mean(losses)), "accuracy": accuracy}
    scores = {"accuracy": float(np.mean(classifier.predict(features) == labels))}
    if hasattr(classifier, "decision_function") and not _scores_pairs(classifier):
        scores["loss"] = float(np.mean(_hinge_losses(labels, classifier.decision_function(features), classes)))
    return scores


def _scores_pairs(classifier: Any) -> bool:
    """Whether the columns of its decision function are pairs of classes: svm.SVC may be told so, also inside others."""
    shapes = (value for name, value in classifier.get_params().items() if name.endswith("decision_function_shape"))
    return len(classifier.classes_) > 2 and "ovo" in shapes


def _hinge_losses(labels: npt.NDArray[Any], decision: Floats, classes: npt.NDArray[Any]) -> Floats:
    """The hinge loss of each row; of three classes or more as Crammer and Singer (JMLR 2, 2001) define it.

    `sklearn.metrics.hinge_loss` takes a row of the first of two classes for the second if all rows are of that one.
    """
    codes = np.searchsorted(classes, labels)
    if len(classes) == 2:
        return np.asarray(np.maximum(0, 1 - np.where(codes == 1, decision, -decision)))
    of_label = np.take_along_axis(decision, codes[:, None], axis=1)
    others = np.where(np.arange(len(classes)) == codes[:, None], -np.inf, decision)
    return np.asarray(np.maximum(0, 1 - of_label[:, 0] + others.max(axis=1)))


@contextmanager
def reasons(name: str, part: Any) -> Iterator[None]:
    """Turn a refusal of `part` into an InputError that calls it `name`, and a Ctrl-C that the MLP swallowed back."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Training interrupted by user", category=UserWarning)
        try:
            yield
        except UserWarning:
            raise KeyboardInterrupt from None
        except REFUSALS as error:
            text = " ".join(str(error).split())[:400]
            diverged = "finite" in text or "overflow" in text
            advice = f"; {_advice(part)}" if diverged else ""
            raise InputError(f"train: {name} cannot learn from these rows: {text}{advice}") from error


def _require_finite(scores: Scores, step: int, classifier: Any) -> None:
    bad = [name for name, value in scores.items() if not math.isfinite(value)]
    if bad:
        raise InputError(f"train: {bad[0]} is not finite after step {step}; {_advice(classifier)}")


def _advice(part: Any) -> str:
    """What helps when learning diverges."""
    rates = [name for name in ("learning_rate_init", "eta0", "learning_rate") if hasattr(part, name)]
    lower = f"lower train.arguments.{rates[0]} or " if rates else ""
    return lower + "scale the numbers first (train.preprocessing: [preprocessing.StandardScaler])"


def _evenly(rows: Rows, most: int) -> Rows:
    """At most `most` of the rows, evenly spaced."""
    count = len(rows.labels)
    if count <= most:
        return rows
    chosen: npt.NDArray[np.int64] = np.linspace(0, count - 1, most).astype(np.int64)
    return Rows(rows.features[chosen], rows.labels[chosen])
