"""A body of Arrow's stream format, where pyarrow is installed; serving's own lock leaves out its 167 MB."""

from importlib.util import find_spec
from typing import Any

from pipeline.serving.refusal import refuse

MEDIA_TYPE = "application/vnd.apache.arrow.stream"


def columns(body: bytes) -> dict[str, list[Any]]:
    """The columns of a body.

    Raises:
        RefusalError: pyarrow is not there, or this is no such stream.
    """
    if find_spec("pyarrow") is None:
        raise refuse("content_type", "Arrow needs pyarrow beside the service; send application/json")
    import pyarrow as pa

    try:
        with pa.ipc.open_stream(body) as stream:
            table = stream.read_all()
        names = table.column_names
        if len(set(names)) < len(names):
            raise refuse("shape", "a column is there more than once")
        return {name: column.to_pylist() for name, column in zip(names, table.columns, strict=True)}
    except (pa.ArrowException, OSError, ValueError) as error:
        raise refuse("shape", f"this is no whole stream of Arrow: {str(error).partition(chr(10))[0][:200]}") from None
