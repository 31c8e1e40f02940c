"""Records of a run: DVCLive's files are the truth, W&B shows a mirror of them."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.tracking.live import Live

__all__ = ["Live"]


def __getattr__(name: str) -> Any:
    """Import `Live` when it is asked for: the follower lives in this package too and must not pay for DVCLive."""
    if name == "Live":
        from pipeline.tracking.live import Live

        return Live
    raise AttributeError(name)
