"""Test a cloak: the original and the cloaked photo against a second photo of the same person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from ...handlers import faces
from ...server.limits import Limits
from ...server.uploads import open_upload
from ...server.validation import show_errors, validator
from ...ui.changes import Latest, clear_results, record_inputs
from ...ui.reports import cloak as reports


@dataclass(frozen=True)
class Verification:
    """The components of the test, on the page; `verdict` shows the result."""

    second: gr.Image
    button: gr.Button
    verdict: gr.HTML

    @classmethod
    def add(cls) -> Verification:
        """Add them to the page, one below the other."""
        with gr.Accordion("Test it with a second photo of you", open=False):
            second = gr.Image(
                label="A second photo of the same person",
                elem_id="cloak-second",
                type="filepath",
                image_mode=None,
                sources=["upload"],
                buttons=[],
                height=160,
                alt_text="A second photo of the same person",
            )
            button = gr.Button("Compare the faces", elem_id="cloak-verify")
            return cls(second, button, gr.HTML(elem_id="cloak-verdict"))

    def connect(self, photo, cloaked, changes: list[Callable], limits: Limits) -> None:
        """Let the button compare.

        photo, cloaked: the components of the original and of the slider that offers the cloaked
        file; changes: events after which a comparison of these two is out of date.
        """
        latest, inputs = Latest(), [photo, self.second, cloaked]

        @show_errors
        def verify(upload, second, shown):
            file = (shown or {}).get("file")
            if not file:
                raise gr.Error("Hide a face first", print_exception=False)
            other = open_upload(second, limits)
            original, changed = open_upload(upload, limits), open_upload(file, limits)
            before, after = faces.compare(original, other), faces.compare(changed, other)
            table = reports.verification_table(before, after)
            return table if latest.is_current(upload, second, shown) else gr.skip()

        edits = [self.second.upload, self.second.clear]
        clear_results(edits, {self.verdict: ""})
        record_inputs([*changes, *edits], latest, inputs)
        self.button.click(
            verify,
            inputs,
            self.verdict,
            validator=latest.recording(validator(limits, image=None, second=faces.find)),
            concurrency_id="quick",
            concurrency_limit=limits.quick,
            preprocess=False,
            api_visibility="private",
            show_progress="hidden",
        )
