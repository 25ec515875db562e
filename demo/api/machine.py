"""The machine JND as an endpoint."""

from __future__ import annotations

import gradio as gr

from engine.models.available import generators, panels
from engine.models.registry import AUTO

from ..handlers import machine as handler
from ..server.limits import Limits
from ..server.uploads import open_upload, save_file, stem
from ..server.validation import to_number
from .components import add_endpoint, file_result, picture_parameter


def add_machine_jnd(limits: Limits) -> None:
    """Add `machine_jnd`."""

    def machine_jnd(picture, strength, network, classifiers, panel):
        """How much of a picture a panel of classifiers does not notice, verified on the PNG.

        Args:
            picture (image): The picture; very large ones are shrunk, and the numbers say so.
            strength (number): How strong the change is to be, 0.2 to 1.8; 1 is the usual.
            network (string): conditioned (ours), merged (the paper's design, strength 1 only) or
                transfer (ours, for machines outside the panel as well); the last two for cifar10.
            classifiers (list): Which of the panel's must keep their label; empty for all. cifar10
                has alexnet, vgg, resnet, densenet.
            panel (string): photos, of ImageNet's 1,000 classes, at the picture's own size; cifar10,
                of ten classes, at 32×32 pixels; or auto, by the classifiers or the
                picture's size.

        Returns:
            The changed picture (PNG), the change around grey (PNG), the panel's mean class
            activation map (PNG), white noise of the same PSNR (PNG), and all numbers.
        """
        picture, name = open_upload(picture, limits.to_reduce), stem(picture)
        view = handler.measure(
            picture,
            to_number(strength, "strength"),
            network,
            tuple(classifiers) if classifiers else None,
            panel,
            limits.machine_pixels,
        )
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
            gr.CheckboxGroup(list(handler.every_classifier()), value=[], label="classifiers"),
            gr.Radio([AUTO, *panels()], value=AUTO, label="panel"),
        ],
        [*map(file_result, ("changed", "change", "cam", "noise")), gr.JSON(label="numbers")],
    )
