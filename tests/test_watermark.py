"""A watermark: what it carries, what it survives, and that nothing is found where nothing is."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import engine
from engine.errors import ImageError, UsageError
from engine.images.picture import decode, resize
from engine.metrics.quality import psnr_8bit
from engine.watermark import changes, reader
from engine.watermark.fitting import side_for
from engine.watermark.reader import Reader
from engine.watermark.signal import message
from engine.watermark.signal.carriers import TILE, Carriers, carriers_of, tile
from engine.watermark.signal.key import key_of
from engine.watermark.signal.spectrum import aligned, luma, places

PAYLOAD = bytes(range(100, 108))


@pytest.fixture(scope="module")
def photo(photos) -> np.ndarray:
    return photos["chelsea"]


@pytest.fixture(scope="module")
def marked(photo):
    return engine.embed_watermark(photo, PAYLOAD, key="secret", model="wu2017", device="cpu")


def test_a_marked_file_is_read_without_the_original(photo, marked):
    assert marked.pixels.shape == photo.shape
    assert marked.psnr_db == pytest.approx(psnr_8bit(photo, decode(marked.data).pixels))
    assert marked.psnr_db > 36
    reading = engine.read_watermark(Image.open(io.BytesIO(marked.data)), key="secret")
    assert reading.payload == PAYLOAD
    assert reading.scale == 1
    assert reading.false_alarm < 1e-6
    assert marked.labels == ()
    assert marked.kept is None


def test_what_it_survives_is_what_is_read_after_the_change(marked):
    must = ("png", "jpeg90", "jpeg75", "jpeg50", "webp75", "half", "half+back", "crop")
    assert all(marked.survived[name] for name in (*must, "brighter", "darker", "noise"))
    for name in ("jpeg50", "half", "crop", "jpeg10"):
        changed = changes.CHANGES[name][0](marked.pixels)
        found = engine.read_watermark(changed, key="secret").payload == PAYLOAD
        assert found == marked.survived[name], name


def test_several_changes_at_once(marked):
    part = marked.pixels[20:-31, 13:-40]
    assert engine.read_watermark(changes.saved("JPEG", 70)(part), key="secret").payload == PAYLOAD


def test_a_copy_of_any_size_is_read_by_a_thorough_search(marked):
    height, width = (round(0.83 * side) for side in marked.pixels.shape[:2])
    copy = resize(marked.pixels, width, height)
    assert not engine.read_watermark(copy, key="secret").found
    reading = engine.read_watermark(copy, key="secret", thorough=True)
    assert reading.payload == PAYLOAD
    assert reading.scale == pytest.approx(0.83, abs=0.01)


def test_another_key_and_an_unmarked_picture_say_nothing(photo, marked):
    for pixels, key in ((marked.pixels, "another"), (photo, "secret"), (photo[:150, :160], "k")):
        reading = engine.read_watermark(pixels, key=key, thorough=len(pixels) == 150)
        assert reading.payload is None
        assert reading.attempts < reader.MOST
        assert "no watermark of this key" in reading.summary
        assert reading.to_dict()["found"] is False


def test_a_flat_picture_says_nothing():
    for level in (0, 128, 255):
        flat = np.full((200, 200, 3), level, np.uint8)
        assert not engine.read_watermark(flat).found


def test_attempts_are_limited(monkeypatch, photo):
    """Where every place is tried, decoding ends at the number that the bound rests on."""
    monkeypatch.setattr(reader, "HEIGHT", -np.inf)
    monkeypatch.setattr(reader, "MOST", 50)
    reading = engine.read_watermark(photo)
    assert not reading.found
    assert reading.attempts == 50


def test_the_threshold_and_not_the_key_decides_where_it_is_strong(photo, marked):
    """Where the eye tolerates more there is more of the pattern."""
    threshold = engine.human_jnd(photo, model="wu2017").mean(2)
    change = np.abs(marked.pixels.astype(float) - photo).mean(2)
    high = threshold > np.quantile(threshold, 0.8)
    low = threshold < np.quantile(threshold, 0.2)
    assert change[high].mean() > 1.5 * change[low].mean()


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_other_formats_are_verified_on_their_own_bytes(photo, format):
    result = engine.embed_watermark(
        photo, "text ©", key="k", model="wu2017", format=format, device="cpu"
    )
    with Image.open(io.BytesIO(result.data)) as image:
        assert image.format.lower() == format
        assert not image.info.get("exif")
    assert engine.read_watermark(decode(result.data), key="k").payload == "text ©"
    np.testing.assert_array_equal(decode(result.data).pixels, result.pixels)


def test_256_bits(photos):
    payload = np.random.default_rng(0).bytes(32)
    result = engine.embed_watermark(photos["astronaut"], payload, model="wu2017", device="cpu")
    assert result.survived["jpeg75"]
    assert engine.read_watermark(result.pixels).payload == payload


def test_a_picture_that_cannot_carry_it_is_refused(photo):
    with pytest.raises(ImageError, match="needs 128 pixels a side"):
        engine.embed_watermark(photo[:100], PAYLOAD, model="wu2017")
    noise = np.random.default_rng(0).integers(0, 256, (130, 130, 3), np.uint8)
    with pytest.raises(ImageError, match="payload of 256 bits is too long for this picture"):
        engine.embed_watermark(noise, bytes(32), model="wu2017", device="cpu")


@pytest.mark.parametrize("payload", ["", b"", "x" * 33, "€" * 11, bytes(33), 7, "\ud800"])
def test_payloads_that_are_none(payload, photo):
    with pytest.raises(UsageError, match=r"payload"):
        engine.embed_watermark(photo, payload)


@pytest.mark.parametrize(
    "wrong", [{"key": ""}, {"key": 5}, {"observer": "dog"}, {"format": "gif"}, {"model": "none"}]
)
def test_arguments_that_make_no_sense(wrong, photo):
    with pytest.raises(UsageError):
        engine.embed_watermark(photo, PAYLOAD, **wrong)


# --- the parts ---


@pytest.mark.parametrize("payload", ["a", "€" * 10, bytes(1), bytes(8), bytes(9), bytes(32)])
def test_a_codeword_gives_its_payload_back_with_wrong_bytes(payload):
    key, payload = key_of("k"), message.payload_of(payload)
    room = message.room_for(payload)
    codeword = message.encoded(payload, key).copy()
    assert len(codeword) == message.length(room)
    random = np.random.default_rng(1)
    reliability = random.random(len(codeword)) + 1
    wrong = random.permutation(len(codeword))[: message.PARITY[room]]
    codeword[wrong] ^= 85
    reliability[wrong] = 0.1
    found = [each.payload for each in message.attempts(codeword, reliability, room, key)]
    assert payload in found
    other = message.attempts(codeword, reliability, room, key_of("another"))
    assert all(each.payload is None for each in other)


def test_chance_agrees_with_a_tag_as_often_as_it_should():
    """The step that the bound of false alarms rests on, by its first byte: one in 256."""
    key, random = key_of("k"), np.random.default_rng(0)
    count = 20_000
    bodies = [random.bytes(17) for _ in range(count)]
    right = sum(key.tag(body[:13])[0] == body[13] for body in bodies)
    assert abs(right - count / 256) < 5 * np.sqrt(count / 256)


def test_what_a_key_draws_stays_the_same():
    """A watermark must be readable by later versions: what is drawn is part of the format."""
    key = key_of("just-noticeable")
    assert key.stream("signs", 4).hex() == "0624b069"
    assert key.order("places 8", 6).tolist() == [5, 4, 1, 2, 0, 3]
    assert key.tag(b"message").hex() == "66685319"


def test_the_pattern_repeats_and_is_found_where_it_begins():
    key = key_of("k")
    carriers: Carriers = carriers_of(key)
    codeword = message.encoded(message.payload_of(b"12345678"), key)
    pattern = tile(carriers.coefficients(codeword, 8), TILE)
    assert pattern.std() == pytest.approx(1, rel=1e-5)
    shifted = np.roll(pattern, (-40, -70), (0, 1))
    plane = 128 + 10 * np.tile(shifted, (2, 2))
    values = Reader(plane.astype(np.float32), key).values(1.0)
    (place,) = places(values, carriers, finer=2)
    assert (place.down, place.across) == pytest.approx((TILE - 40, TILE - 70), abs=1)
    found, _ = carriers.bytes_of(aligned(values, carriers, place), 8)
    np.testing.assert_array_equal(found, codeword)


@pytest.mark.parametrize(
    ("size", "side"), [((300, 200), 256), ((2000, 1023), 256), ((4000, 3000), 724)]
)
def test_the_tile_grows_with_the_picture(size, side):
    assert side_for(size) == side


def test_luma_is_that_of_bt_601():
    pixels = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    np.testing.assert_allclose(luma(pixels), [[76.245, 149.685, 29.07]], rtol=1e-5)
