"""The input of a picture: an upload, or one of the samples."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import gradio as gr

from engine.images.picture import encode_png, open_image, resize
from engine.images.samples import sample_paths
from engine.system.files import write_bytes

from ..server.folder import assets_folder

SAMPLES = {
    "chelsea": ("Cat", "A cat's face, close"),
    "rocket": ("Rocket", "A rocket on its pad at night"),
    "coffee": ("Coffee", "A cup of espresso on a wooden table"),
    "astronaut": ("Astronaut", "An astronaut in an orange suit, smiling"),
}
THUMBNAIL = 48  # pixels, both ways


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


def show_first(page: gr.Tab, image: gr.Image, name: str) -> None:
    """A sample, by the name on its button, where a tab is opened that has no picture yet."""
    page.select(
        lambda upload: gr.skip() if upload else str(samples()[name]),
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


def photo_input(
    label: str, elem_id: str, names: tuple[str, ...] = ()
) -> tuple[gr.Image, list, list]:
    """An upload with sample buttons below -> (component, fills, edits).

    fills: events after which it holds another picture; edits: those by which a visitor changes or
    empties it.
    """
    image = gr.Image(
        label=label,
        elem_id=elem_id,
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard"],
        buttons=["fullscreen"],
        height=240,
        alt_text="The picture you chose",
    )
    fills, edits = [image.upload], [image.upload, image.clear]
    if names:
        paths = samples()
        with gr.Row(elem_classes="jn-samples"):
            for name in names:
                button = gr.Button(name, size="sm", icon=str(thumbnail(paths[name])), min_width=92)
                click = button.click(
                    partial(path_text, paths[name]),
                    outputs=image,
                    api_visibility="private",
                    show_progress="hidden",
                    queue=False,
                )
                fills.append(click.then)
                edits.append(button.click)
    return image, fills, edits
