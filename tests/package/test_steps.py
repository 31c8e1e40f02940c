"""The card names a model's steps as a person would, without their arrays."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from pipeline.data.schema import Feature, Schema
from pipeline.models.estimators import build
from pipeline.package.steps import described

MANY = tuple(f"town {n}" for n in range(300))
SCHEMA = Schema(
    (Feature("age", "number", missing=True), Feature("city", "category", MANY, encoding="target")), "y", ("a", "b")
)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (StandardScaler(), "StandardScaler()"),
        (SVC(C=10, kernel="linear"), "SVC(C=10, kernel='linear')"),
        (GaussianNB(priors=np.array([0.5, 0.5])), "GaussianNB(priors=2 values)"),
        (
            OneHotEncoder(categories=[np.arange(99)], dtype=np.float32),
            "OneHotEncoder(categories=[99 values], dtype=float32)",
        ),
        (RandomForestClassifier(class_weight={"a": 2}), "RandomForestClassifier(class_weight={'a': 2})"),
        (
            StackingClassifier([("nb", GaussianNB())], cv=[(np.arange(9), np.arange(3))] * 20),
            "StackingClassifier(cv=20 values, estimators=[('nb', GaussianNB())])",
        ),
    ],
)
def test_a_step_is_its_name_and_what_was_changed(part: object, text: str) -> None:
    assert described(part) == text


def test_columns_and_what_becomes_of_them_are_in_words() -> None:
    [encoding, classifier] = build("linear_model.LogisticRegression", {"C": 2}, [], None, 0, SCHEMA).steps
    assert described(encoding[1]) == (
        "ColumnTransformer(SimpleImputer(keep_empty_features=True, strategy='median') of 1 column; "
        "TargetEncoder(cv=StratifiedKFold) → CastTransformer() of 1 column)"
    )
    assert described(classifier[1]) == "LogisticRegression(C=2, random_state=0)"
