"""What a machine tolerates: the machine JND, and white noise of the same PSNR beside it."""

from __future__ import annotations

import gradio as gr

from engine.machine.generator import STRENGTHS
from engine.models.available import generators, panels
from engine.models.registry import BEST

from ..handlers import machine as handler
from ..server.limits import Limits
from ..server.uploads import Upload, open_upload, save_file, stem
from ..server.validation import show_errors, to_number, validator
from ..ui import html
from ..ui.area import band
from ..ui.changes import Latest, clear_results, record_inputs
from ..ui.photo import RECOGNISED, photo_input, sample_of, samples
from ..ui.reports import labels
from ..ui.reports import machine as reports
from ..ui.running import clear_on_failure
from ..ui.slider import slider, slider_value

INTRO = """
## How far can a picture change before machines stop recognising it?
Much further than you would
think: this is the strongest change we find under which every machine keeps its answer.
"""
METHOD = """
Three classifiers trained on ImageNet's 1,000 classes look at the photo at its own size; the small
panel sees it at 32×32 pixels and knows ten classes. Method:
[Jin et al. 2021, arXiv 2102.08168](https://arxiv.org/abs/2102.08168).
"""
FIRST = "Cat"
PANELS = {"photos": "Photos: 1,000 classes", "cifar10": "Thumbnails: 10 classes, 32×32"}


def view_of(
    upload: Upload,
    strength: object,
    panel: str,
    members: list[str] | None,
    generator: str,
    limits: Limits,
) -> handler.MachineView:
    """The measurement, cached where the picture is a sample. Raises EngineError.

    members, generator: of the small panel; the other has no choice.
    """
    small = panel == handler.SMALL
    names = tuple(members) if small and members is not None else None
    choice = to_number(strength, "strength"), generator if small else BEST, names, panel
    sample = sample_of(upload)
    if sample is not None:
        return handler.of_sample(sample, *choice)
    return handler.measure(open_upload(upload, limits.to_reduce), *choice, limits.machine_pixels)


def outputs_of(view: handler.MachineView, name: str) -> tuple:
    """The view as the values of the tab's outputs."""
    height, width = view.result.original.shape[:2]
    small = view.result.panel == handler.SMALL
    shared = {"size": (width, height), "pixelated": small}
    original = "The original at 32×32 pixels" if small else "The original picture"
    changed = slider_value(
        view.original,
        view.distorted,
        name=f"{name}.distorted.png",
        tags=("original", "changed"),
        words=(original, "The changed picture, for which the machines keep their labels"),
        caption=f"The change they tolerate: {html.decibels(view.result.psnr_db)}.",
        **shared,
    )
    noise = slider_value(
        view.original,
        view.noise.png,
        name=f"{name}.noise.png",
        tags=("original", "noise"),
        words=(original, "The original with white noise"),
        caption=f"White noise as strong: {html.decibels(view.noise.psnr_db)}.",
        **shared,
    )
    return (
        "",
        reports.headline(view),
        changed,
        noise,
        reports.table(view),
        save_file(view.jnd, f"{name}.jnd.png"),
        save_file(view.cam, f"{name}.cam.png"),
        reports.facts(view) + html.notes(view.result.notes),
        view.numbers,
    )


def picture(label: str, elem_id: str, alt_text: str) -> gr.Image:
    """A picture beside the result."""
    return gr.Image(
        label=label,
        elem_id=elem_id,
        elem_classes="jn-pixels",
        alt_text=alt_text,
        interactive=False,
        format="png",
        buttons=["download"],
        height=220,
        min_width=200,
    )


def tab(limits: Limits) -> None:
    """Add the tab to the page."""
    offered = [name for name in PANELS if name in panels()]
    small = handler.classifiers()
    with gr.Tab("What a machine tolerates", id="machine") as page:
        gr.Markdown(INTRO, elem_classes="jn-intro")
        with gr.Row(elem_classes="jn-columns"):
            with gr.Column(elem_classes="jn-pick", min_width=0):
                photo = photo_input("Picture", "machine-photo", RECOGNISED)
            with gr.Column(elem_classes="jn-area", min_width=0):
                top = band("machine", stoppable=False)
                changed = slider("machine-slider", "The changed picture will be here.")
                table = gr.HTML(elem_id="machine-table")
                with gr.Accordion("White noise as strong, and where the change is", open=False):
                    noise = slider("machine-noise", "Noise of the same strength will be here.")
                    with gr.Row():
                        jnd = picture(
                            "The change (grey: none)",
                            "machine-jnd",
                            "The change of every pixel around grey, the machine JND",
                        )
                        cam = picture(
                            "Where the machines look",
                            "machine-cam",
                            "Mean class activation map of the machines, bright is most",
                        )
                facts = gr.HTML(elem_id="machine-facts")
                with gr.Accordion("All numbers", open=False):
                    numbers = gr.JSON(show_label=False, container=False)
            with gr.Column(elem_classes="jn-more", min_width=0):
                strength = gr.Slider(
                    *STRENGTHS,
                    value=1.0,
                    step=0.1,
                    label="Strength",
                    info="1 is usual, more is a stronger change.",
                )
                go = gr.Button("Measure again", elem_id="machine-go", size="sm")
                with gr.Accordion("Advanced", open=False):
                    panel = gr.Radio(
                        [(PANELS[name], name) for name in offered],
                        value=offered[0],
                        label="Machines",
                        elem_id="machine-panel",
                    )
                    members = gr.CheckboxGroup(
                        [(labels.NAMES.get(name, name), name) for name in small],
                        value=list(small),
                        label="Panel",
                        info="Of the thumbnail machines, those that must keep their label.",
                    )
                    generator = gr.Radio(
                        [(name.capitalize(), name) for name in generators()],
                        value=generators()[0],
                        label="Network",
                        info="For thumbnails. Conditioned: ours, given each machine's prediction. "
                        "Merged: the paper's design, strength 1 only. Transfer: ours, for machines "
                        "outside the panel too.",
                    )
                    gr.Markdown(METHOD, elem_classes="jn-intro")

    latest, inputs = Latest(), [photo.image, strength, panel, members, generator]
    results = [changed, noise, table, jnd, cam, facts, numbers]
    outputs = [top.status, top.headline, *results]
    empty = dict(zip(outputs, ("", "", None, None, "", None, None, "", None), strict=True))
    chosen = [panel.input, members.input, generator.input]
    photo.clear(empty, top.status)
    clear_results([strength.input, *chosen], empty)
    changes = [*photo.fills, photo.image.clear, strength.input, strength.release, *chosen]
    record_inputs(changes, latest, inputs)

    @show_errors
    def measure(upload, *choice):
        values = outputs_of(view_of(upload, *choice, limits), stem(upload))
        return values if latest.is_current(upload, *choice) else (gr.skip(),) * len(outputs)

    @show_errors
    def first(upload):
        path = samples()[FIRST]
        view = handler.of_sample(path, 1.0, BEST, None, offered[0])
        if upload or latest.photo():  # or uploaded in the meantime
            return (gr.skip(),) * (1 + len(outputs))
        return str(path), *outputs_of(view, path.stem)

    quick = {"concurrency_id": "quick", "concurrency_limit": limits.quick}
    private = {"preprocess": False, "show_progress": "hidden", "api_visibility": "private"}
    options = [panel.change, members.change, generator.change]
    for trigger in (go.click, strength.release, *options, *photo.fills):
        event = trigger(
            measure,
            inputs,
            outputs,
            validator=latest.recording(validator(limits.to_reduce, image=None)),
            trigger_mode="always_last",
            **quick,
            **private,
        )
        clear_on_failure(event, top.status)
    page.select(first, photo.image, [photo.image, *outputs], **quick, **private)
