"""`python -m engine verify A B`: the same person or not."""

from __future__ import annotations

import sys

from ..terminal.inputs import STDIN, read
from ..terminal.streams import json_line
from .options import VerifyOptions


def run(images: list[str], options: VerifyOptions) -> int:
    """Print whether the best faces of two photos match; returns 0. Raises EngineError."""
    from ..faces.verification import verify

    one, two = (read(image) if image == STDIN else image for image in images)
    comparison = verify(one, two, against=options.against)
    if options.json:
        print(json_line({"images": list(images), **comparison.to_dict()}))
    else:
        for note in comparison.notes:
            print(f"note: {note}", file=sys.stderr)
        for image, count in zip(images, comparison.faces, strict=True):
            if count > 1:
                print(
                    f"note: {image} shows {count} faces, the largest of them is compared",
                    file=sys.stderr,
                )
        for name, match in comparison.recognisers.items():
            verdict = "the same person" if match.same else "different people"
            limit = f"the same below {match.threshold:g}"
            print(f"{verdict} to {name}: distance {match.distance:.3f} ({limit})")
    return 0
