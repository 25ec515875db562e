"""Files with a small fault are read, with a note; files that have lost pixels are refused."""

from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from engine.errors import ImageError
from engine.images.picture import decode

ENDLESS = "end marker missing, every row there"
FILM = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 8
TEXT = b"\r\n------WebKitFormBoundary\r\n"


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def photo(photos):
    return Image.fromarray(photos["chelsea"][:60, :80])


JPEGS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "progressive, restarts": {"progressive": True, "restart_marker_blocks": 2},
    "444": {"subsampling": 0, "quality": 97},
}


@pytest.fixture(params=JPEGS.values(), ids=JPEGS)
def jpeg(request, photo) -> bytes:
    return encoded(photo, "JPEG", **request.param)


@pytest.mark.parametrize("cut", [1, 2])
def test_a_jpeg_without_its_end_marker_is_read(jpeg, cut):
    picture = decode(jpeg[:-cut])
    np.testing.assert_array_equal(picture.pixels, decode(jpeg).pixels)
    assert picture.notes == (ENDLESS,)


def cuts(jpeg: bytes) -> list[int]:
    """Ends of what is left: near the end, at every marker, at every twelfth."""
    found = [len(jpeg) - cut for cut in (3, 4, 5, 6, 8, 12, 20, 40)]
    for at in range(600, len(jpeg) - 2):
        if jpeg[at] == 0xFF and jpeg[at + 1]:  # a restart, a table, a scan: before and after
            found += [at, at + 1, at + 2]
    return found + [len(jpeg) * part // 12 for part in range(1, 12)]


@pytest.mark.parametrize("tail", [b"", bytes(5000), FILM, TEXT], ids=["", "zeros", "film", "text"])
def test_a_jpeg_that_has_lost_pixels_is_refused(jpeg, tail):
    whole, refused = decode(jpeg).pixels, 0
    for end in cuts(jpeg):
        try:
            picture = decode(jpeg[:end] + tail)
        except ImageError as error:
            assert "truncated" in str(error) or "not a picture" in str(error)  # noqa: PT017
            refused += 1
        else:  # what was lost decided about no pixel
            np.testing.assert_array_equal(picture.pixels, whole, str(len(jpeg) - end))
    assert refused > 15


def test_other_data_after_a_jpeg_changes_nothing(jpeg):
    for tail in (FILM, TEXT, bytes(3000), jpeg, b"PK\x03\x04" + bytes(range(256))):
        whole = decode(jpeg + tail)
        assert whole.notes == ()
        endless = decode(jpeg[:-2] + tail)
        assert endless.notes == (ENDLESS,)
        np.testing.assert_array_equal(endless.pixels, whole.pixels)


def animated(photo, kind: str) -> bytes:
    return encoded(photo, kind, save_all=True, append_images=[photo.rotate(180), photo.rotate(90)])


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_cut_after_its_first_picture_is_read(photo, kind):
    data = animated(photo, kind)
    whole = decode(data)
    cut = decode(data[: len(data) // 2])
    np.testing.assert_array_equal(cut.pixels, whole.pixels)
    assert "first of 3 pictures" in whole.notes
    assert any("picture" in note for note in cut.notes)
    with pytest.raises(ImageError):
        decode(data[: len(data) // 5])


def test_a_gif_is_read_wherever_it_is_cut_after_its_first_picture(photo):
    first, data = encoded(photo, "GIF"), animated(photo, "GIF")
    wanted = decode(data).pixels
    start = data.index(b"!\xf9", len(first) // 2)  # what comes before the second picture
    for end in [*range(start + 1, start + 40), *range(start + 40, len(data) - 1, 97)]:
        cut = decode(data[:end])
        np.testing.assert_array_equal(cut.pixels, wanted)
        assert cut.notes[0].startswith("the file is cut in picture"), end


def test_a_gif_without_its_last_byte_is_read(photo):
    data = encoded(photo, "GIF")
    np.testing.assert_array_equal(decode(data[:-1]).pixels, decode(data).pixels)


def chunk(kind: bytes, content: bytes, wrong: int = 0) -> bytes:
    check = zlib.crc32(kind + content) ^ wrong
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def with_chunk(photo, added: bytes) -> bytes:
    """The photo as PNG, with a chunk after its header."""
    data = encoded(photo)
    return data[:33] + added + data[33:]


@pytest.fixture(scope="module")
def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def padded(profile: bytes, size: int) -> bytes:
    """The profile, made longer by bytes that compress badly and that no tag names."""
    longer = profile + os.urandom(size - len(profile))
    return struct.pack(">I", len(longer)) + longer[4:]


def test_a_large_colour_profile_is_read(photo, srgb):
    data = with_chunk(photo, chunk(b"iCCP", b"p\0\0" + zlib.compress(padded(srgb, 1_500_000))))
    picture = decode(data)
    assert picture.notes == ("colour profile of 1,500,000 bytes",)
    np.testing.assert_array_equal(picture.pixels, np.asarray(photo))


@pytest.mark.parametrize(
    ("kind", "content", "note"),
    [
        (b"tEXt", b"Comment\0" + b"long " * 400_000, "text of 2,000,008 bytes ignored"),
        (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100 << 20)), None),
        (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(100 << 20)), None),
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(100 << 20)), None),
        (b"iCCP", b"p\0\0" + zlib.compress(bytes(100 << 20)), "of more than 16,777,216 bytes"),
        (b"iCCP", b"p\0\0not deflated", "unusable colour profile ignored"),
    ],
)
def test_what_a_png_can_do_without_is_left_out(photo, kind, content, note):
    picture = decode(with_chunk(photo, chunk(kind, content)))
    np.testing.assert_array_equal(picture.pixels, np.asarray(photo))
    assert [note in each for each in picture.notes] == ([] if note is None else [True])


def test_a_wrong_checksum_matters_in_a_critical_chunk_alone(photo):
    for kind in (b"tEXt", b"pHYs", b"tRNS", b"iCCP", b"eXIf"):
        picture = decode(with_chunk(photo, chunk(kind, b"\0" * 9, wrong=1)))
        np.testing.assert_array_equal(picture.pixels, np.asarray(photo))
        assert picture.notes == (f"{kind.decode()} ignored: wrong checksum",)
    data = bytearray(encoded(photo))
    data[30] ^= 1  # in the checksum of the header
    with pytest.raises(ImageError):
        decode(bytes(data))


def test_an_orientation_in_a_png_is_kept(photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(photo, exif=exif)
    assert decode(data).size == (60, 80)
    start = data.index(b"eXIf")
    block = exif.tobytes()
    text = b"\nexif\n%8d\n" % len(block) + block.hex().encode()
    old = data[start - 4 : start + 8 + int.from_bytes(data[start - 4 : start], "big")]
    raw = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))
    assert decode(data.replace(old, raw)).size == (60, 80)
