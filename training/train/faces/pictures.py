"""Faces of LFW as the network is given them: aligned, with their human JND and descriptor.

Only people who serve for nothing that is published (`training.data.groups`): those on
whom settings are chosen, and those from whom thresholds come.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.cloak.fast.chips import FRAMING
from engine.cloak.threshold import threshold_model
from engine.faces.finder import FaceFinder
from engine.models.registry import HUMAN_DEFAULT
from engine.networks.recogniser import Recogniser
from engine.system.files import write_bytes

from ...data.groups import FRAMING as CHOOSING
from ...data.groups import THRESHOLDS, group
from ...data.lfw import People, centre_face
from ...records.log import log

MOST = 4  # photos of one person
HELD_OUT = 16  # of so many people one is held out of the training
STEPS = 8  # in which a level of the JND is kept


@dataclass(frozen=True)
class Crops:
    """chips uint8 n×S×S×3; jnd: of each pixel, levels, uint8 in steps of 1 / `STEPS`; descriptors
    float32 n×2×128, of the chip and of it mirrored; held_out: bool n.
    """

    chips: np.ndarray
    jnd: np.ndarray
    descriptors: np.ndarray
    held_out: np.ndarray

    def batch(self, rows: np.ndarray, mirrored: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """chips and jnd float32 b×3×S×S in 0…1, descriptors b×128; mirrored: bool b."""
        chips = torch.from_numpy(self.chips[rows]).permute(0, 3, 1, 2).float() / 255
        jnd = torch.from_numpy(self.jnd[rows]).permute(0, 3, 1, 2).float() / (255 * STEPS)
        flip = torch.from_numpy(mirrored)
        chips[flip], jnd[flip] = chips[flip].flip(3), jnd[flip].flip(3)
        own = torch.from_numpy(self.descriptors[rows, mirrored.astype(int)])
        return chips, jnd, own


def load_crops(
    data: Path, runs: Path, finder: FaceFinder, recogniser: Recogniser, count: int | None = None
) -> Crops:
    """Made once, kept in runs/faces/; count: only so many people."""
    people = People(data)
    names = [name for name in sorted(people.photos) if group(name) in (*CHOOSING, *THRESHOLDS)]
    names = names[:count]
    mark = hashlib.sha256(f"{names} {MOST} {FRAMING} {STEPS}".encode()).hexdigest()[:12]
    path = runs / "faces" / f"crops-{mark}.npz"
    if not path.is_file():
        rows = []
        jnd = threshold_model(HUMAN_DEFAULT)
        for place, name in enumerate(names):
            for index in range(1, min(MOST, len(people.photos[name])) + 1):
                pixels = people.photo(name, index)
                face = centre_face(finder, pixels)
                if face is None:
                    continue
                chip = finder.chip(pixels, face, FRAMING)
                levels = (STEPS * jnd(chip)).round().clip(0, 255).astype(np.uint8)
                own = finder.chip(pixels, face)
                described = recogniser.describe(np.stack([own, own[:, ::-1]]))
                rows.append((chip, levels, described, place % HELD_OUT == 0))
            if place % 50 == 0:
                log(f"faces of {place} of {len(names)} people")
        chips, levels, described, held_out = (np.stack(each) for each in zip(*rows, strict=True))
        stream = io.BytesIO()
        np.savez(stream, chips=chips, jnd=levels, descriptors=described, held_out=held_out)
        write_bytes(path, stream.getvalue())
    with np.load(path, allow_pickle=False) as stored:
        return Crops(**stored)
