"""Compare methods: one photo, the methods of your choice, one table."""

from __future__ import annotations

import time

import gradio as gr

from engine.models.available import human_models

from ..handlers import cloak as handler
from ..handlers import faces
from ..server.limits import Limits
from ..server.uploads import open_upload, save_file, stem
from ..server.validation import show_errors, to_number, validator
from ..ui import html, reports
from ..ui.changes import Latest, clear_results, record_inputs
from ..ui.running import Running, add_stop
from .photo import photo_input, show_first

INTRO = """
**Which method hides a change best?** All of them cloak the same face until the same recogniser no
longer matches it, each with the smallest change it finds; how visible it is, is measured
on the finished PNG. The best number of each column is bold. Methods and comparison after
[Xue et al. 2023, J. Cloud Computing 12:86](https://doi.org/10.1186/s13677-023-00470-2).
"""
FIRST = "Astronaut"


def tab(limits: Limits) -> None:
    """Add the tab to the page."""
    with gr.Tab("Compare methods", id="compare") as page:
        gr.Markdown(INTRO, elem_classes="jn-intro")
        with gr.Row(elem_classes="jn-columns"):
            with gr.Column(scale=1, min_width=280, elem_classes="jn-controls"):
                image, fills, edits = photo_input("Photo with a face", "compare-photo", (FIRST,))
                methods = gr.CheckboxGroup(
                    list(handler.NAMES),
                    value=list(handler.COMPARED),
                    label="Methods",
                    info=f"Up to {limits.methods}.",
                    elem_id="compare-methods",
                )
                seconds = gr.Slider(
                    5,
                    limits.compare_seconds,
                    value=min(20, limits.compare_seconds),
                    step=5,
                    label="Seconds per method",
                )
                with gr.Row():
                    go = gr.Button("Compare", variant="primary", min_width=90, elem_id="compare-go")
                    stop = gr.Button("Stop", min_width=90, elem_id="compare-stop")
                status = gr.HTML(elem_id="compare-status")
            with gr.Column(scale=3, min_width=320):
                table = gr.HTML(elem_id="compare-table")
                shared = {"columns": 3, "height": "auto", "object_fit": "contain"}
                pictures = gr.Gallery(
                    label="The cloaked photos, exact",
                    elem_id="compare-pictures",
                    format="png",
                    interactive=False,
                    buttons=["download", "fullscreen"],
                    **shared,
                )
                differences = gr.Gallery(
                    label=f"What was changed, {handler.GAIN} times as large",
                    elem_id="compare-differences",
                    format="png",
                    interactive=False,
                    buttons=["download", "fullscreen"],
                    **shared,
                )
                with gr.Accordion("What the names mean", open=False):
                    gr.HTML(sources())

    running = Running()

    @show_errors
    def compare(upload, methods, seconds, request: gr.Request):
        with running.of(request.session_hash):
            yield from compare_steps(upload, methods, seconds)

    def compare_steps(upload, methods, seconds):
        picture, name = open_upload(upload, limits), stem(upload)
        longest, names = to_number(seconds, "seconds"), methods or []
        handler.check_comparison(picture, names, longest, limits)
        chosen = [name for name in handler.NAMES if name in names]  # not as they were clicked
        rated, photos, changes = [], [], []
        yield html.note("Loading the recogniser …", "busy"), "", None, None
        started = time.monotonic()
        for step in handler.compare(picture, chosen, seconds=longest, jnd=human_models()[0]):
            if isinstance(step, handler.Rated):
                rated.append(step)
                label = step.method if step.cloak.success else f"{step.method}: not cloaked"
                photos.append((save_file(step.cloak.png, f"{name}.{step.method}.png"), label))
                file = f"{name}.{step.method}.difference.png"
                changes.append((save_file(handler.difference(step.cloak), file), label))
                started = time.monotonic()
                values = gr.skip(), reports.rated_table(rated), photos, changes
            else:
                method, at = step
                line = reports.progress(at, time.monotonic() - started, longest, method)
                values = line, gr.skip(), gr.skip(), gr.skip()
            if not latest.is_current(upload, methods, seconds):
                yield "", "", None, None  # what came after the change goes as well
                return
            yield values
        done = sum(each.cloak.success for each in rated)
        note = html.note(f"{done} of {len(rated)} methods cloaked the face.", "good")
        yield note, reports.rated_table(rated), photos, changes

    latest, inputs = Latest(), [image, methods, seconds]
    outputs = [status, table, pictures, differences]
    empty = dict(zip(outputs, ("", "", None, None), strict=True))
    clear_results([*edits, methods.input, seconds.input], empty)
    record_inputs(
        [*fills, image.clear, methods.input, seconds.input, seconds.release], latest, inputs
    )
    show_first(page, image, FIRST)
    searching = go.click(
        compare,
        inputs,
        outputs,
        validator=latest.recording(validator(limits, image=faces.find)),
        preprocess=False,
        show_progress="hidden",
        concurrency_id="search",
        concurrency_limit=limits.at_once,
        api_visibility="private",
    )
    add_stop(stop, running, [searching], status, "Stopped: what was finished stays.")


def sources() -> str:
    rows = [[name, label, source] for name, label, source in handler.METHODS]
    return html.table(["Name", "What it does", "Source"], rows, "Methods")
