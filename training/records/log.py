"""What a long run reports on its way: one line at a time on stderr, JSON where it is numbers."""

from __future__ import annotations

import json
import sys


def log(line: str | dict) -> None:
    """Print a sentence, or a row of numbers as JSON, at once."""
    text = line if isinstance(line, str) else json.dumps(line)
    print(text, file=sys.stderr, flush=True)
