"""What may stand in the section `train:` of params.yaml, and the model that it becomes."""

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.utils.discovery import all_estimators

from pipeline.data.schema import Feature, Schema
from pipeline.errors import InputError
from pipeline.models.estimators import build, names_a_file
from pipeline.package.export import run_onnx, to_onnx

NUMBERS = Schema((Feature("a", "number"), Feature("b", "number")), "target", (0, 1))
MIXED = Schema(
    (
        Feature("colour", "category", ("", "blue", "red")),
        Feature("height", "number", missing=True),
        Feature("tall", "boolean", missing=True),
    ),
    "target",
    ("no", "yes"),
)


def make(
    estimator="linear_model.LogisticRegression", arguments=None, preprocessing=(), calibration=None, schema=NUMBERS
):
    return build(estimator, arguments or {}, preprocessing, calibration, 7, schema)


def test_arguments_are_the_estimators_own() -> None:
    model = make("svm.SVC", {"C": 10, "gamma": 0.025}, [{"decomposition.PCA": {"n_components": 1}}])
    assert [type(step).__name__ for _, step in model.steps] == ["PCA", "SVC"]
    assert model[0].n_components == 1 and model[1].C == 10


@pytest.mark.parametrize("value", ["8", "eight", 1e3])
def test_a_value_of_another_type_is_refused_as_it_was_read(value: object) -> None:
    with pytest.raises(InputError, match=f"Got {value!r} instead$"):
        make("tree.DecisionTreeClassifier", {"max_depth": value})


def test_the_prefix_sklearn_may_be_written() -> None:
    assert type(make("sklearn.svm.SVC")[-1]).__name__ == "SVC"


def test_the_seed_goes_to_every_part_that_was_given_none() -> None:
    steps = ["decomposition.PCA", {"preprocessing.QuantileTransformer": {"random_state": 1}}]
    model = make("ensemble.BaggingClassifier", {"estimator": "tree.DecisionTreeClassifier"}, steps)
    assert [model[0].random_state, model[1].random_state, model[-1].random_state] == [7, 1, 7]
    assert model[-1].estimator.random_state == 7


def test_lists_become_tuples_where_scikit_learn_wants_them() -> None:
    model = make(
        "neural_network.MLPClassifier",
        {"hidden_layer_sizes": [8, 4]},
        [{"preprocessing.MinMaxScaler": {"feature_range": [-1, 1]}}],
    )
    assert model[-1].hidden_layer_sizes == (8, 4) and model[0].feature_range == (-1, 1)


def test_calibration_gives_probabilities_to_what_has_none() -> None:
    features = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    labels = (features[:, 0] > 0).astype(int)
    assert not hasattr(make("svm.LinearSVC").fit(features, labels), "predict_proba")
    assert make("svm.LinearSVC", calibration="sigmoid").fit(features, labels).predict_proba(features).shape == (60, 2)


def test_a_mixed_table_becomes_numbers_without_gaps_and_one_column_for_each_category() -> None:
    rows = np.array([[0, np.nan, 1], [1, 2, np.nan], [2, 4, 0], [-1, 3, 1]], dtype=np.float32)
    encoded = make(schema=MIXED)[:-1].fit_transform(rows)
    assert encoded.dtype == np.float32
    assert encoded.tolist() == [[3, 1, 1, 0, 0], [2, 1, 0, 1, 0], [4, 0, 0, 0, 1], [3, 1, 0, 0, 0]]


@pytest.mark.parametrize("before", [[], ["preprocessing.MaxAbsScaler"]])
def test_an_imputer_of_ones_own_sees_the_gaps(before: list[str]) -> None:
    rows = np.array([[0, np.nan, 1], [1, 2, np.nan], [2, 4, 0]], dtype=np.float32)
    imputer = {"impute.SimpleImputer": {"strategy": "constant", "fill_value": -9, "add_indicator": True}}
    encoded = make(preprocessing=[*before, imputer], schema=MIXED)[:-1].fit_transform(rows)
    largest = 4 if before else 1
    assert encoded[:, :4].tolist() == [[-9, 1, 1, 0], [2 / largest, -9, 0, 1], [4 / largest, 0, 0, 0]]


def test_preprocessing_is_for_numbers_and_booleans_only() -> None:
    rows = np.array([[0, 0, 1], [1, 10, 0], [2, 5, 0]], dtype=np.float32)
    encoded = make(preprocessing=["preprocessing.MinMaxScaler"], schema=MIXED)[:-1].fit_transform(rows)
    assert encoded.tolist() == [[0, 1, 1, 0, 0], [1, 0, 0, 1, 0], [0.5, 0, 0, 0, 1]]


def test_a_table_of_categories_alone_is_encoded() -> None:
    schema = Schema((Feature("c", "category", ("x", "y")),), "target", (0, 1))
    assert make(schema=schema)[:-1].fit_transform(np.array([[0], [1]], dtype=np.float32)).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("estimator", "preprocessing"),
    [
        ("neural_network.MLPClassifier", ["preprocessing.StandardScaler"]),
        ("ensemble.RandomForestClassifier", []),
        ("ensemble.HistGradientBoostingClassifier", []),
        ("linear_model.LogisticRegression", ["preprocessing.MinMaxScaler", "decomposition.PCA"]),
        ("linear_model.LogisticRegression", ["preprocessing.StandardScaler", "impute.SimpleImputer"]),
        ("ensemble.RandomForestClassifier", [{"impute.SimpleImputer": {"strategy": "constant", "fill_value": -9}}]),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_gaps_and_unknown_categories_are_the_same_in_the_package(
    estimator: str, preprocessing: list, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    columns = [random.integers(-1, 3, 600), random.normal(5, 2, 600), random.integers(0, 2, 600)]
    rows = np.column_stack(columns).astype(np.float32)
    labels = np.where(rows[:, 1] + rows[:, 0] + random.normal(size=600) > 6, "yes", "no")
    rows[:, 1:][random.random((600, 2)) < 0.1] = np.nan
    model = make(estimator, preprocessing=preprocessing, schema=MIXED).fit(rows[:400], labels[:400])
    (tmp_path / "model.onnx").write_bytes(to_onnx(model, 3, "model"))
    predicted, probabilities = run_onnx(tmp_path / "model.onnx", rows)
    assert predicted.tolist() == model.predict(rows).tolist()
    assert np.abs(probabilities - model.predict_proba(rows)).max() < 1e-5


SEVERAL = {"lr": "linear_model.LogisticRegression", "bayes": {"naive_bayes.GaussianNB": {"var_smoothing": 1e-8}}}


@pytest.mark.parametrize(
    ("estimator", "arguments"),
    [
        ("ensemble.VotingClassifier", {"estimators": SEVERAL, "voting": "soft"}),
        ("ensemble.StackingClassifier", {"estimators": SEVERAL, "final_estimator": "linear_model.LogisticRegression"}),
    ],
)
def test_classifiers_made_of_several_are_written_by_name_and_packaged(
    estimator: str, arguments: dict, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(300, 3)).astype(np.float32)
    labels = (rows[:, 0] > 0).astype(int)
    schema = Schema(tuple(Feature(f"x{i}", "number") for i in range(3)), "y", (0, 1))
    model = make(estimator, arguments, schema=schema).fit(rows, labels)
    assert [name for name, _ in model[-1].estimators] == ["lr", "bayes"]
    (tmp_path / "model.onnx").write_bytes(to_onnx(model, 3, "model"))
    predicted, probabilities = run_onnx(tmp_path / "model.onnx", rows)
    assert predicted.tolist() == model.predict(rows).tolist()
    assert np.abs(probabilities - model.predict_proba(rows)).max() < 1e-5


def test_a_colon_with_nothing_behind_it_is_no_arguments() -> None:
    assert type(make(preprocessing=[{"preprocessing.MinMaxScaler": None}])[0]).__name__ == "MinMaxScaler"


def test_weights_of_true_and_false_are_those_of_the_classes_true_and_false() -> None:
    model = make("linear_model.LogisticRegression", {"class_weight": {True: 2, False: 1}})
    assert model[-1].class_weight == {"True": 2, "False": 1}


WRONG = {
    "no such class": ({"estimator": "svm.SVCC"}, "train.estimator", "'svm.SVC'"),
    "no module": ({"estimator": "SVC"}, "train.estimator", "'svm.SVC'"),
    "wrong module": ({"estimator": "ensemble.SVC"}, "train.estimator", "'svm.SVC'"),
    "wrong case": ({"estimator": "svm.svc"}, "train.estimator", "'svm.SVC'"),
    "regressor": ({"estimator": "svm.SVR"}, "is no classifier", "'svm.SVC'"),
    "transformer": ({"estimator": "decomposition.PCA"}, "is no classifier", "train.estimator"),
    "function": ({"estimator": "svm.l1_min_c"}, "train.estimator", "no classifier"),
    "private module": ({"estimator": "svm._classes.SVC"}, "train.estimator", "'svm.SVC'"),
    "search": ({"estimator": "model_selection.GridSearchCV"}, "is no classifier", "train.estimator"),
    "pipeline": ({"estimator": "pipeline.Pipeline"}, "is no classifier", "train.estimator"),
    "mixin": ({"estimator": "base.ClassifierMixin"}, "train.estimator", "no classifier"),
    "outside scikit-learn": ({"estimator": "os.system"}, "train.estimator", "no classifier"),
    "another package": ({"estimator": "xgboost.XGBClassifier"}, "train.estimator", "no classifier"),
    "code": ({"estimator": "__import__('os').system('true')"}, "train.estimator", "no classifier"),
    "unknown argument": ({"estimator": "svm.SVC", "arguments": {"c": 1}}, "train.arguments.c", "did you mean 'C'"),
    "value out of range": ({"estimator": "svm.SVC", "arguments": {"C": -1}}, "train.arguments.C", "Got -1"),
    "value of a wrong type": ({"estimator": "svm.SVC", "arguments": {"kernel": 3}}, "train.arguments.kernel", "Got 3"),
    "number that is text": ({"arguments": {"tol": "1e-3"}}, "train.arguments.tol", "Got '1e-3' instead"),
    "missing argument": ({"estimator": "ensemble.VotingClassifier"}, "train.arguments.estimators", "needs it"),
    "nested regressor": (
        {"estimator": "ensemble.BaggingClassifier", "arguments": {"estimator": "svm.SVR"}},
        "train.arguments.estimator",
        "is no classifier",
    ),
    "no such step": ({"preprocessing": ["preprocessing.Scaler"]}, "train.preprocessing.0", "did you mean"),
    "classifier as a step": ({"preprocessing": ["svm.SVC"]}, "train.preprocessing.0", "is no transformer"),
    "argument of a step": (
        {"preprocessing": ["preprocessing.MinMaxScaler", {"decomposition.PCA": {"components": 2}}]},
        "train.preprocessing.1.decomposition.PCA.components",
        "did you mean 'n_components'",
    ),
    "value of a step": (
        {"preprocessing": [{"decomposition.PCA": {"n_components": -1}}]},
        "train.preprocessing.0.decomposition.PCA.n_components",
        "Got -1",
    ),
    "a transformer of the target": (
        {"preprocessing": ["preprocessing.LabelEncoder"]},
        "train.preprocessing.0",
        "is for the target",
    ),
    "a binarizer of the target": (
        {"preprocessing": ["preprocessing.LabelBinarizer"]},
        "train.preprocessing.0",
        "is for the target",
    ),
    "transformers side by side": (
        {"preprocessing": ["pipeline.FeatureUnion"]},
        "train.preprocessing.0",
        "takes other transformers",
    ),
    "estimators without names": (
        {"estimator": "ensemble.VotingClassifier", "arguments": {"estimators": ["svm.SVC"]}},
        "train.arguments.estimators",
        "a name of yours",
    ),
    "a wrong one of several": (
        {"estimator": "ensemble.VotingClassifier", "arguments": {"estimators": {"a": "svm.SVR"}}},
        "train.arguments.estimators.a",
        "is no classifier",
    ),
    "two names in a step": ({"preprocessing": [{"a.B": {}, "c.D": {}}]}, "train.preprocessing.0", "write one name"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_refused_with_its_key_and_what_to_write(case: str) -> None:
    given, key, advice = WRONG[case]
    with pytest.raises(InputError) as caught:
        make(**given)
    message = str(caught.value)
    assert key in message and advice in message
    assert len(message.splitlines()) <= 2


FREE_TEXT = {  # arguments for which scikit-learn takes any text, seen to be no place of files
    "constant", "encoding", "importance_getter", "neg_label", "outlier_label", "pos_label", "scoring", "separator",
    "threshold", "token_pattern", "verbose_feature_names_out",
}  # fmt: skip


def test_no_argument_of_any_estimator_names_a_file() -> None:
    refused = {}
    for kind in ("classifier", "transformer"):
        for name, cls in all_estimators(type_filter=kind):
            for argument, allowed in getattr(cls, "_parameter_constraints", {}).items():
                text = isinstance(allowed, list) and str in allowed
                if names_a_file(argument, "/tmp/of/mine"):
                    refused[argument] = name
                else:
                    assert not text or argument in FREE_TEXT, f"{name}: look whether {argument} names a file"
    assert refused.keys() >= {"memory", "input"}


@pytest.mark.parametrize("key", ["memory", "input"])
def test_an_argument_that_names_a_file_is_refused(key: str) -> None:
    step = {"memory": {"cluster.FeatureAgglomeration": {"memory": "../../src"}},
            "input": {"feature_extraction.text.HashingVectorizer": {"input": "filename"}}}[key]  # fmt: skip
    with pytest.raises(InputError, match=rf"train.preprocessing.0.*\.{key}: .* of whoever trains; leave it out"):
        make(preprocessing=[step])
    make(preprocessing=[{"cluster.FeatureAgglomeration": {"memory": None}}])


@pytest.mark.parametrize("name", ["antigravity.Fly", "sklearn.antigravity.Fly", "..antigravity.Fly", "tests.Fly"])
def test_a_name_from_params_yaml_imports_nothing_outside_scikit_learn(name: str) -> None:
    with pytest.raises(InputError):
        make(name)
    assert "antigravity" not in sys.modules
