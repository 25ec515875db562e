"""The watermark and the machine score in the demo: as handler, endpoint, and in a browser."""

from __future__ import annotations

import io
from pathlib import Path

import demo_browser as browser
import numpy as np
import pytest
from demo_browser import LONG, downloaded, upload
from demo_visitor import Visitor
from PIL import Image

from demo.handlers import quality, watermark
from engine import embed_watermark, machine_quality, read_watermark
from engine.errors import ImageError, UsageError
from engine.images.picture import Picture, encode_png
from engine.metrics.quality import compare
from engine.system.progress import Progress
from engine.watermark.result import WatermarkedPhoto

pytest.importorskip("gradio")

chromium, visit = browser.chromium, browser.visit
TEXT = "<i>me</i>"  # markup is text as any other


@pytest.fixture(scope="module")
def part(photos) -> np.ndarray:
    """uint8 256×256×3 of the coffee."""
    return np.ascontiguousarray(photos["coffee"][60:316, 100:356])


@pytest.fixture(scope="module")
def file(tmp_path_factory, part) -> Path:
    path = tmp_path_factory.mktemp("part") / "part.png"
    path.write_bytes(encode_png(part))
    return path


@pytest.fixture(scope="module")
def visitor(demo):
    visitor = Visitor(demo.url)
    visitor.http.timeout = 120
    yield visitor
    visitor.close()


def last(steps):
    *progress, result = steps
    assert progress
    assert all(isinstance(each, Progress) for each in progress)
    return result


# --- without a page ---


def test_the_handlers_embed_and_read(part):
    marked = last(
        watermark.embed(Picture(part), TEXT, key="a key", observer="human", format="webp")
    )
    assert isinstance(marked, WatermarkedPhoto)
    assert marked.data == embed_watermark(part, TEXT, key="a key", format="webp").data
    assert last(watermark.read(Picture(marked.pixels), key="a key", thorough=False)).payload == TEXT
    assert not last(watermark.read(Picture(marked.pixels), key=None, thorough=False)).found


def test_two_pictures_are_compared_by_formulas_and_machines(part):
    changed = 255 - part
    numbers = quality.measure(Picture(part), Picture(changed)).to_dict()
    assert numbers["machine"] == machine_quality(part, changed).to_dict()
    assert numbers["ssim"] == pytest.approx(compare(part, changed, perceptual=False).ssim, abs=1e-6)
    with pytest.raises(ImageError, match="give two of the same size"):
        quality.measure(Picture(part), Picture(part[:200]))


def test_a_key_is_a_short_text(part):
    with pytest.raises(UsageError, match="at most 200 characters"):
        last(watermark.read(Picture(part), key=["a"], thorough=False))


# --- for programs ---


def test_the_endpoints_return_the_file_and_read_it(visitor, file, part):
    given = {"photo": {"path": visitor.upload(str(file)), "orig_name": "part.png"}, "text": TEXT}
    kind, data = visitor.named("embed_watermark", **given, key="a key", format="jpeg")
    assert kind == "complete", data
    marked, numbers = data
    assert marked["orig_name"] == "part.watermarked.jpg"
    assert (
        Path(marked["path"]).read_bytes()
        == embed_watermark(part, TEXT, key="a key", format="jpeg").data
    )
    assert numbers["survived"]["jpeg75"] is True
    copy = {"path": marked["path"]}
    kind, (reading,) = visitor.named("read_watermark", photo=copy, key="a key")
    assert (kind, reading["text"]) == ("complete", TEXT)
    kind, (reading,) = visitor.named("read_watermark", photo=copy)
    assert (kind, reading["found"]) == ("complete", False)
    kind, (pair,) = visitor.named("machine_quality", reference=given["photo"], changed=copy)
    assert kind == "complete"
    assert pair["machine"]["panel"] == "photos"
    assert pair["psnr_db"] > 30


# --- in a browser ---


def test_a_photo_is_marked_downloaded_and_read(visit, file, part, tmp_path):
    page = visit("watermark")
    page.wait_for_selector("#watermark-facts dl", timeout=LONG)  # a finished example
    assert page.locator("#watermark-slider a").inner_text() == "Download PNG"
    page.get_by_label("Text").first.fill(TEXT)
    upload(page, "#watermark-photo", str(file))
    link = "#watermark-slider a[download='part.watermarked.png']"
    page.wait_for_selector(link, timeout=LONG)
    _, png = downloaded(page, page.locator(link).click)
    assert png == embed_watermark(part, TEXT).data
    assert TEXT in page.locator("#watermark-headline").inner_text()
    assert page.locator("#watermark-survival li.jn-kept").count() >= 8
    copy = tmp_path / "copy.jpg"
    Image.open(io.BytesIO(png)).save(copy, quality=75)
    assert read_watermark(copy).payload == TEXT
    upload(page, "#reading-photo", str(copy))
    page.locator("#reading-headline").get_by_text(f"“{TEXT}”").wait_for(timeout=LONG)
    page.locator("#reading-key").get_by_role("textbox").fill("another")  # as pasted
    page.locator("#reading-headline .jn-headline").wait_for(state="detached")
    page.locator("#reading-go").click()
    page.locator("#reading-headline").get_by_text("Nothing found").wait_for(timeout=LONG)


def test_two_pictures_of_ones_own_are_compared(visit, file, part, tmp_path):
    changed = tmp_path / "changed.png"
    changed.write_bytes(encode_png(255 - part))
    page = visit("compare")
    page.get_by_role("button", name="Or two pictures of your own").click()
    page.wait_for_function("""() => {
      const place = document.querySelector('#pictures-reference').getBoundingClientRect();
      return place.top >= 0 && place.bottom <= innerHeight;
    }""")
    assert page.evaluate("document.activeElement.closest('#pictures-reference') !== null")
    upload(page, "#pictures-reference", str(file))
    page.locator("#pictures-go").click()
    page.locator("#pictures-changed").get_by_text("Choose a picture first").wait_for()
    upload(page, "#pictures-changed", str(changed))
    page.locator("#pictures-changed img").wait_for()
    page.locator("#pictures-go").click()
    page.wait_for_selector("#pictures-facts dl", timeout=LONG)
    expected = machine_quality(part, 255 - part)
    kept = sum(label.same for label in expected.labels)
    assert page.locator("#pictures-headline").inner_text().startswith(f"{kept} of 3")
    assert f"{expected.keep:.2f}" in page.locator("#pictures-facts").inner_text()
    upload(page, "#pictures-changed", str(file))
    page.locator("#pictures-facts dl").wait_for(state="detached", timeout=5_000)
