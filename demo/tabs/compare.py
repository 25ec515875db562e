"""Compare: methods that hide a face, on one photo; and two pictures of your own."""

from __future__ import annotations

import time

import gradio as gr

from engine.images.picture import encode_png
from engine.models.available import human_models

from ..examples import cloak as example
from ..handlers import cloak as handler
from ..handlers import faces
from ..server.limits import Limits
from ..server.uploads import open_upload, save_file, stem
from ..server.validation import show_errors, to_number, validator
from ..ui import html
from ..ui.area import band
from ..ui.changes import QUIET, Latest, clear_results, record_inputs
from ..ui.photo import photo_input
from ..ui.reports import cloak as reports
from ..ui.running import Running, add_stop
from .parts import pictures

INTRO = """
## Which method hides a face with the least visible change?
Each cloaks the same face until the
recogniser no longer matches it; those that do not get there are left out.
"""
FIRST = "Astronaut"
GALLERY = {"object_fit": "contain", "height": "auto", "format": "png", "interactive": False}


def tab(limits: Limits) -> None:
    """Add the tab to the page."""
    with gr.Tab("Compare", id="compare") as page:
        gr.Markdown(INTRO, elem_classes="jn-intro")
        with gr.Row(elem_classes="jn-columns"):
            with gr.Column(elem_classes="jn-pick", min_width=0):
                photo = photo_input("Photo with a face", "compare-photo", (FIRST,))
                go = gr.Button("Compare", variant="primary", elem_id="compare-go")
                gr.Button("Or two pictures of your own", size="sm", elem_id="compare-two").click(
                    None, None, None, js=pictures.MOVE, **QUIET
                )
            with gr.Column(elem_classes="jn-area", min_width=0):
                top = band("compare")
                crops = gr.Gallery(
                    label="The face: original, and after each method",
                    elem_id="compare-faces",
                    columns=3,
                    buttons=["fullscreen"],
                    **GALLERY,
                )
                table = gr.HTML(elem_id="compare-table")
                with gr.Accordion("Whole photos, exact, and differences", open=False):
                    photos = gr.Gallery(
                        label="The cloaked photos, exact",
                        elem_id="compare-pictures",
                        columns=3,
                        buttons=["download", "fullscreen"],
                        **GALLERY,
                    )
                    differences = gr.Gallery(
                        label=f"What was changed, {handler.GAIN} times as large",
                        elem_id="compare-differences",
                        columns=3,
                        buttons=["download", "fullscreen"],
                        **GALLERY,
                    )
            with gr.Column(elem_classes="jn-more", min_width=0):
                methods = gr.CheckboxGroup(
                    [(handler.LABELS[name], name) for name in handler.FIRST],
                    value=list(handler.FIRST),
                    label="Methods",
                    elem_id="compare-methods",
                )
                with gr.Accordion("Advanced", open=False):
                    others = [name for name in handler.NAMES if name not in handler.FIRST]
                    more = gr.CheckboxGroup(
                        [(handler.LABELS[name], name) for name in others],
                        label="More methods",
                        info=f"Up to {limits.methods} altogether.",
                        elem_id="compare-more",
                    )
                    seconds = gr.Slider(
                        5,
                        limits.compare_seconds,
                        value=min(20, limits.compare_seconds),
                        step=5,
                        label="Seconds per method",
                    )
                    gr.HTML(sources())
        pictures.add(limits)

    running = Running()

    @show_errors
    def compare(upload, methods, more, seconds, request: gr.Request):
        with running.of(request.session_hash):
            yield from compare_steps(upload, methods, more, seconds)

    def compare_steps(upload, methods, more, seconds):
        picture, name = open_upload(upload, limits), stem(upload)
        longest, names = to_number(seconds, "seconds"), [*(methods or []), *(more or [])]
        handler.check_comparison(picture, names, longest, limits)
        chosen = [name for name in handler.NAMES if name in names]  # not as they were clicked
        rated, shown = [], [[], [], []]  # of what is shown: faces, photos, differences
        yield html.note("Loading the recogniser …", "busy"), "", "", None, None, None
        started = time.monotonic()
        for step in handler.compare(picture, chosen, seconds=longest, jnd=human_models()[0]):
            if isinstance(step, handler.Rated):
                rated.append(step)
                add_pictures(step, name, shown)
                started = time.monotonic()
                values = gr.skip(), "", reports.rated_table(rated), *shown
            else:
                method, at = step
                label = handler.LABELS[method]
                line = reports.progress(at, time.monotonic() - started, longest, label)
                values = line, *(gr.skip(),) * 5
            if not latest.is_current(upload, methods, more, seconds):
                yield "", "", "", None, None, None  # what came after the change goes as well
                return
            yield values
        yield finished(rated, shown)

    @show_errors
    def first(upload):
        rated, shown = [example.load(name) for name in handler.FIRST], [[], [], []]
        for each in rated:
            add_pictures(each, example.NAME, shown)
        if upload or latest.photo():  # or uploaded in the meantime
            return (gr.skip(),) * (1 + len(outputs))
        return str(example.sample()), *finished(rated, shown)

    latest, inputs = Latest(), [photo.image, methods, more, seconds]
    outputs = [top.status, top.headline, table, crops, photos, differences]
    empty = dict(zip(outputs, ("", "", "", None, None, None), strict=True))
    chosen = [methods.input, more.input, seconds.input]
    clear_results([*photo.edits, *photo.taps.values(), *chosen], empty)
    record_inputs([*photo.fills, photo.image.clear, *chosen, seconds.release], latest, inputs)
    private = {"preprocess": False, "show_progress": "hidden", "api_visibility": "private"}
    page.select(
        first,
        photo.image,
        [photo.image, *outputs],
        concurrency_id="quick",
        concurrency_limit=limits.quick,
        **private,
    )
    searching = go.click(
        compare,
        inputs,
        outputs,
        validator=latest.recording(validator(limits, image=faces.find)),
        concurrency_id="search",
        concurrency_limit=limits.at_once,
        **private,
    )
    add_stop(top.stop, running, [searching], top.status, "Stopped: what was finished stays.")


def finished(rated: list[handler.Rated], shown: list[list]) -> tuple:
    """All results as the values of the tab's outputs."""
    done = sum(each.cloak.success for each in rated)
    share = f"{done} of {len(rated)}"
    finding = html.headline(share, "methods hid the face.", "good" if done else "bad")
    return "", finding, reports.rated_table(rated), *shown


def add_pictures(rated: handler.Rated, name: str, shown: list[list]) -> None:
    """Add the pictures of one method that succeeded to the faces, photos and differences."""
    if not rated.cloak.success:
        return
    faces, photos, differences = shown
    label = handler.LABELS[rated.method]
    if not faces:
        original = handler.around_face(rated.cloak, rated.cloak.original)
        faces.append((save_file(encode_png(original), f"{name}.face.png"), "original"))
    faces.append((save_file(rated.face, f"{name}.{rated.method}.face.png"), label))
    photos.append((save_file(rated.cloak.png, f"{name}.{rated.method}.png"), label))
    file = f"{name}.{rated.method}.difference.png"
    differences.append((save_file(handler.difference(rated.cloak), file), label))


def sources() -> str:
    rows = [[label, source] for _, label, source in handler.METHODS]
    return html.table(["Method", "Source"], rows, "Where the methods come from")
