"""Checks of what a public function is given, made before anything is loaded.

name: of the argument, for the message. All raise UsageError.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from numbers import Real

from .errors import UsageError

DEVICES = ("auto", "cpu", "cuda")


def check_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """value is one of the words in choices."""
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        raise UsageError(f"no {name} {value!r}: choose from {', '.join(known)}")


def check_number(name: str, value: object, least: float, most: float = math.inf) -> None:
    """value is a number in [least, most]; NaN and bool are none."""
    if isinstance(value, Real) and not isinstance(value, bool) and least <= value <= most:
        return
    if most == math.inf:
        raise UsageError(f"{name} {value!r}: give a number, {least:g} or more")
    raise UsageError(f"{name} {value!r} is outside {least:g}…{most:g}: give a number between")


def check_flag(name: str, value: object) -> None:
    """value is True or False: a word such as "no" would count as true."""
    if not isinstance(value, bool):
        raise UsageError(f"{name} {value!r}: give True or False")


def check_place(name: str, value: object) -> None:
    """value is a path, or None."""
    if value is not None and not isinstance(value, (str, os.PathLike)):
        raise UsageError(f"{name} {value!r}: give a folder's path, or leave it out")


def check_placement(weights: object, device: object) -> None:
    """weights: folder of models, "hub" or None; device: one of DEVICES."""
    check_place("weights", weights)
    check_choice("device", device, DEVICES)
