"""The method `jnd`: quantisation steps of twice the machine JND, in a standard JPEG.

A uniform quantiser of step Δ errs by Δ/2 at most, so paper A proposes Δ = 2·JND for coding. A
block's JND is the root mean square of E there (`engine.machine`), in Y, Cb and Cr. A JPEG has one
table for all blocks: each coefficient is rounded to its block's own step first, then to the table,
which is the blocks' median. That errors are below the JND does not make the panel keep its answers,
for E is one change, not a bound on all of them: whether the rule holds is a part of the result,
and the largest multiple of its steps that does is looked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import sqrt

import numpy as np

from ...images.picture import resized
from ...machine.jnd import MachineJND
from ...panels.embedded import Panel
from ...panels.own import OwnPanel
from ...system.progress import Progress
from ..encoded import Encoded
from ..jpeg.file import written
from ..jpeg.layout import TO_YCC, Layout, Planes, mean_of_four
from ..jpeg.problem import LARGEST
from ..jpeg.tables import LUMINANCE, flattened
from ..result import Rule
from ..trials import Trials

MOST = 4_000_000  # pixels: every coefficient of every file is coded in Python
FLATNESS = 0.8  # of the steps within a block, against the standard's table; their mean stays
LEAST = 1e-3  # step, where nothing may change
FACTOR = 1.25  # by which the steps grow or shrink until an answer is lost, or all are kept
MULTIPLES = (0.02, 16)  # of the rule's steps, the least and the most that are tried
PATIENCE = 2  # larger multiples that may fail, one after the other
HALVINGS = 3  # of the interval between the largest multiple that holds and the next


class Ruled:
    """A photo's coefficients under the rule.

    pixels: uint8 H×W×3; change: E, float32 H×W×3 on the 0…1 scale.
    """

    def __init__(self, pixels: np.ndarray, change: np.ndarray):
        self.layout = Layout(*pixels.shape[:2])
        self.whole = self.layout.encoded(pixels)
        table = flattened(LUMINANCE, FLATNESS)
        shape = table / np.exp(np.log(table).mean())
        luma, *chroma = np.moveaxis(255 * change @ TO_YCC.T, 2, 0)
        jnds = [root_mean_square(e) for e in (luma, *(mean_of_four(each) for each in chroma))]
        self.steps = tuple(2 * jnd[:, :, None, None] * shape for jnd in jnds)

    def file(self, multiple: float) -> Encoded:
        """The file with these multiples of the rule's steps."""
        steps = tuple(np.maximum(multiple * each, LEAST) for each in self.steps)
        middle = np.median(np.concatenate([each.reshape(-1, 8, 8) for each in steps]), axis=0)
        table = np.clip(np.rint(middle), 1, 255).astype(int)
        data = written(coefficients(self.whole, steps, table), (table, table), self.layout)
        return Encoded(data, "jpeg", {"multiple": round(multiple, 4), "subsampling": "4:2:0"})


def coefficients(whole: Planes, steps: Planes, table: np.ndarray) -> Planes:
    """Coefficients rounded to their own steps, then to a table's: whole numbers of the latter."""
    own = (np.rint(plane / step) * step for plane, step in zip(whole, steps, strict=True))
    return tuple(np.clip(np.rint(plane / table), -LARGEST, LARGEST) for plane in own)


def root_mean_square(plane: np.ndarray) -> np.ndarray:
    """Of each block of 8×8: height×width -> rows×columns."""
    plane = np.pad(plane**2, [(0, -side % 8) for side in plane.shape], mode="edge")
    rows, columns = (side // 8 for side in plane.shape)
    return np.sqrt(plane.reshape(rows, 8, columns, 8).mean((1, 3)))


def run(trials: Trials, resize: bool) -> Iterator[Progress]:
    """The method's row: its files are offered to `trials`, which hold the `Rule` at the end.

    resize is not taken: the picture keeps its resolution.
    """
    yield trials.progress("the machine JND")
    change = machine(trials.kept.panel)(trials.pixels).change
    change = resized(change.transpose(2, 0, 1), *trials.size).transpose(1, 2, 0)
    ruled = Ruled(trials.pixels, change)
    first = ruled.file(1.0)
    holds = trials.offer(first)
    held = (1.0, len(first.data)) if holds else None
    trials.rule = Rule(holds, len(first.data), *(held or (None, None)))
    for multiple, found in largest(trials, ruled, holds):
        yield trials.progress(f"{multiple:.2f} times the rule's steps")
        held = found or held
        trials.rule = Rule(holds, len(first.data), *(held or (None, None)))


def largest(
    trials: Trials, ruled: Ruled, holds: bool
) -> Iterator[tuple[float, tuple[float, int] | None]]:
    """The multiples tried, and where one holds it with its bytes; the last of these is the largest.

    holds: whether 1 does.
    """

    def tried(multiple: float) -> tuple[float, int] | None:
        encoded = ruled.file(multiple)
        return (multiple, len(encoded.data)) if trials.offer(encoded) else None

    low, multiple, failed = (1.0, 1.0, 0) if holds else (None, 1.0, 0)
    factor = FACTOR if holds else 1 / FACTOR
    while MULTIPLES[0] <= multiple * factor <= MULTIPLES[1]:
        multiple *= factor
        found = tried(multiple)
        yield multiple, found
        if found:
            low, failed = multiple, 0
            if not holds:
                break
        else:
            failed += 1
            if holds and failed == PATIENCE:
                break
    if low is None:
        return
    high = low * FACTOR
    for _ in range(HALVINGS):
        middle = sqrt(low * high)
        found = tried(middle)
        yield middle, found
        low, high = (middle, high) if found else (low, middle)


@lru_cache(maxsize=3)
def machine(panel: Panel | OwnPanel) -> MachineJND:
    """The machine JND of a loaded panel, whose classifiers are not loaded again."""
    return MachineJND(panel=panel, weights=panel.weights, device=panel.device)
