"""What a pull request is told: better, worse or noise, on the same rows, with its cause and its proof."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.comparison.compare import compare

__all__ = ["compare"]


def __getattr__(name: str) -> Any:
    """`compare` by its old name, imported when it is asked for."""
    if name == "compare":
        from pipeline.comparison.compare import compare

        return compare
    raise AttributeError(name)
