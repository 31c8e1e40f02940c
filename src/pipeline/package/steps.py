"""A model's steps as text for the card: names and the arguments that are not the default, never an array."""

import inspect
from typing import Any

from pipeline.text import count

SHOWN = 8  # values of a list at most
LONG = 60  # characters of a text at most


def described(part: Any) -> str:
    """An estimator, and those inside it: `SVC(C=10)`; of arrays and long lists only how many values they have."""
    name = type(part).__name__
    if name == "Pipeline":
        return " → ".join(described(step) for _, step in part.steps)
    if name == "ColumnTransformer":
        parts = (f"{_value(step)} of {count(_number(columns), 'column')}" for _, step, columns in part.transformers)
        return f"{name}({'; '.join(parts)})"
    if not hasattr(part, "get_params"):
        return name
    defaults = inspect.signature(type(part)).parameters
    changed = (
        f"{argument}={_value(value)}"
        for argument, value in sorted(part.get_params(deep=False).items())
        if argument not in defaults or not _same(value, defaults[argument].default)
    )
    return f"{name}({', '.join(changed)})"


def _value(value: Any) -> str:
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    if isinstance(value, str):
        return repr(value) if len(value) <= LONG else f"{value[:LONG]!r}..."
    if hasattr(value, "get_params"):
        return described(value)
    if isinstance(value, dict):
        inside = ", ".join(f"{key!r}: {_value(of)}" for key, of in list(value.items())[:SHOWN])
        return f"{{{inside}}}" if len(value) <= SHOWN else f"{len(value)} values"
    if isinstance(value, (list, tuple)) and len(value) <= SHOWN:
        left, right = "[]" if isinstance(value, list) else "()"
        inside = ", ".join(map(_value, value))
        return f"{left}{inside}{',' if len(value) == 1 and left == '(' else ''}{right}"
    if isinstance(value, type):
        return value.__name__
    return f"{_number(value)} values" if hasattr(value, "__len__") else type(value).__name__


def _number(value: Any) -> int:
    return int(getattr(value, "size", None) or len(value))


def _same(value: Any, default: Any) -> bool:
    try:
        return bool(value is default or value == default)
    except ValueError:  # an array
        return False
