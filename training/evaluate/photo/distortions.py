"""How the photos of a block are distorted, by section of the plan."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from engine.errors import EngineError
from engine.machine import photo_search
from engine.machine.baselines import CONTROLS, match_psnr
from engine.machine.homogeneity import STEPS, distort
from engine.machine.jnd import MachineJND
from engine.machine.result import MachineResult
from engine.panels.aim import Aim
from engine.system.threads import available_cores

from ...data.photographs import Photograph
from .plan import SECONDS, SEED, Row
from .subject import Block, Subject, enlarged


@dataclass(frozen=True)
class Distorted:
    """One distorted photo, uint8 H×W×3; found: what else was measured of it."""

    pixels: np.ndarray
    found: dict = field(default_factory=dict)


def generated(subject: Subject, block: Block, row: Row, _: list[dict]) -> list[Distorted]:
    """The generator's change, unverified: enlarged to the photo, added, clipped, in 8 bits."""
    change = subject.change(block, row.strength, row.keep, row.refined)
    factor = np.array([row.ninths / STEPS])
    return [
        Distorted(distort(photo.pixels[None], enlarged(own, photo), factor)[0])
        for photo, own in zip(block.photos, change, strict=True)
    ]


def controlled(_: Subject, block: Block, row: Row, earlier: list[dict]) -> list[Distorted]:
    """An ordinary distortion: of the row's amount, or at the PSNR that each photo has in another.

    A photo that is unchanged there is left unchanged.
    """

    def one(number: int) -> Distorted:
        pixels = block.photos[number].pixels[None]
        control = CONTROLS[row.control](pixels, SEED + block.at[0] + number)
        if row.amount is not None:
            return Distorted(control(pixels, np.array([row.amount]))[0])
        wanted = earlier[number]["psnr_db"]
        if wanted is None:
            return Distorted(pixels[0])
        return Distorted(match_psnr(pixels, np.array([wanted]), control)[0])

    with ThreadPoolExecutor(available_cores()) as pool:
        return list(pool.map(one, range(len(block.photos))))


def verified(subject: Subject, block: Block, row: Row, _: list[dict]) -> list[Distorted]:
    """What `MachineJND` returns, with the seconds that it takes, one photo at a time."""
    return [timed(subject.machine, photo, row.keywords) for photo in block.photos]


def searched(subject: Subject, block: Block, row: Row, _: list[dict]) -> list[Distorted]:
    """The per-image search on each photo, verified as `MachineJND` does.

    search_succeeded: whether the search itself found a change that keeps every label;
    search_seconds: what it took.
    """
    panel, results = subject.machine.panel, []
    for photo in block.photos:
        found: dict = {}

        def search(pixels: np.ndarray, change: np.ndarray, aim: Aim, found: dict = found):
            started = time.perf_counter()
            *_, last = photo_search.search(panel, pixels, change, aim, max_seconds=SECONDS)
            found["search_seconds"] = round(time.perf_counter() - started, 3)
            found["search_steps"] = last.number
            found["search_succeeded"] = last.held
            return last.change

        result = timed(subject.machine, photo, row.keywords | {"search": search})
        results.append(Distorted(result.pixels, result.found | found))
    return results


def timed(machine: MachineJND, photo: Photograph, keywords: dict[str, object]) -> Distorted:
    """One photo's verified result; where the engine gives up, the photo, and what it said."""
    started = time.perf_counter()
    try:
        result = machine(photo.pixels, **keywords)
    except EngineError as error:
        return Distorted(photo.pixels, {"verified": False, "error": str(error)})
    seconds = time.perf_counter() - started
    return Distorted(result.distorted, {"seconds": round(seconds, 3)} | outcome(result))


def outcome(result: MachineResult) -> dict:
    return {"verified": result.verified, "scale": round(result.scale, 6)}


CALLED_WITH = frozenset(inspect.signature(MachineJND.__call__).parameters)


def supported(row: Row) -> bool:
    """Whether the engine has the row's keyword arguments."""
    if row.of is not None and not supported(row.of):
        return False
    return CALLED_WITH.issuperset(row.keywords)


Distortion = Callable[[Subject, Block, Row, list[dict]], list[Distorted]]
SECTIONS: dict[str, Distortion] = {
    "generator": generated,
    "homogeneity": generated,
    "strength": generated,
    "control": controlled,
    "level": controlled,
    "verified": verified,
    "search": searched,
}


def measured(subject: Subject, block: Block, row: Row, earlier: list[dict]) -> list[dict]:
    """One row on the photos of a block: a dict per photo. earlier: the same of the row's `of`.

    The clean photos are described, not distorted: each machine's label beside the true one.
    """
    if row.section == "clean":
        return [
            {"predicted": labels.tolist(), "label": photo.label}
            for photo, labels in zip(block.photos, block.labels, strict=True)
        ]
    distorted = SECTIONS[row.section](subject, block, row, earlier)
    judged = subject.judged(block, [each.pixels for each in distorted], outside=row.outside)
    return [
        numbers | each.found | ({"psnr_wanted_db": before["psnr_db"]} if row.of else {})
        for numbers, each, before in zip(
            judged, distorted, earlier or [{}] * len(judged), strict=True
        )
    ]


def reached(photo: dict) -> bool:
    """Whether a control came within 0.1 dB of the PSNR that it was to have."""
    now, wanted = photo["psnr_db"], photo["psnr_wanted_db"]
    return now == wanted or (None not in (now, wanted) and math.isclose(now, wanted, abs_tol=0.1))
