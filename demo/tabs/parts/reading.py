"""Read a watermark of any file: a part of the tab *Watermark*."""

from __future__ import annotations

import time

import gradio as gr

from engine.system.progress import Progress

from ...handlers import watermark as handler
from ...server.limits import Limits
from ...server.uploads import open_upload
from ...server.validation import show_errors, validator
from ...ui import html
from ...ui.area import band
from ...ui.changes import Latest, clear_results, record_inputs
from ...ui.reports import watermark as reports
from ...ui.running import Running, add_stop


def add(limits: Limits) -> None:
    """Add an upload, a key and what is read to the page; reading begins with the upload."""
    with gr.Row(elem_classes="jn-columns"):
        with gr.Column(elem_classes="jn-pick", min_width=0):
            photo = gr.Image(
                label="A photo that may be marked",
                elem_id="reading-photo",
                elem_classes="jn-photo",
                type="filepath",
                image_mode=None,
                sources=["upload", "clipboard"],
                buttons=[],
                height=132,
                alt_text="The photo to be read",
            )
            key = gr.Textbox(label="Key (if it has one)", elem_id="reading-key")
            thorough = gr.Checkbox(
                label="It was resized",
                info="To any size: every scale is tried, which takes some ten seconds.",
            )
            go = gr.Button("Read again", size="sm", elem_id="reading-go")
        with gr.Column(elem_classes="jn-area", min_width=0):
            top = band("reading")

    running = Running()

    @show_errors
    def read(upload, key, thorough, request: gr.Request):
        with running.of(request.session_hash):
            yield from read_steps(upload, key, thorough)

    def read_steps(upload, key, thorough):
        picture, started = open_upload(upload, limits.to_mark), time.monotonic()
        yield html.note("Reading …", "busy"), ""
        for step in handler.read(picture, key=key, thorough=bool(thorough)):
            if isinstance(step, Progress):
                values = reports.progress(step, time.monotonic() - started), ""
            else:
                values = "", reports.reading(step, thorough=bool(thorough))
            if not latest.is_current(upload, key, thorough):
                yield "", ""
                return
            yield values

    latest, inputs = Latest(), [photo, key, thorough]
    outputs = [top.status, top.headline]
    chosen = [key.change, thorough.input]  # pasted as well as typed
    empty = dict.fromkeys(outputs, "")
    clear_results([photo.upload, photo.clear, *chosen], empty)
    record_inputs([photo.upload, photo.clear, *chosen], latest, inputs)
    events = [
        start(
            read,
            inputs,
            outputs,
            validator=latest.recording(validator(limits.to_mark, photo=None)),
            preprocess=False,
            show_progress="hidden",
            concurrency_id="numbers",
            concurrency_limit=limits.at_once,
            api_visibility="private",
        )
        for start in (go.click, key.submit, photo.upload)
    ]
    add_stop(top.stop, running, events, top.status, "Stopped.", {top.headline: ""})
