"""Answers rows as they stand in the table. A package carries this file: MLflow calls it, and so may any program.

It needs NumPy, pandas and onnxruntime, and nothing of the project that wrote it.
"""

import datetime
import json
import os
import re
from collections.abc import Callable
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

BLANK = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null")  # a cell that says one of these is blank
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"([+-]?[0-9]+)\.0+")
PADDED = re.compile(r"[+-]?0[0-9]+")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
ROWS_AT_ONCE = 4096


class TableModel:
    """The model of a package's folder."""

    def __init__(self, folder: str | Path) -> None:
        """Read model.onnx and schema.json of `folder`."""
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime

        folder = Path(folder)
        schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
        self.features: list[dict[str, Any]] = schema["features"]
        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = 4  # what goes wrong is raised as well
        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), settings, providers=["CPUExecutionProvider"]
        )
        self.inputs = [one.name for one in self.session.get_inputs()]  # in the order of the features
        free = any(feature["type"] == "text" for feature in self.features)
        self.at_once = ROWS_AT_ONCE // 8 if free else ROWS_AT_ONCE  # rows: a text is thousands of numbers inside
        self.outputs = [one.name for one in self.session.get_outputs()]

    def predict(self, rows: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """`label` and `proba_<class>` of rows: a DataFrame, or what becomes one, with every column of the model.

        Other columns are not looked at.

        Raises:
            ValueError: a column is missing, or a cell is no value of its column.
        """
        cells = self.cells(rows)
        count = len(next(iter(cells.values())))
        parts = [
            self.session.run(self.outputs, {name: column[i : i + self.at_once] for name, column in cells.items()})
            for i in range(0, max(count, 1), self.at_once)
        ]
        answers = zip(*parts, strict=True)
        return pd.DataFrame({name: np.concatenate(of) for name, of in zip(self.outputs, answers, strict=True)})

    def cells(self, rows: Any) -> dict[str, npt.NDArray[Any]]:
        """What the graph takes, by the names of its inputs: text with "" where there is none, float64 with NaN."""
        table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows)
        table = table.rename(columns=lambda name: str(name).strip())
        absent = [feature["name"] for feature in self.features if feature["name"] not in table]
        if absent:
            raise ValueError(f"the rows lack {len(absent)} columns: {', '.join(absent[:10])}")
        found = {}
        for name, feature in zip(self.inputs, self.features, strict=True):
            column = table[feature["name"]]
            if not isinstance(column, pd.Series):
                raise ValueError(f"column '{feature['name']}' is there more than once")
            try:
                found[name] = OF_TYPE.get(feature["type"], _numbers)(column, feature)
            except ValueError as error:
                raise ValueError(f"column '{feature['name']}': {error}") from None
        return found


def _load_pyfunc(path: str) -> TableModel:
    """What MLflow calls with the path of model.onnx, or of its folder."""
    return TableModel(path if Path(path).is_dir() else Path(path).parent)


def _numbers(column: "pd.Series[Any]", feature: dict[str, Any]) -> npt.NDArray[np.float64]:
    """Numbers as they are, or true and false as 1 and 0; NaN where there is none."""
    boolean = feature["type"] == "boolean"
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        found = column.to_numpy(dtype=np.float64, na_value=np.nan)
        blanks = [float(value) for value in feature.get("na_values", ()) if NUMBER.fullmatch(str(value))]
        if blanks:
            found = np.where(np.isin(found, blanks), np.nan, found)
    else:
        found = _each(column, feature, _true_or_false if boolean else _number, np.float64, np.nan)
    if boolean:
        wrong = ~np.isin(found, (0, 1)) & ~np.isnan(found)
        reason = "is neither true nor false"
    else:
        with np.errstate(over="ignore"):
            wrong = np.isinf(found.astype(np.float32))
        reason = "is infinite, or too large for float32 (3.4e38)"
    if wrong.any():
        raise ValueError(f"{found[wrong][0]:g} {reason} (row {int(wrong.argmax()) + 1})")
    _demand_known(np.isnan(found), feature)
    return found


def _demand_known(blank: npt.NDArray[np.bool_], feature: dict[str, Any]) -> None:
    if blank.any() and not feature["missing"]:
        rows = int(blank.sum())
        raise ValueError(
            f"{rows} {'row has' if rows == 1 else 'rows have'} no value (row {int(blank.argmax()) + 1}), and the model "
            "never saw a row without one"
        )


def _dates(column: "pd.Series[Any]", feature: dict[str, Any]) -> npt.NDArray[np.object_]:
    """Dates as text, written as training's were."""
    pattern = re.compile(feature["pattern"])
    found = _each(column, feature, lambda cell: _date(cell, pattern, feature.get("format", "")), np.object_, "")
    _demand_known(found == "", feature)
    return found


def _texts(column: "pd.Series[Any]", feature: dict[str, Any]) -> npt.NDArray[np.object_]:
    """Names of categories as training wrote them."""
    known = set(feature["categories"])
    padded = next((name for name in feature["categories"] if PADDED.fullmatch(name)), None)
    return _each(column, feature, lambda cell: _category(cell, known, padded), np.object_, "")


def _free(column: "pd.Series[Any]", feature: dict[str, Any]) -> npt.NDArray[np.object_]:
    """Free text."""
    return _each(column, feature, _text, np.object_, "")


def _each(
    column: "pd.Series[Any]", feature: dict[str, Any], of: Callable[[Any], Any], dtype: Any, missing: Any
) -> npt.NDArray[Any]:
    """`of` each different cell, asked once; `missing` where there is none."""
    blanks = {*BLANK, *map(_bare, feature.get("na_values", ()))}
    cells = column.astype(object)
    if pd.api.types.infer_dtype(cells, skipna=True).startswith("mixed"):  # to pandas, 1 and true are the same
        present = cells.notna().to_numpy()
        codes, distinct = np.where(present, np.cumsum(present) - 1, -1), cells[present].to_list()
    else:
        codes, index = pd.factorize(cells)
        distinct = index.to_list()
    found = np.empty(len(distinct) + 1, dtype=dtype)
    found[-1] = missing  # the code of a missing cell is -1
    for place, cell in enumerate(distinct):
        text = cell.strip() if isinstance(cell, str) else cell
        try:
            found[place] = missing if _bare(text) in blanks else of(text)
        except ValueError as error:
            raise ValueError(f"{error} (row {int((codes == place).argmax()) + 1})") from None
    return found[codes]


def _bare(cell: Any) -> str:
    """A cell as text, a whole number without decimals."""
    text = cell.strip() if isinstance(cell, str) else str(cell)
    return WHOLE.sub(r"\1", text) if WHOLE.fullmatch(text) else text


def _number(cell: Any) -> float:
    if isinstance(cell, str) and NUMBER.fullmatch(cell):
        return float(cell)
    if isinstance(cell, (Real, Decimal)) and not isinstance(cell, bool):
        return float(cell)
    raise ValueError(f"{_shown(cell)} is no number")


def _true_or_false(cell: Any) -> float:
    if isinstance(cell, str) and cell.lower() in ("true", "false"):
        return float(cell.lower() == "true")
    return float(cell) if isinstance(cell, (bool, np.bool_)) else _number(cell)


def _category(cell: Any, known: set[str], padded: str | None) -> str:
    """The name that training knows: 1 and 1.0 are "1", true is "true" or "True"; else the cell as text, unknown."""
    if isinstance(cell, str):
        names = [cell, WHOLE.sub(r"\1", cell) if WHOLE.fullmatch(cell) else cell]
    elif isinstance(cell, (bool, np.bool_)):
        names = [str(cell), str(cell).lower(), str(cell).upper()]
    elif isinstance(cell, (Real, Decimal)):
        if padded is not None:
            raise ValueError(
                f"{cell} is a number, but names here have leading zeros, such as {padded}: send text, read as text"
            )
        number = float(cell)
        names = [str(int(number)) if number.is_integer() else str(number), str(cell), str(number)]
    else:
        raise ValueError(f"{_shown(cell)} is no name")
    return next((name for name in names if name in known), names[0])


def _text(cell: Any) -> str:
    if not isinstance(cell, (str, bool, np.bool_, Real, Decimal)):
        raise ValueError(f"{_shown(cell)} is no text")
    text = _bare(cell)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError(f"{_shown(cell)} is no whole text: half of a surrogate pair stands in it")
    return text


def _date(cell: Any, pattern: re.Pattern[str], format: str) -> str:
    """A date as text if there is such a day; objects of Python, NumPy and pandas as they are written, in no zone."""
    text = cell if isinstance(cell, str) else ""
    if isinstance(cell, (datetime.date, np.datetime64)):
        day = pd.Timestamp(cell).replace(tzinfo=None)
        text = day.strftime(format) if format else day.isoformat()
    elif isinstance(cell, (Real, Decimal)) and not isinstance(cell, bool):
        text = _bare(cell)  # 20240131
    parts = match.groupdict() if (match := pattern.fullmatch(text)) else {}
    try:
        year = int(parts.get("year") or f"20{parts['short_year']}")  # of which century is no matter to a month's length
        month = parts.get("month") or MONTHS.index(parts["month_name"][:3].lower()) + 1
        datetime.date(year, int(month), int(parts.get("day") or 1))
    except (KeyError, ValueError):
        written = format or "1999-12-31 or 1999-12-31 12:30:00"
        raise ValueError(f"{_shown(cell)} is no date as in {written}") from None
    return text


def _shown(cell: Any) -> str:
    text = repr(cell)
    return text if len(text) <= 40 else f"{text[:40]}..."


OF_TYPE = {"category": _texts, "date": _dates, "text": _free}  # all others are numbers
