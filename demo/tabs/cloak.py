"""Cloak a face: find it, change it below the eye's threshold, test the file."""

from __future__ import annotations

import time

import gradio as gr

from engine.images.fit import fitted
from engine.images.picture import Picture, encode_png, open_image
from engine.models.available import human_models

from ..handlers import cloak as handler
from ..handlers import faces
from ..server.limits import Limits
from ..server.refusals import checks, number, told, whole
from ..server.uploads import Upload, kept, linked, opened, stem
from ..ui import words
from ..ui.changes import Latest, clears, notes
from ..ui.running import Running, stop_by
from ..ui.slider import pair, slider
from .photo import photo, samples

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
BOXES = """
{{#if value}}
<figure class="jn-faces">
  <div class="jn-stage" style="--ratio: {{value.ratio}}">
    <img src="{{value.photo.url}}" alt="Your photo with a numbered box around each face">
    {{#each value.boxes}}
    <button type="button" class="jn-box{{#unless usable}} jn-unusable{{/unless}}"
      data-number="{{number}}" aria-label="Face {{number}}"
      style="left:{{left}}%; top:{{top}}%; width:{{width}}%; height:{{height}}%"
    ><span aria-hidden="true">{{number}}</span></button>
    {{/each}}
  </div>
</figure>
{{/if}}
"""
CHOOSE = """
element.addEventListener('click', (event) => {
  const box = event.target.closest('.jn-box');
  if (box) trigger('select', {number: Number(box.dataset.number)});
});
"""


def label_of(found: faces.Found) -> str:
    small = "" if found.usable else ", cut off or too small"
    doubt = "" if found.sure else ", perhaps none"
    return f"Face {found.number} ({found.side} pixels{small}{doubt})"


def tab(limits: Limits) -> None:
    """Add the tab to the page."""
    eyes = human_models()
    with gr.Tab("Cloak a face", id="cloak") as page:
        gr.Markdown(INTRO, elem_classes="jn-intro")
        with gr.Row(elem_classes="jn-columns"):
            with gr.Column(scale=1, min_width=280, elem_classes="jn-controls"):
                image, put, touched = photo("Photo", "cloak-photo", (FIRST,))
                boxes = gr.HTML(
                    html_template=BOXES,
                    js_on_load=CHOOSE,
                    elem_id="cloak-faces",
                    apply_default_css=False,
                )
                face = gr.Radio([], label="Which face", visible=False, elem_id="cloak-face")
                method = gr.Dropdown(
                    [(label, name) for name, label, _ in handler.METHODS],
                    value="ours",
                    label="Method",
                    filterable=False,
                )
                lasting = gr.Checkbox(
                    label="Lasting",
                    info="Also hold after JPEG and at half size: a larger change.",
                )
                with gr.Accordion("More", open=False):
                    gr.Markdown(
                        "A target is there to measure recognisers, not to pass for someone."
                    )
                    target = gr.Image(
                        label="Be taken for the person in (optional)",
                        elem_id="cloak-target",
                        type="filepath",
                        image_mode=None,
                        sources=["upload"],
                        buttons=[],
                        height=160,
                        alt_text="Photo of the person to be taken for",
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
                        second = gr.Image(
                            label="Test it: a second photo of the same person",
                            elem_id="cloak-second",
                            type="filepath",
                            image_mode=None,
                            sources=["upload"],
                            buttons=[],
                            height=160,
                            alt_text="A second photo of the same person",
                        )
                        verify = gr.Button("Compare the faces", elem_id="cloak-verify")
                        verdict = gr.HTML(elem_id="cloak-verdict")
                with gr.Accordion("All numbers", open=False):
                    numbers = gr.JSON(show_label=False, container=False)

    # No result: headline, changed, difference, facts, file, numbers.
    empty = ("", None, None, "", gr.update(value=None, interactive=False), None)

    def find_in(picture: Picture) -> tuple:
        found = faces.find(picture)
        usable = [each for each in found if each.usable] or found
        choices = [(label_of(each), each.number) for each in found]
        small = fitted(picture, limits.preview_pixels)
        photo_file = linked(encode_png(small.pixels), "photo.png")
        overlay = {
            "photo": photo_file,
            "boxes": words.face_boxes(found, picture.size),
            "ratio": picture.size[0] / picture.size[1],
        }
        chosen = gr.Radio(choices=choices, value=usable[0].number, visible=len(found) > 1)
        return overlay, chosen, words.note(f"{count(found)} found."), *empty

    @told
    def find(upload: Upload):
        found = find_in(opened(upload, limits))
        return found if shown_photo.holds(upload) else (gr.skip(),) * len(places)

    @told
    def first(upload: Upload):
        if upload:
            return (gr.skip(),) * 10
        path = samples()[FIRST]
        return str(path), *find_in(open_image(path))

    running = Running()

    @told
    def cloak(upload, target, face, method, lasting, seconds, eye, request: gr.Request):
        with running.of(request.session_hash):
            yield from cloaked(upload, target, face, method, lasting, seconds, eye)

    def cloaked(upload, target, face, method, lasting, seconds, eye):
        picture, wanted = opened(upload, limits), opened(target, limits) if target else None
        most = number(seconds, "seconds")
        handler.check(method, most, limits.cloak_seconds)
        nothing, started = (gr.skip(),) * 6, time.monotonic()
        yield words.note("Loading the recogniser …", "busy"), *nothing
        given = (upload, target, face, method, lasting, seconds, eye)
        for step in handler.cloak(
            picture,
            method=method,
            face=whole(face or 1, "face"),
            target=wanted,
            lasting=bool(lasting),
            seconds=most,
            jnd=eye,
        ):
            if isinstance(step, handler.Step):
                found = (words.progress(step, time.monotonic() - started, most), *nothing)
            else:
                found = shown(step, stem(upload), wanted is not None)
            if not latest.holds(*given):
                yield "", *empty  # the progress of a moment ago may have come after the change
                return
            yield found

    @told
    def test(upload, second, cloaked):
        if not cloaked:
            raise gr.Error("Cloak a photo first", print_exception=False)
        other = opened(second, limits)
        original, changed = opened(upload, limits), opened(cloaked, limits)
        said = words.same_person(faces.compare(original, other), faces.compare(changed, other))
        return said if compared.holds(upload, second, cloaked) else gr.skip()

    results = [status, headline, changed, difference, facts, file, numbers]
    private = {"preprocess": False, "api_visibility": "private", "show_progress": "hidden"}
    search = {"concurrency_id": "search", "concurrency_limit": limits.at_once}
    quick = {"concurrency_id": "quick", "concurrency_limit": limits.quick}
    places = [boxes, face, *results]
    latest, inputs = Latest(), [image, target, face, method, lasting, seconds, eye]
    shown_photo, compared = Latest(), Latest()
    none = {"__type__": "update", "value": None, "interactive": False}
    emptied = dict(zip(results, ("", "", None, None, "", none, None), strict=True))
    emptied[verdict] = ""
    hidden = {"__type__": "update", "value": None, "choices": [], "visible": False}
    options = [face.input, method.input, lasting.input, seconds.input, eye.input]
    clears(touched, {boxes: None, face: hidden} | emptied)
    clears([boxes.select, target.upload, target.clear, *options], emptied)
    clears([second.upload, second.clear], {verdict: ""})
    notes([*put, image.clear], shown_photo, [image])
    page.select(first, image, [image, *places], **quick, **private)
    for trigger in put:
        trigger(
            find,
            image,
            places,
            validator=shown_photo.before(checks(limits, image=faces.find)),
            trigger_mode="always_last",
            **quick,
            **private,
        )
    picked = boxes.select(chosen_box, None, face, queue=False, **private)
    changed_by = [*put, image.clear, target.upload, target.clear, picked.then, face.input]
    changed_by += [method.input, lasting.input, seconds.input, seconds.release, eye.input]
    notes(changed_by, latest, inputs)
    notes([*changed_by, second.upload, second.clear], compared, [image, second, file])
    searching = go.click(
        cloak,
        inputs,
        results,
        validator=latest.before(checks_two(limits)),
        **search,
        **private,
    )
    nothing_written = dict(zip(results[1:], empty, strict=True))
    stop_by(stop, running, [searching], status, "Stopped: nothing was written.", nothing_written)
    verify.click(
        test,
        [image, second, file],
        verdict,
        validator=compared.before(checks(limits, image=None, second=faces.find)),
        **quick,
        **private,
    )


def count(found: list[faces.Found]) -> str:
    sure = sum(face.sure for face in found) or 1
    return "One face" if sure == 1 else f"{sure} faces"


def chosen_box(event: gr.EventData) -> int:
    """The number of the box that was clicked."""
    return int(event.number)


def checks_two(limits: Limits):
    """Validator of the cloak: the photo, and the target where there is one, show a face."""
    both = checks(limits, image=faces.find, target=faces.find)

    def check(image, target, *rest):
        found = both(image, target, *rest)
        if not target:
            found[1] = gr.validate(True, "")
        return found

    return check


def shown(view: handler.CloakView, name: str, targeted: bool) -> tuple:
    """The view as the values of the tab's outputs; a file only where the cloak succeeded."""
    left, top, right, bottom = view.numbers["faces"][0]["box"]
    width, height = size = view.numbers["size"]
    changed = pair(
        view.original,
        view.png,
        name=f"{name}.cloaked.png",
        size=size,
        focus=((left + right) / 2 / width, (top + bottom) / 2 / height),
        offered=view.success,
        tags=("original", "cloaked" if view.success else "not cloaked"),
        words=("The original photo", "The cloaked photo, which should look the same"),
        caption="Move the handle: can you see a difference?",
    )
    return (
        "",
        words.cloak_headline(view, targeted),
        changed,
        kept(view.difference, f"{name}.difference.png"),
        words.cloak_facts(view) + words.notes(view.notes),
        gr.DownloadButton(
            value=kept(view.png, f"{name}.cloaked.png") if view.success else None,
            interactive=view.success,
        ),
        view.numbers,
    )
