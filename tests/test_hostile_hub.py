"""A Hub that hangs, lies or leads elsewhere: one line, in bounded time, and nothing is taken.

Each Hub is on loopback and the client is the real one, in a process of its own.
"""

from __future__ import annotations

import re
import time

import pytest
from harmful_hubs import (
    GOOD,
    ROW,
    Abroad,
    Another,
    Broken,
    Circle,
    Dripping,
    Elsewhere,
    Endless,
    Hub,
    Larger,
    Later,
    Shorter,
    Silent,
    Stalled,
    ToFile,
    Unnamed,
    Xet,
    locate,
    serving,
)

# The Hub; what is said; seconds it may take, the start of a process on a busy machine included.
HUBS = [
    (Silent, r"does not give it \(", 60),
    (Stalled, r"does not give it \(", 90),
    (Dripping, r"does not give it \(not within 10 s\)", 90),
    (Later, r"does not give it \(not within 10 s\)", 90),
    (Endless, r"does not give it \(it sends more than the file's [\d,]+ bytes\)", 60),
    (Larger, r"does not give it \(it sends more than the file's [\d,]+ bytes\)", 60),
    (Shorter, r"does not give it \(", 90),
    (Another, r"has sha256 .* is not what this version was made for", 60),
    (Elsewhere, r"has sha256 .* is not what this version was made for", 60),
    (Circle, r"does not give it \(\w+\)", 60),
    (ToFile, r"does not give it \(it leads to no host, which is not the Hub's\)", 60),
    (
        Abroad,
        r"does not give it \(it leads to http://elsewhere\.example, which is not the Hub's",
        60,
    ),
    (Xet, r"has sha256 .* is not what this version was made for", 60),
    (Broken, r"does not give it \(\w+\)", 60),
    (Unnamed, r"does not give it \(\w+\)", 60),
]


@pytest.mark.parametrize(("kind", "words", "seconds"), HUBS)
def test_a_hub_made_to_harm_is_one_line_and_its_file_is_not_taken(kind, words, seconds, tmp_path):
    begun = time.monotonic()
    with serving(kind) as (address, wanted):
        done = locate(address, tmp_path)
    assert time.monotonic() - begun < seconds
    assert done.returncode != 0, done.stdout
    line = done.stderr.splitlines()[-1]
    assert line.startswith("engine.errors.WeightsError: ")
    assert re.search(words, line), line
    assert all(token is None for _, host, token in wanted if host and host.startswith("localhost"))
    assert "all of it was taken" not in [path for path, _, _ in wanted]
    left = sum(each.stat().st_size for each in tmp_path.rglob("*") if not each.is_symlink())
    assert left < 2 * len(GOOD)
    # What was kept is not taken without the Hub either, and a Hub that behaves mends it.
    offline = locate("http://127.0.0.1:9", tmp_path, HF_HUB_OFFLINE="1")
    assert offline.returncode != 0
    assert "WeightsError" in offline.stderr.splitlines()[-1]
    with serving(Hub) as (address, _):
        mended = locate(address, tmp_path)
    assert ROW.sha256 in mended.stdout, mended.stderr
