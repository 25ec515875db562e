"""`python -m engine compress`: the smallest file that a panel of classifiers still understands."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from ..batch.run import run as run_batch
from ..batch.work import Report, Save, Task, Work
from ..compress.original import Original, from_file
from ..compress.photo import Compression, panels_for, steps
from ..compress.result import CompressedPhoto
from ..images.picture import Picture
from ..machine.jnd import panel_for
from ..models.registry import AUTO
from ..panels.embedded import Panel
from ..panels.naming import PanelSpec, parse
from ..panels.own import OwnPanel, load_panel
from ..terminal.inputs import named, title
from ..terminal.labels import label_lines
from ..terminal.progress import Announcement, draw
from .options import CompressOptions


def run(images: list[str], options: CompressOptions) -> int:
    """Each picture's report on stdout, its file in options.out; returns the exit code."""
    task = Task(partial(prepare, options), opened)
    return run_batch(images, task, "compress", options).code


def opened(data: bytes, image: str) -> Original:
    """The bytes of a picture file, decoded, with its file. Raises ImageError."""
    return from_file(data, title(image))


def prepare(options: CompressOptions) -> Work:
    """The work on each picture. Raises EngineError for what is wrong with an option or a model."""
    chosen = Compression(
        options.format,
        options.method,
        options.keep,
        options.resize,
        options.see,
        options.metrics,
        options.max_seconds,
        options.larger,
    )
    chosen.check()
    panel = parse(options.panel or AUTO, options.labels, options.input_range)
    names = panels_for(panel, options.weights, options.method)

    @cache
    def loaded(panel: str | PanelSpec) -> tuple[Panel | OwnPanel, Announcement]:
        classifiers = load_panel(panel, options.weights, options.device)
        chosen.slopes(classifiers)
        return classifiers, Announcement(f"panel: {classifiers.description}")

    def work(picture: Picture, image: str, stem: str, save: Save) -> Report:
        classifiers, announce = loaded(panel_for(picture.size, names))
        with named(image):
            result = draw(steps(classifiers, picture, chosen), announce=announce)
        path = options.out / f"{stem}.compressed{result.suffix}"
        save({path: result.data})
        data = {"image": image, **result.to_dict(), "files": {"compressed": str(path)}}
        return Report(data, table(result, image, path) + "\n")

    loaded(names[-1])  # what is wrong with it, or with an option, is no picture's fault
    return work


def table(result: CompressedPhoto, image: str, path: Path) -> str:
    """The readable report of one picture."""
    lines = [image, f"  {result.summary}"]
    lines += [f"  note: {note}" for note in result.notes]
    lines += label_lines(result.labels)
    lines.append(f"  file: {path}")
    return "\n".join(lines)
