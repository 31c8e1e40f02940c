"""The registry: which commits are versions of the model, at which stage each is, and how the model got there."""
