"""As far from a face as a change of a given size leads, for recognisers that are not at hand.

What several surrogates share is what carries over to a recogniser nobody has seen. So nothing stops
at a threshold: the change has a size, and within it the face is moved as far as gradients lead,
along normalised gradients with momentum (Dong et al. 2018), steepest in a metric of visibility,
each taken at another alignment and resolution (Xie et al. 2019) and, of small faces, smoothed (Dong
et al. 2019). The gallery, the person's other photos, keeps the way from leading to just another
photo of them.
Needs torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...attack.transforms import TO_YCC
from ...faces.recognisers import RECOGNISERS
from ..broad.eye import Eye
from ..broad.search import size as norm_of
from .canvas import Diversity, Faces

LEAST = 0.5 / 255  # of J, in 0…1


@dataclass(frozen=True)
class Settings:
    """What the search is made of; each can be left out by its neutral value.

    steps; power: p of the metric P / J^p; spread: standard deviation, in pixels of the canvas, by
    which J is smoothed first, so that no pixel stands out; planes: each plane has its own J, else
    the mean of the three, so that no colour stands out; momentum; smoothing: standard deviation of
    the Gaussian that gradients go through, in pixels of the canvas, 0 for none; colour: how far
    colour differences may go, 1 like luma; rate: of the radius, the first step; gallery: the weight
    of the gallery beside the face's own embedding; diversity: None for none.
    """

    steps: int = 40
    power: float = 0.5
    spread: float = 1.5
    planes: bool = True
    momentum: float = 0.9
    smoothing: float = 1.0
    colour: float = 0.5
    rate: float = 0.25
    gallery: float = 0.7
    diversity: Diversity | None = field(default_factory=Diversity)


def closeness(name: str, embedding: Tensor, enrolled: Tensor) -> Tensor:
    """How near an embedding 1×D is to enrolled ones m×D, m: the cosine, of those of length 1; else
    one less two thirds of the distance in thresholds.
    """
    if RECOGNISERS[name].unit:
        return (embedding * enrolled).sum(1)
    apart = (embedding - enrolled).square().sum(1).add(1e-9).sqrt()
    return 1 - apart / (1.5 * RECOGNISERS[name].threshold)


def smoothed(x: Tensor, deviation: float) -> Tensor:
    """A Gaussian of this standard deviation, in pixels, over each plane of n×C×h×w."""
    if not deviation:
        return x
    reach = max(1, math.ceil(2 * deviation))
    line = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * deviation**2))
    line = (line / line.sum()).to(x).view(1, 1, 1, -1).expand(x.shape[1], 1, 1, -1)
    x = F.conv2d(F.pad(x, (reach, reach, 0, 0), mode="replicate"), line, groups=x.shape[1])
    across = line.transpose(2, 3)
    return F.conv2d(F.pad(x, (0, 0, reach, reach), mode="replicate"), across, groups=x.shape[1])


def weights(threshold: Tensor, power: float, spread: float) -> Tensor:
    """J^p of a threshold map 1×3×h×w in 0…1, smoothed, its mean square one."""
    shape = smoothed(threshold, spread).clamp_min(LEAST) ** power
    return shape / shape.square().mean().sqrt()


def coloured(gradient: Tensor, share: float) -> Tensor:
    """A gradient 1×3×h×w, its colour differences reduced to a share."""
    if share == 1:
        return gradient
    matrix = torch.tensor(TO_YCC).to(gradient)
    planes = torch.einsum("kc,nchw->nkhw", matrix, gradient)
    planes = torch.cat([planes[:, :1], share * planes[:, 1:]], 1)
    return torch.einsum("ck,nkhw->nchw", torch.linalg.inv(matrix), planes)


def size(change: Tensor) -> float:
    """Root mean square."""
    return float(change.square().mean().sqrt())


class Pixels:
    """The metric P / J^p of single pixels, for faces that are not halved.

    threshold: J of the canvas, 1×3×h×w in 0…1; window: the share of a change that is left at each
    pixel, h×w in 0…1.
    """

    def __init__(self, threshold: Tensor, window: Tensor, settings: Settings, *, grey: bool):
        if grey or not settings.planes:
            threshold = threshold.mean(1, keepdim=True).expand_as(threshold)
        self.metric = weights(threshold, settings.power, settings.spread) * window
        self.settings, self.grey = settings, grey

    def uphill(self, slope: Tensor) -> Tensor:
        """A gradient 1×3×h×w -> the steepest change of length 1 in this metric."""
        slope = smoothed(slope, self.settings.smoothing)
        if self.grey:
            slope = slope.mean(1, keepdim=True).expand_as(slope)
        scaled = self.metric * coloured(slope, self.settings.colour)
        return self.metric * scaled / scaled.norm()


class Bands:
    """The bands of an `Eye`, for faces that are halved: there a change is seen as a whole."""

    def __init__(self, eye: Eye):
        self.eye = eye

    def uphill(self, slope: Tensor) -> Tensor:
        """A gradient 1×3×h×w -> the steepest change of length 1 in thresholds of the eye."""
        point = [each.requires_grad_() for each in self.eye.none()]
        with torch.enable_grad():
            bands = torch.autograd.grad(self.eye.change(point), point, slope)
        length = norm_of(list(bands))
        return self.eye.change([each / length for each in bands])


def search(
    faces: Faces,
    networks: Mapping[str, nn.Module],
    enrolled: Mapping[str, np.ndarray],
    metric: Pixels | Bands,
    radius: float,
    settings: Settings,
    *,
    begin: Tensor | None = None,
    saved: Callable[[Tensor, torch.Generator], Tensor] = lambda shown, noise: shown,
    seed: int = 0,
) -> Iterator[Tensor]:
    """Yields the change of the canvas after every step, float32 1×3×h×w in 0…1.

    networks: surrogates, by name; enrolled: their embeddings m×D, the face's own last; radius: the
    root mean square of the change; begin: a change to go on from; saved: as the canvas may be
    saved, at random, with a gradient.
    """
    noise, clean = torch.Generator().manual_seed(seed), faces.clean
    wanted = {name: torch.from_numpy(each).to(clean) for name, each in enrolled.items()}
    shares = {name: shares_of(len(each), settings.gallery) for name, each in wanted.items()}
    if begin is None:
        start = metric.uphill(torch.randn(clean.shape, generator=noise).to(clean))
        begin = 1e-3 * radius * start / size(start)
    change, memory = begin, torch.zeros_like(clean)
    for step in range(settings.steps):
        point = change.detach().requires_grad_()
        with torch.enable_grad():
            shown = saved((clean + point).clamp(0, 1), noise)
            near = 0.0
            for name, network in networks.items():
                chip = faces.chip(name, shown, settings.diversity, noise)
                share = shares[name].to(clean)
                embedding = network(chip.to(next(network.parameters()).device)).to(clean)
                near = near + (share * closeness(name, embedding, wanted[name])).sum()
            (slope,) = torch.autograd.grad(near, point)
        memory = settings.momentum * memory - metric.uphill(slope)
        length = settings.rate * radius * (1 + math.cos(math.pi * step / settings.steps)) / 2
        change = change + length * memory / size(memory)
        change = (clean + change).clamp(0, 1) - clean
        change = change * min(1.0, radius / size(change))
        yield change


def shares_of(count: int, gallery: float) -> Tensor:
    """The weights of enrolled embeddings, the face's own last."""
    if count == 1:
        return torch.ones(1)
    return torch.tensor([gallery / (count - 1)] * (count - 1) + [1 - gallery])
