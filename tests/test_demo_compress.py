"""The smallest file for machines in the demo: as handler, endpoint, MCP tool, and in a browser."""

from __future__ import annotations

import base64
import io
import time
from pathlib import Path

import demo_browser as browser
import numpy as np
import pytest
from demo_browser import LONG, begin, downloaded, upload
from demo_visitor import Visitor, with_mcp
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from demo.examples import compress as example
from demo.handlers import compress
from engine import compress_photo
from engine.compress import names
from engine.compress.original import from_file
from engine.compress.result import CompressedPhoto
from engine.errors import UsageError
from engine.images.picture import decode, encode_png
from engine.metrics.quality import psnr_8bit
from engine.system.progress import Progress

pytest.importorskip("gradio")

chromium, visit = browser.chromium, browser.visit


@pytest.fixture(scope="module")
def small(tmp_path_factory, photos) -> Path:
    """A PNG of a part of the cat, 200×160, with a comment."""
    path, text = tmp_path_factory.mktemp("small") / "small.png", PngInfo()
    text.add_text("Comment", "a secret")
    crop = np.ascontiguousarray(photos["chelsea"][40:200, 100:300])
    Image.fromarray(crop).save(path, pnginfo=text)
    return path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """A PNG of a few bytes, with a comment: no AVIF is as small."""
    path, text = tmp_path_factory.mktemp("tiny") / "tiny.png", PngInfo()
    text.add_text("Comment", "mine")
    Image.new("RGB", (16, 16), (90, 20, 30)).save(path, pnginfo=text)
    return path


@pytest.fixture(scope="module")
def visitor(demo):
    visitor = Visitor(demo.url)
    visitor.http.timeout = 120
    yield visitor
    visitor.close()


def sent(visitor: Visitor, path: Path) -> dict:
    return {"path": visitor.upload(str(path)), "orig_name": path.name}


def result_of(data: list) -> tuple[str, bytes, dict]:
    """Name and bytes of an endpoint's file, and its numbers."""
    file, numbers = data
    return file["orig_name"], Path(file["path"]).read_bytes(), numbers


# --- without a page ---


def test_the_handler_yields_steps_and_then_the_verified_file(small):
    original = from_file(small.read_bytes(), "small.png")
    *progress, result = compress.compress(
        original, format="webp", method="bisect", keep="top1", seconds=60, most=60
    )
    assert progress
    assert all(isinstance(each, Progress) for each in progress)
    assert isinstance(result, CompressedPhoto)
    expected = compress_photo(small, format="webp", panel="photos")
    assert result.data == expected.data
    assert result.suffix == ".webp"


@pytest.mark.parametrize("name", example.NAMES)
def test_the_examples_that_come_with_the_demo_are_what_they_say(name):
    """Verified anew: who changes the search or the panel has to make them anew."""
    result, original = example.load(name), example.original_of(name)
    assert result.data == example.stored(name, "jpg").read_bytes()
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(result.data))), result.pixels)
    assert result.bytes_before == len(original.data)
    assert result.bytes_after < 0.6 * result.bytes_plain  # less than plain encoding needs
    assert psnr_8bit(original.pixels, result.pixels) == pytest.approx(result.psnr_db, abs=1e-6)
    panel = compress.load_panel(compress.PANEL)
    before, after = (panel.logits_of(each[None])[0] for each in (original.pixels, result.pixels))
    for label, again in zip(result.labels, panel.label_changes(before, after), strict=True):
        assert (label.before, label.after) == (again.before, again.after)
        assert again.same
        assert again.confidence_after == pytest.approx(label.confidence_after, abs=1e-3)


def test_the_page_offers_every_method_and_what_can_be_written_here():
    assert tuple(name for _, name in compress.METHODS) == names.METHOD_NAMES
    assert set(compress.formats()) - {"jxl"} == {"jpeg", "webp", "avif"}
    try:
        import pillow_jxl  # noqa: F401
    except ImportError:
        assert "jxl" not in compress.formats()
    else:
        assert "jxl" in compress.formats()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"format": "tiff"}, "choose from jpeg"),
        ({"format": ["jpeg"]}, "choose from jpeg"),
        ({"method": "magic"}, "choose from bisect"),
        ({"method": None}, "choose from bisect"),
        ({"keep": "all"}, "choose from top1"),
        ({"keep": 5}, "choose from top1"),
        ({"seconds": 61}, "at most 60"),
        ({"seconds": 0}, "more than 0"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_loaded(small, given, words, monkeypatch):
    monkeypatch.setattr(compress, "load_panel", lambda _: pytest.fail("was loaded"))
    original = from_file(small.read_bytes(), "small.png")
    usual = {"format": "jpeg", "method": "bisect", "keep": "top1", "seconds": 5, "most": 60}
    with pytest.raises(UsageError, match=words):
        list(compress.compress(original, **(usual | given)))


def test_a_search_is_bounded_in_time(photos):
    pixels = np.ascontiguousarray(photos["coffee"][:256, :256])
    original = from_file(encode_png(pixels), "coffee.png")
    compress.load_panel(compress.PANEL)
    started = time.monotonic()
    *_, result = compress.compress(
        original, format="avif", method="search", keep="top1", seconds=0.5, most=60
    )
    assert time.monotonic() - started < 30  # to its end it takes minutes
    assert "the search ended after 0.5 s, its limit" in result.notes
    assert result.verified


# --- for programs ---


def test_the_endpoint_returns_the_verified_file_byte_for_byte(visitor, small):
    kind, data = visitor.named("compress_photo", photo=sent(visitor, small), format="webp")
    assert kind == "complete", data
    name, file, numbers = result_of(data)
    assert name == "small.compressed.webp"
    assert file == compress_photo(small, format="webp", panel="photos").data
    assert visitor.http.get(data[0]["url"]).content == file
    assert numbers["bytes_after"] == len(file) < numbers["bytes_before"] == small.stat().st_size
    assert numbers["verified"] is True
    assert numbers["method"] == "bisect"
    assert b"a secret" not in file
    assert {label["before"] == label["after"] for label in numbers["labels"]} == {True}


def test_a_photo_that_cannot_be_smaller_is_returned_as_it_is(visitor, tiny):
    kind, data = visitor.named("compress_photo", photo=sent(visitor, tiny), format="avif")
    assert kind == "complete", data
    name, file, numbers = result_of(data)
    assert name == "tiny.compressed.png"
    assert file == tiny.read_bytes()
    assert numbers["unchanged"] is True


def test_too_many_pixels_are_refused(visitor, tmp_path):
    path = tmp_path / "many.png"
    Image.new("L", (2000, 1000)).save(path)
    kind, data = visitor.named("compress_photo", photo=sent(visitor, path))
    assert kind == "error"
    assert "2,000,000 pixels; the limit is 1,500,000" in data["error"]


def test_an_mcp_client_gets_the_files_own_bytes(demo, small):
    """Not a JPEG encoded anew, as Gradio's own server sends."""
    coded = base64.b64encode(small.read_bytes()).decode()

    async def work(client):
        given = {"photo": f"data:image/png;base64,{coded}", "format": "jpeg"}
        return await client.call_tool("compress_photo", given)

    answer = with_mcp(demo.url, work)
    assert not answer.isError, answer.content
    picture = next(each for each in answer.content if each.type == "image")
    expected = compress_photo(small, panel="photos").data
    assert base64.b64decode(picture.data) == expected
    assert picture.mimeType == "image/jpeg"


# --- in a browser ---


def test_a_photo_is_compressed_and_downloaded(visit, small):
    page = visit("compress")
    page.wait_for_selector("#compress-facts dl")  # a finished example
    smallest = example.load("chelsea").bytes_after
    assert f"{smallest:,} bytes" in page.locator("#compress-headline").inner_text()
    assert page.locator("#compress-slider a").inner_text() == "Download JPEG"
    page.get_by_role("button", name="Advanced").click()
    assert page.get_by_role("radio", name="search:").is_checked()
    page.get_by_role("radio", name="bisect:").click()
    page.get_by_role("radio", name="AVIF").click()
    upload(page, "#compress-photo", str(small))
    file_of_it = "#compress-slider a[download='small.compressed.avif']"
    page.wait_for_selector(file_of_it, timeout=LONG)
    name, file = downloaded(page, page.locator(file_of_it).click)
    expected = compress_photo(small, format="avif", panel="photos")
    assert name == "small.compressed.avif"
    assert file == expected.data
    assert b"a secret" not in file
    tags = page.locator("#compress-slider .jn-tag").all_inner_texts()
    assert tags == [
        f"original, {small.stat().st_size:,} bytes",
        f"{len(file):,} bytes",
    ]
    # What is drawn is the decoded file, and the original, both exact to the pixel.
    for which, pixels in (("before", expected.original), ("after", expected.pixels)):
        drawn = page.locator(f"#compress-slider .jn-{which} img").get_attribute("src")
        np.testing.assert_array_equal(decode(page.request.get(drawn).body()).pixels, pixels)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(file))), expected.pixels)
    facts = page.locator("#compress-facts").inner_text()
    assert f"{expected.bytes_plain:,}" in facts
    assert f"{expected.psnr_db:.1f} dB" in facts
    rows = page.locator("#compress-table tbody tr").all()
    for row, label in zip(rows, expected.labels, strict=True):
        assert row.locator("td b").all_inner_texts() == [label.before, label.after]
    assert "verified" in page.locator("#compress-headline").inner_text()


def test_a_search_is_stopped(visit):
    page = visit("compress")
    page.wait_for_selector("#compress-headline .jn-headline", timeout=LONG)  # the example
    page.get_by_role("button", name="Advanced").click()
    page.get_by_role("radio", name="faithful:").click()
    begin(page, "#compress-go", "#compress-status progress")
    page.locator("#compress-stop").click()
    page.wait_for_function(
        "document.querySelector('#compress-status').innerText.startsWith('Stopped')"
    )
    time.sleep(2)  # a step later it still stands, and there is no result
    assert page.locator("#compress-status").inner_text().startswith("Stopped")
    assert page.locator("#compress-facts dl").count() == 0
    assert page.locator("#compress-slider a").count() == 0


def test_what_cannot_be_smaller_is_said(visit, tiny):
    page = visit("compress")
    page.wait_for_selector("#compress-photo img")
    page.get_by_role("button", name="Advanced").click()
    page.get_by_role("radio", name="bisect:").click()
    page.get_by_role("radio", name="AVIF").click()
    upload(page, "#compress-photo", str(tiny))
    page.wait_for_selector("#compress-slider a[download^='tiny']", timeout=LONG)
    name, file = downloaded(page, page.locator("#compress-slider a").click)
    assert (name, file) == ("tiny.compressed.png", tiny.read_bytes())
