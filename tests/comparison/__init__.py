"""Tests of pipeline.comparison."""
