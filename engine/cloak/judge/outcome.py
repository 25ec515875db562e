"""What became of one face of a finished photo, for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...faces.finder import Face
from ...faces.recognisers import RECOGNISERS
from ...faces.verification import Match
from ...images.parts import around
from ...images.picture import Picture
from ...metrics.quality import psnr_8bit
from ..result import CloakedFace, RecogniserVerdict
from ..state import FaceState
from .survival import survival, survived
from .verdict import Verdict
from .versions import LISTED, PNG, RESERVE

if TYPE_CHECKING:
    from ..face import Cloak


def outcome(
    cloak: Cloak,
    picture: Picture,
    pixels: np.ndarray,
    detected: list[Face],
    face: Face,
    state: FaceState,
    verdict: Verdict,
) -> CloakedFace:
    """What one face took, and the verdict on it in the finished picture, uint8 H×W×3."""
    survives, reserve = {}, None
    if verdict.reached:
        survives = survived(verdict, state.goal)
        if set(LISTED) <= set(survives):
            reserve = all(survives[name].reached for name in RESERVE)
        else:
            survives = survival(cloak.recognisers, pixels, face, state.goal)
    goals = state.goal.goals
    clean, first = cloak.recognisers.describe(picture.pixels, face), next(iter(goals))
    moved = [np.linalg.norm(clean[first] - each.confirmed[first]) for each in verdict.looks]
    before = state.goal.distances(clean)
    after = [state.goal.distances(each.confirmed) for each in verdict.looks]
    hardest = max if state.goal.targeted else min
    near = around(face.box, *picture.size)
    return CloakedFace(
        number=next(k for k, each in enumerate(detected, 1) if each is face),
        box=face.box,
        before=before[first],
        after=verdict.distance,
        distances=verdict.distances,
        own=float(min(moved)),
        threshold=RECOGNISERS[first].threshold,
        recognisers={
            name: RecogniserVerdict(
                before[name], hardest(each[name] for each in after), RECOGNISERS[name].threshold
            )
            for name in goals
        },
        others=others(cloak, picture.pixels, pixels, face, verdict),
        targeted=state.goal.targeted,
        success=verdict.reached,
        hurried=verdict.reached and state.hurried,
        survives={name: survives[name] for name in LISTED if name in survives},
        reserve=reserve,
        psnr_db=psnr_8bit(picture.pixels[near], pixels[near]),
        attempts=state.attempts,
        gradients=state.gradients,
        seconds=state.seconds,
    )


def others(
    cloak: Cloak, photo: np.ndarray, pixels: np.ndarray, face: Face, verdict: Verdict
) -> dict[str, Match]:
    """By name, whether recognisers that the cloak was not made against match the face in the file,
    pixels uint8 H×W×3, with the face as it was.
    """
    again = next((each.face for each in verdict.looks if each.version in PNG), face)
    matches = {}
    for name, row in RECOGNISERS.items():
        if name not in cloak.recognisers.networks:
            clean = row.describe(cloak.finder, photo, face, cloak.recognisers.weights)
            after = row.describe(cloak.finder, pixels, again, cloak.recognisers.weights)
            matches[name] = Match(float(np.linalg.norm(clean - after)), row.threshold)
    return matches
