"""The same handlers for programs: named API endpoints, which are MCP tools as well.

One file per subject. The docstring of an endpoint is its description for programs, so each
parameter has one line of its own.
"""

from __future__ import annotations

import gradio as gr

from ..server.limits import Limits
from . import cloak, compress, faces, human, machine, quality, viewing, watermark


def add(limits: Limits) -> None:
    """Add every endpoint to the page that is being built."""
    with gr.Row(visible=False):
        machine.add_machine_jnd(limits)
        human.add_human_jnd(limits)
        compress.add_compress_photo(limits)
        watermark.add_embed_watermark(limits)
        watermark.add_read_watermark(limits)
        faces.add_find_faces(limits)
        cloak.add_cloak_face(limits)
        faces.add_verify_faces(limits)
        cloak.add_compare_methods(limits)
        quality.add_machine_quality(limits)
        viewing.add_viewing_picture(limits)
        viewing.add_viewing_results(limits)
