"""`python -m engine machine`: the largest change that a panel of classifiers does not notice."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path

import numpy as np

from ..batch.run import run as run_batch
from ..batch.work import Report, Save, Task, Work
from ..errors import EngineError, UsageError, WeightsError
from ..images.picture import Picture, encode_png
from ..machine.figure import draw_figure
from ..machine.jnd import MachineJND, Search, candidates, load, panel_for
from ..machine.photo_search import search as steps
from ..machine.result import MachineResult
from ..models.registry import AUTO
from ..panels.aim import Aim
from ..panels.naming import PanelSpec, parse
from ..panels.own import with_gradients
from ..system.libraries import broken
from ..system.threads import SEARCH_THREADS
from ..terminal.inputs import STDIN
from ..terminal.labels import label_lines
from ..terminal.progress import Announcement, draw
from .options import MachineOptions

KINDS = ("distorted", "jnd", "cam", "figure")  # of files, NAME.distorted.png and so on


def run(images: list[str], options: MachineOptions) -> int:
    """Each picture's report on stdout, its files in options.out; returns the exit code."""
    if options.search and options.strength != 1:
        raise UsageError("--strength is for the generator, --search does without: give one of them")

    return run_batch(images, Task(partial(prepare, options)), "machine", options).code


def prepare(options: MachineOptions) -> Work:
    """The work on each picture. Raises EngineError for what is wrong with an option or a model."""
    panel = parse(options.panel or AUTO, options.labels, options.input_range)
    names = candidates(panel, options.generator, options.weights)

    @cache
    def loaded(panel: str | PanelSpec) -> tuple[MachineJND, Announcement, Search | None]:
        machine = load(options.weights, options.device, options.generator, panel)
        machine.generator.check_strength(options.strength)
        search = gradient_search(options, machine) if options.search else None
        return machine, Announcement(machine.description), search

    def work(picture: Picture, image: str, stem: str, save: Save) -> Report:
        machine, announce, search = loaded(panel_for(picture.size, names))
        result = machine(
            picture,
            search=search,
            strength=options.strength,
            keep_confidence=options.keep_confidence,
        )
        announce()
        title = "standard input" if image == STDIN else Path(image).name
        paths = {kind: options.out / f"{stem}.{kind}.png" for kind in KINDS}
        contents = encoded(result, title)
        save({paths[kind]: contents[kind] for kind in KINDS})
        files = {kind: str(path) for kind, path in paths.items()}
        data = {"image": image, **result.to_dict(), "files": files}
        return Report(data, table(result, image, paths) + "\n")

    loaded(names[-1])  # what is wrong with it, or with an option, is no picture's fault
    return work


def gradient_search(options: MachineOptions, machine: MachineJND) -> Search:
    """The search on a panel, with progress on stderr: of `engine.machine.photo_search` where the
    result has the photo's size, else of `engine.machine.search`.

    Raises WeightsError where PyTorch is needed and not installed, and as `engine.panels.gradients`.
    """
    if machine.panel.own_size:
        return photo_search(options, machine)
    try:
        from ..machine.search import Searcher
        from ..networks.device import with_threads
    except (ImportError, OSError) as error:
        raise missing(error) from None
    searcher = Searcher(
        name=machine.panel.name, weights=options.weights, device=options.device, exact=True
    )
    print(f"gradient search on {searcher.device}, {SEARCH_THREADS} thread", file=sys.stderr)

    def search(pixels: np.ndarray, change: np.ndarray, aim: Aim) -> np.ndarray:
        steps = searcher.steps(
            pixels[None],
            max_seconds=options.max_seconds,
            keep_confidence=aim.keep_confidence,
            **machine.generator.aim,
        )
        with with_threads(SEARCH_THREADS):
            return draw(steps, keep=True).change

    return search


def photo_search(options: MachineOptions, machine: MachineJND) -> Search:
    """The search at a photo's size; the embedded panel needs no PyTorch for it.

    Raises as `gradient_search`.
    """
    differentiable = with_gradients(machine.panel, "--search")

    def search(pixels: np.ndarray, change: np.ndarray, aim: Aim) -> np.ndarray:
        found = steps(differentiable, pixels, change, aim, max_seconds=options.max_seconds)
        return draw(found, keep=True).change

    if differentiable is machine.panel:
        return search
    where = f"{differentiable.device}, {SEARCH_THREADS} thread"
    print(f"gradients on {where}", file=sys.stderr)
    from ..networks.device import with_threads

    return with_threads(SEARCH_THREADS)(search)


def missing(error: ImportError | OSError) -> EngineError:
    """What to raise where PyTorch cannot be imported."""
    if not isinstance(error, ModuleNotFoundError) or "." in (error.name or ""):
        return broken(error)
    return WeightsError(f"--search needs {error.name}: run pip install 'just-noticeable[attack]'")


def encoded(result: MachineResult, title: str) -> dict[str, bytes]:
    """The four pictures of one result as PNG files, by their `KINDS`.

    distorted: the verified PNG; jnd: the change around grey; cam: grey, 0…255 for 0…1;
    figure: all of it side by side.
    """
    quick = result.panel != "cifar10"  # a photo may be large
    with ThreadPoolExecutor(2) as pool:
        jnd = pool.submit(encode_png, result.jnd_map, quick=quick)
        cam = np.rint(result.cam * 255).astype(np.uint8)
        return {
            "distorted": result.png,
            "cam": encode_png(cam, quick=quick),
            "figure": encode_png(draw_figure(result, title)),
            "jnd": jnd.result(),
        }


def table(result: MachineResult, image: str, files: dict[str, Path]) -> str:
    """The readable report of one picture."""
    lines = [image, f"  {result.summary}"]
    lines += [f"  note: {note}" for note in result.notes]
    lines += label_lines(result.labels)
    lines.append(f"  figure: {files['figure']}")
    return "\n".join(lines)
