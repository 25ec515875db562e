"""What you don't notice: the human JND, and the picture with noise at that threshold."""

from __future__ import annotations

import gradio as gr

from engine.human import HUMAN_MODELS
from engine.models.available import human_models

from ..handlers import human as handler
from ..server.limits import Limits
from ..server.refusals import checks, number, told
from ..server.uploads import kept, opened, stem
from ..ui import words
from ..ui.changes import Latest, clears, notes
from ..ui.running import Running, stop_by
from ..ui.slider import pair, slider
from .photo import photo, sample_of, samples

INTRO = """
**How much can a picture change before you notice?** Every pixel has a threshold: high where the
picture is busy, dark or bright, low on smooth skin and sky. The map shows it (brighter is more),
and the picture on the right has every pixel changed by just that much, up or down at random. Can
you see it? Method: [Jin et al. 2022, arXiv 2208.07583](https://arxiv.org/abs/2208.07583) for the
learned model, and the classical ones it is compared with.
"""
FIRST = "Coffee"


def tab(limits: Limits) -> None:
    """Add the tab to the page."""
    offered = human_models()
    with gr.Tab("What you don't notice", id="human") as page:
        gr.Markdown(INTRO, elem_classes="jn-intro")
        with gr.Row(elem_classes="jn-columns"):
            with gr.Column(scale=1, min_width=280, elem_classes="jn-controls"):
                image, put, touched = photo("Picture", "human-photo", tuple(samples()))
                model = gr.Dropdown(
                    [(f"{name} · {HUMAN_MODELS[name].paper}", name) for name in offered],
                    value=offered[0],
                    label="Model of the eye",
                    filterable=False,
                )
                level = gr.Slider(
                    *handler.LEVELS,
                    value=1.0,
                    step=0.25,
                    label="Level",
                    info="Noise at this many times the threshold.",
                )
                perceptual = gr.Checkbox(
                    label="Also ask models of a viewer",
                    info="JOD, FSIM and VIF: some seconds more.",
                )
                with gr.Row():
                    go = gr.Button("Measure", variant="primary", min_width=90, elem_id="human-go")
                    stop = gr.Button("Stop", min_width=90, elem_id="human-stop")
                status = gr.HTML(elem_id="human-status")
            with gr.Column(scale=3, min_width=320):
                headline = gr.HTML(elem_id="human-headline")
                noisy = slider(
                    "human-slider", "The picture with noise at the threshold will be here."
                )
                with gr.Row(elem_classes="jn-map"):
                    seen = gr.Image(
                        label="Threshold: bright may change more",
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

    running = Running()

    @told
    def measure(upload, model, level, perceptual, request: gr.Request):
        with running.of(request.session_hash):
            yield from measured(upload, model, level, perceptual)

    def measured(upload, model, level, perceptual):
        name, wanted, sample = stem(upload), number(level, "level"), sample_of(upload)
        nothing, most = (gr.skip(),) * 5, limits.human_pixels
        if sample is not None:
            yield words.note("Measuring …", "busy"), *nothing
            view = handler.of_sample(sample, model, wanted, bool(perceptual), most)
            found = shown(view, name)
            if latest.holds(upload, model, level, perceptual):
                yield found
            return
        for step in handler.measure(
            opened(upload, limits.to_reduce),
            model,
            wanted,
            perceptual=bool(perceptual),
            max_pixels=most,
        ):
            busy = isinstance(step, str)
            found = (words.note(step, "busy"), *nothing) if busy else shown(step, name)
            if not latest.holds(upload, model, level, perceptual):
                yield "", *nothing
                return
            yield found

    @told
    def first(upload):
        if upload:
            return (gr.skip(),) * 7
        path = samples()[FIRST]
        view = handler.of_sample(path, offered[0], 1.0, False, limits.human_pixels)
        return str(path), *shown(view, path.stem)

    latest, inputs = Latest(), [image, model, level, perceptual]
    outputs = [status, headline, noisy, seen, facts, numbers]
    empty = dict(zip(outputs, ("", "", None, None, "", None), strict=True))
    clears([*touched, model.input, level.input, perceptual.input], empty)
    notes(
        [*put, image.clear, model.input, level.input, level.release, perceptual.input],
        latest,
        inputs,
    )
    measuring = [
        trigger(
            measure,
            inputs,
            outputs,
            validator=latest.before(checks(limits.to_reduce, image=None)),
            preprocess=False,
            show_progress="hidden",
            trigger_mode="always_last",
            concurrency_id="numbers",
            concurrency_limit=limits.at_once,
            api_visibility="private",
        )
        for trigger in (go.click, level.release, model.change, *put)
    ]
    page.select(
        first,
        image,
        [image, *outputs],
        preprocess=False,
        show_progress="hidden",
        api_visibility="private",
    )
    stop_by(stop, running, measuring, status, "Stopped.")


def shown(view: handler.HumanView, name: str) -> tuple:
    """The view as the values of the tab's outputs."""
    result = view.result
    noisy = pair(
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
        words.human_headline(view),
        noisy,
        kept(view.map, f"{name}.human.png"),
        words.facts(words.quality_facts(result.quality)) + words.notes(result.notes),
        view.numbers,
    )
