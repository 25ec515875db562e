"""The methods by which a smaller file is looked for, one row each.

A method goes on where plain encoding, at the lowest quality that holds, has stopped. It yields its
progress and offers files to its `Trials`, which decode, verify and keep the smallest. It may be
closed at any step, where its time is up: what it has offered counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...system.progress import Progress
from ..formats import FORMATS
from ..trials import Trials
from .bisect import bisect
from .faithful import run as faithful
from .jnd import MOST
from .jnd import run as jnd
from .search import LARGEST
from .search import run as search


@dataclass(frozen=True)
class Method:
    """A row of `METHODS`.

    run: of (trials, resize); formats: those it writes; resizes: whether it takes `resize`;
    gradients: whether the panel must give them; most: pixels of a picture whose resolution stays.
    """

    run: Callable[[Trials, bool], Iterator[Progress]]
    formats: tuple[str, ...] = tuple(FORMATS)
    resizes: bool = True
    gradients: bool = False
    most: int | None = None


METHODS = {
    "bisect": Method(bisect),
    "jnd": Method(jnd, formats=("jpeg",), resizes=False, most=MOST),
    "search": Method(search, gradients=True, most=LARGEST),
    "faithful": Method(faithful, gradients=True, most=LARGEST),
}
