"""Tests of the privileged side of the pull-request comment."""
