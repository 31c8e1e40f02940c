"""Real commands in throw-away clones."""
