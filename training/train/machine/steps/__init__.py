"""One training step of a generator and one epoch of them, on a processor and on a GPU."""
