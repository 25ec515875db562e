"""`python -m engine machine`: the largest change that a panel of classifiers does not notice."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .. import report
from ..errors import UsageError, WeightsError
from ..machine import load
from ..options import MachineOptions
from . import pictures


def run(images: list[str], options: MachineOptions) -> int:
    """Each picture's report on stdout, its files in options.out; returns the exit code."""
    jnd = load(options.weights, options.device, options.generator)
    jnd.check_strength(options.strength)
    if options.search and options.strength != 1:
        raise UsageError("--strength is for the generator, --search does without: give one of them")
    print(jnd.description, file=sys.stderr)
    search = gradient_search(options, jnd.aim) if options.search else None

    def work(image: str, stem: str) -> str:
        result = jnd(image, search=search, strength=options.strength)
        files = report.write(result, stem, Path(image).name, options.out)
        if options.json:
            return json.dumps(report.as_json(result, image, files), ensure_ascii=False)
        return report.table(result, image, files) + "\n"

    return pictures.each(images, work, options.out, as_json=options.json)


def gradient_search(options: MachineOptions, aim: dict[str, float]):
    """The per-image search of `engine.search`, its progress on stderr. aim: as the generator's."""
    try:
        from ..search import Searcher
    except ModuleNotFoundError as error:
        raise WeightsError(
            f"--search needs {error.name}: run pip install 'just-noticeable[attack]'"
        ) from None
    searcher = Searcher(weights=options.weights, device=options.device)
    print(f"gradient search on {searcher.device}", file=sys.stderr)

    def search(pixels):
        for step in searcher.steps(pixels, max_seconds=options.max_seconds, **aim):
            if step.number % 10 == 0 or step.last:
                held = f"{step.psnr_db[0]:.2f} dB" if step.held[0] else "nothing yet"
                line = f"\rstep {step.number}/{step.total}: best that holds {held}   "
                print(line, end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return step.change

    return search
