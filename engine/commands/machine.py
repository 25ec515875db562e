"""`python -m engine machine`: the largest change that a panel of classifiers does not notice."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from ..errors import UsageError, WeightsError
from ..images.picture import Picture, encode_png
from ..machine.figure import draw_figure
from ..machine.jnd import Search, load
from ..machine.result import MachineResult
from ..system.files import write_files
from ..system.libraries import broken
from ..terminal import batch
from ..terminal.inputs import STDIN
from ..terminal.progress import draw
from ..terminal.streams import json_line
from .options import MachineOptions


def run(images: list[str], options: MachineOptions) -> int:
    """Each picture's report on stdout, its files in options.out; returns the exit code."""
    if options.search and options.strength != 1:
        raise UsageError("--strength is for the generator, --search does without: give one of them")

    def prepare():
        machine = load(options.weights, options.device, options.generator)
        machine.generator.check_strength(options.strength)
        announce = batch.Announcement(machine.description)
        search = gradient_search(options, machine.generator.aim) if options.search else None

        def work(picture: Picture, image: str, stem: str) -> str:
            result = machine(picture, search=search, strength=options.strength)
            announce()
            title = "standard input" if image == STDIN else Path(image).name
            files = write(result, stem, title, options.out)
            if options.json:
                names = {kind: str(path) for kind, path in files.items()}
                return json_line({"image": image, **result.to_dict(), "files": names})
            return table(result, image, files) + "\n"

        return work

    return batch.run(images, prepare, options.out, as_json=options.json)


def gradient_search(options: MachineOptions, aim: dict[str, float]) -> Search:
    """The search of `engine.machine.search`, with progress on stderr. aim: as `Generator.aim`.

    Raises WeightsError where PyTorch is not installed.
    """
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

    def search(pixels: np.ndarray) -> np.ndarray:
        steps = searcher.steps(pixels, max_seconds=options.max_seconds, **aim)
        return draw(steps, keep=True).change

    return search


def write(result: MachineResult, stem: str, title: str, folder: Path) -> dict[str, Path]:
    """Write the four pictures of one result, all or none. Raises OutputError.

    distorted: the verified PNG; jnd: the change around grey; cam: grey, 0…255 for 0…1;
    figure: all of it side by side.
    """
    files = {kind: folder / f"{stem}.{kind}.png" for kind in ("distorted", "jnd", "cam", "figure")}
    write_files(
        {
            files["distorted"]: result.png,
            files["jnd"]: encode_png(result.jnd_map),
            files["cam"]: encode_png(np.rint(result.cam * 255).astype(np.uint8)),
            files["figure"]: encode_png(draw_figure(result, title)),
        }
    )
    return files


def table(result: MachineResult, image: str, files: dict[str, Path]) -> str:
    """The readable report of one picture."""
    lines = [image, f"  {result.summary}"]
    lines += [f"  note: {note}" for note in result.notes]
    lines.append(f"  {'classifier':<12}{'before':<20}{'after':<20}")
    for label in result.labels:
        before = f"{label.before} {label.confidence_before:.1%}"
        after = f"{label.after} {label.confidence_after:.1%}"
        lines.append(f"  {label.classifier:<12}{before:<20}{after:<20}")
    lines.append(f"  figure: {files['figure']}")
    return "\n".join(lines)
