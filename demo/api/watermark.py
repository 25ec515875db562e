"""The watermark as endpoints: into a photo, and out of a file."""

from __future__ import annotations

import gradio as gr

from engine.system.progress import Progress

from ..handlers import watermark as handler
from ..server.limits import Limits
from ..server.uploads import open_upload, save_file, stem
from .components import add_endpoint, file_result, picture_parameter


def add_embed_watermark(limits: Limits) -> None:
    """Add `embed_watermark`."""

    def embed_watermark(photo, text, key, observer, format):
        """Write a short text into a photo, where nobody sees it, and test what the file survives.

        Args:
            photo (image): The photo, of 128 pixels a side or more; it loses its metadata.
            text (string): What it is to carry, 1 to 32 bytes of UTF-8.
            key (string): A phrase, with which alone it can be read; empty for everybody's.
            observer (string): Who does not notice: human, invisible; or machine, more robust but
                visible, every label of the panel of classifiers kept.
            format (string): Of the file: png, jpeg or webp.

        Returns:
            The marked file, exactly as it was verified, and all numbers; survived says of each
            change whether the text was read after it. While it runs: nothing, and how far it is.
        """
        picture, name = open_upload(photo, limits.to_mark), stem(photo)
        for step in handler.embed(picture, text, key=key, observer=observer, format=format):
            if isinstance(step, Progress):
                yield None, {"doing": step.doing, "share": round(step.share, 3)}
            else:
                yield save_file(step.data, f"{name}.watermarked{step.suffix}"), step.to_dict()

    add_endpoint(
        embed_watermark,
        [
            picture_parameter("photo"),
            gr.Textbox(label="text"),
            gr.Textbox("", label="key"),
            gr.Radio(list(handler.OBSERVERS), value="human", label="observer"),
            gr.Radio(list(handler.FORMATS), value="png", label="format"),
        ],
        [file_result("marked"), gr.JSON(label="numbers")],
        concurrency_id="search",
        concurrency_limit=limits.at_once,
    )


def add_read_watermark(limits: Limits) -> None:
    """Add `read_watermark`."""

    def read_watermark(photo, key, thorough):
        """Read the text that embed_watermark has written into a photo, or a copy, if there is one.

        Args:
            photo (image): The photo, perhaps compressed, halved or cropped since; no original.
            key (string): The phrase that it was embedded with; empty for everybody's.
            thorough (boolean): Look at every scale, for a copy resized by any factor: ten seconds.

        Returns:
            found, text or hex, and the probability of reading something in an unmarked photo. While
            it runs: how far it is.
        """
        picture = open_upload(photo, limits.to_mark)
        for step in handler.read(picture, key=key, thorough=bool(thorough)):
            if isinstance(step, Progress):
                yield {"doing": step.doing, "share": round(step.share, 3)}
            else:
                yield step.to_dict()

    add_endpoint(
        read_watermark,
        [
            picture_parameter("photo"),
            gr.Textbox("", label="key"),
            gr.Checkbox(False, label="thorough"),
        ],
        [gr.JSON(label="reading")],
        concurrency_id="numbers",
        concurrency_limit=limits.at_once,
    )
