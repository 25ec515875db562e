"""The method `faithful`: a search that stays close to the photo, for classifiers it is not given.

`search` leaves in a file what is evidence for the panel, and other classifiers find little of the
photo in it. Here each coefficient counts by what it brings to the photo's likeness as well: the
change of the squared error of the decoded planes, exactly, and not its gradient alone, for a
coefficient that is rounded right has a gradient but nothing to gain. What is removed first is what
loses the least of both for a bit, and what buys evidence back is what brings the most of both.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...system.progress import Progress
from ..trials import Trials
from . import search

FAITHFULNESS = 3.0  # weight of likeness beside evidence


def run(trials: Trials, resize: bool) -> Iterator[Progress]:
    """The method's row: as that of `search`."""
    yield from search.run(trials, resize, FAITHFULNESS)
