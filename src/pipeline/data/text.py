"""Free text as TF-IDF: which terms count, what each weighs, and the weights of each text, just as ONNX computes them.

A word is a run of letters and digits of any script. Only the letters A to Z are made small: of others, languages and
libraries disagree about the small form.
"""

import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.schema import WORD

LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def fit(
    texts: "pd.Series[str]", max_features: int, ngram_range: tuple[int, int]
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The most frequent terms of some texts in alphabetical order, and the inverse document frequency of each.

    A term is one word or several with a blank between, as `ngram_range` says; of terms that are equally frequent, the
    alphabet's first are taken. The frequency is smoothed, ln((1 + texts) / (1 + texts with the term)) + 1, as in
    scikit-learn, and rounded, so that it is the same on every machine.

    Raises:
        ValueError: the texts hold no word.
    """
    counter = _counter(ngram_range)
    counts = counter.fit_transform(texts)
    totals = np.asarray(counts.sum(axis=0)).ravel()
    chosen = np.sort(np.argsort(-totals, kind="stable")[:max_features])
    terms = counter.get_feature_names_out()[chosen]
    with_term = np.bincount(counts.indices, minlength=counts.shape[1])[chosen]
    weights = [round(math.log((1 + len(texts)) / (1 + rows)) + 1, 9) for rows in with_term.tolist()]
    return tuple(terms.tolist()), tuple(weights)


def weigh(texts: "pd.Series[str]", terms: Sequence[str], weights: Sequence[float]) -> Any:
    """The terms' counts times their weights, each row of length 1 or 0: a sparse float32 array (rows, terms).

    Computed in float64 and rounded at the end, as in the package: in float32, the order of a sum would show.
    """
    from scipy import sparse
    from sklearn.preprocessing import normalize

    counter = _counter(lengths(terms), {term: place for place, term in enumerate(terms)})
    weighed = counter.transform(texts) @ sparse.diags(np.asarray(weights, np.float64))
    return sparse.csr_matrix(normalize(weighed, copy=False), dtype=np.float32)


def lengths(terms: Sequence[str]) -> tuple[int, int]:
    """The fewest and the most words in a term."""
    words = [term.count(" ") + 1 for term in terms]
    return min(words), max(words)


def _counter(ngram_range: tuple[int, int], vocabulary: dict[str, int] | None = None) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(
        preprocessor=_small, token_pattern=WORD, ngram_range=ngram_range, vocabulary=vocabulary, dtype=np.float64
    )


def _small(text: str) -> str:
    return text.translate(LOWER)
