"""What a prepared table looks like: its features, their types, the classes. Written as schema.json."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from pipeline.data.date_format import layout

if TYPE_CHECKING:  # the service reads schemas too, and has neither
    import pandas as pd

    from pipeline.params import DatePart

KEY = "__key__"  # names the row, the same in every commit
CONTENT = "__content__"  # hash of the row's raw values: tells whether a row of the same key changed
TARGET = "__target__"  # the label, int64 or str
GROUP = "__group__"  # what data.group says of the row; there only if it is declared
RESERVED = (KEY, CONTENT, TARGET, GROUP)
MOST_INPUTS = 200  # of numbers and booleans alone: above it, an input for each would cost more than the model

Encoding = Literal["one_hot", "frequent", "target"]  # of a category: all of them, the most frequent, the target's means
FeatureType = Literal["number", "boolean", "category", "date", "text"]
WRITTEN = ("category", "date", "text")  # types whose columns hold text in a prepared table, "" where there is none
# A word of free text: letters and digits of any script. Named one by one, they mean the same to Python and to RE2.
WORD = "[0-9A-Za-z_\u00c0-\u1fff\u2c00-\u2fef\u3005-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]+"
Label = int | str


@dataclass(frozen=True)
class Feature:
    """One column of the table that the model may see: a number, true and false, a category, a date, or free text.

    The model computes in float32 (encode.py): a number, 0 or 1, the index of a category, each of the `parts` of a
    date, or the weight of each of the `terms` of a text, all of them 0 where it is missing. Missing numbers, booleans
    and dates are NaN; a missing category is the category "". One that training did not see, or that is not among its
    most frequent where `encoding` says so, is -1.
    `minimum` and `maximum` describe the training rows, of dates in days since 1970-01-01; `missing` says whether any
    row has a gap, since a model that learned without gaps must still take a test row that has one.
    """

    name: str
    type: FeatureType
    categories: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    missing: bool = False
    encoding: Encoding = "one_hot"
    na_values: tuple[str | float, ...] = ()  # what else is a blank in this column, as data.read says
    parts: "tuple[DatePart, ...]" = ()  # what the model sees of a date
    format: str = ""  # how dates are written, as in strptime; "" is ISO 8601
    terms: tuple[str, ...] = ()  # words of a text that count, or several with a blank between
    weights: tuple[float, ...] = ()  # inverse document frequencies of the terms

    @property
    def width(self) -> int:
        """How many numbers the model sees of the column."""
        return {"date": len(self.parts), "text": len(self.terms)}.get(self.type, 1)


@dataclass(frozen=True)
class Schema:
    """The features in the order of the model, the target, its sorted classes, and (height, width) of a picture.

    `show_rows`: whether what rows hold may be shown to who looks at results.
    """

    features: tuple[Feature, ...]
    target: str
    classes: tuple[Label, ...]
    image: tuple[int, int] | None = None
    read: Mapping[str, Any] = field(default_factory=dict)  # how files are read, where data.read says it: for batch
    show_rows: bool = True

    @property
    def names(self) -> list[str]:
        """The names of the features, in order."""
        return [feature.name for feature in self.features]

    @property
    def width(self) -> int:
        """How many numbers the model sees of a row."""
        return sum(feature.width for feature in self.features)

    @property
    def places(self) -> dict[str, range]:
        """Which of those numbers are each feature's, by its name."""
        ends = np.cumsum([feature.width for feature in self.features]).tolist()
        return {f.name: range(end - f.width, end) for f, end in zip(self.features, ends, strict=True)}

    @property
    def tensor(self) -> bool:
        """Whether the model takes the rows as one array of float32: pictures, and many numbers. Else: named columns."""
        numbers = all(feature.type in ("number", "boolean") for feature in self.features)
        return self.image is not None or (numbers and len(self.features) > MOST_INPUTS)

    def to_dict(self) -> dict[str, Any]:
        """The content of schema.json."""
        content = asdict(self)
        for feature in content["features"]:
            for name in ("na_values", "parts", "format", "terms", "weights"):
                if not feature[name]:
                    del feature[name]
            if feature["encoding"] == "one_hot":
                del feature["encoding"]
            if feature["type"] == "date":
                feature["pattern"] = layout(feature.get("format", "")).pattern  # for who has the package alone
        if not content["read"]:
            del content["read"]
        if content["show_rows"]:
            del content["show_rows"]
        return {"version": 1, **content}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Schema":
        """The schema that `to_dict` described."""
        features = []
        for feature in content["features"]:
            values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in feature.items()}
            values.pop("pattern", None)
            features.append(Feature(**values))
        image = content["image"]
        size = tuple(image) if image else None
        read, show_rows = content.get("read", {}), content.get("show_rows", True)
        return cls(tuple(features), content["target"], tuple(content["classes"]), size, read, show_rows)


def matrix(table: "pd.DataFrame", schema: Schema) -> npt.NDArray[np.float32]:
    """The features of a prepared table of numbers as one array, float32 of shape (rows, features)."""
    return table[schema.names].to_numpy(dtype=np.float32)


def model_input(table: "pd.DataFrame", schema: Schema) -> "pd.DataFrame | npt.NDArray[np.float32]":
    """What the model of a schema takes of a prepared table: its typed columns, or all of them as one array."""
    return matrix(table, schema) if schema.tensor else table[schema.names]


def probability_columns(classes: Sequence[Label]) -> list[str]:
    """The names of the probability columns of a predictions table, one for each class in order."""
    return [f"proba_{label}" for label in classes]
