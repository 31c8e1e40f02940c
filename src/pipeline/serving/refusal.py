"""Why a request is not answered: each fault with its row and column, in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

FAULTS = 10  # that an answer lists
STATUS = {  # by reason; a fault of a row is 422. The reasons are also a metric's label: there are these and no more
    "not_json": 400,
    "shape": 422,
    "empty": 422,
    "missing_column": 422,
    "unknown_column": 422,
    "type": 422,
    "range": 422,
    "gap": 422,
    "unauthorized": 401,
    "not_found": 404,
    "method": 405,
    "slow": 408,
    "too_large": 413,
    "too_many_rows": 413,
    "content_type": 415,
    "defect": 500,
    "busy": 503,
}


class Fault(NamedTuple):
    """One thing that is wrong. Rows count from 1, as a person counts; None where it is of no row or column."""

    reason: str
    text: str
    row: int | None = None
    column: str | None = None

    @property
    def sentence(self) -> str:
        """The fault with its place."""
        places = [f"row {self.row}" if self.row else "", f"column '{self.column}'" if self.column is not None else ""]
        place = ", ".join(filter(None, places))
        return f"{place}: {self.text}" if place else self.text


@dataclass
class RefusalError(Exception):
    """A request is not answered."""

    faults: Sequence[Fault]
    more: bool = False  # whether there are faults that the list leaves out
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def reason(self) -> str:
        """The reason of the first fault, for the metrics and the log."""
        return self.faults[0].reason

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS[self.reason]

    def content(self, request_id: str) -> dict[str, Any]:
        """The body of the answer, with the two fields by which MLflow's clients know an error."""
        sentences = "; ".join(fault.sentence for fault in self.faults)
        return {
            "error_code": "INTERNAL_ERROR" if self.status >= 500 else "BAD_REQUEST",
            "message": sentences + ("; and more" if self.more else ""),
            "faults": [
                {"reason": fault.reason, "row": fault.row, "column": fault.column, "message": fault.text}
                for fault in self.faults
            ],
            "request_id": request_id,
        }


def refuse(reason: str, text: str, *headers: tuple[str, str]) -> RefusalError:
    """A refusal for one reason that is of no row."""
    return RefusalError([Fault(reason, text)], headers=headers)
