"""Compare methods: one photo, the methods of your choice, one table."""

from __future__ import annotations

import time

import gradio as gr

from engine.models.available import human_models

from ..handlers import cloak as handler
from ..handlers import faces
from ..server.limits import Limits
from ..server.refusals import checks, number, told
from ..server.uploads import kept, opened, stem
from ..ui import words
from ..ui.changes import Latest, clears, notes
from ..ui.running import Running, stop_by
from .photo import photo, samples

INTRO = """
**Which method hides a change best?** All of them cloak the same face until the same recogniser no
longer matches it, each with the smallest change it finds; what a viewer may see of it is measured
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
                image, put, touched = photo("Photo with a face", "compare-photo", (FIRST,))
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

    @told
    def compare(upload, methods, seconds, request: gr.Request):
        with running.of(request.session_hash):
            yield from compared(upload, methods, seconds)

    def compared(upload, methods, seconds):
        picture, name = opened(upload, limits), stem(upload)
        most, given = number(seconds, "seconds"), methods or []
        handler.check_comparison(picture, given, most, limits)
        chosen = [name for name in handler.NAMES if name in given]  # not as they were clicked
        rated, shown, changes = [], [], []
        yield words.note("Loading the recogniser …", "busy"), "", None, None
        started = time.monotonic()
        for step in handler.compare(picture, chosen, seconds=most, jnd=human_models()[0]):
            if isinstance(step, handler.Rated):
                rated.append(step)
                label = step.method if step.cloak.success else f"{step.method}: not cloaked"
                shown.append((kept(step.cloak.png, f"{name}.{step.method}.png"), label))
                file = f"{name}.{step.method}.difference.png"
                changes.append((kept(step.cloak.difference, file), label))
                started = time.monotonic()
                found = gr.skip(), words.rated_table(rated), shown, changes
            else:
                method, at = step
                line = words.progress(at, time.monotonic() - started, most, method)
                found = line, gr.skip(), gr.skip(), gr.skip()
            if not latest.holds(upload, methods, seconds):
                yield "", "", None, None  # what came after the change goes as well
                return
            yield found
        done = sum(each.cloak.success for each in rated)
        note = words.note(f"{done} of {len(rated)} methods cloaked the face.", "good")
        yield note, words.rated_table(rated), shown, changes

    latest, inputs = Latest(), [image, methods, seconds]
    outputs = [status, table, pictures, differences]
    empty = dict(zip(outputs, ("", "", None, None), strict=True))
    clears([*touched, methods.input, seconds.input], empty)
    notes([*put, image.clear, methods.input, seconds.input, seconds.release], latest, inputs)
    page.select(
        lambda upload: gr.skip() if upload else str(samples()[FIRST]),
        image,
        image,
        preprocess=False,
        show_progress="hidden",
        queue=False,
        api_visibility="private",
    )
    searching = go.click(
        compare,
        inputs,
        outputs,
        validator=latest.before(checks(limits, image=faces.find)),
        preprocess=False,
        show_progress="hidden",
        concurrency_id="search",
        concurrency_limit=limits.at_once,
        api_visibility="private",
    )
    stop_by(stop, running, [searching], status, "Stopped: what was finished stays.")


def sources() -> str:
    rows = [[name, label, source] for name, label, source in handler.METHODS]
    return words.table(["Name", "What it does", "Source"], rows, "Methods")
