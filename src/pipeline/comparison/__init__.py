"""Whether one model is better than another on the same rows: pure statistics, and the gate."""
