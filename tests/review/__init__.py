"""Tests of src/pipeline/review."""
