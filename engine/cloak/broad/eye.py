"""A threshold of the eye at several scales: what a change of a large face costs in visibility.

A per-pixel JND takes every pixel's change for noise of the finest scale. What a recogniser reads of
a face 1,000 pixels wide lies far below that: seen at 100 %, in the few cycles per degree that the
eye sees best. Here a change is a sum of bands, each an octave wide, in luma and two colour
differences, and each coefficient is counted in units of its own threshold:

- the standard spatial observer (Watson and Ahumada 2005, J. Vision 5:717-740, eq. 13 with table 4)
  gives the contrast of a band that is just seen; Weber's law makes that code values (γ = 2.2);
- contrast of the picture in the same band and place masks it;
- colour differences have a threshold that rises with frequency as JOD's does, and half as high:
  coloured lines on skin are seen where JOD still forgives them.

A coefficient of a coarse band covers more pixels, and counts in proportion. Bands and their
synthesis are linear, so that a search can go along the gradient in these units. Needs torch.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...attack.transforms import TO_YCC

PER_DEGREE = 75.4  # pixels: a 30-inch 3840×2160 screen from twice its height, as for JOD
BANDS = 6
GAMMA = 2.2
CENTRE = 0.7  # of a band's upper border, cycles per pixel times two: where its contrast is weighed
LOWEST = 0.3  # cycles per degree, below which the observer's formula was not measured
DARKEST = 0.05  # luma, of 1, below which Weber's law is not followed
MASKING = 0.5  # exponent
CHROMA, ABOVE = 0.45, 0.8  # factor on the threshold of colour; cycles above which it rises
RISING = (0.55, 0.35)  # with these exponents of frequency, of the blue and the red difference
RAMP = 0.12  # of a side, at each border of the part, in which the change falls to nothing
BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)


def _lines(x: Tensor, gain: float) -> tuple[Tensor, Tensor]:
    """The binomial filter across and down, for each plane of n×C×H×W."""
    line = gain * torch.tensor(BINOMIAL).to(x) / 16
    across = line.view(1, 1, 1, 5).expand(x.shape[1], 1, 1, 5)
    return across, across.transpose(2, 3)


def _filter(x: Tensor, stride: int) -> Tensor:
    """The 5×5 binomial filter, borders mirrored, every `stride`-th row and column."""
    planes = x.shape[1]
    across, down = _lines(x, 1.0)
    x = F.pad(x, (2, 2, 2, 2), mode="reflect")
    x = F.conv2d(x, across, stride=(1, stride), groups=planes)
    return F.conv2d(x, down, stride=(stride, 1), groups=planes)


def blurred(x: Tensor) -> Tensor:
    """n×C×H×W, smoothed."""
    return _filter(x, 1)


def smaller(x: Tensor) -> Tensor:
    """n×C×H×W -> n×C×⌈H/2⌉×⌈W/2⌉: pixel i lies where pixel 2i did."""
    return _filter(x, 2)


def larger(x: Tensor, size: tuple[int, int], offset: int = 0) -> Tensor:
    """Twice as large, smoothly: pixel i goes where pixel 2i + offset is in a picture of `size`."""
    planes = x.shape[1]
    across, down = _lines(x, 2.0)
    x = F.conv_transpose2d(x, across, stride=(1, 2), groups=planes)
    x = F.conv_transpose2d(x, down, stride=(2, 1), groups=planes)
    x = F.pad(x, (0, max(0, size[1] + 2 - x.shape[3]), 0, max(0, size[0] + 2 - x.shape[2])))
    start = 2 - offset
    return x[:, :, start : start + size[0], start : start + size[1]]


def sensitivity(frequency: float) -> float:
    """Of the standard spatial observer to luminance contrast at so many cycles per degree."""
    frequency = max(frequency, LOWEST)
    broad = 1 / math.cosh((frequency / 4.1726) ** 0.7786)
    return 373.08 * (broad - 0.8493 / math.cosh(frequency / 1.3625))


class Eye:
    """The bands of a picture's changes and their thresholds.

    canvas: float32 1×3×h×w in 0…1, the picture or what is left of it after `halvings`; frequencies
    are the picture's, seen pixel by pixel. thresholds: of each band, from the finest, float32
    1×3×h×w in 0…1 (luma, blue and red difference). grey: colour is not to be changed.
    """

    def __init__(self, canvas: Tensor, halvings: int, *, grey: bool = False):
        self.back = torch.linalg.inv(torch.tensor(TO_YCC)).to(canvas)
        self.window = window_of(*canvas.shape[2:]).to(canvas)
        luma = torch.einsum("c,nchw->nhw", torch.tensor(TO_YCC[0]).to(canvas), canvas)[:, None]
        self.sizes: list[tuple[int, int]] = []
        self.thresholds: list[Tensor] = []
        for band in range(BANDS):
            if band:
                luma = smaller(luma)
            if min(luma.shape[2:]) < 3:
                break
            scale = halvings + band
            self.sizes.append(tuple(luma.shape[2:]))
            own = self._threshold(luma, scale) / 2**scale
            own[:, 1:] *= not grey
            self.thresholds.append(own)

    def _threshold(self, luma: Tensor, scale: int) -> Tensor:
        frequency = CENTRE * PER_DEGREE / 2 / 2**scale
        mean = blurred(luma)
        seen = mean.clamp_min(DARKEST) / GAMMA / sensitivity(frequency)
        contrast = blurred(blurred((luma - mean).abs()))
        seen = seen * (1 + contrast / (2 * seen)) ** MASKING
        above = max(1.0, frequency / ABOVE)
        blue, red = (CHROMA * above**exponent for exponent in RISING)
        return torch.cat([seen, blue * seen, red * seen], 1)

    def none(self) -> list[Tensor]:
        """No change: coefficients of each band, like the thresholds."""
        return [torch.zeros_like(each) for each in self.thresholds]

    def change(self, coefficients: list[Tensor]) -> Tensor:
        """Coefficients in units of their threshold -> a change of the canvas, 1×3×h×w in 0…1."""
        total = None
        for band in reversed(range(len(coefficients))):
            own = coefficients[band]
            if band < len(coefficients) - 1:
                own = own - blurred(own)  # what is coarser is left to the coarser bands
            own = own * self.thresholds[band]
            total = own if total is None else own + larger(total, self.sizes[band])
        return torch.einsum("ck,nkhw->nchw", self.back, total) * self.window


def window_of(height: int, width: int, ramp: float = RAMP) -> Tensor:
    """1 inside, falling to 0 at the borders: no edge is to be seen where the part ends, h×w.

    ramp: share of a side, at each border, in which it falls.
    """

    def line(count: int) -> Tensor:
        place = (torch.arange(count) + 0.5) / count
        share = (torch.minimum(place, 1 - place) / ramp).clamp(max=1)
        return (1 - torch.cos(math.pi * share)) / 2

    return line(height)[:, None] * line(width)
