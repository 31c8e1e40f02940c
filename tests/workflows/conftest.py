"""The stand-in GitHub and the comment command of tests/comment, for the artifacts that ci.yml makes."""

from tests.comment.conftest import comment, github

__all__ = ["comment", "github"]
