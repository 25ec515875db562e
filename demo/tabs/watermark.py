"""Watermark: a short text into a photo, the exact file, and what it survives."""

from __future__ import annotations

import time

import gradio as gr

from engine.images.picture import encode_png
from engine.system.progress import Progress
from engine.watermark.result import WatermarkedPhoto

from ..handlers import watermark as handler
from ..server.limits import Limits
from ..server.uploads import open_upload, stem
from ..server.validation import show_errors, validator
from ..ui import html
from ..ui.area import band
from ..ui.changes import Latest, clear_results, record_inputs
from ..ui.photo import Finished, photo_input, samples, show_first
from ..ui.reports import watermark as reports
from ..ui.running import Running, add_stop
from ..ui.slider import slider, slider_value
from .parts import reading

INTRO = """
## Write a short text into a photo, where nobody sees it.
It is read back from copies that were
compressed, reduced or cropped, without the original.
"""
METHOD = """
With a key of your own only who has it can read the text, or find that there is one; without one
anybody can, here. A text has up to 32 bytes. Whoever wants to remove a watermark at any price to
the photo can.
"""
FIRST, TEXT = "Coffee", "© Just Noticeable"
WORDS = {"webp": "WebP"}  # names of formats that are no capitals


def words_of(format: str) -> str:
    return WORDS.get(format, format.upper())


def tab(limits: Limits) -> None:
    """Add the tab to the page."""
    with gr.Tab("Watermark", id="watermark") as page:
        gr.Markdown(INTRO, elem_classes="jn-intro")
        with gr.Row(elem_classes="jn-columns"):
            with gr.Column(elem_classes="jn-pick", min_width=0):
                photo = photo_input("Photo", "watermark-photo", tuple(samples()))
                text = gr.Textbox(
                    TEXT,
                    label=f"Text, up to {handler.LONGEST} bytes",
                    info="Put yours here: a name, a date, an address.",
                    max_length=32,
                    elem_id="watermark-text",
                )
                go = gr.Button("Mark the photo", variant="primary", elem_id="watermark-go")
            with gr.Column(elem_classes="jn-area", min_width=0):
                top = band("watermark")
                pair = slider("watermark-slider", "The marked photo will be here.")
                survival = gr.HTML(elem_id="watermark-survival")
                facts = gr.HTML(elem_id="watermark-facts")
                with gr.Accordion("All numbers", open=False):
                    numbers = gr.JSON(show_label=False, container=False)
            with (
                gr.Column(elem_classes="jn-more", min_width=0),
                gr.Accordion("Advanced", open=False),
            ):
                key = gr.Textbox(label="Key (optional)", elem_id="watermark-key")
                observer = gr.Radio(
                    [(words, name) for name, words in handler.OBSERVER_WORDS.items()],
                    value="human",
                    label="Not noticed by",
                )
                format = gr.Radio(
                    [(words_of(name), name) for name in handler.FORMATS],
                    value="png",
                    label="Format of the file",
                )
                gr.Markdown(METHOD, elem_classes="jn-intro")
        with gr.Accordion("Read a file", open=True):
            reading.add(limits)

    # No result: headline, pair, survival, facts, numbers.
    empty = ("", None, "", "", None)
    running, finished = Running(), Finished()

    @show_errors
    def embed(upload, text, key, observer, format, request: gr.Request):
        with running.of(request.session_hash):
            yield from embed_steps(upload, text, key, observer, format)

    def embed_steps(upload, text, key, observer, format):
        options, name = (text, key, observer, format), stem(upload)
        result = finished.get(upload, *options)
        if result is not None:
            yield outputs_of(result, name)
            return
        picture = open_upload(upload, limits.to_mark)
        nothing, started = (gr.skip(),) * len(empty), time.monotonic()
        yield html.note("Marking the photo …", "busy"), *nothing
        for step in handler.embed(picture, text, key=key, observer=observer, format=format):
            if isinstance(step, Progress):
                values = reports.progress(step, time.monotonic() - started), *nothing
            else:
                values = outputs_of(step, name)
                if not key:  # a phrase of a visitor's is not kept
                    finished.add(step, upload, *options)
            if not latest.is_current(upload, *options):
                yield "", *empty  # the progress of a moment ago may have come after the change
                return
            yield values

    def known(headline, upload, text, key, observer, format):
        """The example, where it was finished before: at once, whatever else is being done."""
        result = None if headline else finished.get(upload, text, key, observer, format)
        if result is None or not latest.is_current(upload, text, key, observer, format):
            return (gr.skip(),) * len(results)
        return outputs_of(result, stem(upload))

    @show_errors
    def first(headline, upload, text, key, observer, format, request: gr.Request):
        """The finished example where the tab is opened and nothing was or is being done."""
        if headline or request.session_hash in running:
            yield (gr.skip(),) * len(results)  # a generator that yields nothing empties them
            return
        with running.of(request.session_hash):
            yield from embed_steps(upload, text, key, observer, format)

    latest, inputs = Latest(), [photo.image, text, key, observer, format]
    results = [top.status, top.headline, pair, survival, facts, numbers]
    chosen = [text.change, key.change, observer.input, format.input]  # pasted as well as typed
    emptied = dict(zip(results, ("", *empty), strict=True))
    photo.clear(emptied, top.status)
    clear_results(chosen, emptied)
    record_inputs([*photo.fills, photo.image.clear, *chosen], latest, inputs)
    work = {
        "validator": latest.recording(validator(limits.to_mark, image=None)),
        "preprocess": False,
        "show_progress": "hidden",
        "concurrency_id": "search",
        "concurrency_limit": limits.at_once,
        "api_visibility": "private",
    }
    starts = (go.click, text.submit, *photo.fills)
    marking = [start(embed, inputs, results, **work) for start in starts]
    opened = show_first(page, photo.image, FIRST, latest)
    work.pop("validator")
    at_once = work | {"concurrency_id": "quick", "concurrency_limit": limits.quick}
    shown = opened.then(known, [top.headline, *inputs], results, **at_once)
    marking.append(shown.then(first, [top.headline, *inputs], results, **work))
    nothing_written = dict(zip(results[1:], empty, strict=True))
    add_stop(top.stop, running, marking, top.status, "Stopped.", nothing_written)


def outputs_of(result: WatermarkedPhoto, name: str) -> tuple:
    """The result as the values of the tab's outputs."""
    pair = slider_value(
        encode_png(result.original),
        encode_png(result.pixels),
        name=f"{name}.watermarked{result.suffix}",
        size=result.original.shape[1::-1],
        file=result.data,
        offer=f"Download {words_of(result.format)}",
        tags=("original", "marked"),
        words=("The original photo", "The marked photo"),
        caption="Move the handle: can you see the mark?",
    )
    return (
        "",
        reports.headline(result),
        pair,
        reports.survival(result),
        reports.facts(result),
        result.to_dict(),
    )
