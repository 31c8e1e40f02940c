"""A table: how it is read, what its columns are, what is wrong with it, which row is on which side."""
