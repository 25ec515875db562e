"""Per-image search on a photo: how far a change can be taken while every classifier is kept.

It begins with the generator's E. Where the picture with it keeps all that it must, E grows; where
it does not, a gradient step mends it (`engine.machine.refine`), and so on until nothing is gained.
It needs a panel that gives gradients, and no PyTorch where its graphs do. No magnitude is aimed at
(paper A, eq. 10): what is found is how much the panel can be made to tolerate.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..images.picture import to_batch
from ..metrics.quality import psnr_8bit
from ..panels.aim import Aim
from ..system.progress import Progress
from .refine import Differentiable, look, moved, proxy

COUNT = 200  # steps at most
GROWTH = 0.08  # by which E grows where it holds
STEP = 0.03  # root mean square of a gradient step, on the 0…1 scale
PATIENCE = 25  # steps without GAIN, after which it ends
GAIN = 0.1  # dB


@dataclass(frozen=True)
class PhotoStep(Progress):
    """Where a search stands; the last step is its result.

    change: E, float32 1×3×size×size on the 0…1 scale, of the strongest picture so far that keeps
    all that it must; zero where there is none yet. psnr_db: of that picture, inf where there is
    none; held: whether there is one.
    """

    number: int
    last: bool
    change: np.ndarray
    psnr_db: float

    @property
    def held(self) -> bool:
        return bool(np.isfinite(self.psnr_db))


def search(
    panel: Differentiable,
    pixels: np.ndarray,
    change: np.ndarray,
    aim: Aim,
    *,
    count: int = COUNT,
    max_seconds: float | None = None,
) -> Iterator[PhotoStep]:
    """From a change on, one `PhotoStep` per step: growth or a gradient step.

    pixels: the photo, uint8 H×W×3, of which a large one is searched on a smaller copy (`proxy`);
    change: where to begin, float32 1×3×size×size on the 0…1 scale. Ends after `count` steps,
    after max_seconds, or when PATIENCE steps gained less than GAIN.
    """
    started = time.monotonic()
    pixels = proxy(panel, pixels)
    clean = to_batch(panel.view(pixels[None]))
    best, best_psnr, since, lately = np.zeros_like(change), np.inf, 0, np.inf
    for number in range(1, count + 1):
        state = look(panel, pixels, change, aim)
        if state.held:
            reached = psnr_8bit(pixels, state.pixels)
            if reached < best_psnr:
                best, best_psnr = change, reached
            alive = np.clip(clean + change, 0, 1) - clean  # what clipping leaves of it
            change = alive * np.float32(1 + GROWTH)
        else:
            change = moved(panel, state, aim, STEP)
        if best_psnr < lately - GAIN or not np.isfinite(best_psnr):
            since, lately = number, best_psnr
        late = max_seconds is not None and time.monotonic() - started > max_seconds
        last = late or number == count or number - since >= PATIENCE
        yield PhotoStep(
            doing=f"step {number}: best that holds "
            + (f"{best_psnr:.2f} dB" if np.isfinite(best_psnr) else "nothing yet"),
            share=number / count,
            number=number,
            last=last,
            change=best,
            psnr_db=float(best_psnr),
        )
        if last:
            return
