"""Settings of a photo generator's training, its schedules, and options of a command for them."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, fields

WARM = 0.03  # share of the training in which the learning rate rises


@dataclass(frozen=True)
class PhotoPreset:
    """Settings of a photo generator's training.

    `held` is compared with what a step reaches, and a step is harder than the finished picture:
    a share of its batch is shown at a random k/9, a share softened, and on a GPU the labels are
    computed in bfloat16. In a training with 0.955 no 50 steps reached it: 95.4 % at most, at
    28 dB, about 94 % after that, at the least magnitude, at which it was held to the end. So
    `held` guards against a collapse, and no more.
    """

    batch: int = 128
    learning_rate: float = 1e-3  # peak
    weight_decay: float = 1e-4
    alpha: float = 2.0  # weight of L_m, eq. 7
    beta: float = 0.03  # weight of L_s
    wanted: float = 0.58  # D_t (eq. 10) is multiplied by this …
    kept: float = 0.7  # … and, where the confidence is to be kept, by this as well
    ramp: float = 0.4  # share of the training, the first, in which that rises from …
    first: float = 0.2  # … this factor
    further: float = 0.4  # or from this one, where a training goes on from another
    held: float = 0.75  # share of the labels kept in training below which it falls again
    least: float = 0.35  # but not below this share of what the ramp allows
    keep: float = 0.35  # share of each batch whose confidence is to be kept
    varied: float = 0.5  # share of each batch with a random multiple of the magnitude
    multiples: tuple[float, float] = (0.3, 1.4)  # between which that lies
    weakened: float = 0.4  # share shown at a random strength k/9, k = 1…8
    softened: float = 0.15  # share whose E is smoothed a little, as resizing does it
    average: float = 0.998  # decay of the exponential moving average of the weights
    norm: float = 1.0  # to which gradients are clipped
    seed: int = 0


def rate(preset: PhotoPreset, done: float) -> float:
    """The learning rate after this share of the training: a short rise, then half a cosine."""
    if done < WARM:
        return preset.learning_rate * (0.05 + 0.95 * done / WARM)
    return preset.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1, done))))


def ramp(preset: PhotoPreset, done: float, further: bool = False) -> float:
    """Factor on the wanted magnitude: small changes come first. further: goes on from another."""
    begin = preset.further if further else preset.first
    return min(1.0, begin + (1 - begin) * done / preset.ramp) if preset.ramp else 1.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """One option for each field of PhotoPreset."""
    group = parser.add_argument_group("settings", "as in training/train/photo/preset.py")
    for field in fields(PhotoPreset):
        default = field.default
        several = {"nargs": len(default)} if isinstance(default, tuple) else {}
        kind = type(default[0] if isinstance(default, tuple) else default)
        group.add_argument(
            "--" + field.name.replace("_", "-"),
            type=kind,
            default=default,
            metavar="N" if kind is int else "X",
            help=f"default: {default}",
            **several,
        )


def from_options(given: argparse.Namespace) -> PhotoPreset:
    """The preset that a command line with `add_options` describes."""
    values = {field.name: getattr(given, field.name) for field in fields(PhotoPreset)}
    return PhotoPreset(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
