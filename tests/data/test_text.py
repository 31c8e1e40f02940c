"""Terms and weights are those of scikit-learn, and do not depend on the order of the rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from pipeline.data.schema import WORD
from pipeline.data.text import fit, weigh

WORDS = [
    "Hello",
    "free",
    "WIN",
    "naïve",
    "Übung",
    "東京",
    "İzmir",
    "\u212a",
    "it's",
    "£100",
    "a_b",
    "…",
    "Ω",
    "\U00020000z",
]
WORDS += ["e\u0301", "123", "\u00a0", "🎉", "-", "x"]


def texts(rows: int = 1000) -> "pd.Series[str]":
    """Words of many scripts, and rows of none."""
    random = np.random.default_rng(0)
    found = [" ".join(random.choice(WORDS, random.integers(1, 9))) for _ in range(rows)]
    return pd.Series(["", *found, "..."], dtype="str")


@pytest.mark.parametrize("ngram_range", [(1, 1), (1, 2), (2, 3)])
def test_all_terms_weigh_what_scikit_learn_says(ngram_range: tuple[int, int]) -> None:
    terms, weights = fit(texts(), 100_000, ngram_range)
    vectorizer = TfidfVectorizer(
        preprocessor=lambda text: "".join(letter.lower() if letter.isascii() else letter for letter in text),
        token_pattern=WORD,
        ngram_range=ngram_range,
    )
    expected = vectorizer.fit_transform(texts())
    assert list(terms) == list(vectorizer.get_feature_names_out())
    found = weigh(texts(), terms, weights)
    assert found.dtype == np.float32 and found.format == "csr"
    np.testing.assert_allclose(found.toarray(), expected.toarray(), atol=1e-7)


def test_the_most_frequent_terms_count_and_of_equals_the_alphabet_s_first() -> None:
    some = pd.Series(["b a", "c a", "d a a"], dtype="str")
    assert fit(some, 3, (1, 1))[0] == ("a", "b", "c")
    assert fit(some, 1, (1, 2))[0] == ("a",)
    assert fit(texts().sample(frac=1, random_state=1), 50, (1, 2)) == fit(texts(), 50, (1, 2))


def test_only_the_letters_a_to_z_are_made_small() -> None:
    assert fit(pd.Series(["Free ÜBUNG übung"], dtype="str"), 9, (1, 1))[0] == ("free", "Übung", "übung")


@pytest.mark.parametrize("cell", ["", "...", "other"])
def test_a_text_without_a_known_term_is_zeros(cell: str) -> None:
    assert weigh(pd.Series([cell], dtype="str"), ("free",), (1.5,)).toarray().tolist() == [[0.0]]


def test_texts_without_a_word_are_refused() -> None:
    with pytest.raises(ValueError, match="empty vocabulary"):
        fit(pd.Series(["", "..."], dtype="str"), 9, (1, 1))
