"""Smallest file for machines: a standard file, as small as a panel of classifiers allows."""

from __future__ import annotations

import time

import gradio as gr

from engine.compress.result import CompressedPhoto
from engine.images.picture import encode_png
from engine.system.progress import Progress

from ..examples import compress as example
from ..handlers import compress as handler
from ..server.limits import Limits
from ..server.uploads import open_original, stem
from ..server.validation import show_errors, to_number, validator
from ..ui import html
from ..ui.area import band
from ..ui.changes import Latest, clear_results, record_inputs
from ..ui.photo import RECOGNISED, Finished, photo_input, sample_of, show_first
from ..ui.reports import compress as reports
from ..ui.running import Running, add_stop
from ..ui.slider import slider, slider_value

INTRO = """
## The smallest file of a photo that machines still understand.
A standard JPEG, WebP or AVIF,
checked on the very file you download. People may well see the compression.
"""
METHOD = """
The machines are a panel of classifiers trained on ImageNet, and each keeps what it predicts of your
photo; one outside the panel may predict something else.
"""
FIRST = "Cat"
SECONDS = 20  # of a search, which has found most of what there is to find by then
FORMAT_NAMES = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF", "jxl": "JPEG XL"}


def tab(limits: Limits) -> None:
    """Add the tab to the page."""
    longest = min(SECONDS, limits.compress_seconds)
    with gr.Tab("Smallest file for machines", id="compress") as page:
        gr.Markdown(INTRO, elem_classes="jn-intro")
        with gr.Row(elem_classes="jn-columns"):
            with gr.Column(elem_classes="jn-pick", min_width=0):
                photo = photo_input("Photo", "compress-photo", RECOGNISED)
            with gr.Column(elem_classes="jn-area", min_width=0):
                top = band("compress")
                pair = slider("compress-slider", "The compressed photo will be here.")
                table = gr.HTML(elem_id="compress-table")
                facts = gr.HTML(elem_id="compress-facts")
                with gr.Accordion("All numbers", open=False):
                    numbers = gr.JSON(show_label=False, container=False)
            with gr.Column(elem_classes="jn-more", min_width=0):
                format = gr.Radio(
                    [(FORMAT_NAMES.get(name, name), name) for name in handler.formats()],
                    value=example.FORMAT,
                    label="Format",
                )
                go = gr.Button("Compress again", size="sm", elem_id="compress-go")
                with gr.Accordion("Advanced", open=False):
                    method = gr.Radio(
                        list(handler.METHODS), value=handler.USUAL, label="Way to compress"
                    )
                    keep = gr.Dropdown(
                        list(handler.KEEPS),
                        value=example.KEEP,
                        label="Each machine keeps",
                        filterable=False,
                    )
                    seconds = gr.Slider(
                        5,
                        limits.compress_seconds,
                        value=longest,
                        step=5,
                        label="Seconds to search",
                        info="After them the smallest file so far counts.",
                    )
                    gr.Markdown(METHOD, elem_classes="jn-intro")

    # No result: headline, pair, table, facts, numbers.
    empty = ("", None, "", "", None)
    running, finished = Running(), Finished()
    usual = example.FORMAT, example.METHOD, example.KEEP, longest

    def ready(upload, *options) -> CompressedPhoto | None:
        """What was computed of a sample before."""
        sample = sample_of(upload)
        if sample is not None and sample.stem in example.NAMES and options == usual:
            return example.load(sample.stem)
        return finished.get(upload, *options)

    @show_errors
    def compress(upload, format, method, keep, seconds, request: gr.Request):
        with running.of(request.session_hash):
            yield from compress_steps(upload, format, method, keep, seconds)

    def compress_steps(upload, *options):
        format, method, keep, seconds = options
        result = ready(upload, *options)
        if result is not None:
            yield outputs_of(result, stem(upload))
            return
        original, name = open_original(upload, limits.to_compress), stem(upload)
        nothing, started = (gr.skip(),) * len(empty), time.monotonic()
        yield html.note("Loading the classifiers …", "busy"), *nothing
        for step in handler.compress(
            original,
            format=format,
            method=method,
            keep=keep,
            seconds=to_number(seconds, "seconds"),
            most=limits.compress_seconds,
        ):
            if isinstance(step, Progress):
                line = reports.progress(step, time.monotonic() - started)
                values = line, *nothing
            else:
                values = outputs_of(step, name)
                finished.add(step, upload, *options)
            if not latest.is_current(upload, *options):
                yield "", *empty  # the progress of a moment ago may have come after the change
                return
            yield values

    def known(headline, upload, format, method, keep, seconds):
        """The example, where it was finished before: at once, whatever else is being done."""
        result = None if headline else ready(upload, format, method, keep, seconds)
        if result is None or not latest.is_current(upload, format, method, keep, seconds):
            return (gr.skip(),) * len(results)
        return outputs_of(result, stem(upload))

    @show_errors
    def first(headline, upload, format, method, keep, seconds, request: gr.Request):
        """The finished example where the tab is opened and nothing was or is being done."""
        if headline or request.session_hash in running:
            yield (gr.skip(),) * len(results)  # a generator that yields nothing empties them
            return
        with running.of(request.session_hash):
            yield from compress_steps(upload, format, method, keep, seconds)

    latest, inputs = Latest(), [photo.image, format, method, keep, seconds]
    results = [top.status, top.headline, pair, table, facts, numbers]
    chosen = [format.input, method.input, keep.input]
    emptied = dict(zip(results, ("", *empty), strict=True))
    photo.clear(emptied, top.status)
    clear_results([*chosen, seconds.input], emptied)
    changes = [*photo.fills, photo.image.clear, *chosen, seconds.input, seconds.release]
    record_inputs(changes, latest, inputs)
    work = {
        "validator": latest.recording(validator(limits.to_compress, image=None)),
        "preprocess": False,
        "show_progress": "hidden",
        "concurrency_id": "search",
        "concurrency_limit": limits.at_once,
        "api_visibility": "private",
    }
    searching = [
        start(compress, inputs, results, **work) for start in (go.click, format.input, *photo.fills)
    ]
    opened = show_first(page, photo.image, FIRST, latest)
    work.pop("validator")
    at_once = work | {"concurrency_id": "quick", "concurrency_limit": limits.quick}
    shown = opened.then(known, [top.headline, *inputs], results, **at_once)
    searching.append(shown.then(first, [top.headline, *inputs], results, **work))
    nothing_written = dict(zip(results[1:], empty, strict=True))
    add_stop(top.stop, running, searching, top.status, "Stopped.", nothing_written)


def outputs_of(result: CompressedPhoto, name: str) -> tuple:
    """The result as the values of the tab's outputs."""
    pair = slider_value(
        encode_png(result.original),
        encode_png(result.pixels),
        name=f"{name}.compressed{result.suffix}",
        size=result.original.shape[1::-1],
        file=result.data,
        offer=f"Download {FORMAT_NAMES.get(result.format, result.format.upper())}",
        tags=(f"original, {result.bytes_before:,} bytes", f"{result.bytes_after:,} bytes"),
        words=("The original photo", "The compressed photo, decoded"),
        caption="Move the handle: what the machines can do without.",
    )
    return (
        "",
        reports.headline(result),
        pair,
        reports.table(result),
        reports.facts(result),
        result.to_dict(),
    )
