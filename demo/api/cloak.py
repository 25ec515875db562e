"""The cloak, and the comparison of methods, as endpoints."""

from __future__ import annotations

import gradio as gr

from engine.cloak.state import CloakProgress
from engine.models.available import human_models

from ..handlers import cloak as handler
from ..server.limits import Limits
from ..server.uploads import open_upload, save_file, stem
from ..server.validation import to_integer, to_number
from .components import add_endpoint, file_result, picture_parameter


def add_cloak_face(limits: Limits) -> None:
    """Add `cloak_face`."""

    def cloak_face(photo, face, method, robust, seconds, target=None):
        """Change a face so little that only machines notice, judged on the file that is returned.

        Args:
            photo (image): The photo; it keeps its size and loses its metadata.
            face (number): Which face, by the number that find_faces gives it.
            method (string): The attack: ours, paper, or one of those they are compared with.
            robust (boolean): Hold when the file is saved again or resized, not in itself alone.
            seconds (number): The longest search.
            target (image): A photo of the person to be matched with; without it, with nobody known.

        Returns:
            The cloaked photo (PNG), or nothing where it did not succeed, and all numbers. While it
            runs: nothing, and how far it is.
        """
        picture, name = open_upload(photo, limits), stem(photo)
        other = open_upload(target, limits) if target else None
        limit = to_number(seconds, "seconds")
        handler.check(method, limit, limits.cloak_seconds)
        for step in handler.cloak(
            picture,
            method=method,
            face=to_integer(face, "face"),
            target=other,
            robust=bool(robust),
            seconds=limit,
            jnd=human_models()[0],
        ):
            if isinstance(step, CloakProgress):
                yield None, {"step": step.steps, "attempt": step.attempt, "holds": step.holds}
            else:
                file = save_file(step.png, f"{name}.cloaked.png") if step.success else None
                yield file, handler.numbers(step, method)

    add_endpoint(
        cloak_face,
        [
            picture_parameter("photo"),
            gr.Number(1, label="face"),
            gr.Radio(list(handler.NAMES), value="ours", label="method"),
            gr.Checkbox(True, label="robust"),
            gr.Number(min(60, limits.cloak_seconds), label="seconds"),
            gr.Image(label="target", type="filepath", image_mode=None),
        ],
        [file_result("cloaked"), gr.JSON(label="numbers")],
        concurrency_id="search",
        concurrency_limit=limits.at_once,
    )


def add_compare_methods(limits: Limits) -> None:
    """Add `compare_methods`."""

    def compare_methods(photo, methods, seconds):
        """Cloak the first face of a photo with several methods, and how visible each change is.

        Args:
            photo (image): The photo.
            methods (list): Names of methods, such as ours, paper, cw, pgd, fgsm.
            seconds (number): The longest search of each method.

        Returns:
            The cloaked photos (PNG) in the order of the methods, and a list with the numbers of
            each. It grows while the methods run.
        """
        picture, name = open_upload(photo, limits), stem(photo)
        limit, chosen = to_number(seconds, "seconds"), list(methods or [])
        handler.check_comparison(picture, chosen, limit, limits)
        files, rows = [], []
        for step in handler.compare(picture, chosen, seconds=limit, jnd=human_models()[0]):
            if isinstance(step, handler.Rated):
                files.append(save_file(step.cloak.png, f"{name}.{step.method}.png"))
                quality = {"ssim": step.quality.ssim, "delta_e_mean": step.quality.delta_e_mean}
                rows.append(handler.numbers(step.cloak, step.method) | quality)
            yield files, rows

    add_endpoint(
        compare_methods,
        [
            picture_parameter("photo"),
            gr.CheckboxGroup(list(handler.NAMES), value=list(handler.FIRST), label="methods"),
            gr.Number(min(20, limits.compare_seconds), label="seconds"),
        ],
        [gr.File(label="cloaked", file_count="multiple"), gr.JSON(label="numbers")],
        concurrency_id="search",
        concurrency_limit=limits.at_once,
    )
