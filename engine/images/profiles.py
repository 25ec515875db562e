"""Colour profiles: by what they do, not by what they are called."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

ALIKE = 1  # levels of 255: what two ways of rounding the same curve differ by
IGNORED = "unusable colour profile ignored"
CONVERTED = "colour profile converted to sRGB"


def to_srgb(profile: bytes, mode: str) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """ICC profile, mode of the pictures -> how they become sRGB, and the note on that.

    None where they are left as they are: the profile cannot be used, or it is sRGB's.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        ImageCms.applyTransform(Image.new(mode, (1, 1)), transform)
        if mode == "RGB" and _keeps(transform):
            return None, ""
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None, IGNORED
    return transform, CONVERTED


def _keeps(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether greys, and colours on a grid, stay what they are to within a level."""
    steps = np.arange(0, 256, 15)
    grid = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 3)
    colours = np.concatenate([grid, np.arange(256)[:, None].repeat(3, 1)]).astype(np.uint8)
    after = ImageCms.applyTransform(Image.fromarray(colours[None]), transform)
    return int(np.abs(np.asarray(after)[0].astype(int) - colours).max()) <= ALIKE
