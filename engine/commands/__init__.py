"""Commands of `python -m engine`, one module each: `add` describes one, `run` does it."""
