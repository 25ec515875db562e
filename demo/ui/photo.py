"""The input of a picture: an upload, or one of the samples; and what was computed of samples."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr

from engine.images.picture import encode_png, open_image, resize
from engine.images.samples import sample_paths
from engine.system.files import write_bytes

from ..server.folder import assets_folder
from . import html
from .changes import Latest, clear_results

SAMPLES = {
    "chelsea": ("Cat", "A cat's face, close"),
    "rocket": ("Rocket", "A rocket on its pad at night"),
    "coffee": ("Coffee", "A cup of espresso on a wooden table"),
    "astronaut": ("Astronaut", "An astronaut in an orange suit, smiling"),
}
RECOGNISED = ("Cat", "Coffee", "Astronaut")  # the others show none of the classifiers' classes
THUMBNAIL = 48  # pixels, both ways
UPLOADED = "Your photo …"
KEPT = 16  # results of samples, of one kind


def samples() -> dict[str, Path]:
    """The sample pictures by the name on their button."""
    return {SAMPLES[path.stem][0]: path for path in sample_paths()}


def thumbnail(path: Path) -> Path:
    """A small square of the middle of a sample, written once."""
    file = assets_folder() / f"{path.stem}.png"
    if not file.is_file():
        pixels = open_image(path).pixels
        side = min(pixels.shape[:2])
        top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
        square = pixels[top : top + side, left : left + side]
        write_bytes(file, encode_png(resize(square, THUMBNAIL, THUMBNAIL)))
    return file


def show_first(page: gr.Tab, image: gr.Image, name: str, latest: Latest):
    """A sample, by the name on its button, where a tab is opened that has no picture yet.

    latest: of the inputs that begin with the picture. Returns the event.
    """
    return page.select(
        lambda upload: gr.skip() if upload or latest.photo() else str(samples()[name]),
        image,
        image,
        preprocess=False,
        show_progress="hidden",
        queue=False,
        api_visibility="private",
    )


def path_text(path: Path) -> str:
    return str(path)


def sample_of(upload: dict | None) -> Path | None:
    """The sample that this upload is, None for a visitor's own picture."""
    path = Path((upload or {}).get("path") or "")
    return path if path in sample_paths() else None


class Finished:
    """The latest results of sample pictures, which everybody may see, by the inputs."""

    def __init__(self) -> None:
        self._results: OrderedDict[str, object] = OrderedDict()

    def get(self, upload: dict | None, *options: object) -> object | None:
        """The result of a sample with these options, None where there is none."""
        sample = sample_of(upload)
        return None if sample is None else self._results.get(json.dumps([str(sample), *options]))

    def add(self, result: object, upload: dict | None, *options: object) -> None:
        """Keep a result, of a sample only."""
        sample = sample_of(upload)
        if sample is not None:
            self._results[json.dumps([str(sample), *options])] = result
            while len(self._results) > KEPT:
                self._results.popitem(last=False)


@dataclass(frozen=True)
class PhotoInput:
    """The component; fills: events after which it holds another picture.

    edits: those by which a visitor uploads or removes one; taps: name -> the event of the button
    of that sample.
    """

    image: gr.Image
    fills: tuple[Callable, ...]
    edits: tuple[Callable, ...]
    taps: Mapping[str, Callable]

    def clear(self, results: Mapping, status: gr.HTML) -> None:
        """Let the page empty results when the picture changes, and say which one is on its way.

        results: component -> its empty value, `status` among them.
        """
        clear_results([self.image.clear], results)
        clear_results([self.image.upload], {**results, status: html.note(UPLOADED, "busy")})
        for name, tap in self.taps.items():
            clear_results([tap], {**results, status: html.note(f"{name} …", "busy")})


def photo_input(label: str, elem_id: str, names: tuple[str, ...] = ()) -> PhotoInput:
    """An upload with sample buttons below it."""
    image = gr.Image(
        label=label,
        elem_id=elem_id,
        elem_classes="jn-photo",
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard"],
        buttons=[],
        height=132,
        alt_text="The picture you chose",
    )
    fills, taps = [image.upload], {}
    if names:
        paths = samples()
        with gr.Row(elem_classes="jn-samples"):
            for name in names:
                button = gr.Button(name, size="sm", icon=str(thumbnail(paths[name])), min_width=80)
                click = button.click(
                    partial(path_text, paths[name]),
                    outputs=image,
                    api_visibility="private",
                    show_progress="hidden",
                    queue=False,
                )
                fills.append(click.then)
                taps[name] = button.click
    return PhotoInput(image, tuple(fills), (image.upload, image.clear), taps)
