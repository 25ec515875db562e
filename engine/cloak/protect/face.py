"""A face protected as far as a visibility allows: searched for, put into the photo, judged.

Needs torch and dlib.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...images.parts import around, put_back
from ..broad.eye import Eye, window_of
from ..judge.versions import PNG, Standard
from ..problem import QUALITIES, save_of
from ..state import CloakProgress, FaceState
from .canvas import Faces
from .search import Bands, Pixels, Settings, search, size
from .visibility import Visibility

if TYPE_CHECKING:
    from ..face import Cloak

FIRST = 36.0  # dB, where a search for a JOD begins
SCALINGS = 6  # of a change, to where its visibility is the one that is wanted
SHY = 0.999  # of the factor that would lead there, for it must not lead beyond
NEAR = 0.02  # JOD, or dB, that is near enough


class Protected:
    """One face of a photo and the changes of it, float32 1×3×h×w of the canvas in 0…1."""

    def __init__(
        self,
        cloak: Cloak,
        state: FaceState,
        standard: Standard,
        visibility: Visibility,
        settings: Settings,
    ):
        self.state, self.visibility, self.standard = state, visibility, standard
        self.faces = Faces(state.photo, state.face, list(cloak.recognisers.networks))
        left, top, right, bottom = self.faces.canvas.box
        threshold = torch.from_numpy(state.threshold.part((left, top, right, bottom)).copy())
        planes = threshold.permute(2, 0, 1)[None] / 255
        shape = self.faces.clean.shape[2:]
        threshold = F.interpolate(planes, size=shape, mode="area")
        inside = left > 0 or top > 0 or right < state.photo.shape[1] or bottom < len(state.photo)
        window = window_of(*shape) if inside else torch.ones(shape)
        halvings = self.faces.canvas.halvings
        self.metric = (
            Bands(Eye(self.faces.clean, halvings, grey=state.grey))
            if halvings
            else Pixels(threshold, window, settings, grey=state.grey)
        )
        self.near = around(state.face.box, *state.photo.shape[1::-1])
        self.codecs = codecs_of(standard)
        self.reference = self.file(state.photo)[self.near]
        self.enrolled = {name: goal.enrolled for name, goal in state.goal.goals.items()}

    def saved(self, shown: Tensor, noise: torch.Generator) -> Tensor:
        """The canvas 1×3×h×w as one of the versions may have it, at random."""
        number = int(torch.randint(len(self.codecs), (1,), generator=noise))
        return self.codecs[number](shown)

    def pasted(self, change: Tensor) -> np.ndarray:
        """The photo with this change."""
        canvas, photo = self.faces.canvas, self.state.photo
        if canvas.halvings:
            return canvas.pasted(photo, change, grey=self.state.grey)
        levels = (255 * (self.faces.clean + change)).round().clamp(0, 255)[0]
        part = levels.permute(1, 2, 0).numpy().astype(np.uint8)
        return put_back(photo, canvas.box, part)

    def file(self, pixels: np.ndarray) -> np.ndarray:
        """A photo uint8 H×W×3 as its file will be decoded."""
        saving = self.standard.saving
        return pixels if saving is None else saving.saved(pixels)

    def value(self, change: Tensor) -> float:
        """The visibility of this change in the file, beside the photo saved in the same way."""
        after = self.file(self.pasted(change))[self.near]
        return self.visibility.measured(self.reference, after)

    def scaled(self, change: Tensor) -> Tensor:
        """The change at the visibility that is wanted, not beyond it."""
        low, high, factor = 0.0, float("inf"), 1.0
        for _ in range(SCALINGS):
            value = self.value(factor * change)
            if value < self.visibility.wanted:
                high = factor
            else:
                low = factor
                if value - self.visibility.wanted < NEAR:
                    break
            factor *= SHY * self.visibility.factor(value)
            if not low < factor < high:
                factor = (low + min(high, 2 * low)) / 2
        return change * low


def protect_face(
    cloak: Cloak,
    state: FaceState,
    standard: Standard,
    visibility: Visibility,
    *,
    settings: Settings | None = None,
    max_seconds: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    seed: int = 0,
) -> Iterator[CloakProgress]:
    """Protect one face; the state holds the result.

    visibility: what the change may cost, and does. Ends early when late or cancelled. The file is
    judged as every cloak's: the surrogates must not match the face in any of the standard's
    versions.
    """
    settings, started = settings or Settings(), time.monotonic()

    def over() -> bool:
        late = max_seconds is not None and time.monotonic() - started > max_seconds
        return late or cancelled()

    state.begin([])
    visibility = visibility.of(state.face.side)
    one = Protected(cloak, state, standard, visibility, settings)
    radius = 10 ** (-(FIRST if visibility.psnr_db is None else visibility.psnr_db) / 20)
    radius *= ratio(one)
    change, rounds = None, 1 if visibility.jod is None else 2
    for attempt in range(rounds):
        steps = search(
            one.faces,
            cloak.recognisers.networks,
            one.enrolled,
            one.metric,
            radius,
            settings,
            begin=change,
            saved=one.saved,
            seed=seed + attempt,
        )
        for step, latest in enumerate(steps, 1):
            change = latest
            share = (attempt + step / settings.steps) / rounds
            doing = f"protecting, step {step} of {settings.steps}"
            state.gradients += len(one.enrolled)
            yield CloakProgress(doing, share, attempt + 1, step, 0, 1)
            if over():
                break
        change = one.scaled(change)
        radius = size(change)
        if over():
            break
    state.attempts += rounds
    state.hurried = over()
    state.pixels = one.pasted(change)
    state.size = size(change)
    state.verdict = cloak.judge(state.pixels, state, standard)
    state.seconds += time.monotonic() - started


def codecs_of(standard: Standard) -> list[Callable[[Tensor], Tensor]]:
    """How a standard's versions are saved, without their changes of size: those that differ, and
    as often the file itself.
    """
    lossy = [save_of(name) for name in standard.versions if name in QUALITIES]
    itself = save_of(PNG[0], standard.saving)
    return [itself] * max(1, len(lossy)) + lossy


def ratio(one: Protected) -> float:
    """Root mean square on the canvas of a change whose root mean square around the face is 1."""
    rows, columns = one.near
    left, top, right, bottom = one.faces.canvas.box
    inside = (rows.stop - rows.start) * (columns.stop - columns.start)
    return (inside / ((right - left) * (bottom - top))) ** 0.5
