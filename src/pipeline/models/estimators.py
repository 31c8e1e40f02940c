"""Turns the `train:` section of params.yaml into an unfitted scikit-learn Pipeline.

Only scikit-learn can be named, and the steps for pictures that this repository has.
"""

import difflib
import importlib
import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.pipeline import Pipeline

from pipeline.data.columns import Dense
from pipeline.data.schema import Schema
from pipeline.errors import InputError
from pipeline.models.pictures import OrientedGradients, Straighten

Step = str | Mapping[str, Mapping[str, Any] | None]  # a name, or {name: {argument: value}}
FILE = re.compile(r"(^|_)(memory|cache|dir|directory|file|filename|folder|path)(_|$)")  # in the name of an argument
KINDS = {"classifier": ClassifierMixin, "transformer": TransformerMixin}
OF_PICTURES: dict[str, type[Any]] = {"pictures.Straighten": Straighten, "pictures.OrientedGradients": OrientedGradients}


def build(
    estimator: str,
    arguments: Mapping[str, Any],
    preprocessing: Sequence[Step],
    calibration: str | None,
    seed: int,
    schema: Schema,
) -> Pipeline:
    """The whole model, unfitted: missing values and categories, then `preprocessing`, then the classifier.

    It takes float32 of shape (rows, schema.width) as `data.columns.Columns` makes it. `seed` goes to every part that
    takes a `random_state` and was given none.

    Raises:
        InputError: a name or an argument is wrong; the message begins with its key in params.yaml.
    """
    classifier = make(estimator, arguments, "classifier", seed, "train.estimator", "train.arguments")
    if calibration:
        from sklearn.calibration import CalibratedClassifierCV

        classifier = CalibratedClassifierCV(classifier, method=calibration, ensemble=False)
    steps = [(f"step_{i + 1}", _preprocessing_step(step, i, seed, schema)) for i, step in enumerate(preprocessing)]
    steps = _encode(schema, steps, seed)
    if _has_text(schema) and not _takes_sparse(classifier):
        steps.append(("dense", Dense()))
    if type(classifier).__name__ in ("ExtraTreesClassifier", "RandomForestClassifier"):
        from skl2onnx.sklapi import CastTransformer

        # In ONNX, votes are then added in float64 as scikit-learn adds them: what is a tie here is a tie there.
        steps.append(("cast", CastTransformer(dtype=np.float64)))
    return Pipeline([*steps, ("classifier", classifier)])


def make(name: str, arguments: Mapping[str, Any], kind: str, seed: int, key: str, arguments_key: str) -> Any:
    """The object that `name` and `arguments` describe, its arguments checked; the keys are for messages.

    Raises:
        InputError: there is no such public class of this kind, or it does not take these arguments.
    """
    cls = find(name, kind, key)
    signature = inspect.signature(cls).parameters
    for argument in arguments:
        if argument not in signature:
            hint = _closest(str(argument), list(signature))
            raise InputError(
                f"{arguments_key}.{argument}: {name} has no such argument; {hint}it takes: {', '.join(signature)}"
            )
    values = {}
    for argument, value in arguments.items():
        if names_a_file(argument, value):
            raise InputError(
                f"{arguments_key}.{argument}: {value!r} lets {name} read or write files of whoever trains; leave it out"
            )
        if argument in ("estimator", "final_estimator") and value is not None:
            value = _nested(value, seed, f"{arguments_key}.{argument}")
        elif argument == "estimators":
            value = _named(value, seed, f"{arguments_key}.estimators")
        elif argument == "class_weight" and isinstance(value, Mapping):
            # YAML's true is a class of a table as the text True.
            value = {str(label) if isinstance(label, bool) else label: weight for label, weight in value.items()}
        elif isinstance(value, list) and isinstance(signature[argument].default, tuple):
            value = tuple(value)  # YAML has no tuples
        values[argument] = value
    missing = [p for p, spec in signature.items() if spec.default is spec.empty and p not in values]
    if missing:
        raise InputError(f"{arguments_key}.{missing[0]}: {name} needs it; add it")
    if "random_state" in signature:
        values.setdefault("random_state", seed)
    if "flatten_transform" in signature:  # of VotingClassifier: no matter to predictions, but ONNX has it not flat only
        values.setdefault("flatten_transform", False)
    made = cls(**values)
    _check_values(made, name, arguments_key)
    return made


def names_a_file(argument: str, value: Any) -> bool:
    """Whether an argument is a place in the file system: a folder (`memory`), or that cells name files (`input`).

    scikit-learn keeps pickles in such folders, and runs what it finds there; a pull request must not choose one.
    """
    if argument == "input":
        return str(value) != "content"
    return FILE.search(argument) is not None and value is not None and not isinstance(value, bool | int | float)


def find(name: str, kind: str, key: str) -> type[Any]:
    """The public scikit-learn class at the import path `name` (below `sklearn.`) that is a `kind`, or a step of ours.

    Raises:
        InputError: there is none; the message names the closest one that there is.
    """
    if kind == "transformer" and name in OF_PICTURES:
        return OF_PICTURES[name]
    path = name.removeprefix("sklearn.")
    if re.fullmatch(r"([a-z][a-z0-9_]*\.)+[A-Z]\w*", path) and not path.startswith(("tests.", "externals.")):
        module, _, attribute = path.rpartition(".")
        found = _import(f"sklearn.{module}", attribute)
        if found and issubclass(found, KINDS[kind]) and not inspect.isabstract(found):
            if list(inspect.signature(found.fit).parameters)[1] == "y":
                raise InputError(f"{key}: {name} is for the target, which needs none; leave it out")
            if not hasattr(found, "_parameter_constraints"):  # FeatureUnion, KernelCenterer
                raise InputError(f"{key}: {name} takes other transformers or a kernel, not columns; leave it out")
            return found
        if found:
            raise InputError(f"{key}: {name} is no {kind}; {_known(path, kind)}")
    raise InputError(f"{key}: scikit-learn has no {kind} '{name}'; {_known(path, kind)}")


def _encode(schema: Schema, steps: list[tuple[str, Any]], seed: int) -> list[tuple[str, Any]]:
    """`steps` for numbers and dates, beside one-hot codes of categories, the target's means where there are many, and
    the terms of free text as they are, which keep all of it sparse.

    Where numbers are missing an imputer goes before `steps`, unless they have one: that would never see a gap.
    """
    measured = [feature for feature in schema.features if feature.type not in ("category", "text")]
    by_target = [feature for feature in schema.features if feature.encoding == "target"]
    named = [feature for feature in schema.features if feature.type == "category" and feature.encoding != "target"]
    free = [feature for feature in schema.features if feature.type == "text"]
    places = schema.places
    numbers, means, categories, terms = (
        [place for feature in chosen for place in places[feature.name]] for chosen in (measured, by_target, named, free)
    )
    own = any(type(step).__module__.startswith("sklearn.impute.") for _, step in steps)
    if not own and any(feature.missing for feature in measured):
        from sklearn.impute import SimpleImputer

        steps = [("missing", SimpleImputer(strategy="median", keep_empty_features=True)), *steps]
    if not (categories or means or terms):
        return steps
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OneHotEncoder

    codes = [np.arange(len(feature.categories), dtype=np.float32) for feature in named]
    # The code -1, a category that training did not see, becomes zeros in every column.
    one_hot = OneHotEncoder(categories=codes, handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    parts: list[tuple[str, Any, list[int]]] = [("categories", one_hot, categories)] if categories else []
    if means:
        parts.append(("means", _target_means(seed), means))
    if numbers:
        parts.insert(0, ("numbers", Pipeline(steps) if steps else "passthrough", numbers))
    if terms:  # what stands beside them takes plain arrays only
        parts = [(name, _of_dense(part), chosen) for name, part, chosen in parts]
        parts.append(("terms", "passthrough", terms))
    return [("columns", ColumnTransformer(parts, sparse_threshold=int(bool(terms))))]


def _of_dense(part: Any) -> Pipeline:
    steps = part.steps if isinstance(part, Pipeline) else [] if part == "passthrough" else [("codes", part)]
    return Pipeline([("dense", Dense()), *steps])


def _has_text(schema: Schema) -> bool:
    return any(feature.type == "text" for feature in schema.features)


def _takes_sparse(classifier: Any) -> bool:
    """Whether a classifier learns from sparse rows, as scikit-learn says of it."""
    from sklearn.utils import get_tags

    return bool(get_tags(classifier).input_tags.sparse)


def _target_means(seed: int) -> Pipeline:
    """Each category as the share of each class among its training rows, as float32 like all else.

    Cross-fitted: a training row is told what the other rows say, or its own label would give itself away.
    """
    from skl2onnx.sklapi import CastTransformer
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import TargetEncoder

    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return Pipeline([("means", TargetEncoder(cv=folds)), ("cast", CastTransformer(dtype=np.float32))])


def _preprocessing_step(step: Step, number: int, seed: int, schema: Schema) -> Any:
    key = f"train.preprocessing.{number}"
    name, arguments = _name_and_arguments(step, key)
    if name in OF_PICTURES:
        if schema.image is None:
            raise InputError(f"{key}: {name} is for pictures; say in data.image how high and wide a row's picture is")
        arguments = {"image": schema.image, **arguments}
    return make(name, arguments, "transformer", seed, key, f"{key}.{name}")


def _nested(step: Step, seed: int, key: str) -> Any:
    name, arguments = _name_and_arguments(step, key)
    return make(name, arguments, "classifier", seed, key, f"{key}.{name}")


def _named(steps: Any, seed: int, key: str) -> list[tuple[str, Any]]:
    """What VotingClassifier and StackingClassifier put together: {own name: classifier}."""
    if not isinstance(steps, Mapping):
        raise InputError(f"{key}: write {{a name of yours: classifier, ...}}; found {steps!r}")
    return [(str(name), _nested(step, seed, f"{key}.{name}")) for name, step in steps.items()]


def _name_and_arguments(step: Step, key: str) -> tuple[str, Mapping[str, Any]]:
    if isinstance(step, str):
        return step, {}
    if isinstance(step, Mapping) and len(step) == 1:
        [(name, arguments)] = step.items()
        arguments = {} if arguments is None else arguments  # in YAML, a colon with nothing behind it
        if isinstance(name, str) and isinstance(arguments, Mapping):
            return name, arguments
    raise InputError(f"{key}: write one name, or one {{name: {{argument: value}}}}; found {step!r}")


def _check_values(made: Any, name: str, key: str) -> None:
    """scikit-learn's own check of the values of arguments, which `fit` would make too, but after the data was read."""
    try:
        made._validate_params()
    except ValueError as error:
        text = " ".join(str(error).split())
        match = re.match(r"The '(\w+)' parameter of \w+ (.*)", text)
        if not match:
            raise InputError(f"{key}: {name}: {text}") from None
        argument, rule = match.groups()
        raise InputError(f"{key}.{argument}: {rule.rstrip('.')}") from None


def _import(module: str, attribute: str) -> type[Any] | None:
    """The estimator class of that name in a module, if it is scikit-learn's own."""
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return None
    own = inspect.isclass(found) and issubclass(found, BaseEstimator) and found.__module__.startswith("sklearn.")
    return found if own else None


def _known(path: str, kind: str) -> str:
    """What to write instead of `path`: the class of the same name, else the most similar, else where to look."""
    from sklearn.utils.discovery import all_estimators  # slow: it imports all of scikit-learn

    known = [_public_path(cls) for _, cls in all_estimators(type_filter=kind)]
    known += OF_PICTURES if kind == "transformer" else []
    by_name = {known_path.rpartition(".")[2].lower(): known_path for known_path in known}
    name = path.rpartition(".")[2].lower()
    close = difflib.get_close_matches(name, by_name, n=1) or difflib.get_close_matches(
        re.sub("regressor|regression|r$", "classifier", name), by_name, n=1
    )
    hint = f"did you mean '{by_name[close[0]]}'? " if close else ""
    return f"{hint}Name one by its import path below sklearn, such as '{known[0] if not close else by_name[close[0]]}'"


def _public_path(cls: type) -> str:
    """The import path below sklearn without private parts: sklearn.svm._classes.SVC is svm.SVC."""
    parts = cls.__module__.split(".")[1:]
    public = [part for part in parts if not part.startswith("_")]
    return ".".join([*public, cls.__name__])


def _closest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1) or [k for k in known if k.lower() == word.lower()]
    return f"did you mean '{close[0]}'? " if close else ""
