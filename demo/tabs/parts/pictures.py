"""Two pictures of one's own, how far apart they are: a part of the tab *Compare*."""

from __future__ import annotations

import gradio as gr

from ...handlers import quality as handler
from ...server.limits import Limits
from ...server.uploads import open_upload
from ...server.validation import show_errors, validator
from ...ui.area import band
from ...ui.changes import Latest, clear_results, record_inputs
from ...ui.reports import quality as reports
from ...ui.running import clear_on_failure

INTRO = """
## Two pictures of your own: how far apart are they?
Give a picture and a changed one of the same size, for instance a photo and its compressed file:
whether machines still answer the same, how likely others are to, and the usual numbers.
"""
# Brings this part into sight, and its first upload into reach of the keyboard.
MOVE = """() => {
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  document.querySelector('#pictures').scrollIntoView({behavior: still ? 'auto' : 'smooth'});
  document.querySelector('#pictures-reference button').focus({preventScroll: true});
}"""


def picture(label: str, elem_id: str) -> gr.Image:
    """An upload of one of the two."""
    return gr.Image(
        label=label,
        elem_id=elem_id,
        elem_classes="jn-photo",
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard"],
        buttons=[],
        height=160,
        min_width=240,
        alt_text=label,
    )


def add(limits: Limits) -> None:
    """Add the two uploads, the button and the result to the page."""
    gr.Markdown(INTRO, elem_id="pictures", elem_classes="jn-intro")
    with gr.Row():
        reference = picture("The reference", "pictures-reference")
        changed = picture("The changed picture", "pictures-changed")
    go = gr.Button("Compare the pictures", elem_id="pictures-go", elem_classes="jn-go")
    with gr.Column(elem_classes="jn-area", min_width=0):
        top = band("pictures", stoppable=False)
        table = gr.HTML(elem_id="pictures-table")
        facts = gr.HTML(elem_id="pictures-facts")
        with gr.Accordion("All numbers", open=False):
            numbers = gr.JSON(show_label=False, container=False)

    latest, inputs = Latest(), [reference, changed]
    outputs = [top.status, top.headline, table, facts, numbers]

    @show_errors
    def compare(first, second):
        pair = handler.measure(
            open_upload(first, limits.to_compress), open_upload(second, limits.to_compress)
        )
        if not latest.is_current(first, second):
            return (gr.skip(),) * len(outputs)
        values = reports.headline(pair), reports.table(pair), reports.facts(pair), pair.to_dict()
        return "", *values

    edits = [event for each in inputs for event in (each.upload, each.clear)]
    clear_results(edits, dict(zip(outputs, ("", "", "", "", None), strict=True)))
    record_inputs(edits, latest, inputs)
    event = go.click(
        compare,
        inputs,
        outputs,
        validator=latest.recording(validator(limits.to_compress, reference=None, changed=None)),
        concurrency_id="numbers",
        concurrency_limit=limits.at_once,
        preprocess=False,
        show_progress="hidden",
        api_visibility="private",
    )
    clear_on_failure(event, top.status)
