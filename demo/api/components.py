"""What the endpoints are made of: components that give parameters their types, and one button each.

None of them is ever on the page.
"""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from ..server.validation import show_errors


def picture_parameter(label: str) -> gr.Image:
    """A picture as a parameter."""
    return gr.Image(label=label, type="filepath", image_mode=None, format="png")


def file_result(label: str) -> gr.File:
    """A file as a result."""
    return gr.File(label=label)


def add_endpoint(function: Callable, inputs: list, outputs: list, **options) -> None:
    """One endpoint, named as its function, behind a button that nobody can press."""
    gr.Button(visible=False).click(
        show_errors(function),
        inputs,
        outputs,
        api_name=function.__name__,
        preprocess=False,
        **options,
    )
