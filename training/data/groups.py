"""Which people of LFW serve for what: nobody for two things."""

from __future__ import annotations

import hashlib

GROUPS = 5  # by the name's digest; group 0 is kept out of the data
FRAMING = (1,)  # on whom the framing of faceres was chosen
THRESHOLDS = (2,)  # from whom thresholds come
REPORTED = (3, 4)  # about whom numbers are published


def group(person: str) -> int:
    """0…4, by the sha1 of the name."""
    return int(hashlib.sha1(person.encode()).hexdigest(), 16) % GROUPS
