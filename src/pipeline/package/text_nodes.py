"""A column of free text in ONNX: from text of shape (rows,) to the weights of `data.text.weigh`."""

import numpy as np

from pipeline.data.schema import WORD, Feature
from pipeline.package.nodes import Array, Nodes


def term_weights(feature: Feature, column: Array, nodes: Nodes) -> Array:
    """float32 of shape (rows, terms)."""
    text = nodes("Concat", column, nodes.constant([""]), axis=0)  # what follows wants a row
    # The locale "C", which every machine has, makes A to Z small and leaves all other letters.
    text = nodes("StringNormalizer", text, case_change_action="LOWER", is_case_sensitive=1, locale="C")
    words = nodes("Tokenizer", text, domain="com.microsoft", mark=0, mincharnum=1, pad_value="", tokenexp=WORD)
    split = [(term.split(" "), place) for place, term in enumerate(feature.terms)]
    by_length = sorted(split, key=lambda term: len(term[0]))
    sizes = [len(term) for term, _ in by_length]
    counts = nodes(
        "TfIdfVectorizer",
        words,
        mode="TF",
        min_gram_length=sizes[0],
        max_gram_length=sizes[-1],
        max_skip_count=0,
        ngram_counts=[sum(size for size in sizes if size < length) for length in range(1, sizes[-1] + 1)],
        ngram_indexes=[place for _, place in by_length],
        pool_strings=[word for term, _ in by_length for word in term],
    )
    counts = nodes("Slice", counts, nodes.constant([0]), nodes.constant([-1]))
    weighed = nodes("Mul", nodes.cast(counts, np.float64), nodes.constant(np.array(feature.weights)))
    length = nodes("Sqrt", nodes("ReduceSumSquare", weighed, nodes.constant([1]), keepdims=1))
    none = nodes("Equal", length, nodes.constant(np.array(0.0)))
    length = nodes("Where", none, nodes.constant(np.array(1.0)), length)
    return nodes.cast(nodes("Div", weighed, length), np.float32)
