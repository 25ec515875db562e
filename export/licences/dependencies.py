"""Everything that the project and its extras install, from what is installed here.

A distribution's own requirements are followed as pip follows them on this machine; what is declared
but not installed has the version that constraints.txt says, or none.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = "just-noticeable"
# The extras from the one that most people install to the one for tests; "" is what running needs.
EXTRAS = (
    *("", "attack", "faces", "heif", "jxl", "panels", "evaluation", "demo", "ray", "train", "test"),
    "compared",
)
BESIDE = {"test": ("torchattacks",)}  # what `make test` installs besides
ELSEWHERE = {"onnxruntime": ""}  # where there is no onnxruntime-gpu


@dataclass(frozen=True)
class Dependency:
    """A distribution, its version or None, and the first of EXTRAS that brings it."""

    name: str
    version: str | None
    extra: str


def normalised(name: str) -> str:
    """The name of a distribution as an index writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def requirements(name: str, extra: str) -> list[str]:
    """What a distribution declares; of the project for one extra, as pyproject.toml has it."""
    if name == PROJECT:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        return project["optional-dependencies"][extra] if extra else project["dependencies"]
    found = installed(name)
    return (found.requires or []) if found else []


def pinned() -> dict[str, str]:
    """Name -> version of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def required(name: str, extra: str) -> list[tuple[str, str]]:
    """(name, extra) of what a distribution with an extra requires on this machine; "" for none."""
    from packaging.requirements import Requirement

    names = []
    for text in requirements(name, extra):
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            each = normalised(requirement.name)
            names += [(each, ""), *((each, its) for its in sorted(requirement.extras))]
    return names


def closure(extra: str) -> set[str]:
    """Names of all distributions that the project with an extra brings, directly or not."""
    waiting = [(PROJECT, ""), (PROJECT, extra), *((name, "") for name in BESIDE.get(extra, ()))]
    done: set[tuple[str, str]] = set()
    while waiting:
        each = waiting.pop()
        if each not in done:
            done.add(each)
            waiting += required(*each)
    return {name for name, _ in done} - {PROJECT}


def dependencies() -> list[Dependency]:
    """All of them, by name."""
    first: dict[str, str] = {}
    for extra in EXTRAS:
        for name in closure(extra):
            first.setdefault(name, extra)
    first |= ELSEWHERE
    pins = pinned()
    return [
        Dependency(name, found.version if (found := installed(name)) else pins.get(name), extra)
        for name, extra in sorted(first.items())
    ]
