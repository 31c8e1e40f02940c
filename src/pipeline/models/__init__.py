"""Estimators of params.yaml, and how they learn."""
