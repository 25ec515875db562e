"""`python -m engine verify A B`: the same person or not."""

from __future__ import annotations

import argparse
from json import dumps


def add(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "verify",
        help="whether two photos show the same person, to a machine",
        description="Compares the largest face of two photos with dlib's recogniser: the same "
        "person where their descriptors are closer than 0.6. Use it to test a cloak.",
    )
    command.add_argument("one", metavar="A", help="a photo")
    command.add_argument("two", metavar="B", help="another")
    command.add_argument("--json", action="store_true", help="one JSON object on stdout")
    command.set_defaults(run=run)


def run(one: str, two: str, json: bool) -> int:
    from ..compare import verify

    found = verify(one, two)
    if json:
        print(dumps(as_json(one, two, found), ensure_ascii=False))
    else:
        said = "the same person" if found.same else "different people"
        limit = f"the same below {found.threshold}"
        print(f"{said} to this recogniser: distance {found.distance:.3f} ({limit})")
    return 0


def as_json(one: str, two: str, found) -> dict:
    """The object `--json` prints; faces: how many each photo shows."""
    return {
        "images": [one, two],
        "same": found.same,
        "distance": round(found.distance, 6),
        "threshold": found.threshold,
        "faces": list(found.faces),
    }
