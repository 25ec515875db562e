"""`python -m engine machine`: the largest change that a panel of classifiers does not notice."""

from __future__ import annotations

import sys
from pathlib import Path

from ..errors import UsageError, WeightsError
from ..images.picture import Picture
from ..machine import report
from ..machine.jnd import load
from ..system.libraries import broken
from ..terminal import batch
from ..terminal.inputs import STDIN
from ..terminal.progress import progress
from ..terminal.streams import json_line
from .options import MachineOptions


def run(images: list[str], options: MachineOptions) -> int:
    """Each picture's report on stdout, its files in options.out; returns the exit code."""
    if options.search and options.strength != 1:
        raise UsageError("--strength is for the generator, --search does without: give one of them")

    def prepare():
        jnd = load(options.weights, options.device, options.generator)
        jnd.check_strength(options.strength)
        announce = batch.Announcement(jnd.description)
        search = gradient_search(options, jnd.aim) if options.search else None

        def work(picture: Picture, image: str, stem: str) -> str:
            result = jnd(picture, search=search, strength=options.strength)
            announce()
            title = "standard input" if image == STDIN else Path(image).name
            files = report.write(result, stem, title, options.out)
            if options.json:
                return json_line(report.as_json(result, image, files))
            return report.table(result, image, files) + "\n"

        return work

    return batch.run(images, prepare, options.out, as_json=options.json)


def gradient_search(options: MachineOptions, aim: dict[str, float]):
    """The search of `engine.machine.search`, its progress on stderr. aim: as the generator's."""
    try:
        from ..machine.search import Searcher
        from ..networks.device import use_threads
    except (ImportError, OSError) as error:
        if not isinstance(error, ModuleNotFoundError) or "." in (error.name or ""):
            raise broken(error) from None
        raise WeightsError(
            f"--search needs {error.name}: run pip install 'just-noticeable[attack]'"
        ) from None
    searcher = Searcher(weights=options.weights, device=options.device)
    print(f"gradient search on {searcher.device}, {use_threads()} threads", file=sys.stderr)

    def search(pixels):
        with progress(keep=True) as show:
            for step in searcher.steps(pixels, max_seconds=options.max_seconds, **aim):
                held = f"{step.psnr_db[0]:.2f} dB" if step.held[0] else "nothing yet"
                where = f"step {step.number}/{step.total}: best that holds {held}"
                show(step.number / step.total, where)
        return step.change

    return search
