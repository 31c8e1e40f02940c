"""The privileged side of a pull request's comment: standard library only, run from the default branch's own code."""
