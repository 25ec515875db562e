"""The machine JND as an endpoint."""

from __future__ import annotations

import gradio as gr

from engine.models.available import generators

from ..handlers import machine as handler
from ..server.limits import Limits
from ..server.uploads import open_upload, save_file, stem
from ..server.validation import to_number
from .components import add_endpoint, file_result, picture_parameter


def add_machine_jnd(limits: Limits) -> None:
    """Add `machine_jnd`."""

    def machine_jnd(picture, strength, network, classifiers):
        """How much of a picture a panel of classifiers does not notice, verified on the PNG.

        Args:
            picture (image): The picture; the panel sees it at 32×32 pixels.
            strength (number): How strong the change is to be, 0.2 to 1.8; 1 is the usual.
            network (string): conditioned (ours), merged (the paper's design, strength 1 only) or
                transfer (ours, for machines outside the panel as well).
            classifiers (list): Which of alexnet, vgg, resnet, densenet must keep their label.

        Returns:
            The changed picture (PNG, 32×32), the change around grey (PNG), the panel's mean class
            activation map (PNG), white noise of the same PSNR (PNG), and all numbers.
        """
        picture, name = open_upload(picture, limits.to_reduce), stem(picture)
        members = None if classifiers is None else tuple(classifiers)
        view = handler.measure(picture, to_number(strength, "strength"), network, members)
        return (
            save_file(view.distorted, f"{name}.distorted.png"),
            save_file(view.jnd, f"{name}.jnd.png"),
            save_file(view.cam, f"{name}.cam.png"),
            save_file(view.noise.png, f"{name}.noise.png"),
            view.numbers,
        )

    add_endpoint(
        machine_jnd,
        [
            picture_parameter("picture"),
            gr.Number(1.0, label="strength"),
            gr.Radio(list(generators()), value=generators()[0], label="network"),
            gr.CheckboxGroup(
                list(handler.classifiers()), value=list(handler.classifiers()), label="classifiers"
            ),
        ],
        [*map(file_result, ("changed", "change", "cam", "noise")), gr.JSON(label="numbers")],
    )
