"""Tests of pipeline.package."""
