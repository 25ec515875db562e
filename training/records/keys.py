"""What decides a published row, as a key of `training.records.store`: settings, versions, digests.

No name of a file or a module is in a key, so that code may move; what a number depends on beside
these is declared in `training.records.versions`.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields, is_dataclass
from types import ModuleType

import numpy as np

from engine.attack import methods, objective
from engine.attack.methods import ours
from engine.attack.problem import Method
from engine.cloak import face as cloak
from engine.cloak.judge.versions import EXACT, LASTING
from engine.cloak.problem import TEMPERATURE
from engine.human import HUMAN_MODELS
from engine.machine import baselines, homogeneity, jnd, photo_search, refine
from engine.machine import search as per_image
from engine.models.locate import locate
from engine.models.registry import HUMAN
from engine.panels import aim

from .versions import JND_VERSIONS, METHOD_VERSIONS, STANDING, metrics


def digest_of(pictures: Iterable[np.ndarray]) -> str:
    """Of the pixels and sizes of pictures uint8 H×W×3, in their order."""
    digest = hashlib.sha256()
    for pixels in pictures:
        digest.update(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes())
    return digest.hexdigest()[:16]


def digest_of_text(text: str) -> str:
    """Of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def constants(module: ModuleType) -> dict:
    """The numbers, and tuples of numbers, that a module names in capitals."""
    found = {}
    for name, value in vars(module).items():
        parts = value if isinstance(value, tuple) else (value,)
        if name.isupper() and all(isinstance(part, (int, float)) for part in parts):
            found[name.lower()] = value
    return found


def jnd_key(name: str, version: int | None = None, weights: str | None = None) -> dict:
    """A human JND: of the version and the weights that are in force, or earlier ones."""
    key = {"name": name, "version": version or JND_VERSIONS[name]}
    if HUMAN_MODELS[name].learned:
        key["weights"] = locate(HUMAN, weights).sha256
    return key


def jnds(*names: str, sample: bool = False) -> Iterator[dict]:
    """These human JNDs by name, as they are, then with earlier versions whose rows may stand.

    sample: only as they are.
    """
    now = {name: jnd_key(name) for name in names}
    yield now
    if sample:
        return
    for name in names:
        for version, weights in sorted(STANDING.get(name, {}).items(), reverse=True):
            if version != now[name]["version"]:
                yield now | {name: {"name": name, "version": version, "weights": weights}}


def numbers(settings: object) -> dict:
    """The numbers of a dataclass and those in it; what is a function has a declared version."""
    values = {}
    for each in fields(settings):
        value = getattr(settings, each.name)
        if is_dataclass(value):
            values[each.name] = numbers(value)
        elif value is None or isinstance(value, (bool, int, float, tuple)):
            values[each.name] = value
    return values


def attack_key(chosen: Method) -> dict:
    """A method of attack: version, and every number that its row sets."""
    name = chosen.name
    key = {
        "name": name,
        "version": METHOD_VERSIONS["attack"][name],
        "loop": METHOD_VERSIONS["loop"],
        "settings": numbers(chosen),
    }
    if name.startswith("ours"):
        power = {"ours-jnd": ours.BY_EYE}.get(name, methods.POWERS.get(name, ours.POWER))
        key |= {"power": power, "polish": [ours.ROUNDS, ours.SHAVES, ours.HALVINGS]}
    elif name in ("paper", *methods.ABLATIONS):
        weights = methods.ABLATIONS.get(name, objective.Weights())
        key |= {"weights": asdict(weights), "channels": objective.CHANNELS, "step": methods.DESCENT}
    elif name in ("jndmga", "mnd"):
        key |= {"step": methods.DESCENT}
    elif chosen.steps == methods.STEPS:
        key |= {"rate": methods.RATE}
    return key


def attempts(lasting: bool) -> dict:
    """How a photo's cloak is tried again, by the margins of its distance."""
    margins = (LASTING if lasting else EXACT).margins
    return {"margins": margins, "long": cloak.LONG, "temperature": TEMPERATURE}


def section_key(section: str) -> dict:
    """A section of the machine's evaluation: version, and the engine's settings that decide it."""
    settings = {
        "controls": {"controls": list(baselines.CONTROLS), "halvings": baselines.HALVINGS},
        "homogeneity": {"steps": homogeneity.STEPS},
        "verified": verified(),
        "search": verified() | searched(),
    }
    return {
        "section": section,
        "version": METHOD_VERSIONS["machine"][section],
        **settings.get(section, {}),
        "metrics": metrics("rca", "psnr"),
    }


def verified() -> dict:
    steps = {"steps": homogeneity.STEPS, "finer": homogeneity.HALVINGS}
    return steps | {"again": jnd.VARIATIONS}


def refined() -> dict:
    """How a photo's change is mended by gradient steps."""
    names = ("STEPS", "STEP", "DAMPING", "AGAIN", "SHARES", "PROXY")
    kept = {name.lower(): getattr(aim, name) for name in ("TOLERANCE", "SLACK", "CEILING", "LEAD")}
    return {name.lower(): getattr(refine, name) for name in names} | kept


def photo_searched() -> dict:
    """The search at a photo's size."""
    names = ("COUNT", "GROWTH", "PATIENCE", "GAIN")
    return {name.lower(): getattr(photo_search, name) for name in names}


def searched() -> dict:
    """The per-image search: its gradient steps and their size are defaults of its function."""
    given = inspect.signature(per_image.Searcher.steps).parameters
    defaults = {name: given[name].default for name in ("count", "rate")}
    return defaults | {"margin": per_image.MARGIN}
