"""`python -m engine watermark embed|read`: a payload under the threshold of an eye or a panel."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from ..batch.run import run as run_batch
from ..batch.work import Report, Save, Task, Work
from ..errors import UsageError
from ..human import HUMAN_MODELS
from ..images.picture import Picture
from ..machine.jnd import panel_for
from ..models.registry import AUTO
from ..panels.embedded import Panel
from ..panels.naming import PanelSpec, parse
from ..panels.own import OwnPanel, load_panel
from ..terminal.inputs import named
from ..terminal.labels import label_lines
from ..terminal.progress import Announcement, draw
from ..watermark import reader
from ..watermark.photo import Watermark, panels_for, steps
from ..watermark.result import WatermarkedPhoto
from ..watermark.signal.key import key_of
from ..watermark.signal.message import Payload, from_hex, payload_of
from .options import EmbedOptions, ReadOptions

NOT_FOUND = 3  # exit code


def run(images: list[str], options: EmbedOptions | ReadOptions) -> int:
    """Each picture's report on stdout; returns the exit code."""
    if isinstance(options, ReadOptions):
        return read(images, options)
    return embed(images, options)


def embed(images: list[str], options: EmbedOptions) -> int:
    """Mark each picture, its file in options.out."""
    chosen_watermark(options)
    return run_batch(images, Task(partial(prepare, options)), "watermark-embed", options).code


def chosen_watermark(options: EmbedOptions) -> Watermark:
    """The watermark of a command line. Raises UsageError."""
    payload = given(options)
    chosen = Watermark(
        payload, options.key, options.observer, options.jnd, options.format, options.metrics
    )
    chosen.check()
    parse(options.panel or AUTO, options.labels, options.input_range)
    return chosen


def prepare(options: EmbedOptions) -> Work:
    """The work on each picture to be marked. Raises EngineError."""
    chosen = chosen_watermark(options)
    panel = parse(options.panel or AUTO, options.labels, options.input_range)
    names = panels_for(options.observer, panel, options.weights)

    @cache
    def loaded(name: str | PanelSpec) -> tuple[Panel | OwnPanel, Announcement]:
        classifiers = load_panel(name, options.weights, options.device)
        return classifiers, Announcement(f"panel: {classifiers.description}")

    if not names and HUMAN_MODELS[options.jnd].learned:
        from ..human.learned import load

        load(options.weights, options.device)  # no weights, no device: reported once, now
    eye = Announcement(f"threshold: {options.jnd}")

    def work(picture: Picture, image: str, stem: str, save: Save) -> Report:
        own, announce = loaded(panel_for(picture.size, names)) if names else (None, eye)
        marking = steps(picture, chosen, own, weights=options.weights, device=options.device)
        with named(image):
            result = draw(marking, announce=announce)
        path = options.out / f"{stem}.watermarked{result.suffix}"
        save({path: result.data})
        data = {"image": image, **result.to_dict(), "files": {"watermarked": str(path)}}
        return Report(data, table(result, image, path) + "\n")

    return work


def given(options: EmbedOptions) -> Payload:
    """The payload of a command line. Raises UsageError: none, two, or one that is too long."""
    if (options.text is None) == (options.hex is None):
        raise UsageError("the payload: give --text TEXT or --hex DIGITS, one of them")
    return payload_of(options.text) if options.hex is None else from_hex(options.hex)


def table(result: WatermarkedPhoto, image: str, path: Path) -> str:
    """The readable report of one picture."""
    lines = [image, f"  {result.summary}"]
    lines += [f"  note: {note}" for note in result.notes]
    if result.labels:
        lines += label_lines(result.labels)
    lines.append(f"  file: {path}")
    return "\n".join(lines)


def read(images: list[str], options: ReadOptions) -> int:
    """Print what each picture says; `NOT_FOUND` where one says nothing and none was refused."""
    key_of(options.key)
    summary = run_batch(images, Task(partial(prepare_reading, options)), "watermark-read", options)
    return summary.code or (NOT_FOUND if summary.failed else 0)


def prepare_reading(options: ReadOptions) -> Work:
    """The work on each picture to be read."""
    key = key_of(options.key)

    def work(picture: Picture, image: str, stem: str, save: Save) -> Report:
        work = reader.steps(picture.pixels, key, thorough=options.thorough, notes=picture.notes)
        result = draw(work)
        data = {"image": image, **result.to_dict()}
        return Report(data, f"{image}: {result.summary}", result.found)

    return work
