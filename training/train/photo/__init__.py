"""The photo generator: its training within a given time on a GPU, and its record."""
