"""The rows of the evaluation: ways to protect a face, each from a photo to a photo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from engine.cloak.face import Cloak
from engine.cloak.goals import goal_of
from engine.cloak.judge.versions import EXACT, ROBUST
from engine.cloak.photo import cloak_steps
from engine.cloak.protect.canvas import Diversity
from engine.cloak.protect.face import Protected, protect_face
from engine.cloak.protect.search import Settings, closeness, smoothed
from engine.cloak.protect.visibility import Visibility
from engine.cloak.state import FaceState
from engine.faces.recognisers import RECOGNISERS
from engine.human import HUMAN_MODELS

from .people import Person

BOTH = tuple(RECOGNISERS)
PSNRS = (33.0, 35.0, 37.0, 39.0, 41.0)  # of the face and half its width around it
AT = 35.0  # where ingredients are removed
SEEN = 9.3  # JOD, where models of the eye are compared
EPSILONS = (4, 8, 12, 16)
STEPS = 40
Make = Callable[[Cloak, Person], np.ndarray]


@dataclass(frozen=True)
class Row:
    """name: in the tables; against: surrogates; jnd: the model of the eye; make: the cloaked photo
    uint8 250×250×3; settings: what decides it, for the key.
    """

    name: str
    make: Make
    settings: dict
    against: tuple[str, ...] = BOTH
    jnd: str = "hvs-sd"


def state_of(cloak: Cloak, person: Person, gallery: bool) -> FaceState:
    known = person.enrolled(cloak.finder) if gallery else None
    goal = goal_of(cloak, person.pixels, person.face, None, known)
    return FaceState(person.pixels, person.face, goal, cloak.threshold(person.pixels))


def protection(
    name: str,
    visibility: Visibility,
    settings: Settings,
    *,
    gallery: bool = False,
    robust: bool = True,
    **choices,
) -> Row:
    """`--protect unseen`."""

    def make(cloak: Cloak, person: Person) -> np.ndarray:
        state = state_of(cloak, person, gallery)
        standard = ROBUST if robust else EXACT
        for _ in protect_face(cloak, state, standard, visibility, settings=settings):
            pass
        return state.pixels

    described = {"visibility": repr(visibility), "settings": repr(settings)}
    return Row(name, make, described | {"gallery": gallery, "robust": robust}, **choices)


def linf(name: str, epsilon: int, *, transfer: bool) -> Row:
    """Sign steps in the ε ball of the maximum norm, away from the face's own embeddings; transfer:
    with momentum, input diversity and a smoothed gradient (TI-MI-DI).
    """

    def make(cloak: Cloak, person: Person) -> np.ndarray:
        state = state_of(cloak, person, gallery=False)
        state.begin([])
        one = Protected(cloak, state, EXACT, Visibility(AT), Settings())
        faces, noise = one.faces, torch.Generator().manual_seed(0)
        clean, most = faces.clean, epsilon / 255
        change = most * (2 * torch.rand(clean.shape, generator=noise) - 1)
        memory = torch.zeros_like(clean)
        wanted = {each: torch.from_numpy(goal) for each, goal in one.enrolled.items()}
        for _ in range(STEPS):
            point = change.requires_grad_()
            shown, near = (clean + point).clamp(0, 1), 0.0
            for each, network in cloak.recognisers.networks.items():
                chip = faces.chip(each, shown, Diversity() if transfer else None, noise)
                near = near + closeness(each, network(chip), wanted[each]).sum()
            (slope,) = torch.autograd.grad(near, point)
            if transfer:
                slope = smoothed(slope, 1.5)
                memory = memory + slope / slope.abs().mean()
                slope = memory
            change = (change.detach() - 2.5 / STEPS * most * slope.sign()).clamp(-most, most)
        return one.pasted(change)

    return Row(name, make, {"epsilon": epsilon, "transfer": transfer, "steps": STEPS})


def usual(name: str, method: str, *, robust: bool, against: tuple[str, ...]) -> Row:
    """Without `--protect`: the smallest change that its own recognisers do not match."""

    def make(cloak: Cloak, person: Person) -> np.ndarray:
        steps = cloak_steps(cloak, person.pixels, method=method, face=1, robust=robust)
        *_, result = steps
        return result.pixels

    return Row(name, make, {"method": method, "robust": robust}, against)


def rows() -> list[Row]:
    """All of them, in the order of the tables."""
    usual_settings = Settings()

    def without(what: str, **settings) -> Row:
        name = f"without {what}"
        return protection(name, Visibility(AT), replace(usual_settings, **settings), gallery=True)

    found = [Row("clean", lambda cloak, person: person.pixels, {})]
    found += [linf(f"L∞ {each}", each, transfer=False) for each in EPSILONS]
    found += [linf(f"TI-MI-DI {each}", each, transfer=True) for each in EPSILONS[1:]]
    found += [
        usual("ours, exact", "ours", robust=False, against=BOTH[:1]),
        usual("paper, exact", "paper", robust=False, against=BOTH[:1]),
        usual("ours, robust, both", "ours", robust=True, against=BOTH),
    ]
    for gallery in (False, True):
        words = "protect, gallery" if gallery else "protect"
        found += [
            protection(f"{words} {each:g}", Visibility(each), usual_settings, gallery=gallery)
            for each in PSNRS
        ]
    found += [
        protection(
            f"against {each} alone", Visibility(AT), usual_settings, gallery=True, against=(each,)
        )
        for each in BOTH
    ]
    found += [
        without("momentum", momentum=0.0),
        without("smoothing", smoothing=0.0),
        without("diversity", diversity=None),
        without("the eye: P / J^0", power=0.0),
        without("half the colour", colour=1.0),
        protection("without codecs", Visibility(AT), usual_settings, gallery=True, robust=False),
    ]
    found += [
        protection(f"protect, by {each}", Visibility(None, SEEN), usual_settings, jnd=each)
        for each in HUMAN_MODELS
    ]
    return found
