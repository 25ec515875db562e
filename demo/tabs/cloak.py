"""Hide a face: find it, change it so little that people do not see it, test the file."""

from __future__ import annotations

import time

import gradio as gr

from engine.cloak.result import CloakedPhoto
from engine.cloak.state import CloakProgress
from engine.images.picture import encode_png
from engine.models.available import human_models

from ..examples import cloak as example
from ..handlers import cloak as handler
from ..handlers import faces
from ..server.limits import Limits
from ..server.uploads import Upload, open_upload, save_file, stem
from ..server.validation import show_errors, to_integer, to_number, validator
from ..ui import face_boxes, html
from ..ui.area import band
from ..ui.changes import Latest, clear_results, record_inputs
from ..ui.photo import photo_input, sample_of
from ..ui.reports import cloak as reports
from ..ui.running import Running, add_stop, clear_on_failure
from ..ui.slider import SHARE, slider, slider_value
from .parts.cloak_options import Options
from .parts.verification import Verification

INTRO = """
## Hide a face from face recognition.
The photo looks the same to people, but the recogniser no longer matches it.
"""
FIRST = "Astronaut"
EXAMPLE = "An example: choose a photo of your own."
CAPTION = "Move the handle: can you see a difference?"


def tab(blocks: gr.Blocks, limits: Limits) -> None:
    """Add the tab to the page."""
    usual = "ours", True, min(60, limits.cloak_seconds), human_models()[0]
    with gr.Tab("Hide a face", id="cloak"):
        gr.Markdown(INTRO, elem_classes="jn-intro")
        with gr.Row(elem_classes="jn-columns"):
            with gr.Column(elem_classes="jn-pick", min_width=0):
                photo = photo_input("Photo", "cloak-photo", (FIRST,))
                go = gr.Button("Hide the face", variant="primary", elem_id="cloak-go")
            with gr.Column(elem_classes="jn-area", min_width=0):
                top = band("cloak")
                with gr.Column(elem_classes="jn-once", min_width=0):
                    boxes = face_boxes.face_boxes("cloak-faces")
                    changed = slider("cloak-slider", "The photo will be here.")
                face = gr.Radio([], label="Which face", visible=False, elem_id="cloak-face")
                withstands = gr.HTML(elem_id="cloak-withstands")
                test = Verification.add()
                with gr.Accordion("What was changed, and numbers", open=False):
                    with gr.Row():
                        difference = gr.Image(
                            label=f"What was changed, {handler.GAIN} times as large",
                            elem_id="cloak-difference",
                            alt_text="The amplified difference of the photo and its cloak",
                            interactive=False,
                            format="png",
                            buttons=["download", "fullscreen"],
                            height=320,
                            min_width=240,
                        )
                        share = gr.Image(
                            label="To share: before, after and difference",
                            elem_id="cloak-share",
                            alt_text="The face before and after, and the amplified difference",
                            interactive=False,
                            format="png",
                            buttons=["download", "fullscreen"],
                            height=320,
                            min_width=240,
                        )
                    facts = gr.HTML(elem_id="cloak-facts")
                    numbers = gr.JSON(show_label=False, container=False)
            with gr.Column(elem_classes="jn-more", min_width=0):
                options = Options.add(limits, usual)

    results = [top.headline, changed, withstands, difference, share, facts, numbers]
    empty = ("", None, "", None, None, "", None)
    outputs = [top.status, *results]

    @show_errors
    def find(upload: Upload):
        picture = open_upload(upload, limits)
        in_photo = faces.find(picture)
        if not latest_photo.is_current(upload):
            return (gr.skip(),) * (2 + len(outputs))
        overlay = face_boxes.overlay(picture, in_photo, limits.preview_pixels)
        status = html.note(f"{face_boxes.count(in_photo)} found.", "busy")
        return overlay, face_boxes.choices(in_photo), status, *empty

    running = Running()

    @show_errors
    def cloak(upload, face, target, method, robust, seconds, eye, request: gr.Request):
        with running.of(request.session_hash):
            yield from cloak_steps(upload, face, target, method, robust, seconds, eye)

    def cloak_steps(upload, face, target, method, robust, seconds, eye):
        chosen = (upload, face, target, method, robust, seconds, eye)
        number, name = to_integer(face or 1, "face"), stem(upload)
        known = sample_of(upload) == example.sample() and number == 1 and not target
        if known and (method, robust, seconds, eye) == usual:
            yield outputs_of(example.load().cloak, name, method, False)
            return
        picture = open_upload(upload, limits)
        other = open_upload(target, limits) if target else None
        longest = to_number(seconds, "seconds")
        handler.check(method, longest, limits.cloak_seconds)
        nothing, started = (gr.skip(),) * len(results), time.monotonic()
        yield html.note("Loading the recogniser …", "busy"), *nothing
        for step in handler.cloak(
            picture,
            method=method,
            face=number,
            target=other,
            robust=bool(robust),
            seconds=longest,
            jnd=eye,
        ):
            if isinstance(step, CloakProgress):
                values = (reports.progress(step, time.monotonic() - started, longest), *nothing)
            else:
                values = outputs_of(step, name, method, other is not None)
            if not latest.is_current(*chosen):
                yield "", *empty  # the progress of a moment ago may have come after the change
                return
            yield values

    def first():
        rated = example.load()
        values = outputs_of(rated.cloak, example.NAME, rated.method, False)
        if latest_photo.photo():  # uploaded in the meantime
            return (gr.skip(),) * (1 + len(values))
        values = (html.note(EXAMPLE), *values[1:])
        return str(example.sample()), *values

    private = {"preprocess": False, "api_visibility": "private", "show_progress": "hidden"}
    search = {"concurrency_id": "search", "concurrency_limit": limits.at_once}
    quick = {"concurrency_id": "quick", "concurrency_limit": limits.quick}
    places = [boxes, face, *outputs]
    inputs = [photo.image, face, *options.inputs]
    latest, latest_photo = Latest(), Latest()
    emptied = dict(zip(outputs, ("", *empty), strict=True)) | {test.verdict: ""}
    hidden = {"__type__": "update", "value": None, "choices": [], "visible": False}
    photo.clear({boxes: None, face: hidden} | emptied, top.status)
    clear_results([boxes.select, face.input, *options.edits], emptied)
    record_inputs([*photo.fills, photo.image.clear], latest_photo, [photo.image])
    blocks.load(show_errors(first), None, [photo.image, *outputs], **quick, **private)
    looking = [
        trigger(
            find,
            photo.image,
            places,
            validator=latest_photo.recording(validator(limits, image=faces.find)),
            trigger_mode="always_last",
            **quick,
            **private,
        )
        for trigger in photo.fills
    ]
    click = boxes.select(face_boxes.clicked_box, None, face, queue=False, **private)
    changes = [*photo.fills, photo.image.clear, click.then, face.input, *options.changes]
    record_inputs(changes, latest, inputs)
    check = latest.recording(faces_validator(limits))
    starts = [go.click, click.then, face.input, *(each.success for each in looking)]
    searching = [
        start(cloak, inputs, outputs, validator=check, **search, **private) for start in starts
    ]
    for each in looking:
        clear_on_failure(each, top.status)
    nothing_written = dict(zip(results, empty, strict=True))
    add_stop(top.stop, running, searching, top.status, "Stopped.", nothing_written)
    test.connect(photo.image, changed, changes, limits)


def faces_validator(limits: Limits):
    """Validator of the cloak: the photo, and the target where there is one, show a face."""
    both = validator(limits, image=faces.find, face=None, target=faces.find)

    def check(image, face, target, *rest):
        results = both(image, image, target, *rest)  # the number of a face is no upload
        results[1] = gr.validate(True, "")
        if not target:
            results[2] = gr.validate(True, "")
        return results

    return check


def outputs_of(result: CloakedPhoto, name: str, method: str, targeted: bool) -> tuple:
    """The result as the values of the tab's outputs; a file only where the cloak succeeded."""
    left, top, right, bottom = result.faces[0].box
    width, height = result.size
    shared = handler.to_share(result)
    changed = slider_value(
        encode_png(result.original),
        result.png,
        name=f"{name}.cloaked.png",
        size=(width, height),
        focus=((left + right) / 2 / width, (top + bottom) / 2 / height),
        offered=result.success,
        tags=("original", "hidden" if result.success else "not hidden"),
        words=("The original photo", "The cloaked photo, which should look the same"),
        caption=CAPTION,
        share=shared,
    )
    return (
        "",
        reports.headline(result, targeted),
        changed,
        reports.withstands(result) + html.notes(result.notes),
        save_file(handler.difference(result), f"{name}.difference.png"),
        save_file(shared, SHARE),
        reports.facts(result),
        handler.numbers(result, method),
    )
