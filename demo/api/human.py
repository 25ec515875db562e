"""The human JND as an endpoint."""

from __future__ import annotations

import gradio as gr

from engine.models.available import human_models

from ..handlers import human as handler
from ..server.limits import Limits
from ..server.uploads import open_upload, save_file, stem
from ..server.validation import to_number
from .components import add_endpoint, file_result, picture_parameter


def add_human_jnd(limits: Limits) -> None:
    """Add `human_jnd`."""

    def human_jnd(picture, model, level, perceptual):
        """How much each pixel of a picture may change before a person notices, and noise that much.

        Args:
            picture (image): The picture; very large ones are shrunk, and the numbers say so.
            model (string): The model of the eye, such as wu2017.
            level (number): Noise at this many times the threshold, 0 to 8.
            perceptual (boolean): Also JOD, FSIM and VIF, which take some seconds.

        Returns:
            The picture with noise (PNG), the threshold as a picture (PNG, 8 grey levels per level),
            and all numbers.
        """
        name = stem(picture)
        *_, view = handler.measure(
            open_upload(picture, limits.to_reduce),
            model,
            to_number(level, "level"),
            perceptual=bool(perceptual),
            max_pixels=limits.human_pixels,
        )
        noisy = save_file(view.noisy, f"{name}.noisy.png")
        return noisy, save_file(view.map, f"{name}.human.png"), view.numbers

    add_endpoint(
        human_jnd,
        [
            picture_parameter("picture"),
            gr.Radio(list(human_models()), value=human_models()[0], label="model"),
            gr.Number(1.0, label="level"),
            gr.Checkbox(False, label="perceptual"),
        ],
        [file_result("noisy"), file_result("threshold"), gr.JSON(label="numbers")],
        concurrency_id="numbers",
        concurrency_limit=limits.at_once,
    )
