"""The service: what it takes, what it refuses, how it lives."""
