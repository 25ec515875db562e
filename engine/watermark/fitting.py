"""The least strength at which a file is read after every change that it must survive."""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np

from ..system.progress import Progress
from .changes import CHANGES, SHRINKS, applicable, levels
from .labels import Labels
from .reader import HALF_OCTAVE, Reader
from .signal.carriers import TILE, carriers_of, repeated, tile
from .signal.key import Key
from .signal.message import Payload, encoded, room_for
from .signal.spectrum import aligned, luma, places

# Times the threshold, the least and the most, and how many between: what is tried.
STRENGTHS = {"human": np.geomspace(0.01, 0.4, 23), "machine": np.geomspace(0.02, 1.0, 23)}
# What must be survived, the hardest first: the rest is measured on the file.
SURVIVED = {
    "human": ("webp75", "jpeg50", "half+jpeg75", "noise", "half+back", "crop"),
    "machine": ("jpeg10", "webp75", "half+jpeg75", "noise", "half+back", "crop"),
}
SAFE = 8.0  # least height of the pilots' correlation
# Where the pattern begins, as shares of the tile: others are tried where a label would change.
STARTS = ((0.0, 0.0), (0.5, 0.5), (0.0, 0.5), (0.5, 0.0))
STRONGER = (1.4, 2.0)  # times the least strength
Start = tuple[float, float]
CORNER = (0.0, 0.0)
FULL = 1024  # pixels of the shorter side up to which the tile has its own size


def side_for(size: tuple[int, int]) -> int:
    """Pixels of the tile's side in a picture (width, height): `TILE` times a half octave."""
    octaves = 2 * np.log2(max(1.0, min(size) / FULL))
    return round(TILE * HALF_OCTAVE ** int(octaves))


class Fitting:
    """One picture, payload and key; marks it at any strength and tells what is survived.

    pixels uint8 H×W×3; threshold float32 H×W, levels; written: what a file makes of pixels.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        threshold: np.ndarray,
        payload: Payload,
        key: Key,
        written: Callable[[np.ndarray], np.ndarray],
    ):
        self.pixels, self.threshold, self.written, self.key = pixels, threshold, written, key
        self.carriers, self.room = carriers_of(key), room_for(payload)
        self.codeword = encoded(payload, key)
        self.side = side_for(pixels.shape[1::-1])
        self.pattern = tile(self.carriers.coefficients(self.codeword, self.room), self.side)

    def drawn(self, strength: float, start: Start = CORNER) -> np.ndarray:
        """The picture with the pattern, before it is written: uint8 H×W×3."""
        height, width = self.pixels.shape[:2]
        begins = tuple(round(share * self.side) for share in start)
        change = repeated(self.pattern, height, width, begins)
        change *= self.threshold
        change *= np.float32(strength)
        return levels(self.pixels + change[:, :, None])

    def marked(self, strength: float, start: Start = CORNER) -> np.ndarray:
        """The picture with the pattern, as its file gives it back: uint8 H×W×3."""
        return self.written(self.drawn(strength, start))

    def safe(self, marked: np.ndarray, name: str) -> bool:
        """Whether after a change every byte is right, and the pilots are `SAFE`: a reserve."""
        scale = self.side / TILE * SHRINKS.get(name, 1.0)
        reader = Reader(luma(CHANGES[name][0](marked)), self.key)
        values = reader.values(scale)
        (place,) = places(values, self.carriers, finer=2)
        if place.height < SAFE:
            return False
        found, _ = self.carriers.bytes_of(aligned(values, self.carriers, place), self.room)
        return bool((found == self.codeword).all())

    def survives(self, marked: np.ndarray, names: tuple[str, ...]) -> bool:
        """Whether all these changes leave the file safe."""
        return all(self.safe(marked, name) for name in names if applicable(name, marked))

    def least(self, observer: str) -> Generator[Progress, None, float]:
        """Finds the least strength that survives all; the largest where none does.

        By bisection: a stronger pattern survives what a weaker one does, or nearly so.
        """
        tried, names = STRENGTHS[observer], SURVIVED[observer]
        low, high = 0, len(tried) - 1
        count = int(np.ceil(np.log2(len(tried))))
        for number in range(count):
            if low == high:
                break
            yield Progress("looking for the least strength", number / count)
            middle = (low + high) // 2
            if self.survives(self.marked(tried[middle]), names):
                high = middle
            else:
                low = middle + 1
        return float(tried[high])

    def keeping(
        self, observer: str, labels: Labels
    ) -> Generator[Progress, None, tuple[float, np.ndarray]]:
        """The same where the file must also keep a panel's labels, which come first.

        The pattern may begin elsewhere, or gradients of the panel mend the picture; where labels
        are lost all the same, it is made stronger, which moves them too, and at last weaker,
        whatever it then survives. Returns the strength, and the picture before it is written.
        """
        strength = yield from self.least(observer)
        stronger = [min(factor * strength, STRENGTHS[observer][-1]) for factor in STRONGER]
        weaker = [each for each in STRENGTHS[observer][::-1] if each < strength]
        tried = [strength, *stronger, *weaker]
        for number, candidate in enumerate(tried):
            yield Progress("keeping the labels", number / len(tried))
            for start in STARTS:
                drawn = self.drawn(candidate, start)
                if labels.kept(self.written(drawn)):
                    return float(candidate), drawn
            mended = labels.mended(self.drawn(candidate))
            if mended is not None and labels.kept(self.written(mended)):
                return float(candidate), mended
        return 0.0, self.pixels
