"""The viewing test as endpoints: its pictures, and the analysis of answer files."""

from __future__ import annotations

import gradio as gr

from engine.human.stimuli import FLAT

from ..handlers import viewing as handler
from ..server.limits import Limits
from ..server.uploads import save_file
from ..server.validation import to_number
from ..tabs.viewing import kinds, results_of
from ..ui.photo import samples
from .components import add_endpoint, file_result


def add_viewing_picture(limits: Limits) -> None:
    """Add `viewing_picture`."""

    def viewing_picture(picture, kind, psnr_db):
        """One picture of the viewing test: a sample with noise of one energy, shaped by a model.

        Args:
            picture (string): The sample: Cat, Rocket, Coffee or Astronaut.
            kind (string): original, flat (white noise), or a model of the eye, such as wu2017.
            psnr_db (number): The PSNR of the noise, 20 to 45 dB.

        Returns:
            The picture (PNG).
        """
        test = handler.Test("", (), to_number(psnr_db, "PSNR"), {})
        png = handler.side(test, handler.Trial(picture, kind, kind), kind, samples())
        return save_file(png, f"{picture}.{kind}.png")

    add_endpoint(
        viewing_picture,
        [
            gr.Radio(list(samples()), value=next(iter(samples())), label="picture"),
            gr.Radio(list(kinds()), value=FLAT, label="kind"),
            gr.Number(handler.PSNR, label="psnr_db"),
        ],
        [file_result("picture")],
        concurrency_id="numbers",
        concurrency_limit=limits.at_once,
    )


def add_viewing_results(limits: Limits) -> None:
    """Add `viewing_results`."""

    def viewing_results(files):
        """Means, deviations and BT.500 screening of several viewers' answers.

        Args:
            files (list of files): The CSV files that the viewing test has written.

        Returns:
            pairs with mean, std, 95 % interval and n, above 0 where the second looks better, and
            viewers with the counts by which they are kept or rejected.
        """
        return results_of(files, limits).to_dict()

    add_endpoint(
        viewing_results,
        [gr.File(label="files", file_count="multiple")],
        [gr.JSON(label="results")],
    )
