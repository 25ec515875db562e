"""The distance of two pictures, to machines and to formulas, as an endpoint."""

from __future__ import annotations

import gradio as gr

from ..handlers import quality as handler
from ..server.limits import Limits
from ..server.uploads import open_upload
from .components import add_endpoint, picture_parameter


def add_machine_quality(limits: Limits) -> None:
    """Add `machine_quality`."""

    def machine_quality(reference, changed):
        """Whether machines still recognise a changed picture, and how likely others are to.

        Args:
            reference (image): The picture as it was.
            changed (image): The changed one, of the same size.

        Returns:
            PSNR, SSIM and CIEDE2000; and machine, with the share of the machines asked that keep
            their label (smr), the estimated chance that one that was not asked does (keep), by how
            much its probability is expected to fall (drop), and each machine's label before and
            after.
        """
        first = open_upload(reference, limits.to_compress)
        return handler.measure(first, open_upload(changed, limits.to_compress)).to_dict()

    add_endpoint(
        machine_quality,
        [picture_parameter("reference"), picture_parameter("changed")],
        [gr.JSON(label="quality")],
        concurrency_id="numbers",
        concurrency_limit=limits.at_once,
    )
