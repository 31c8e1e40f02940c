"""How good predictions are: values, intervals, curves, slices, the hardest examples."""
