"""Faces and threads: no mix-up of photos, and dlib does not hold the others up."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from engine.faces.finder import load_finder


def test_threads_do_not_see_each_others_photos(photos):
    finder, shown = load_finder(), []
    for name, width in (("astronaut", 200), ("coffee", 300), ("chelsea", 250)):
        shown.append(np.asarray(Image.fromarray(photos[name]).resize((width, 200))))
    alone = [[face.box for face in finder.find(pixels)] for pixels in shown]
    assert [len(found) for found in alone] == [1, 0, 0]
    barrier = threading.Barrier(len(shown))

    def repeatedly(number: int) -> list:
        barrier.wait()
        found = []
        for shade in range(8):
            another = shown[number].copy()
            another[0, 0] = shade  # another photo, whose faces are not known yet
            found.append([face.box for face in finder.find(another)])
        return found

    with ThreadPoolExecutor(len(shown)) as pool:
        found = list(pool.map(repeatedly, range(len(shown))))
    assert found == [[boxes] * 8 for boxes in alone]


@pytest.fixture(scope="module")
def large(astronaut) -> np.ndarray:
    """24 million pixels."""
    return np.asarray(astronaut.resize((4900, 4900), Image.Resampling.BILINEAR))


def test_dlib_holds_the_interpreter_for_the_face_only(head, monkeypatch):
    import dlib

    finder, sizes = load_finder(), []
    canvas = np.full((1200, 1500, 3), 128, np.uint8)
    canvas[300:556, 500:756] = head
    (face,) = finder.find(canvas)

    class Recogniser:
        def __init__(self):
            self.own = finder._recogniser

        def compute_face_descriptor(self, picture, *rest):
            sizes.append(picture.shape)
            return self.own.compute_face_descriptor(picture, *rest)

    own_chip = dlib.get_face_chip

    def get_face_chip(picture, *rest):
        sizes.append(picture.shape)
        return own_chip(picture, *rest)

    whole = finder.at(canvas, face.box)
    monkeypatch.setattr(dlib, "get_face_chip", get_face_chip)
    monkeypatch.setattr(finder, "_recogniser", Recogniser())
    finder.chip(canvas, whole)
    finder.describe(canvas, whole)
    assert sizes
    assert max(max(size) for size in sizes) < 300


def longest_wait(work: Callable[[], object]) -> float:
    """Seconds for which another thread of this process did not get its turn meanwhile."""
    over, begun, gaps = threading.Event(), threading.Event(), []

    def other() -> None:
        last = time.perf_counter()
        begun.set()
        while not over.wait(0.005):
            now = time.perf_counter()
            gaps.append(now - last)
            last = now
        gaps.append(time.perf_counter() - last)  # held up to the very end

    thread = threading.Thread(target=other)
    thread.start()
    begun.wait()
    try:
        work()
    finally:
        over.set()
        thread.join()
    return max(gaps)


@pytest.mark.skipif(sys.platform == "win32", reason="usleep is POSIX's")
def test_a_held_interpreter_is_seen():
    """PyDLL keeps the interpreter lock, as dlib's descriptor does; CDLL gives it away."""
    assert longest_wait(lambda: ctypes.PyDLL(None).usleep(600_000)) > 0.5


def test_a_large_photo_leaves_others_their_turn(large):
    """While its face is found and described, no other thread waits half a second.

    What dlib holds it holds every time; a busy machine, now and then.
    """
    finder = load_finder()
    box = tuple(4900 / 512 * value for value in (175, 76, 266, 167))

    def work() -> None:
        face, there = finder.find_again(large, box)
        assert there
        finder.describe(large, face)

    assert any(longest_wait(work) < 0.5 for _ in range(5))
