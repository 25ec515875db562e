"""A batch on the command line: results on stdout, refusals on stderr, and the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from .. import batch
from ..output import check_folder


def each(images: list[str], work: Callable[[str, str], str], out: Path, *, as_json: bool) -> int:
    """Print work(image, stem) of every picture; a bad one is recorded and the rest goes on.

    out: where work leaves files; where it cannot, a picture is refused before work begins.
    Returns 0, or 1 where a picture was refused; with as_json that is {image, error} on stdout too.
    """

    def ready(image: str, stem: str) -> str:
        check_folder(out)
        return work(image, stem)

    refused = 0
    for done in batch.run(images, ready):
        if done.error is not None:
            refused += 1
            print(f"error: {done.error}", file=sys.stderr, flush=True)
            if as_json:
                print(json.dumps({"image": done.image, "error": str(done.error)}), flush=True)
        else:
            print(done.result, flush=True)
    if refused:
        print(f"{refused} of {len(images)} pictures refused", file=sys.stderr)
    return 1 if refused else 0
