"""What a machine doesn't notice: the machine JND, and white noise of the same PSNR beside it."""

from __future__ import annotations

import gradio as gr

from engine.machine.generator import STRENGTHS
from engine.models.available import generators

from ..handlers import machine as handler
from ..server.limits import Limits
from ..server.uploads import Upload, open_upload, save_file, stem
from ..server.validation import show_errors, to_number, validator
from ..ui import html, reports
from ..ui.changes import Latest, clear_results, record_inputs
from ..ui.slider import slider, slider_value
from .photo import photo_input, sample_of, samples

INTRO = """
**How much can a picture change before a machine notices?** Far more than an eye would overlook:
here four classifiers look at a picture of 32×32 pixels, a network changes it as much as they
tolerate, and the result is checked on the finished PNG. White noise of the same strength is
beside it. Method: [Jin et al. 2021, arXiv 2102.08168](https://arxiv.org/abs/2102.08168).
"""
FIRST = "Cat"  # shown when the page opens


def view_of(
    upload: Upload, strength: object, members: list[str] | None, generator: str, limits: Limits
) -> handler.MachineView:
    """The measurement, cached where the picture is a sample. Raises EngineError."""
    names = tuple(members) if members is not None else None
    multiple = to_number(strength, "strength")
    sample = sample_of(upload)
    if sample is not None:
        return handler.of_sample(sample, multiple, generator, names)
    return handler.measure(open_upload(upload, limits.to_reduce), multiple, generator, names)


def outputs_of(view: handler.MachineView, name: str) -> tuple:
    """The view as the values of the tab's outputs."""
    size = view.result.panel_size
    changed = slider_value(
        view.original,
        view.distorted,
        name=f"{name}.distorted.png",
        size=size,
        tags=("original", "changed"),
        words=(
            "The original at 32×32 pixels",
            "The changed picture, for which the machines keep their labels",
        ),
        caption=f"The change they tolerate: {reports.decibels(view.result.psnr_db)}.",
        pixelated=True,
    )
    noise = slider_value(
        view.original,
        view.noise.png,
        name=f"{name}.noise.png",
        size=size,
        tags=("original", "noise"),
        words=("The original at 32×32 pixels", "The original with white noise"),
        caption=f"White noise as strong: {reports.decibels(view.noise.psnr_db)}.",
        pixelated=True,
    )
    return (
        reports.machine_headline(view),
        changed,
        noise,
        reports.machine_table(view),
        save_file(view.jnd, f"{name}.jnd.png"),
        save_file(view.cam, f"{name}.cam.png"),
        reports.machine_facts(view) + html.notes(view.result.notes),
        view.numbers,
    )


def tab(blocks: gr.Blocks, limits: Limits) -> None:
    """Add the tab to the page."""
    offered, panel = generators(), handler.classifiers()
    with gr.Tab("What a machine doesn't notice", id="machine"):
        gr.Markdown(INTRO, elem_classes="jn-intro")
        with gr.Row(elem_classes="jn-columns"):
            with gr.Column(scale=1, min_width=280, elem_classes="jn-controls"):
                image, fills, edits = photo_input("Picture", "machine-photo", tuple(samples()))
                strength = gr.Slider(
                    *STRENGTHS,
                    value=1.0,
                    step=0.1,
                    label="Strength",
                    info="How strong the change is; 1 is the usual.",
                )
                with gr.Accordion("Panel and network", open=False):
                    members = gr.CheckboxGroup(
                        [(reports.PANEL_NAMES.get(name, name), name) for name in panel],
                        value=list(panel),
                        label="Panel",
                        info="The machines that must keep their label.",
                    )
                    generator = gr.Radio(
                        [(name.capitalize(), name) for name in offered],
                        value=offered[0],
                        label="Network",
                        info="Conditioned: ours, given each machine's prediction. Merged: the "
                        "paper's design, one strength only. Transfer: ours, for machines outside "
                        "the panel too.",
                    )
                go = gr.Button("Measure", variant="primary", elem_id="machine-go")
            with gr.Column(scale=3, min_width=320):
                headline = gr.HTML(elem_id="machine-headline")
                with gr.Row():
                    with gr.Column(min_width=240):
                        changed = slider("machine-slider", "The changed picture will be here.")
                    with gr.Column(min_width=240):
                        noise = slider("machine-noise", "Noise of the same strength will be here.")
                table = gr.HTML(elem_id="machine-table")
                with gr.Row():
                    jnd = gr.Image(
                        label="The change (grey: none)",
                        elem_id="machine-jnd",
                        elem_classes="jn-pixels",
                        alt_text="The change of every pixel around grey, the machine JND",
                        interactive=False,
                        format="png",
                        buttons=["download"],
                        height=220,
                        min_width=200,
                    )
                    cam = gr.Image(
                        label="Class activation map",
                        elem_id="machine-cam",
                        elem_classes="jn-pixels",
                        alt_text="Mean class activation map of the machines, bright is most",
                        interactive=False,
                        format="png",
                        buttons=["download"],
                        height=220,
                        min_width=200,
                    )
                facts = gr.HTML(elem_id="machine-facts")
                with gr.Accordion("All numbers", open=False):
                    numbers = gr.JSON(show_label=False, container=False)

    latest, inputs = Latest(), [image, strength, members, generator]
    outputs = [headline, changed, noise, table, jnd, cam, facts, numbers]
    empty = dict(zip(outputs, ("", None, None, "", None, None, "", None), strict=True))
    chosen = [members.input, generator.input]
    clear_results([*edits, strength.input, *chosen], empty)
    record_inputs([*fills, image.clear, strength.input, strength.release, *chosen], latest, inputs)

    @show_errors
    def measure(upload, strength, members, generator):
        values = outputs_of(view_of(upload, strength, members, generator, limits), stem(upload))
        if not latest.is_current(upload, strength, members, generator):
            return (gr.skip(),) * len(outputs)
        return values

    def first():
        path = samples()[FIRST]
        view = handler.of_sample(path, 1.0, offered[0], tuple(panel))
        return str(path), *outputs_of(view, path.stem)

    for trigger in (go.click, strength.release, members.change, generator.change, *fills):
        trigger(
            measure,
            inputs,
            outputs,
            validator=latest.recording(validator(limits.to_reduce, image=None)),
            preprocess=False,
            show_progress="hidden",
            trigger_mode="always_last",
            concurrency_id="quick",
            concurrency_limit=limits.quick,
            api_visibility="private",
        )
    blocks.load(
        show_errors(first),
        None,
        [image, *outputs],
        show_progress="hidden",
        concurrency_id="quick",
        concurrency_limit=limits.quick,
        api_visibility="private",
    )
