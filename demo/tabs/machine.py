"""What a machine doesn't notice: the machine JND, and noise of the same energy beside it."""

from __future__ import annotations

import gradio as gr

from engine.machine.jnd import STRENGTHS
from engine.models.available import generators

from ..handlers import machine as handler
from ..server.limits import Limits
from ..server.refusals import checks, number, told
from ..server.uploads import Upload, kept, opened, stem
from ..ui import words
from ..ui.changes import Latest, clears, notes
from ..ui.slider import pair, slider
from .photo import photo, sample_of, samples

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
    """What is measured, remembered where the picture is a sample. Raises EngineError."""
    asked = tuple(members) if members is not None else None
    wanted = number(strength, "strength")
    sample = sample_of(upload)
    if sample is not None:
        return handler.of_sample(sample, wanted, generator, asked)
    return handler.measure(opened(upload, limits.to_reduce), wanted, generator, asked)


def shown(view: handler.MachineView, name: str) -> tuple:
    """The view as the values of the tab's outputs."""
    size = view.result.panel_size
    changed = pair(
        view.original,
        view.distorted,
        name=f"{name}.distorted.png",
        size=size,
        tags=("original", "changed"),
        words=(
            "The original at 32×32 pixels",
            "The changed picture: the machines answer as they did to the original",
        ),
        caption=f"The change they tolerate: {words.decibels(view.result.psnr_db)}.",
        pixelated=True,
    )
    noise = pair(
        view.original,
        view.noise.png,
        name=f"{name}.noise.png",
        size=size,
        tags=("original", "noise"),
        words=("The original at 32×32 pixels", "The original with white noise"),
        caption=f"White noise as strong: {words.decibels(view.noise.psnr_db)}.",
        pixelated=True,
    )
    return (
        words.machine_headline(view),
        changed,
        noise,
        words.machine_table(view),
        kept(view.jnd, f"{name}.jnd.png"),
        kept(view.cam, f"{name}.cam.png"),
        words.machine_facts(view) + words.notes(view.result.notes),
        view.numbers,
    )


def tab(blocks: gr.Blocks, limits: Limits) -> None:
    """Add the tab to the page."""
    offered, panel = generators(), handler.classifiers()
    with gr.Tab("What a machine doesn't notice", id="machine"):
        gr.Markdown(INTRO, elem_classes="jn-intro")
        with gr.Row(elem_classes="jn-columns"):
            with gr.Column(scale=1, min_width=280, elem_classes="jn-controls"):
                image, put, touched = photo("Picture", "machine-photo", tuple(samples()))
                strength = gr.Slider(
                    *STRENGTHS,
                    value=1.0,
                    step=0.1,
                    label="Strength",
                    info="How much change to ask for; 1 is the usual.",
                )
                with gr.Accordion("Panel and network", open=False):
                    members = gr.CheckboxGroup(
                        [(words.PANEL_NAMES.get(name, name), name) for name in panel],
                        value=list(panel),
                        label="Panel",
                        info="The machines that must keep their answer.",
                    )
                    generator = gr.Radio(
                        [(name.capitalize(), name) for name in offered],
                        value=offered[0],
                        label="Network",
                        info="Conditioned: ours, sees each machine. Merged: the paper's design, "
                        "one strength only. Transfer: ours, for machines outside the panel too.",
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
                        label="Where they look",
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
    clears([*touched, strength.input, *chosen], empty)
    notes([*put, image.clear, strength.input, strength.release, *chosen], latest, inputs)

    @told
    def measure(upload, strength, members, generator):
        found = shown(view_of(upload, strength, members, generator, limits), stem(upload))
        if not latest.holds(upload, strength, members, generator):
            return (gr.skip(),) * len(outputs)
        return found

    def first():
        path = samples()[FIRST]
        view = handler.of_sample(path, 1.0, offered[0], tuple(panel))
        return str(path), *shown(view, path.stem)

    for trigger in (go.click, strength.release, members.change, generator.change, *put):
        trigger(
            measure,
            inputs,
            outputs,
            validator=latest.before(checks(limits.to_reduce, image=None)),
            preprocess=False,
            show_progress="hidden",
            trigger_mode="always_last",
            concurrency_id="quick",
            concurrency_limit=limits.quick,
            api_visibility="private",
        )
    blocks.load(
        told(first),
        None,
        [image, *outputs],
        show_progress="hidden",
        concurrency_id="quick",
        concurrency_limit=limits.quick,
        api_visibility="private",
    )
