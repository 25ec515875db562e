"""CIEDE2000 with a gradient, for PerC-AL. sRGB float32 n×3×H×W in 0…1, illuminant D65.

Sharma, Wu and Dalal 2005, numbered as there; scikit-image's `deltaE_ciede2000` is the reference.
Square roots and angles have an ε inside, so that the gradient is finite at equal and grey colours.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

TO_XYZ = torch.tensor(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
WHITE = torch.tensor([0.95047, 1.0, 1.08883])
TINY = 1e-9


def _root(x: Tensor) -> Tensor:
    return (x + TINY).sqrt()


def lab(x: Tensor) -> Tensor:
    """sRGB n×3×H×W in 0…1 -> L in 0…100, a, b."""
    x = x.expand(-1, 3, -1, -1)  # black-and-white pictures have one channel
    low = x / 12.92
    linear = torch.where(x > 0.04045, ((x.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, low)
    xyz = torch.einsum("kc,nchw->nkhw", (TO_XYZ / WHITE[:, None]).to(x), linear)
    root = xyz.clamp(min=0.008856) ** (1 / 3)
    f = torch.where(xyz > 0.008856, root, 7.787 * xyz + 16 / 116)
    fx, fy, fz = f.unbind(1)
    return torch.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], 1)


def _hue(a: Tensor, b: Tensor) -> Tensor:
    """Angle in 0…2π; 0, with gradient 0, where both are zero."""
    grey = (a.abs() + b.abs()) < 1e-6
    return torch.where(grey, 0.0, torch.atan2(b, torch.where(grey, 1.0, a)) % (2 * math.pi))


def difference(one: Tensor, two: Tensor) -> Tensor:
    """ΔE00 of each pixel, n×H×W, of sRGB pictures n×3×H×W."""
    l1, a1, b1 = lab(one).unbind(1)
    l2, a2, b2 = lab(two).unbind(1)
    chroma = (_root(a1**2 + b1**2) + _root(a2**2 + b2**2)) / 2  # eqs 2-3
    seventh = chroma**7
    g = 0.5 * (1 - _root(seventh / (seventh + 25.0**7)))  # eq. 4
    a1, a2 = (1 + g) * a1, (1 + g) * a2  # eq. 5
    c1, c2 = _root(a1**2 + b1**2), _root(a2**2 + b2**2)  # eq. 6
    h1, h2 = _hue(a1, b1), _hue(a2, b2)  # eq. 7
    turn = (h2 - h1 + math.pi) % (2 * math.pi) - math.pi  # eq. 10
    dl, dc = l2 - l1, c2 - c1  # eqs 8-9
    dh = 2 * _root(c1 * c2) * torch.sin(turn / 2)  # eq. 11
    light, c = (l1 + l2) / 2, (c1 + c2) / 2  # eqs 12-13
    across = (h1 - h2).abs() > math.pi
    h = ((h1 + h2) / 2 + math.pi * across) % (2 * math.pi)  # eq. 14
    t = (
        1
        - 0.17 * torch.cos(h - math.pi / 6)
        + 0.24 * torch.cos(2 * h)
        + 0.32 * torch.cos(3 * h + math.radians(6))
        - 0.20 * torch.cos(4 * h - math.radians(63))
    )  # eq. 15
    bend = math.radians(30) * torch.exp(-(((torch.rad2deg(h) - 275) / 25) ** 2))  # eq. 16
    seventh = c**7
    rc = 2 * _root(seventh / (seventh + 25.0**7))  # eq. 17
    fifty = (light - 50) ** 2
    sl = 1 + 0.015 * fifty / (20 + fifty).sqrt()  # eq. 18
    sc, sh = 1 + 0.045 * c, 1 + 0.015 * c * t  # eqs 19-20
    rt = -torch.sin(2 * bend) * rc  # eq. 21
    dl, dc, dh = dl / sl, dc / sc, dh / sh
    return _root((dl**2 + dc**2 + dh**2 + rt * dc * dh).clamp(min=0))  # eq. 22


def colour_distance(z: Tensor, x: Tensor) -> Tensor:
    """PerC-AL's C: the Euclidean norm of a picture's ΔE00 map, n."""
    return _root(difference(x, z).square().sum((1, 2)))
