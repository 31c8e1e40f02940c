"""How classifiers learn step by step, and which step is kept."""

import time
import warnings

import numpy as np
import pytest
from sklearn.metrics import hinge_loss

from pipeline.data.schema import Feature, Schema
from pipeline.errors import InputError
from pipeline.models.estimators import build
from pipeline.models.learn import Learned, learn, score
from pipeline.models.learners import Rows, spread

SCHEMA = Schema(tuple(Feature(name, "number") for name in "abcd"), "target", ("left", "middle", "right"))


def rows(count: int, seed: int) -> Rows:
    """Three noisy classes of four numbers."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, 4)).astype(np.float32)
    position = features[:, 0] + features[:, 1] + random.normal(scale=0.7, size=count)
    return Rows(features, np.array(SCHEMA.classes)[np.digitize(position, [-0.7, 0.7])])


TRAIN, VALIDATION = rows(240, 0), rows(120, 1)


def run(estimator: str, arguments=None, calibration=None, epochs=12, patience=0, train=TRAIN):
    """Learn, and return the result and the recorded scores."""
    classifier = build(estimator, arguments or {}, [], calibration, 0, SCHEMA)[-1]
    recorded: list[dict[str, float]] = []

    def record(step: int, scores: dict[str, float]) -> None:
        recorded.append(scores)
        assert step == len(recorded)

    result = learn(
        classifier, train, VALIDATION, epochs=epochs, batch_size=32, patience=patience, seed=0, record=record
    )
    return result, recorded


FULL = {"train/loss", "train/accuracy", "validation/loss", "validation/accuracy"}
FAMILIES = {
    "passes of a network": ("neural_network.MLPClassifier", {"hidden_layer_sizes": [8]}, None, 12),
    "passes of a linear model": ("linear_model.SGDClassifier", {}, None, 12),
    "passes of a perceptron": ("linear_model.Perceptron", {}, None, 12),
    "passes that max_iter counts": ("neural_network.MLPClassifier", {"max_iter": 4}, None, 4),
    "growing forest": ("ensemble.RandomForestClassifier", {"n_estimators": 10}, None, 10),
    "growing forest in larger steps": ("ensemble.RandomForestClassifier", {"n_estimators": 30}, None, 12),
    "growing bags": ("ensemble.BaggingClassifier", {}, None, 10),
    "gradient boosting": ("ensemble.GradientBoostingClassifier", {"n_estimators": 10}, None, 10),
    "gradient boosting on histograms": ("ensemble.HistGradientBoostingClassifier", {"max_iter": 8}, None, 8),
    "members of AdaBoost": ("ensemble.AdaBoostClassifier", {"n_estimators": 10}, None, 10),
    "regression": ("linear_model.LogisticRegression", {}, None, 1),
    "neighbours": ("neighbors.KNeighborsClassifier", {}, None, 1),
    "naive Bayes": ("naive_bayes.GaussianNB", {}, None, 1),
    "support vectors": ("svm.SVC", {}, None, 1),
    "calibrated support vectors": ("svm.SVC", {}, "sigmoid", 1),
    "calibrated linear support vectors": ("svm.LinearSVC", {}, "sigmoid", 1),
    "network that stops by itself": ("neural_network.MLPClassifier", {"early_stopping": True}, None, 1),
    "network without partial_fit": ("neural_network.MLPClassifier", {"solver": "lbfgs"}, None, 1),
    "SGD with balanced classes": ("linear_model.SGDClassifier", {"class_weight": "balanced"}, None, 1),
    "bags that count what they left out": (
        "ensemble.BaggingClassifier",
        {"n_estimators": 30, "oob_score": True},
        None,
        1,
    ),
    "forest that counts what it left out": (
        "ensemble.RandomForestClassifier",
        {"n_estimators": 60, "oob_score": True},
        None,
        12,
    ),
    "passes that max_iter does not count": ("neural_network.MLPClassifier", {"max_iter": 200}, None, 12),
    "boosting that stops by itself": ("ensemble.GradientBoostingClassifier", {"n_iter_no_change": 3}, None, 1),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Some inputs do not have OOB")
def test_every_family_learns_in_its_own_steps(family: str) -> None:
    estimator, arguments, calibration, steps = FAMILIES[family]
    result, recorded = run(estimator, arguments, calibration)
    assert [set(scores) for scores in recorded] == [FULL] * steps
    assert (result.steps, result.best_step) == (steps, steps)
    assert recorded[-1]["validation/accuracy"] > 0.5
    assert result.classifier.classes_.tolist() == list(SCHEMA.classes)
    assert score(result.classifier, VALIDATION)["accuracy"] == recorded[-1]["validation/accuracy"]


def test_a_classifier_without_scores_has_accuracy_alone() -> None:
    _, recorded = run("multiclass.OutputCodeClassifier", {"estimator": "tree.DecisionTreeClassifier"})
    assert [set(scores) for scores in recorded] == [{"train/accuracy", "validation/accuracy"}]


@pytest.mark.parametrize("outer", [None, "ensemble.StackingClassifier"])
def test_scores_of_pairs_of_classes_make_no_loss(outer: str | None) -> None:
    """Three classes have three pairs, whose scores look like those of classes."""
    arguments = {"decision_function_shape": "ovo"}
    if outer:
        arguments = {
            "estimators": {"bayes": "naive_bayes.GaussianNB"},
            "final_estimator": {"svm.SVC": {"decision_function_shape": "ovo"}},
        }
    _, recorded = run(outer or "svm.SVC", arguments)
    assert [set(scores) for scores in recorded] == [{"train/accuracy", "validation/accuracy"}]


def test_the_hinge_loss_of_several_classes_is_scikit_learns() -> None:
    classifier = build("svm.LinearSVC", {}, [], None, 0, SCHEMA)[-1].fit(*TRAIN)
    expected = hinge_loss(VALIDATION.labels, classifier.decision_function(VALIDATION.features))
    assert score(classifier, VALIDATION)["loss"] == pytest.approx(expected)


def test_the_hinge_loss_of_two_classes_is_the_mean_over_those_of_each_class() -> None:
    """Also where the rows are of one class, which scikit-learn's function takes for the other one."""
    two = TRAIN.labels != "middle"
    chosen = Rows(TRAIN.features[two], TRAIN.labels[two])
    classifier = build("svm.LinearSVC", {}, [], None, 0, SCHEMA)[-1].fit(*chosen)
    expected = hinge_loss(chosen.labels, classifier.decision_function(chosen.features))
    assert score(classifier, chosen)["loss"] == pytest.approx(expected)
    parts = [
        Rows(chosen.features[of], chosen.labels[of]) for label in classifier.classes_ for of in [chosen.labels == label]
    ]
    losses = [score(classifier, part)["loss"] for part in parts]
    assert np.average(losses, weights=[len(part.labels) for part in parts]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("estimator", "arguments"),
    [
        ("neural_network.MLPClassifier", {"hidden_layer_sizes": [64], "learning_rate_init": 0.1}),
        ("ensemble.GradientBoostingClassifier", {"learning_rate": 1.0}),
        ("ensemble.HistGradientBoostingClassifier", {"learning_rate": 1.0}),
        ("ensemble.AdaBoostClassifier", {"learning_rate": 2.0}),
    ],
)
def test_early_stopping_returns_the_step_with_the_least_validation_loss(estimator: str, arguments) -> None:
    result, recorded = run(estimator, arguments, epochs=60, patience=5)
    losses = [scores["validation/loss"] for scores in recorded]
    assert result.steps == len(losses) < 60
    assert result.best_step == result.steps - 5 == int(np.argmin(losses)) + 1
    assert score(result.classifier, VALIDATION)["loss"] == losses[result.best_step - 1]
    assert result.scores == recorded[result.best_step - 1]


def test_with_no_patience_the_last_step_is_kept() -> None:
    arguments = {"hidden_layer_sizes": [64], "learning_rate_init": 0.1}
    result, recorded = run("neural_network.MLPClassifier", arguments, epochs=30)
    assert result.best_step == result.steps == len(recorded) == 30


def test_a_grown_ensemble_is_the_one_that_is_fitted_at_once() -> None:
    arguments = {"n_estimators": 25}
    result, _ = run("ensemble.RandomForestClassifier", arguments)
    at_once = build("ensemble.RandomForestClassifier", arguments, [], None, 0, SCHEMA)[-1].fit(*TRAIN)
    grown = result.classifier.predict_proba(VALIDATION.features)
    assert np.array_equal(grown, at_once.predict_proba(VALIDATION.features))
    assert result.classifier.get_params() == at_once.get_params()


@pytest.mark.parametrize("patience", [0, 3])
def test_boosted_histograms_are_those_that_are_fitted_at_once_with_so_many_trees(patience: int) -> None:
    arguments = {"max_iter": 40, "learning_rate": 0.5, "max_features": 0.5}
    result, recorded = run("ensemble.HistGradientBoostingClassifier", arguments, epochs=20, patience=patience)
    assert (result.best_step == 20) == (not patience)
    arguments |= {"max_iter": 2 * result.best_step, "early_stopping": False}
    at_once = build("ensemble.HistGradientBoostingClassifier", arguments, [], None, 0, SCHEMA)[-1].fit(*TRAIN)
    found = result.classifier.predict_proba(VALIDATION.features)
    assert np.array_equal(found, at_once.predict_proba(VALIDATION.features))
    assert recorded[result.best_step - 1]["validation/loss"] == score(at_once, VALIDATION)["loss"]


def test_boosting_on_histograms_costs_a_few_times_one_fit() -> None:
    """It was twenty times as much and more: the rows were put into bins again at every step."""
    train, arguments = rows(10_000, 2), {"max_iter": 60, "early_stopping": False}
    classifier = build("ensemble.HistGradientBoostingClassifier", arguments, [], None, 0, SCHEMA)[-1]
    started = time.process_time()
    classifier.fit(*train)
    at_once = time.process_time() - started
    started = time.process_time()
    run("ensemble.HistGradientBoostingClassifier", arguments, epochs=60, train=train)
    assert time.process_time() - started < 6 * at_once


def test_training_rows_do_not_steer_by_the_validation_rows() -> None:
    """The validation rows choose a step and nothing else: without patience they change nothing."""
    other = rows(90, 5)
    ours = build("neural_network.MLPClassifier", {}, [], None, 0, SCHEMA)[-1]
    theirs = build("neural_network.MLPClassifier", {}, [], None, 0, SCHEMA)[-1]
    settings = {"epochs": 3, "batch_size": 32, "patience": 0, "seed": 0, "record": lambda *_: None}
    one, two = learn(ours, TRAIN, VALIDATION, **settings), learn(theirs, TRAIN, other, **settings)
    for a, b in zip(one.classifier.coefs_, two.classifier.coefs_, strict=True):
        assert np.array_equal(a, b)


def test_the_same_seed_learns_the_same_and_another_one_does_not() -> None:
    def weights(seed: int) -> Learned:
        classifier = build("neural_network.MLPClassifier", {}, [], None, seed, SCHEMA)[-1]
        learned = learn(
            classifier, TRAIN, VALIDATION, epochs=2, batch_size=32, patience=0, seed=seed, record=lambda *_: None
        )
        return learned.classifier.coefs_[0].tobytes()

    assert weights(3) == weights(3) != weights(4)


def test_what_scikit_learn_refuses_is_an_input_error_of_one_line() -> None:
    with pytest.raises(InputError, match=r"MultinomialNB cannot learn from these rows: Negative values"):
        run("naive_bayes.MultinomialNB")


def test_what_scikit_learn_stumbles_over_is_an_input_error_too() -> None:
    with pytest.raises(InputError, match="ClassifierChain cannot learn from these rows"):
        run("multioutput.ClassifierChain", {"estimator": "svm.SVC"})


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_explodes_is_an_input_error_with_advice() -> None:
    huge = Rows(TRAIN.features * np.float32(1e18), TRAIN.labels)
    with pytest.raises(InputError, match=r"lower train.arguments.learning_rate_init or scale"):
        run("neural_network.MLPClassifier", {"solver": "sgd", "learning_rate_init": 1e6}, train=huge)


def test_an_interrupt_is_not_swallowed_by_the_network() -> None:
    def interrupt(step: int, scores: dict[str, float]) -> None:
        warnings.warn("Training interrupted by user.", stacklevel=1)  # what its partial_fit makes of a Ctrl-C

    classifier = build("neural_network.MLPClassifier", {}, [], None, 0, SCHEMA)[-1]
    with pytest.raises(KeyboardInterrupt):
        learn(classifier, TRAIN, VALIDATION, epochs=2, batch_size=32, patience=0, seed=0, record=interrupt)


@pytest.mark.parametrize(
    ("total", "steps", "sizes"), [(3, 10, [1, 2, 3]), (10, 3, [4, 7, 10]), (100, 60, None), (1, 1, [1])]
)
def test_sizes_grow_evenly_to_the_whole(total: int, steps: int, sizes: list[int] | None) -> None:
    found = spread(total, steps)
    assert found == sizes or sizes is None
    assert found[-1] == total and len(found) <= steps and len(set(found)) == len(found)
