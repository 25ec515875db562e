"""The result of an attack, judged on the file that the user gets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ...images.picture import decode, encode_png, to_batch, to_pixels
from ...metrics.decibels import finite
from ...metrics.quality import psnr_8bit
from ..loop import Search
from ..objective import lead
from ..problem import Problem


@dataclass(frozen=True)
class AttackResult:
    """One attacked picture, judged as the file it is.

    pixels: uint8 H×W×3 sRGB 0…255; png: the same as the bytes of a PNG file. success: whether the
    model, given the decoded PNG and nothing else, is fooled; where not, the picture is the one
    that came closest. margin: the lead of the wanted outcome for the decoded PNG, above 0 where it
    succeeds: of logits, or the criterion's own; margin_before: for the clean picture. label,
    label_before: the model's top-1 labels of both, None where a criterion gives margins. psnr_db:
    inf where nothing changed; largest_change: of a channel of a pixel, in 8-bit levels.
    gradients: gradient evaluations of the search. notes: about the picture and the model.
    """

    pixels: np.ndarray
    png: bytes
    success: bool
    margin: float
    margin_before: float
    label: int | None
    label_before: int | None
    psnr_db: float
    largest_change: int
    gradients: int
    method: str
    targeted: bool
    seed: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict:
        """As JSON, without the picture; null: what is infinite or does not exist."""
        return {
            "method": self.method,
            "targeted": self.targeted,
            "seed": self.seed,
            "success": self.success,
            "margin": finite(self.margin, 6),
            "margin_before": finite(self.margin_before, 6),
            "label": self.label,
            "label_before": self.label_before,
            "psnr_db": finite(self.psnr_db, 6),
            "largest_change": self.largest_change,
            "gradients": self.gradients,
            "notes": list(self.notes),
        }


@torch.no_grad()
def judge(
    search: Search, clean: np.ndarray, notes: list[tuple[str, ...]], seed: int
) -> list[AttackResult]:
    """The results of a search that has ended, each by the model's outputs for its decoded PNG.

    clean uint8 n×H×W×3; notes: each picture's; seed: the search's.
    """
    final = torch.where(search.found[:, None, None, None], search.best, search.nearest)
    results = []
    for place, pixels in enumerate(to_pixels(final.cpu().numpy())):
        png = encode_png(pixels)
        distorted = decode(png).pixels
        before, label_before = _evaluated(search.problem, place, clean[place])
        after, label = _evaluated(search.problem, place, distorted)
        change = np.abs(distorted.astype(np.int16) - clean[place])
        already = ("the clean picture deceives the model already",) if before > 0 else ()
        results.append(
            AttackResult(
                pixels=distorted,
                png=png,
                success=after > 0,
                margin=after,
                margin_before=before,
                label=label,
                label_before=label_before,
                psnr_db=psnr_8bit(clean[place], distorted),
                largest_change=int(change.max()),
                gradients=int(search.gradients[place]),
                method=search.method.name,
                targeted=search.problem.targeted,
                seed=seed,
                notes=(*notes[place], *already),
            )
        )
    return results


def _evaluated(problem: Problem, place: int, pixels: np.ndarray) -> tuple[float, int | None]:
    """The margin, and the label where there are logits, of one picture uint8 H×W×3, by itself."""
    rows = torch.tensor([place], device=problem.clean.device)
    batch = torch.from_numpy(to_batch(pixels[None])).to(rows.device)
    scores = problem.observer.scores(batch, rows)
    if scores.ndim == 1:
        return float(scores), None
    leads = lead(scores[:, None], problem.labels[rows], problem.targeted)
    return float(leads), int(scores.argmax(1))
