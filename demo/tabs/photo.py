"""Where a picture comes in: an upload, or one of the samples."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import gradio as gr

from engine.images.picture import encode_png, open_image, resize
from engine.images.samples import sample_paths

from ..server.folder import assets

WORDS = {
    "chelsea": ("Cat", "A cat's face, close"),
    "rocket": ("Rocket", "A rocket on its pad at night"),
    "coffee": ("Coffee", "A cup of espresso on a wooden table"),
    "astronaut": ("Astronaut", "An astronaut in an orange suit, smiling"),
}
THUMBNAIL = 48  # pixels, both ways


def samples() -> dict[str, Path]:
    """The sample pictures by the name on their button."""
    return {WORDS[path.stem][0]: path for path in sample_paths()}


def thumbnail(path: Path) -> Path:
    """A small square of the middle of a sample, made once."""
    made = assets() / f"{path.stem}.png"
    if not made.is_file():
        pixels = open_image(path).pixels
        side = min(pixels.shape[:2])
        top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
        square = pixels[top : top + side, left : left + side]
        made.write_bytes(encode_png(resize(square, THUMBNAIL, THUMBNAIL)))
    return made


def chosen(path: Path) -> str:
    return str(path)


def sample_of(upload: dict | None) -> Path | None:
    """The sample that this upload is, None for a visitor's own picture."""
    path = Path((upload or {}).get("path") or "")
    return path if path in sample_paths() else None


def photo(label: str, elem_id: str, names: tuple[str, ...] = ()) -> tuple[gr.Image, list, list]:
    """An upload with sample buttons below -> (component, put, touched).

    put: events after which it holds another picture; touched: those by which a visitor changes or
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
    put, touched = [image.upload], [image.upload, image.clear]
    if names:
        found = samples()
        with gr.Row(elem_classes="jn-samples"):
            for name in names:
                button = gr.Button(name, size="sm", icon=str(thumbnail(found[name])), min_width=92)
                picked = button.click(
                    partial(chosen, found[name]),
                    outputs=image,
                    api_visibility="private",
                    show_progress="hidden",
                    queue=False,
                )
                put.append(picked.then)
                touched.append(button.click)
    return image, put, touched
