"""The arguments of `attack`, checked and brought into one form before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from os import PathLike

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...arguments import check_choice, check_number
from ...errors import UsageError
from ...human import HUMAN_MODELS, thresholds
from ...images.conversion import Picture
from ...images.picture import as_picture, to_pixels
from ...models.registry import HUMAN_DEFAULT
from ..methods import BUDGETED, METHODS
from ..methods import method as method_row
from ..objective import LEVELS
from ..problem import Method
from ..tuning import Once

# "ours-unshaved" is "ours" here: shaving is by the verdict on a cloaked photo.
NAMES = tuple(name for name in METHODS if name != "ours-unshaved")

Pixels = str | PathLike | Image.Image | np.ndarray | Tensor
Labels = int | Sequence[int] | np.ndarray | Tensor


def check_options(
    *,
    model: object,
    label: object,
    target: object,
    criterion: object,
    jnd: object,
    epsilon: object,
    steps: object,
    margin: object,
    max_seconds: object,
    batch_size: object,
    seed: object,
) -> None:
    """What can be checked of one option alone. Raises UsageError."""
    if not callable(model):
        raise UsageError(f"model {model!r}: give a torch.nn.Module or another callable")
    if criterion is not None and not callable(criterion):
        raise UsageError(f"criterion {criterion!r}: give a callable (outputs, rows) -> margins")
    if label is not None and target is not None:
        raise UsageError("label and target: give the label to leave, or the target to reach")
    if epsilon is not None:
        check_number("epsilon", epsilon, 1, LEVELS)
    if steps is not None:
        check_whole("steps", steps, 1)
    check_number("margin", margin, 0, 1e6)
    if max_seconds is not None:
        check_number("max_seconds", max_seconds, 0)
    check_whole("batch_size", batch_size, 1)
    check_whole("seed", seed, 0)
    if isinstance(jnd, str):
        check_choice("jnd", jnd, HUMAN_MODELS)
    elif jnd is not None and not isinstance(jnd, np.ndarray):
        raise UsageError(f"jnd of {type(jnd).__name__}: give a model's name or an array")


def check_whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or not least <= value < 2**63:
        raise UsageError(f"{name} {value!r}: give a whole number, {least} or more")


def method_of(method: object, targeted: bool, epsilon: float | None, steps: int | None) -> Method:
    """The method's choices. Raises UsageError."""
    if not isinstance(method, Method):
        check_choice("method", method, NAMES)
    row = method if isinstance(method, Method) else method_row(method, targeted)
    if epsilon is not None:
        if method not in BUDGETED:
            raise UsageError(
                f"epsilon {epsilon:g} with {row.name}, which has no budget: leave it out, "
                f"or choose from {', '.join(BUDGETED)}"
            )
        row = replace(row, tuning=Once(first=epsilon / LEVELS))
    return row if steps is None else replace(row, steps=int(steps))


def read(pictures: object) -> tuple[bool, np.ndarray, list[list[str]]]:
    """Whether it is one picture; the pictures uint8 N×H×W×3; each one's notes."""
    batch = isinstance(pictures, (list, tuple)) or getattr(pictures, "ndim", 0) == 4
    members = [_picture(each) for each in (pictures if batch else [pictures])]
    if not members:
        raise UsageError("no pictures: give at least one")
    sizes = {each.size for each in members}
    if len(sizes) > 1:
        listed = ", ".join(f"{width}×{height}" for width, height in sorted(sizes))
        raise UsageError(f"pictures of {listed}: give a batch of one size, or one at a time")
    return not batch, np.stack([each.pixels for each in members]), [list(m.notes) for m in members]


def _picture(value: object) -> Picture:
    """As `as_picture`, and tensors 3×H×W."""
    if not isinstance(value, Tensor):
        return as_picture(value)
    if value.ndim != 3 or value.shape[0] != 3:
        raise UsageError(f"tensor of shape {tuple(value.shape)}: give 3×H×W or N×3×H×W")
    values = value.detach().cpu()
    if values.dtype == torch.uint8:
        return as_picture(values.permute(1, 2, 0).contiguous().numpy())
    if not values.is_floating_point():
        raise UsageError(f"tensor of {values.dtype}: give floats in 0…1 or uint8")
    low, high = (float(each) for each in values.float().aminmax())
    if not (low >= 0 and high <= 1):
        raise UsageError(
            f"tensor with values {low:.3g}…{high:.3g}: give 0…1, and normalise inside the model"
        )
    return as_picture(to_pixels(values.float().numpy()[None])[0])


def labels_of(name: str, value: Labels | None, count: int) -> list[int] | None:
    """One label for each of the pictures. Raises UsageError."""
    if value is None:
        return None
    value = value.tolist() if isinstance(value, (np.ndarray, np.generic, Tensor)) else value
    labels = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(labels) != count:
        raise UsageError(f"{len(labels)} of {name} for {count} pictures: give one for each")
    for each in labels:
        check_whole(name, each, 0)
    return [int(each) for each in labels]


def threshold_of(jnd: object, clean: np.ndarray, needed: bool) -> np.ndarray:
    """J of each picture, float32 N×H×W×3 in 8-bit levels; 1 where the method does not read it.

    Raises UsageError; WeightsError where the model of the JND is missing.
    """
    if isinstance(jnd, np.ndarray):
        return _given_threshold(jnd, clean.shape)
    if not needed:
        return np.ones(clean.shape, np.float32)
    return np.stack([thresholds(pixels, jnd or HUMAN_DEFAULT) for pixels in clean])


def _given_threshold(jnd: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    try:
        threshold = np.broadcast_to(jnd[..., None] if jnd.ndim == 2 else jnd, shape)
        threshold = threshold.astype(np.float32)
    except (ValueError, TypeError):
        raise UsageError(
            f"jnd of {jnd.dtype} {jnd.shape}: give H×W, H×W×3 or N×H×W×3, here {shape}"
        ) from None
    sound = np.isfinite(threshold).all() and (threshold >= 0).all()
    if not (sound and threshold.any((1, 2, 3)).all()):
        raise UsageError("jnd: give finite thresholds, 0 or more, in no picture 0 everywhere")
    return threshold
