"""The schema of params.yaml, and the only place that reads it."""

import codecs
import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PositiveInt,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from pipeline.errors import InputError
from pipeline.files import parse_yaml

Fraction = Annotated[float, Field(gt=0, lt=1)]
Action = Literal["block", "inform"]
DatePart = Literal["year", "month", "day", "weekday", "hour", "days"]
MOST_WORDS = 5  # in a term of free text
SHOWN = 80  # characters of a wrong value in a message at most: a whole section would hide the reason
Seeds = int | Literal["auto"]
MOST_SEEDS = 50
COSTS = ("size_bytes", "latency_ms")  # what the gate may bound beside the compared metrics


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Load(_Section):
    """Which table the `load` stage writes to data/raw/dataset.parquet."""

    dataset: str = Field(
        "digits",
        pattern=r"^(digits|iris|wine|breast_cancer|openml:[\w.@-]+|idx:.+)$",
        description="digits, iris, wine, breast_cancer; openml:<name>[@<version>]; idx:<folder of MNIST-style files>",
    )


class Read(_Section):
    """How the table's files are to be read; names and meanings are those of pandas."""

    sep: str | None = Field(
        None,
        pattern=r"^(.|\t|\\s\+)$",
        description="what stands between cells; by default a comma, in .tsv a tab; \\s+ for spaces",
    )
    decimal: str = Field(".", pattern=r"^.$", description="what stands before decimals: a comma in 3,14")
    thousands: str | None = Field(None, pattern=r"^.$", description="what stands between thousands: a point in 1.234")
    encoding: str = Field("utf-8", description="how text is written: cp1252, latin-1, utf-16")
    names: list[str] | None = Field(None, min_length=1, description="the columns' names, if the file has none")
    na_values: list[str | float] | dict[str, list[str | float]] = Field(
        [], description="what else is a blank: ['?', -999], or by column: {age: [-999]}"
    )
    comment: str | None = Field(None, pattern=r"^.$", description="a character behind which a line says nothing: '#'")
    quotechar: str = Field('"', pattern=r"^.$", description="what stands around a cell that holds separators")
    quoting: Literal[0, 3] = Field(0, description="3: no cell is quoted, a quote is a letter like any other")
    sheet_name: str | int | None = Field(None, description="the sheet of a workbook: its name, or its number from 0")

    @model_validator(mode="after")
    def _can_be_read(self) -> "Read":
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ValueError(f"encoding: Python knows no '{self.encoding}'; cp1252, latin-1, utf-16?") from None
        if self.names and len(set(self.names)) < len(self.names):
            raise ValueError("names: one stands more than once")
        if self.decimal == self.thousands or self.decimal == self.sep:
            raise ValueError("decimal is the same as thousands or sep")
        return self

    def blanks(self, column: str) -> list[str | float]:
        """What `na_values` says of a column."""
        return self.na_values.get(column, []) if isinstance(self.na_values, dict) else self.na_values


class Dates(_Section):
    """A column of dates: a list of its parts, or that and how its dates are written."""

    parts: list[DatePart] = Field(
        min_length=1,
        description="what the model sees of a date; days are whole days since 1970-01-01, weekday 0 Monday",
    )
    format: str = Field("", description="how dates are written, as in strptime: '%d.%m.%Y'; by default ISO 8601")

    @model_validator(mode="before")
    @classmethod
    def _parts_alone(cls, content: Any) -> Any:
        if isinstance(content, str):
            raise ValueError(f"a list of parts is expected, such as [{content}]")
        return {"parts": content} if isinstance(content, list) else content

    @model_validator(mode="after")
    def _each_once(self) -> "Dates":
        if len(set(self.parts)) < len(self.parts):
            raise ValueError("a part stands more than once")
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> Any:
        return handler(self) if self.format else self.parts

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        content = handler.resolve_ref_schema(handler(core))
        return {**content, "type": ["array", "object"], "items": content["properties"]["parts"]["items"]}


class Text(_Section):
    """A column of free text: which of its words count."""

    max_features: PositiveInt = Field(2000, description="so many of the most frequent terms count")
    ngram_range: tuple[PositiveInt, PositiveInt] = Field(
        (1, 2), strict=False, description="the fewest and the most words in a term: [1, 2] are words and pairs"
    )

    @model_validator(mode="after")
    def _rises(self) -> "Text":
        if self.ngram_range[0] > self.ngram_range[1] or self.ngram_range[1] > MOST_WORDS:
            raise ValueError(f"ngram_range rises, up to {MOST_WORDS} words, such as [1, 2]")
        return self


class Data(_Section):
    """The table that the pipeline learns from and the role of its columns."""

    path: str = Field(description="a CSV or Parquet file, or a folder of them; what `load` wrote or what you track")
    target: str = Field(description="the column to predict")
    id: str | None = Field(None, description="a column that names each row, so that rows keep their side for ever")
    group: str | None = Field(None, description="rows with the same value here stay on the same side (patient, user)")
    drop: list[str] = Field([], description="columns that the model must not see")
    categorical: list[str] = Field([], description="numeric columns that are names, not amounts")
    categories: dict[str, Literal["frequent", "target"]] = Field(
        {},
        description="columns of many names: {postcode: target}, the share of each class among its rows, or "
        "frequent: the 200 most frequent and the rest",
    )
    dates: dict[str, Dates] = Field(
        {},
        description="columns of dates: {signup: [year, month, weekday, days]}, or with another format than ISO 8601 "
        "{signup: {parts: [year], format: '%d.%m.%Y'}}",
    )
    text: dict[str, Text] = Field(
        {}, description="columns of free text: {note: {max_features: 2000, ngram_range: [1, 2]}}, TF-IDF of their words"
    )
    split_column: str | None = Field(None, description="a column that says train, validation or test for every row")
    image: tuple[PositiveInt, PositiveInt] | None = Field(
        None, strict=False, description="height and width, if each row is a picture"
    )
    show_rows: bool = Field(
        True,
        description="whether reports, plots, comments, the card and W&B may show what rows hold; "
        "false: hashes of their keys, and no cell",
    )
    sources: list[str] | None = Field(
        None, description="addresses that tables may be imported from (dvc import, import-url); CI refuses others"
    )
    read: Read = Field(Read.model_validate({}), description="how the files are to be read")


class Split(_Section):
    """Rows divided by time."""

    by: str = Field(description="a column of dates: the latest rows are the test rows")


class Prepare(_Section):
    """How rows are divided."""

    validation_size: Fraction = Field(0.15, description="share of the rows that steer training")
    test_size: Fraction = Field(0.25, description="share of the rows that judge the model")
    holdout_size: float = Field(
        0.0, ge=0, lt=1, description="share of the rows that judge a model only before its release; from training's"
    )
    seed: int = Field(0, ge=0, description="another number is another split")
    split: Split | None = Field(None, description="{by: column}: by time, instead of by a hash of each row")

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> "Prepare":
        if self.validation_size + self.test_size + self.holdout_size >= 0.95:
            more = " + holdout_size" if self.holdout_size else ""
            raise ValueError(f"validation_size + test_size{more} must leave at least 5 % of the rows for training")
        return self


class Train(_Section):
    """The model and how it learns."""

    estimator: str = Field(description="a classifier by its import path below sklearn: svm.SVC")
    arguments: dict[str, Any] = Field({}, description="the estimator's own arguments")
    preprocessing: list[str | dict[str, dict[str, Any] | None]] = Field(
        [],
        description="transformers in order: a name, or {name: {argument: value}}; scikit-learn's by their import path "
        "below sklearn, and for pictures pictures.Straighten and pictures.OrientedGradients",
    )
    calibration: Literal["sigmoid"] | None = Field(
        None, description="learn probabilities from the scores, for estimators that have none (svm.SVC, LinearSVC)"
    )
    threshold: Fraction | Literal["validation"] = Field(
        0.5,
        description="two classes: from which probability on the second one is the answer; validation: that with the "
        "largest balanced accuracy on the validation rows",
    )
    seed: int = Field(0, ge=0, description="seeds everything random in training")
    epochs: int = Field(100, ge=1, description="steps at most, for models that learn in steps")
    batch_size: int = Field(32, ge=1, description="rows in a step of partial_fit")
    patience: int = Field(15, ge=0, description="steps without a better validation loss before stopping; 0: never")
    refit: bool = Field(
        False,
        description="once the validation rows chose the step, learn as far again from training and validation rows",
    )


class Evaluate(_Section):
    """What is measured on the test rows."""

    confidence: Fraction = Field(0.95, description="level of the intervals")
    resamples: int = Field(
        1000,
        ge=100,
        le=100_000,
        description="without effect since every interval has a formula; an old params.yaml may have it",
    )
    bins: int = Field(10, ge=2, le=100, description="bins of the calibration curve and its error")
    hardest: int = Field(24, ge=0, le=200, description="how many of the most confidently wrong rows are shown")
    slices: dict[str, list[float] | None] = Field(
        {}, description="columns to slice by: null for each category, or the inner edges of bins: {age: [30, 50]}"
    )


class Package(_Section):
    """The deployable package."""

    name: str = Field(
        "digits",
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        description="its name, also in the registry: small letters, digits and hyphens",
    )
    tolerance: float = Field(1e-4, gt=0, le=0.01, description="largest difference of a probability from `evaluate`'s")
    purpose: str = Field("", description="one sentence for the model card: what the model is for")


class Tracking(_Section):
    """Where the records are mirrored."""

    project: str = Field("pipeline", description="W&B project, unless WANDB_PROJECT says otherwise")
    entity: str | None = Field(None, description="W&B user or team, unless WANDB_ENTITY says otherwise")
    upload: Literal["none", "package", "all"] = Field("none", description="whose bytes W&B gets; hashes it always gets")


class Metric(_Section):
    """How the review reads one metric."""

    better: Literal["higher", "lower"] = Field(description="which direction is an improvement")
    format: Literal["percent", "number"] = "number"
    tolerance: float = Field(ge=0, description="a difference surely smaller than this counts as equivalent")
    floor: Annotated[
        float,
        Field(
            gt=0,
            lt=1,
            description="log loss: the least probability that a model gives to the truth; bounds what one row may cost",
        ),
    ] = 1e-6


class Review(_Section):
    """What a pull request is told."""

    primary: str = Field("accuracy", description="the metric of the headline")
    metrics: dict[str, Metric] = Field(description="the metrics to compare")
    seeds: Annotated[int, Field(ge=0, le=MOST_SEEDS)] | Literal["auto"] = Field(
        0,
        description="further seeds to train both sides with: shows the luck; auto: what seed_seconds allow",
    )
    seed_seconds: float = Field(60, gt=0, description="how long `seeds: auto` may train")
    anchor: str | None = Field(
        None, description="a revision that every change is compared with, too, until a version is released"
    )
    looks: Literal["count", "adjust"] = Field(
        "count", description="how often these rows were looked at: only say it, or divide the level by it (adjust)"
    )

    @model_validator(mode="after")
    def _primary_is_compared(self) -> "Review":
        if self.primary not in self.metrics:
            raise ValueError(f"primary is '{self.primary}', which is not among metrics: {', '.join(self.metrics)}")
        return self


class Rule(_Section):
    """One rule of the gate: a metric and one bound."""

    metric: str = Field(description="a compared metric, size_bytes, or latency_ms")
    minimum: float | None = Field(None, description="floor of the head's value")
    maximum: float | None = Field(None, description="ceiling of the head's value")
    regression: float | None = Field(
        None,
        ge=0,
        description="how much worse the head may be, judged at the far end of the difference's 95 % interval",
    )
    ratio: float | None = Field(None, gt=0, description="head over base may not exceed this: for size and latency")
    at: Literal["point", "interval"] = Field(
        "point", description="minimum and maximum: judge the value itself, or the far end of evaluate's interval"
    )
    strict: bool = Field(False, description="regression: too few rows to decide it fail the rule, too")
    against: Literal["base", "anchor"] = Field(
        "base", description="regression: worse than what stood before, or than the anchor (review.anchor)"
    )
    action: Action = Field("block", description="block: the report fails; inform: it only says so")

    @model_validator(mode="after")
    def _has_one_bound(self) -> "Rule":
        if sum(bound is not None for bound in (self.minimum, self.maximum, self.regression, self.ratio)) != 1:
            raise ValueError("a rule has exactly one of minimum, maximum, regression, ratio")
        if self.against == "anchor" and self.regression is None:
            raise ValueError("against: anchor is for regression; no other bound is about an anchor")
        if self.at == "interval" and self.minimum is None and self.maximum is None:
            raise ValueError("at: interval is for minimum and maximum; a regression is judged on its interval anyway")
        if self.strict and self.regression is None:
            raise ValueError("strict is for regression; the other bounds are always decided")
        return self


class Params(_Section):
    """The whole of params.yaml."""

    load: Load
    data: Data
    prepare: Prepare
    train: Train
    evaluate: Evaluate
    package: Package
    tracking: Tracking
    review: Review
    gate: list[Rule]

    @model_validator(mode="after")
    def _one_division(self) -> "Params":
        if self.prepare.split and self.data.split_column:
            raise ValueError("prepare.split divides by time, and data.split_column by what the table says; choose one")
        return self

    @model_validator(mode="after")
    def _gate_names_what_is_measured(self) -> "Params":
        for number, rule in enumerate(self.gate):
            compared, cost = rule.metric in self.review.metrics, rule.metric in COSTS
            if not (compared or cost):
                known = ", ".join([*self.review.metrics, *COSTS])
                raise ValueError(f"gate.{number}: unknown metric '{rule.metric}'; allowed: {known}")
            if rule.at == "interval" and not compared:
                raise ValueError(f"gate.{number}: at: interval is for compared metrics; {rule.metric} has no interval")
            if rule.ratio is not None and not cost:
                raise ValueError(f"gate.{number}: ratio is for {' and '.join(COSTS)}; use regression for {rule.metric}")
            if rule.regression is not None and not compared:
                raise ValueError(f"gate.{number}: regression is for compared metrics; use ratio for {rule.metric}")
            bound = next(b for b in (rule.minimum, rule.maximum, rule.regression, rule.ratio) if b is not None)
            if compared and self.review.metrics[rule.metric].format == "percent" and bound > 1:
                raise ValueError(
                    f"gate.{number}: {bound:g} of {rule.metric}: it is a share of 1; write {bound / 100:g}"
                )
        return self


def read_params(path: str | Path = "params.yaml") -> Params:
    """Read and check params.yaml.

    Raises:
        InputError: naming the key, the value, what is allowed and the closest known key.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; run this from the root of the repository") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start + 1} is not UTF-8; save the file as UTF-8") from None
    return parse_params(text, str(path))


def parse_params(text: str, source: str = "params.yaml") -> Params:
    """Check the text of a params.yaml, also one from another commit; `source` names it in errors."""
    try:
        content = parse_yaml(text)
    except ValueError as error:
        raise InputError(f"{source}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        found = "nothing" if content is None else type(content).__name__
        raise InputError(f"{source}: expected sections such as `data:` and `train:`, found {found}")
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{source}: {_message(error)}") from None


def json_schema() -> dict[str, Any]:
    """The JSON schema with which an editor completes and checks params.yaml."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Params.model_json_schema()}


def _message(error: ValidationError) -> str:
    # A key that is not known comes first: if it was misspelt, the right one is missing, too.
    first, *others = sorted(error.errors(include_url=False), key=lambda problem: problem["type"] != "extra_forbidden")
    section, name = first["loc"][:-1], str(first["loc"][-1]) if first["loc"] else ""
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = sorted(_schema_of(section).get("properties", {}))
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        text = f"{key}: unknown key; {hint}allowed: {', '.join(known)}"
        others = [other for other in others if other["loc"] != (*section, *close)]
    elif first["type"] == "missing":
        text = f"{key}: missing; add it"
    elif first["type"] == "string_pattern_mismatch":
        allowed = _schema_of(section)["properties"][name]["description"]
        close = difflib.get_close_matches(first["input"], re.findall(r"\w+", allowed), n=1)
        hint = f"did you mean '{close[0]}'? " if close and close[0] != first["input"] else ""
        text = f"{key}: {first['input']!r}: {hint}allowed: {allowed}"
    else:
        said = first["msg"].removeprefix("Value error, ")
        given = f"{first['input']!r}: "
        text = f"{key}: {given if len(given) <= SHOWN else ''}{said}" if key else said
    return text + (f" (and {len(others)} more)" if others else "")


def _schema_of(location: tuple[int | str, ...]) -> dict[str, Any]:
    """What the JSON schema says about the section at `location`."""
    schema = Params.model_json_schema()
    node: dict[str, Any] = schema
    for part in location:
        node = node.get("items", {}) if isinstance(part, int) else _child(node, part)
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node


def _child(node: dict[str, Any], key: str) -> dict[str, Any]:
    found = node.get("properties", {}).get(key) or node.get("additionalProperties") or {}
    return found if isinstance(found, dict) else {}
