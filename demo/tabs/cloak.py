"""Cloak a face: find it, change it below the eye's threshold, test the file."""

from __future__ import annotations

import time

import gradio as gr

from engine.cloak.result import CloakedPhoto
from engine.cloak.state import CloakProgress
from engine.images.picture import Picture, encode_png, open_image
from engine.models.available import human_models

from ..handlers import cloak as handler
from ..handlers import faces
from ..server.limits import Limits
from ..server.uploads import Upload, open_upload, save_file, stem
from ..server.validation import show_errors, to_integer, to_number, validator
from ..ui import html, reports
from ..ui.changes import Latest, clear_results, record_inputs
from ..ui.running import Running, add_stop
from ..ui.slider import slider, slider_value
from . import face_boxes
from .photo import photo_input, samples
from .verification import Verification

INTRO = """
**Change a face so little that only machines notice.** The photo keeps its size and looks the
same, but the face recogniser it was made against no longer matches it. Success is measured on the
very file you download: decoded, found and compared again. Method:
[Xue et al. 2023, J. Cloud Computing 12:86](https://doi.org/10.1186/s13677-023-00470-2).

*It works against recognisers of this one kind, perhaps not against others, perhaps not next year,
and never against people. Do not rely on it where being recognised is dangerous. Cloak photos of
yourself, or of people who have agreed.*
"""
FIRST = "Astronaut"


def tab(limits: Limits) -> None:
    """Add the tab to the page."""
    eyes = human_models()
    with gr.Tab("Cloak a face", id="cloak") as page:
        gr.Markdown(INTRO, elem_classes="jn-intro")
        with gr.Row(elem_classes="jn-columns"):
            with gr.Column(scale=1, min_width=280, elem_classes="jn-controls"):
                image, fills, edits = photo_input("Photo", "cloak-photo", (FIRST,))
                boxes = face_boxes.face_boxes("cloak-faces")
                face = gr.Radio([], label="Which face", visible=False, elem_id="cloak-face")
                method = gr.Dropdown(
                    [(label, name) for name, label, _ in handler.METHODS],
                    value="ours",
                    label="Method",
                    filterable=False,
                )
                robust = gr.Checkbox(
                    True,
                    label="Robust",
                    info="Holds when a site saves it again or resizes it; without it, the change "
                    "is smaller.",
                )
                with gr.Accordion("More", open=False):
                    gr.Markdown(
                        "A target is for the evaluation of recognisers, not for impersonation."
                    )
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
                    eye = gr.Dropdown(
                        list(eyes), value=eyes[0], label="Model of the eye", filterable=False
                    )
                    seconds = gr.Slider(
                        5,
                        limits.cloak_seconds,
                        value=min(60, limits.cloak_seconds),
                        step=5,
                        label="Seconds",
                        info="The longest search.",
                    )
                with gr.Row():
                    go = gr.Button("Cloak", variant="primary", min_width=90, elem_id="cloak-go")
                    stop = gr.Button("Stop", min_width=90, elem_id="cloak-stop")
                status = gr.HTML(elem_id="cloak-status")
            with gr.Column(scale=3, min_width=320):
                headline = gr.HTML(elem_id="cloak-headline")
                changed = slider("cloak-slider", "The cloaked photo will be here.")
                facts = gr.HTML(elem_id="cloak-facts")
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
                    with gr.Column(min_width=240):
                        file = gr.DownloadButton(
                            "Download the cloaked photo",
                            interactive=False,
                            variant="primary",
                            elem_id="cloak-file",
                        )
                        test = Verification.add()
                with gr.Accordion("All numbers", open=False):
                    numbers = gr.JSON(show_label=False, container=False)

    # No result: headline, changed, difference, facts, file, numbers.
    empty = ("", None, None, "", gr.update(value=None, interactive=False), None)

    def find_in(picture: Picture) -> tuple:
        in_photo = faces.find(picture)
        overlay = face_boxes.overlay(picture, in_photo, limits.preview_pixels)
        status = html.note(f"{face_boxes.count(in_photo)} found.")
        return overlay, face_boxes.choices(in_photo), status, *empty

    @show_errors
    def find(upload: Upload):
        values = find_in(open_upload(upload, limits))
        return values if latest_photo.is_current(upload) else (gr.skip(),) * len(places)

    @show_errors
    def first(upload: Upload):
        if upload:
            return (gr.skip(),) * 10
        path = samples()[FIRST]
        return str(path), *find_in(open_image(path))

    running = Running()

    @show_errors
    def cloak(upload, target, face, method, robust, seconds, eye, request: gr.Request):
        with running.of(request.session_hash):
            yield from cloak_steps(upload, target, face, method, robust, seconds, eye)

    def cloak_steps(upload, target, face, method, robust, seconds, eye):
        picture = open_upload(upload, limits)
        other = open_upload(target, limits) if target else None
        longest = to_number(seconds, "seconds")
        handler.check(method, longest, limits.cloak_seconds)
        nothing, started = (gr.skip(),) * 6, time.monotonic()
        yield html.note("Loading the recogniser …", "busy"), *nothing
        chosen = (upload, target, face, method, robust, seconds, eye)
        for step in handler.cloak(
            picture,
            method=method,
            face=to_integer(face or 1, "face"),
            target=other,
            robust=bool(robust),
            seconds=longest,
            jnd=eye,
        ):
            if isinstance(step, CloakProgress):
                values = (reports.progress(step, time.monotonic() - started, longest), *nothing)
            else:
                values = outputs_of(step, stem(upload), method, other is not None)
            if not latest.is_current(*chosen):
                yield "", *empty  # the progress of a moment ago may have come after the change
                return
            yield values

    results = [status, headline, changed, difference, facts, file, numbers]
    private = {"preprocess": False, "api_visibility": "private", "show_progress": "hidden"}
    search = {"concurrency_id": "search", "concurrency_limit": limits.at_once}
    quick = {"concurrency_id": "quick", "concurrency_limit": limits.quick}
    places = [boxes, face, *results]
    latest, inputs = Latest(), [image, target, face, method, robust, seconds, eye]
    latest_photo = Latest()
    none = {"__type__": "update", "value": None, "interactive": False}
    emptied = dict(zip(results, ("", "", None, None, "", none, None), strict=True))
    emptied[test.verdict] = ""
    hidden = {"__type__": "update", "value": None, "choices": [], "visible": False}
    options = [face.input, method.input, robust.input, seconds.input, eye.input]
    clear_results(edits, {boxes: None, face: hidden} | emptied)
    clear_results([boxes.select, target.upload, target.clear, *options], emptied)
    record_inputs([*fills, image.clear], latest_photo, [image])
    page.select(first, image, [image, *places], **quick, **private)
    for trigger in fills:
        trigger(
            find,
            image,
            places,
            validator=latest_photo.recording(validator(limits, image=faces.find)),
            trigger_mode="always_last",
            **quick,
            **private,
        )
    click = boxes.select(face_boxes.clicked_box, None, face, queue=False, **private)
    changes = [*fills, image.clear, target.upload, target.clear, click.then, face.input]
    changes += [method.input, robust.input, seconds.input, seconds.release, eye.input]
    record_inputs(changes, latest, inputs)
    searching = go.click(
        cloak,
        inputs,
        results,
        validator=latest.recording(faces_validator(limits)),
        **search,
        **private,
    )
    nothing_written = dict(zip(results[1:], empty, strict=True))
    add_stop(stop, running, [searching], status, "Stopped: nothing was written.", nothing_written)
    test.connect(image, file, changes, limits)


def faces_validator(limits: Limits):
    """Validator of the cloak: the photo, and the target where there is one, show a face."""
    both = validator(limits, image=faces.find, target=faces.find)

    def check(image, target, *rest):
        results = both(image, target, *rest)
        if not target:
            results[1] = gr.validate(True, "")
        return results

    return check


def outputs_of(result: CloakedPhoto, name: str, method: str, targeted: bool) -> tuple:
    """The result as the values of the tab's outputs; a file only where the cloak succeeded."""
    left, top, right, bottom = result.faces[0].box
    width, height = result.size
    changed = slider_value(
        encode_png(result.original),
        result.png,
        name=f"{name}.cloaked.png",
        size=[width, height],
        focus=((left + right) / 2 / width, (top + bottom) / 2 / height),
        offered=result.success,
        tags=("original", "cloaked" if result.success else "not cloaked"),
        words=("The original photo", "The cloaked photo, which should look the same"),
        caption="Move the handle: can you see a difference?",
    )
    return (
        "",
        reports.cloak_headline(result, targeted),
        changed,
        save_file(handler.difference(result), f"{name}.difference.png"),
        reports.cloak_facts(result) + html.notes(result.notes),
        gr.DownloadButton(
            value=save_file(result.png, f"{name}.cloaked.png") if result.success else None,
            interactive=result.success,
        ),
        handler.numbers(result, method),
    )
