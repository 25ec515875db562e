"""The smallest file for machines as an endpoint."""

from __future__ import annotations

import gradio as gr

from engine.system.progress import Progress

from ..handlers import compress as handler
from ..server.limits import Limits
from ..server.uploads import open_original, save_file, stem
from ..server.validation import to_number
from .components import add_endpoint, file_result, picture_parameter


def add_compress_photo(limits: Limits) -> None:
    """Add `compress_photo`."""

    def compress_photo(photo, format, method, keep, seconds):
        """The smallest file of a photo that ImageNet classifiers still understand, verified.

        Args:
            photo (image): The photo; it keeps its size and loses its metadata.
            format (string): Of the file: jpeg, webp, avif, or jxl where the server writes it.
            method (string): How it is looked for: bisect, by the codec's settings; jnd, by
                quantisation steps of twice the machine JND, jpeg only; search, by gradient in what
                is encoded, which takes longer.
            keep (string): What each classifier keeps: top1, its label; top5, its label among the
                five most likely; confidence:0.8, its label with that share of the probability.
            seconds (number): The longest search; after it the smallest file so far counts.

        Returns:
            The file, exactly as it was verified, and all numbers. Where no smaller file holds it is
            the photo's own file as it was, metadata included, and unchanged is true. While it runs:
            nothing, and how far it is.
        """
        original, name = open_original(photo, limits.to_compress), stem(photo)
        for step in handler.compress(
            original,
            format=format,
            method=method,
            keep=keep,
            seconds=to_number(seconds, "seconds"),
            most=limits.compress_seconds,
        ):
            if isinstance(step, Progress):
                yield None, {"doing": step.doing, "share": round(step.share, 3)}
            else:
                yield save_file(step.data, f"{name}.compressed{step.suffix}"), step.to_dict()

    add_endpoint(
        compress_photo,
        [
            picture_parameter("photo"),
            gr.Radio(list(handler.formats()), value="jpeg", label="format"),
            gr.Radio([name for _, name in handler.METHODS], value="bisect", label="method"),
            gr.Textbox("top1", label="keep"),
            gr.Number(min(30, limits.compress_seconds), label="seconds"),
        ],
        [file_result("compressed"), gr.JSON(label="numbers")],
        concurrency_id="search",
        concurrency_limit=limits.at_once,
    )
