"""What a pull request is told: better, worse or noise, on the same rows, with its cause and its proof."""

from pipeline.review.compare import compare

__all__ = ["compare"]
