"""The part of a face that the network of the first change sees."""

from __future__ import annotations

from ...faces.chip import Framing

# Pixels as large as those of dlib's chips, and a little more around them.
FRAMING = Framing(side=160, padding=0.3)
BORDER = 10 / FRAMING.side  # share of a side in which the change falls to nothing
