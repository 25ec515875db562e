"""Smallest file for machines: a standard file, as small as a panel of classifiers allows."""

from __future__ import annotations

import time

import gradio as gr

from engine.compress.result import CompressedPhoto
from engine.images.picture import encode_png
from engine.system.progress import Progress

from ..handlers import compress as handler
from ..server.limits import Limits
from ..server.uploads import open_original, save_file, stem
from ..server.validation import show_errors, to_number, validator
from ..ui import compress_reports as reports
from ..ui import html
from ..ui.changes import Latest, clear_results, record_inputs
from ..ui.running import Running, add_stop
from ..ui.slider import slider, slider_value
from .photo import photo_input, samples, show_first

INTRO = """
**What is the smallest file of a photo that machines still understand?** A standard JPEG, WebP or
AVIF that any reader opens, made smaller as long as every classifier of a panel, trained on
ImageNet, keeps what it predicts of your photo. That is verified on the very file you download,
decoded again. People may well see the compression, and a machine outside the panel may predict
something else.
"""
FIRST = "Cat"
FORMAT_NAMES = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF", "jxl": "JPEG XL"}


def tab(limits: Limits) -> None:
    """Add the tab to the page."""
    with gr.Tab("Smallest file for machines", id="compress") as page:
        gr.Markdown(INTRO, elem_classes="jn-intro")
        with gr.Row(elem_classes="jn-columns"):
            with gr.Column(scale=1, min_width=280, elem_classes="jn-controls"):
                image, fills, edits = photo_input("Photo", "compress-photo", tuple(samples()))
                format = gr.Radio(
                    [(FORMAT_NAMES.get(name, name), name) for name in handler.formats()],
                    value="jpeg",
                    label="Format",
                )
                method = gr.Radio(list(handler.METHODS), value="bisect", label="Way to compress")
                with gr.Accordion("More", open=False):
                    keep = gr.Dropdown(
                        list(handler.KEEPS),
                        value="top1",
                        label="Each machine keeps",
                        filterable=False,
                    )
                    seconds = gr.Slider(
                        5,
                        limits.compress_seconds,
                        value=min(30, limits.compress_seconds),
                        step=5,
                        label="Seconds to search",
                        info="After them the smallest file so far counts.",
                    )
                with gr.Row():
                    go = gr.Button(
                        "Compress", variant="primary", min_width=90, elem_id="compress-go"
                    )
                    stop = gr.Button("Stop", min_width=90, elem_id="compress-stop")
                status = gr.HTML(elem_id="compress-status")
            with gr.Column(scale=3, min_width=320):
                headline = gr.HTML(elem_id="compress-headline")
                pair = slider("compress-slider", "The compressed photo will be here.")
                file = gr.DownloadButton(
                    "Download the file",
                    interactive=False,
                    variant="primary",
                    elem_id="compress-file",
                )
                table = gr.HTML(elem_id="compress-table")
                facts = gr.HTML(elem_id="compress-facts")
                with gr.Accordion("All numbers", open=False):
                    numbers = gr.JSON(show_label=False, container=False)

    # No result: headline, pair, file, table, facts, numbers.
    empty = ("", None, gr.update(value=None, interactive=False), "", "", None)
    running = Running()

    @show_errors
    def compress(upload, format, method, keep, seconds, request: gr.Request):
        with running.of(request.session_hash):
            yield from compress_steps(upload, format, method, keep, seconds)

    def compress_steps(upload, format, method, keep, seconds):
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
                line = reports.compress_progress(step, time.monotonic() - started)
                values = line, *nothing
            else:
                values = outputs_of(step, name)
            if not latest.is_current(upload, format, method, keep, seconds):
                yield "", *empty  # the progress of a moment ago may have come after the change
                return
            yield values

    latest, inputs = Latest(), [image, format, method, keep, seconds]
    results = [status, headline, pair, file, table, facts, numbers]
    none = {"__type__": "update", "value": None, "interactive": False}
    chosen = [format.input, method.input, keep.input]
    clear_results(
        [*edits, *chosen, seconds.input],
        dict(zip(results, ("", "", None, none, "", "", None), strict=True)),
    )
    record_inputs([*fills, image.clear, *chosen, seconds.input, seconds.release], latest, inputs)
    show_first(page, image, FIRST)
    searching = go.click(
        compress,
        inputs,
        results,
        validator=latest.recording(validator(limits.to_compress, image=None)),
        preprocess=False,
        show_progress="hidden",
        concurrency_id="search",
        concurrency_limit=limits.at_once,
        api_visibility="private",
    )
    nothing_written = dict(zip(results[1:], empty, strict=True))
    add_stop(stop, running, [searching], status, "Stopped: nothing was written.", nothing_written)


def outputs_of(result: CompressedPhoto, name: str) -> tuple:
    """The result as the values of the tab's outputs."""
    pair = slider_value(
        encode_png(result.original),
        encode_png(result.pixels),
        name=f"{name}.decoded.png",
        size=result.original.shape[1::-1],
        offered=False,
        tags=(f"original, {result.bytes_before:,} bytes", f"{result.bytes_after:,} bytes"),
        words=("The original photo", "The compressed photo, decoded"),
        caption="Move the handle: what the machines can do without.",
    )
    return (
        "",
        reports.compress_headline(result),
        pair,
        gr.DownloadButton(
            value=save_file(result.data, f"{name}.compressed{result.suffix}"), interactive=True
        ),
        reports.compress_table(result),
        reports.compress_facts(result),
        result.to_dict(),
    )
