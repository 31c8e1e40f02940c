"""Tests; their folders mirror src/pipeline."""
