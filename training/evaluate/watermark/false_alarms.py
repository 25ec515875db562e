"""Is anything found where there is nothing? And does chance agree with a tag as often as it should?

No evaluation can count one false alarm in a million pictures. So what is counted is the step that
the bound rests on: of messages that are decoded from unmarked photos, whether or not the pilots
stand out, the first byte of the tag must be right for one in 256.
"""

from __future__ import annotations

import numpy as np

from engine.watermark.reader import PEAKS, Reader, scales
from engine.watermark.reader import steps as reading
from engine.watermark.signal.key import TAG, Key, key_of
from engine.watermark.signal.message import PARITY, code, masked
from engine.watermark.signal.spectrum import aligned, luma, places

KEYS = 4  # phrases that every unmarked photo is read with


def unmarked(pixels: np.ndarray) -> dict:
    """Of a photo uint8 H×W×3 that carries nothing, under `KEYS` keys.

    found: how often something is read; attempts: at decoding, by the reader as it is; heights: of
    the pilots, the highest under each key; forced: messages decoded regardless of the pilots, and
    agreeing: those of them whose tag begins with the right byte.
    """
    found, attempts, heights, forced, agreeing = 0, 0, [], 0, 0
    for number in range(KEYS):
        key = key_of(f"unmarked {number}")
        *_, result = reading(pixels, key)
        found += result.found
        attempts += result.attempts
        heights.append(round(result.height, 3))
        tried, right = chance(pixels, key)
        forced, agreeing = forced + tried, agreeing + right
    return {
        "found": found,
        "attempts": attempts,
        "heights": heights,
        "forced": forced,
        "agreeing": agreeing,
    }


def chance(pixels: np.ndarray, key: Key) -> tuple[int, int]:
    """Messages at every scale, place and length, with all the weakest bytes taken for erased."""
    reader = Reader(luma(pixels), key)
    tried = right = 0
    for scale in scales(pixels.shape[:2]):
        values = reader.values(scale)
        for place in places(values, reader.carriers, PEAKS, finer=2):
            straight = aligned(values, reader.carriers, place)
            for room in PARITY:
                codeword, reliability = reader.carriers.bytes_of(straight, room)
                weakest = np.argsort(reliability, kind="stable")[: PARITY[room]]
                hidden, _, _ = code(room).decode(bytes(codeword), erase_pos=weakest.tolist())
                message = masked(bytes(hidden), key, room)
                tried += 1
                right += key.tag(message[:-TAG])[0] == message[-TAG]
    return tried, right
