"""How a face is hidden: the options below *Advanced*."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from engine.models.available import human_models

from ...handlers import cloak as handler
from ...server.limits import Limits

METHOD = """
Success is measured on the very file you download: decoded, found and compared again. Cloak photos
of yourself, or of people who have agreed. Method:
[Xue et al. 2023, J. Cloud Computing 12:86](https://doi.org/10.1186/s13677-023-00470-2).
"""
TARGET = "A target is for the evaluation of recognisers, not for impersonation."


@dataclass(frozen=True)
class Options:
    """The components: target, method, robust, seconds, eye, in this order in `inputs`.

    edits: events by which a visitor changes them; changes: those after which they have their new
    values.
    """

    inputs: tuple
    edits: tuple[Callable, ...]
    changes: tuple[Callable, ...]

    @classmethod
    def add(cls, limits: Limits, usual: tuple[str, bool, float, str]) -> Options:
        """Add them to the page. usual: method, robust, seconds and model of the eye at first."""
        with gr.Accordion("Advanced", open=False):
            method = gr.Dropdown(
                [(label, name) for name, label, _ in handler.METHODS],
                value=usual[0],
                label="Method",
                filterable=False,
            )
            robust = gr.Checkbox(
                usual[1],
                label="Robust",
                info="Holds when a site saves it again or resizes it; without it, the change "
                "is smaller.",
            )
            seconds = gr.Slider(
                5,
                limits.cloak_seconds,
                value=usual[2],
                step=5,
                label="Seconds",
                info="The longest search.",
            )
            eye = gr.Dropdown(
                list(human_models()), value=usual[3], label="Model of the eye", filterable=False
            )
            gr.Markdown(TARGET)
            target = gr.Image(
                label="Be matched with the person in (optional)",
                elem_id="cloak-target",
                type="filepath",
                image_mode=None,
                sources=["upload"],
                buttons=[],
                height=160,
                alt_text="Photo of the person to be matched with",
            )
            gr.Markdown(METHOD, elem_classes="jn-intro")
        uploads = (target.upload, target.clear)
        edits = (*uploads, method.input, robust.input, seconds.input, eye.input)
        return cls((target, method, robust, seconds, eye), edits, (*edits, seconds.release))
