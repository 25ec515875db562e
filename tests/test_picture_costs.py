"""Small files that would cost much are refused before decoding, or read within bounds."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import ImageError
from engine.images.picture import decode

BOUNDED = """
import sys, time
from engine.images.picture import open_image
from engine.errors import ImageError
def peak_kb():  # of this program alone: ru_maxrss begins with what its parent held
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
begun = time.process_time()
for path in sys.argv[1:]:
    try:
        open_image(path)
    except ImageError:
        pass
    taken = time.process_time() - begun
    peak = peak_kb()
    assert taken < 10, f"{path}: {taken:.1f} s"
    assert peak < 1_000_000, f"{path}: {peak} KB"
    begun = time.process_time()
"""


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def directory(tags: list[tuple[int, int, int, int]], after: int = 0) -> bytes:
    """A TIFF directory: (tag, type, count, value or offset) each."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", after)


ONE_PIXEL = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
ONE_PIXEL += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, 1), (279, 4, 1, 1)]


def chain(pictures: int) -> bytes:
    """A TIFF of so many pictures of one pixel."""
    size = len(directory(ONE_PIXEL))
    ends = [16 + size * number for number in range(1, pictures)]
    body = b"".join(directory(ONE_PIXEL, after) for after in [*ends, 0])
    return b"II*\0" + struct.pack("<I", 16) + bytes(8) + body


def overlapping(tags: int, size: int) -> bytes:
    """A TIFF of which every further tag names the same bytes."""
    named = [(10_000 + number, 1, size, 8) for number in range(tags)]
    head = b"II*\0" + struct.pack("<I", 8 + size) + bytes(size)
    return head + directory(sorted(ONE_PIXEL + named))


def scans(side: int, count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    data = encoded(Image.new("RGB", (side, side)), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * count + b"\xff\xd9"


def resized(data: bytes, side: int) -> bytes:
    """A JPEG that says that it is of another size."""
    at = data.index(b"\xff\xc2") + 5
    return data[:at] + struct.pack(">HH", side, side) + data[at + 4 :]


def false_size(kind: str, side: int) -> bytes:
    """An AVIF or HEIC of 64×64 pixels that says it is larger."""
    data = encoded(Image.new("RGB", (64, 64)), kind)
    return data.replace(struct.pack(">II", 64, 64), struct.pack(">II", side, side))


def bare_webp(side: int) -> bytes:
    data = encoded(Image.new("RGB", (64, 64)), "WEBP", lossless=True)
    bits = (side - 1) | (side - 1) << 14
    return data[:21] + struct.pack("<I", bits) + data[25:]


def test_a_long_chain_of_directories_is_counted_quickly():
    begun = time.process_time()
    assert decode(chain(30_000)).notes[0] == "first of 30000 pictures"
    assert time.process_time() - begun < 1.5
    assert decode(chain(1)).notes == ("grey",)


def test_a_chain_that_bites_its_tail_ends():
    data = chain(5)
    assert decode(data[:-4] + struct.pack("<I", 16)).notes[0] == "first of 5 pictures"


def test_tags_that_name_the_same_bytes_again_and_again_are_refused(photos):
    data = overlapping(2000, 100_000)
    with pytest.raises(ImageError, match="tags name more"):
        decode(data)
    photo = Image.fromarray(photos["chelsea"][:60, :80])
    block = overlapping(3000, 60_000)
    for kind in ("WEBP", "PNG", "AVIF"):
        try:
            picture = decode(encoded(photo, kind, exif=block))
        except ImageError as error:
            assert "tags name more" in str(error), kind  # noqa: PT017
        else:
            assert "unreadable EXIF ignored" in picture.notes, kind


def test_scans_are_bounded_by_their_pixels():
    assert decode(scans(64, 200)).size == (64, 64)
    with pytest.raises(ImageError, match="2,000,000,000 pixels in all scans"):
        decode(resized(scans(64, 200), 8000))


def test_many_small_segments_are_refused(photos):
    data = encoded(Image.fromarray(photos["chelsea"][:60, :80]), "JPEG")
    with pytest.raises(ImageError, match="600 segments"):
        decode(data[:2] + b"\xff\xe1\0\x09Exif\0\0x" * 5000 + data[2:])
    with pytest.raises(ImageError, match="no marker"):
        decode(data[:20] + bytes(100_000) + data[20:])


def test_a_gif_of_very_many_pictures_is_not_counted_to_the_end():
    data = encoded(Image.new("L", (1, 1)), "GIF", save_all=True)
    start = data.index(b",\0\0\0\0")
    data = data[:start] + data[start:-1] * 600_000 + b";"
    begun = time.process_time()
    assert decode(data).notes[0].startswith("first of more than")
    assert time.process_time() - begun < 3


def test_canvases_are_bounded_before_memory_is_taken():
    for data in (bare_webp(8944), false_size("AVIF", 8944)):
        with pytest.raises(ImageError, match="the limit is 50,000,000"):
            decode(data)


def test_small_files_stay_within_ten_seconds_and_a_gigabyte(tmp_path):
    files = {
        "false.avif": false_size("AVIF", 7070),
        "scans.jpg": resized(scans(64, 110), 4000),
        "tags.tif": overlapping(20_000, 1_000_000),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    paths = [str(tmp_path / name) for name in files]
    subprocess.run(
        [sys.executable, "-c", BOUNDED, *paths], check=True, cwd=Path(__file__).parents[1]
    )


def test_a_large_picture_is_converted_in_bands(photos, monkeypatch):
    monkeypatch.setattr("engine.images.conversion.BAND", 1000)
    pixels = photos["chelsea"][:60, :80]
    image = Image.fromarray(np.dstack([pixels, np.full((60, 80), 255, np.uint8)]))
    image.putpixel((79, 59), (0, 0, 0, 0))  # in the last band
    picture = decode(encoded(image, "PNG"))
    assert picture.notes == ("transparency on white",)
    assert picture.pixels[59, 79].tolist() == [255, 255, 255]
    np.testing.assert_array_equal(picture.pixels[:59], pixels[:59])


def test_libtiff_writes_no_lines_of_its_own(tmp_path, photos):
    data = bytearray(encoded(Image.fromarray(photos["chelsea"]), "TIFF", compression="tiff_lzw"))
    data[400:4000] = bytes(3600)
    path = tmp_path / "damaged.tif"
    path.write_bytes(data)
    command = [sys.executable, "-m", "engine", "human", str(path), "--out", str(tmp_path / "out")]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).parents[1], check=False
    )
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "TIFF" in line or "LZW" in line]
    assert lines == []
    assert "damaged.tif is truncated or damaged" in done.stderr
