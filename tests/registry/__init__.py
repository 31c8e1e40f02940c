"""Tests of src/pipeline/registry."""
