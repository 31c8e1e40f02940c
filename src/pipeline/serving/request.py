"""JSON into the columns of the table: types made of schema.json decode and check a request at once.

msgspec names the first fault only, and not its row. So what it does not take is read again by `explain`, which finds
them all; a request that is right never pays for that.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import GenericAlias
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from pipeline.data.schema import Feature, Schema
from pipeline.serving import explain
from pipeline.serving.cells import Cells, RefusedCellError, Taken, takes_booleans, takes_gap, takes_numbers
from pipeline.serving.refusal import Fault, RefusalError

LARGEST = 3.4028234663852886e38  # float32: what is larger would be infinite in the graph
Form = Literal["row", "rows", "columns"]
Number = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Name = str | Whole | Annotated[float, Meta(ge=-(2.0**63), le=2.0**63)]  # 7.0 is 7 to JSON
Key = Name | None


@dataclass(frozen=True)
class Asked:
    """A request that can be answered."""

    form: Form  # in which it came, and is answered
    columns: Sequence[Sequence[Any]]  # the cells, in the order of the schema
    keys: Sequence[Any] | None  # what the client calls its rows
    taken: Taken


class Reader:
    """Reads requests for one schema."""

    def __init__(self, schema: Schema, key: str, max_rows: int) -> None:
        """`key` names the field that a row may have beside the model's columns."""
        self.schema, self.tensor, self.max_rows = schema, schema.tensor, max_rows
        self.key = None if key in schema.names else key
        self.cells = Cells(schema)
        kinds = [type_of(feature) for feature in schema.features]
        names = {f"f{place}": name for place, name in enumerate(schema.names)}
        rename = {**names, **({"key": self.key} if self.key else {})}
        key_one: list[Any] = [("key", Key, None)] if self.key else []
        key_all: list[Any] = [("key", list[Key] | None, None)] if self.key else []
        row: Any = msgspec.defstruct(
            "Row", [*zip(names, kinds, strict=True), *key_one], rename=rename, forbid_unknown_fields=True, gc=False
        )
        lists = [(name, _list_of(kind)) for name, kind in zip(names, kinds, strict=True)]
        self._columns_type: Any = msgspec.defstruct(
            "Columns", [*lists, *key_all], rename=rename, forbid_unknown_fields=True
        )
        array: Any = GenericAlias(tuple, tuple(map(array_type_of, schema.features)))
        self._rows_type, self._arrays_type = _list_of(row), _list_of(array)
        self._row = msgspec.json.Decoder(row)
        self._rows = msgspec.json.Decoder(self._rows_type)
        self._columns = msgspec.json.Decoder(self._columns_type)
        self._array = msgspec.json.Decoder(array)
        self._arrays = msgspec.json.Decoder(self._arrays_type)

    def read(self, body: bytes) -> Asked:
        """A row `{"age": 30, ...}`, rows `[{...}, ...]`, or columns `{"age": [30, ...], ...}`.

        A model of one array also takes a row as its numbers in the order of schema.json.

        Raises:
            RefusalError: with up to ten faults.
        """
        try:
            return self._decode(body)
        except (msgspec.DecodeError, RefusedCellError, RecursionError, UnicodeDecodeError) as error:
            raise self.explained(explain.parse(body), error) from None

    def convert(self, content: Any) -> Asked:
        """What was read from another form: a list of rows, each a dict or a list of cells, or a dict of columns.

        Raises:
            RefusalError: with up to ten faults.
        """
        try:
            if isinstance(content, dict):
                return self._of_columns(msgspec.convert(content, self._columns_type))
            if self.tensor and content and isinstance(content[0], list):
                return self._of_arrays(msgspec.convert(content, self._arrays_type))
            return self._of_rows(msgspec.convert(content, self._rows_type))
        except (msgspec.ValidationError, RefusedCellError) as error:
            raise self.explained(content, error) from None

    def explained(self, content: Any, error: Exception) -> RefusalError:
        """The refusal of parsed content, in which something is wrong."""
        faults, more = explain.explain(content, self.schema, self.key)
        if not faults:  # the two readers differ: it stays refused, and the decoder's own words must do
            faults = [Fault("not_json", f"this is no request: {error}")]
        return RefusalError(faults, more)

    def _decode(self, body: bytes) -> Asked:
        head = _first(body)
        if head[:1] == b"[":
            if not self.tensor or head[1:] in (b"{", b"]"):
                return self._of_rows(self._rows.decode(body))
            if head[1:] == b"[":
                return self._of_arrays(self._arrays.decode(body))
            return self._asked("row", [(cell,) for cell in self._array.decode(body)], None)
        try:
            row = self._row.decode(body)
        except msgspec.ValidationError:
            return self._of_columns(self._columns.decode(body))
        cells = [(cell,) for cell in msgspec.structs.astuple(row)]
        return self._asked("row", cells, cells.pop() if self.key else None)

    def _of_rows(self, rows: list[Any]) -> Asked:
        columns: list[Any] = list(zip(*map(msgspec.structs.astuple, rows), strict=True))
        return self._asked("rows", columns, columns.pop() if self.key and columns else None)

    def _of_arrays(self, rows: list[Any]) -> Asked:
        return self._asked("rows", list(zip(*rows, strict=True)), None)

    def _of_columns(self, found: Any) -> Asked:
        columns = list(msgspec.structs.astuple(found))
        keys = columns.pop() if self.key else None
        if len({len(column) for column in columns} | ({len(keys)} if keys is not None else set())) != 1:
            raise RefusedCellError
        return self._asked("columns", columns, keys)

    def _asked(self, form: Form, columns: Sequence[Sequence[Any]], keys: Sequence[Any] | None) -> Asked:
        rows = len(columns[0]) if columns else 0
        if not rows:
            raise RefusalError([Fault("empty", "the request has no rows")])
        if rows > self.max_rows:
            raise RefusalError(
                [Fault("too_many_rows", f"{rows} rows are more than the {self.max_rows} of one request")]
            )
        return Asked(form, columns, keys, self.cells.take(columns))


def type_of(feature: Feature) -> Any:
    """What a cell of a column may be, as a type."""
    if feature.type == "number":
        kind: Any = Number
    elif feature.type == "boolean":
        kind = bool
    else:
        kind = Name if takes_numbers(feature) else str
        if takes_booleans(feature):
            kind = kind | bool
    return kind | None if takes_gap(feature) else kind


def array_type_of(feature: Feature) -> Any:
    """Likewise in a row that is a list of numbers, where true and false may be 1 and 0."""
    kind: Any = bool | Number if feature.type == "boolean" else Number
    return kind | None if takes_gap(feature) else kind


def _list_of(kind: Any) -> Any:
    return GenericAlias(list, (kind,))


def _first(body: bytes) -> bytes:
    """The first two characters that are no space."""
    found = re.match(rb"[ \t\r\n]*(.)[ \t\r\n]*(.?)", body)
    return found[1] + found[2] if found else b""
