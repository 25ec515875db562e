"""What you don't notice: the human JND, and the picture with noise at that threshold."""

from __future__ import annotations

import gradio as gr

from engine.human import HUMAN_MODELS
from engine.models.available import human_models

from ..handlers import human as handler
from ..server.limits import Limits
from ..server.uploads import open_upload, save_file, stem
from ..server.validation import show_errors, to_number, validator
from ..ui import html
from ..ui.area import band
from ..ui.changes import Latest, clear_results, record_inputs
from ..ui.photo import photo_input, sample_of, samples
from ..ui.reports import human as reports
from ..ui.running import Running, add_stop
from ..ui.slider import slider, slider_value

INTRO = """
## How much noise can be in a picture before you see it?
It is hidden where the picture is busy,
dark or bright. Make it stronger until you notice: everybody's limit is a little different.
"""
METHOD = """
Every pixel has a threshold, which the map shows, and is changed by a multiple of it, up or down at
random. At 1 times the threshold the mean JOD is 9.5: some 63 of 100 people would pick the original,
where 50 is guessing. At a quarter of it nearly everybody guesses. Method:
[Jin et al. 2022, arXiv 2208.07583](https://arxiv.org/abs/2208.07583) for the learned model, and the
classical ones it is compared with.
"""
INVISIBLE = 0.25  # times the threshold: a mean JOD above 9.95
FIRST = "Coffee"


def tab(limits: Limits) -> None:
    """Add the tab to the page."""
    offered = human_models()
    with gr.Tab("What you don't see", id="human") as page:
        gr.Markdown(INTRO, elem_classes="jn-intro")
        with gr.Row(elem_classes="jn-columns"):
            with gr.Column(elem_classes="jn-pick", min_width=0):
                photo = photo_input("Picture", "human-photo", tuple(samples()))
                level = gr.Slider(
                    *handler.LEVELS,
                    value=INVISIBLE,
                    step=0.25,
                    label="Level",
                    info="Noise at so many times the threshold.",
                )
            with gr.Column(elem_classes="jn-area", min_width=0):
                top = band("human")
                noisy = slider("human-slider", "The picture with noise will be here.")
                with gr.Accordion("Where noise hides, and how much", open=False):
                    threshold = gr.Image(
                        label="Threshold: bright pixels may change more",
                        elem_id="human-map",
                        alt_text="The threshold of every pixel, bright where much may change",
                        interactive=False,
                        format="png",
                        buttons=["download", "fullscreen"],
                        height=320,
                        min_width=240,
                    )
                facts = gr.HTML(elem_id="human-facts")
                with gr.Accordion("All numbers", open=False):
                    numbers = gr.JSON(show_label=False, container=False)
            with (
                gr.Column(elem_classes="jn-more", min_width=0),
                gr.Accordion("Advanced", open=False),
            ):
                model = gr.Dropdown(
                    [(f"{name} · {HUMAN_MODELS[name].paper}", name) for name in offered],
                    value=offered[0],
                    label="Model of the eye",
                    filterable=False,
                )
                perceptual = gr.Checkbox(
                    label="Also perceptual metrics",
                    info="JOD, FSIM and VIF: some seconds more.",
                )
                go = gr.Button("Measure again", size="sm", elem_id="human-go")
                gr.Markdown(METHOD, elem_classes="jn-intro")

    running = Running()

    @show_errors
    def measure(upload, model, level, perceptual, request: gr.Request):
        with running.of(request.session_hash):
            yield from measure_steps(upload, model, level, perceptual)

    def measure_steps(upload, model, level, perceptual):
        name, factor, sample = stem(upload), to_number(level, "level"), sample_of(upload)
        nothing, max_pixels = (gr.skip(),) * 5, limits.human_pixels
        if sample is not None:
            yield html.note("Measuring …", "busy"), *nothing
            view = handler.of_sample(sample, model, factor, bool(perceptual), max_pixels)
            values = outputs_of(view, name)
            if latest.is_current(upload, model, level, perceptual):
                yield values
            return
        for step in handler.measure(
            open_upload(upload, limits.to_reduce),
            model,
            factor,
            perceptual=bool(perceptual),
            max_pixels=max_pixels,
        ):
            busy = isinstance(step, str)
            values = (html.note(step, "busy"), *nothing) if busy else outputs_of(step, name)
            if not latest.is_current(upload, model, level, perceptual):
                yield "", *nothing
                return
            yield values

    @show_errors
    def first(upload):
        path = samples()[FIRST]
        view = handler.of_sample(path, offered[0], INVISIBLE, False, limits.human_pixels)
        if upload or latest.photo():  # or uploaded in the meantime
            return (gr.skip(),) * 7
        return str(path), *outputs_of(view, path.stem)

    latest, inputs = Latest(), [photo.image, model, level, perceptual]
    outputs = [top.status, top.headline, noisy, threshold, facts, numbers]
    empty = dict(zip(outputs, ("", "", None, None, "", None), strict=True))
    chosen = [model.input, level.input, perceptual.input]
    photo.clear(empty, top.status)
    clear_results(chosen, empty)
    changes = [*photo.fills, photo.image.clear, *chosen, level.release]
    record_inputs(changes, latest, inputs)
    measuring = [
        trigger(
            measure,
            inputs,
            outputs,
            validator=latest.recording(validator(limits.to_reduce, image=None)),
            preprocess=False,
            show_progress="hidden",
            trigger_mode="always_last",
            concurrency_id="numbers",
            concurrency_limit=limits.at_once,
            api_visibility="private",
        )
        for trigger in (go.click, level.release, model.change, *photo.fills)
    ]
    page.select(
        first,
        photo.image,
        [photo.image, *outputs],
        preprocess=False,
        show_progress="hidden",
        api_visibility="private",
    )
    add_stop(top.stop, running, measuring, top.status, "Stopped.")


def outputs_of(view: handler.HumanView, name: str) -> tuple:
    """The view as the values of the tab's outputs."""
    result = view.result
    noisy = slider_value(
        view.original,
        view.noisy,
        name=f"{name}.noisy.png",
        size=result.size,
        tags=("original", "with noise"),
        words=("The original picture", f"The picture with noise at {result.level:g} × threshold"),
        caption=f"Noise at {result.level:.3g} times the threshold, {result.model}.",
    )
    return (
        "",
        reports.headline(view),
        noisy,
        save_file(view.map, f"{name}.human.png"),
        html.facts(reports.quality_facts(result.quality)) + html.notes(result.notes),
        view.numbers,
    )
