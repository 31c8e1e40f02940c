"""A package answers: over HTTP. It needs requirements-serving.lock, and no library that trains."""
