"""`python -m engine verify A B`: the same person or not."""

from __future__ import annotations

import sys

from ..terminal.inputs import STDIN, read
from ..terminal.streams import json_line
from .options import VerifyOptions


def run(images: list[str], options: VerifyOptions) -> int:
    """Print whether the best faces of two photos match; returns 0. Raises EngineError."""
    from ..faces.verification import verify

    one, two = images
    found = verify(*(read(image) if image == STDIN else image for image in images))
    if options.json:
        print(json_line(as_json(one, two, found)))
    else:
        for note in found.notes:
            print(f"note: {note}", file=sys.stderr)
        for image, count in zip(images, found.faces, strict=True):
            if count > 1:
                print(
                    f"note: {image} shows {count} faces, the largest of them is compared",
                    file=sys.stderr,
                )
        said = "the same person" if found.same else "different people"
        limit = f"the same below {found.threshold}"
        print(f"{said} to this recogniser: distance {found.distance:.3f} ({limit})")
    return 0


def as_json(one: str, two: str, found) -> dict:
    """The object `--json` prints; faces: how many each photo surely shows."""
    return {
        "images": [one, two],
        "same": found.same,
        "distance": round(found.distance, 6),
        "threshold": found.threshold,
        "faces": list(found.faces),
    }
