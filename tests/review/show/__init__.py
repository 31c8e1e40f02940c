"""Tests of pipeline.review.show."""
