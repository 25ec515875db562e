"""The demo in a real Chromium: every tab used with a real picture, exact to the pixel."""

from __future__ import annotations

import re
import time
from pathlib import Path

import demo_browser as browser
import numpy as np
import pytest
from demo_browser import ASTRONAUT, CAT, COFFEE, LONG, begin, downloaded, upload
from PIL import Image

from engine import machine_jnd
from engine.faces.finder import SAME
from engine.human import thresholds
from engine.human.injection import inject
from engine.images.picture import decode
from engine.models import available

chromium, visit, portrait = browser.chromium, browser.visit, browser.portrait


def test_a_machine_does_not_notice(visit):
    page = visit("machine")
    # A finished example is there before anything is clicked.
    page.wait_for_selector("#machine-table table")
    assert page.locator("#machine-headline").inner_text().startswith("3 of 3")
    upload(page, "#machine-photo", COFFEE)
    page.wait_for_selector("#machine-slider a[download='coffee.distorted.png']")
    name, png = downloaded(page, page.locator("#machine-slider a").click)
    assert name == "coffee.distorted.png"
    assert png == machine_jnd(COFFEE).png
    # What is drawn is that file too, not a rendition of it.
    shown = page.locator("#machine-slider .jn-after img").get_attribute("src")
    assert page.request.get(shown).body() == png
    rows = page.locator("#machine-table tbody tr")
    assert rows.count() == 3
    for row, label in zip(rows.all(), machine_jnd(COFFEE).labels, strict=True):
        before, after, _ = row.locator("td b").all_inner_texts()
        assert (before, after) == (label.before, label.after)
    assert "espresso" in page.locator("#machine-headline").inner_text()
    page.get_by_text("White noise as strong, and where").click()
    page.locator("#machine-noise img").nth(1).wait_for()
    # A person is none of the classes: no animal's name is given for one.
    page.get_by_role("button", name="Astronaut").first.click()
    page.get_by_text("the machines do not agree, or only guess").wait_for()
    assert "None of them is a person" in page.locator("#machine-table").inner_text()
    page.get_by_role("button", name="Advanced").click()
    page.get_by_role("radio", name="Thumbnails").click()
    page.locator("#machine-slider .jn-pixels").wait_for()
    assert page.locator("#machine-table tbody tr").count() == 4
    assert "airplane" in page.locator("#machine-table").inner_text()


def test_the_strength_is_heard(visit):
    page = visit("machine")
    facts = page.locator("#machine-facts")
    number = page.locator("input[aria-label*='Strength'][type=number]")
    number.fill("0.3")
    number.press("Enter")
    page.locator("#machine-go").click()
    facts.get_by_text("of strength 0.3").wait_for()


def test_you_do_not_notice(visit):
    page = visit("human")
    page.wait_for_selector("#human-facts dl")  # the first sample, by itself
    upload(page, "#human-photo", CAT)
    page.wait_for_selector("#human-slider a[download='chelsea.noisy.png']", timeout=LONG)
    assert page.locator("#human-headline").inner_text().startswith("Invisible")
    page.get_by_text("Where noise hides, and how much").click()
    _, png = downloaded(page, page.locator("#human-slider a").click)
    pixels = decode(Path(CAT).read_bytes()).pixels
    jnd = thresholds(pixels, available.human_models()[0])
    np.testing.assert_array_equal(decode(png).pixels, inject(pixels, jnd, 0.25, 0))
    drawn = page.locator("#human-map img").first.get_attribute("src")
    seen = decode(page.request.get(drawn).body()).pixels
    np.testing.assert_array_equal(seen, np.rint(np.minimum(jnd * 8, 255)).astype(np.uint8))


@pytest.fixture
def two_faces(tmp_path, photos) -> str:
    """A picture of the astronaut's head, and of its mirror image."""
    path = tmp_path / "two.png"
    head = photos["astronaut"][:256, 96:352]
    Image.fromarray(np.concatenate([head, head[:, ::-1]], 1)).save(path)
    return str(path)


def test_what_may_be_a_face_is_listed_below_the_face(visit):
    page = visit("cloak")
    upload(page, "#cloak-photo", ASTRONAUT)
    page.wait_for_selector("#cloak-face label")
    assert page.locator("#cloak-faces .jn-box").count() == 1  # none on a badge of the suit
    first, second = page.locator("#cloak-face label").all_inner_texts()
    assert first.startswith("Face 1 (")
    assert second.startswith("Perhaps a face (")
    assert page.locator("#cloak-face input[value='1']").is_checked()


def test_a_face_is_cloaked_and_tested(visit, portrait, two_faces):
    page = visit("cloak")
    upload(page, "#cloak-photo", two_faces)
    page.wait_for_selector(".jn-box")
    assert page.locator(".jn-box").count() == 2
    page.wait_for_selector("#cloak-status progress", timeout=LONG)  # an upload is enough
    page.locator(".jn-box").nth(1).click()
    page.wait_for_selector("#cloak-face input[value='2']:checked")
    upload(page, "#cloak-photo", portrait)
    page.wait_for_function("document.querySelectorAll('.jn-box').length === 1")
    page.get_by_role("button", name="Advanced").click()
    page.get_by_label("Method", exact=True).click()
    page.get_by_role("option", name=re.compile("^BIM")).click()
    begin(page, "#cloak-go", "#cloak-status progress")
    page.wait_for_selector("#cloak-withstands li", timeout=LONG)
    assert page.locator("#cloak-headline").inner_text().startswith("Hidden")
    assert not page.locator("#cloak-stop").is_visible()  # nothing runs that could be stopped
    name, png = downloaded(page, page.locator("#cloak-slider a.jn-file").click)
    assert name == "portrait.cloaked.png"
    shown = page.locator("#cloak-slider .jn-after img").get_attribute("src")
    assert page.request.get(shown).body() == png
    assert b"a camera" not in png
    original = decode(Path(portrait).read_bytes()).pixels
    changed = decode(png).pixels
    assert changed.shape == original.shape
    assert (changed != original).any()
    page.get_by_text("What was changed, and numbers").click()
    difference = page.locator("#cloak-difference img").first.get_attribute("src")
    drawn = decode(page.request.get(difference).body()).pixels
    amplified = np.clip(128 + 16 * (changed.astype(int) - original), 0, 255)
    np.testing.assert_array_equal(drawn, amplified)
    drawn = page.locator("#cloak-share img").first.get_attribute("src")
    name, shared = downloaded(page, page.locator("#cloak-slider a.jn-share").click)
    assert name == "before-after-difference.png"
    assert page.request.get(drawn).body() == shared
    assert b"portrait" not in shared
    assert "portrait" not in drawn
    page.get_by_text("Test it with a second photo").click()
    upload(page, "#cloak-second", ASTRONAUT)
    page.wait_for_selector("#cloak-second img")
    page.locator("#cloak-verify").click()
    page.wait_for_selector("#cloak-verdict table", timeout=LONG)
    rows = page.locator("#cloak-verdict tbody tr").all_inner_texts()
    before, after = (row for row in rows if "dlib" in row)
    assert "the same person" in before
    assert "different people" in after
    assert f"a match up to {SAME:g}" in before
    assert [row.split()[0] for row in rows if "faceres" in row] == ["Original", "Cloaked"]


def test_the_example_is_there_again_when_it_is_tapped(visit):
    page = visit("cloak")
    page.get_by_text("An example: choose").wait_for()
    page.get_by_role("button", name="Astronaut").first.click()
    page.locator("#cloak-headline .jn-headline").wait_for(timeout=LONG)
    page.locator("#cloak-go").click()
    page.wait_for_selector("#cloak-withstands li", timeout=LONG)
    assert page.locator("#cloak-headline").inner_text().startswith("Hidden")


def test_a_cloak_is_stopped(visit):
    page = visit("cloak")
    upload(page, "#cloak-photo", ASTRONAUT)
    page.wait_for_selector("#cloak-status progress", timeout=LONG)
    page.locator("#cloak-stop").click()
    page.wait_for_function(
        "document.querySelector('#cloak-status').innerText.startsWith('Stopped')"
    )
    time.sleep(2)  # a step later it still stands, and there is no result
    assert page.locator("#cloak-status").inner_text().startswith("Stopped")
    assert page.locator("#cloak-slider img").count() == 0
    # The search is over for the server too: the next one begins at once.
    page.locator("#cloak-go").click()
    page.wait_for_selector("#cloak-status progress", timeout=LONG)
    page.locator("#cloak-stop").click()


def choose_methods(page, *names: str) -> None:
    """These methods of the tab *Compare*, and no others."""
    for box in page.locator("#compare-methods").get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_role("button", name="Advanced").click()
    for name in names:
        page.locator("#compare-more").get_by_role("checkbox", name=name).check()


def test_methods_are_compared_in_one_table(visit, portrait):
    page = visit("compare")
    page.wait_for_selector("#compare-photo img")
    upload(page, "#compare-photo", portrait)
    choose_methods(page, "BIM", "One step (FGSM)")
    page.locator("#compare-go").click()
    page.get_by_text("methods hid the face.").wait_for(timeout=LONG)
    rows = page.locator("#compare-table tbody tr").all_inner_texts()
    said = page.locator("#compare-table").inner_text()  # on a slow machine one may not get there
    assert "BIM: small steps" in said
    assert "One step (FGSM)" in said
    assert rows
    assert page.locator("#compare-faces img").count() == 1 + len(rows)  # the original's too
    page.get_by_text("Whole photos, exact").click()
    pictures = page.locator("#compare-pictures img")
    pictures.nth(len(rows) - 1).wait_for()
    assert pictures.count() == len(rows)
    original = decode(Path(portrait).read_bytes()).pixels
    for picture in pictures.all():
        body = page.request.get(picture.get_attribute("src")).body()
        assert body.startswith(b"\x89PNG")
        assert decode(body).pixels.shape == original.shape


def test_a_viewing_test_from_start_to_file(visit, demo):
    page = visit("viewing")
    page.locator("#viewing-example img").nth(1).wait_for()  # what a pair looks like
    page.get_by_role("button", name="What is compared").click()
    keep = ("the original", "white noise")
    for label in page.locator("#viewing-kinds label").all():
        checked = label.locator("input").is_checked()
        if checked != (label.inner_text().strip() in keep):
            label.click()
    page.locator("#viewing-go").click()
    page.wait_for_selector("#viewing-pair img")
    assert "Practice 1 of 2" in page.locator("#viewing-status").inner_text()
    for k in range(6):  # two for practice, then one pair of each of four pictures
        was = page.locator("#viewing-status .jn-note").inner_text()
        page.locator("#viewing-vote-2").press("Enter" if k % 2 else "Space")
        page.wait_for_function(
            "was => document.querySelector('#viewing-status .jn-note')?.innerText !== was", arg=was
        )
    page.wait_for_selector("#viewing-summary table")
    assert (
        "4 answers. They were kept by this server." in page.locator("#viewing-summary").inner_text()
    )
    name, csv = downloaded(page, page.locator("#viewing-file a").first.click)
    lines = csv.decode().splitlines()
    assert len(lines) == 5
    assert {line.split(",")[5] for line in lines[1:]} == {"-2"}
    (kept,) = demo.collect.iterdir()
    assert kept.name == name
    assert kept.read_bytes() == csv
    page.get_by_text("Several viewers together").click()
    page.locator("#viewing-several input[type=file]").set_input_files(str(kept))
    page.wait_for_selector("#viewing-together table")
    assert "1 viewer" in page.locator("#viewing-together").inner_text()


@pytest.mark.parametrize("tab", ["machine", "human", "compress", "cloak", "watermark", "compare"])
def test_a_bad_file_is_refused_on_its_own_component(visit, tab, tmp_path):
    page = visit(tab)
    where = f"#{tab}-photo"
    page.wait_for_selector(f"{where} img", state="attached")
    path = tmp_path / "words.png"
    path.write_text("not a picture")
    upload(page, where, str(path))
    if tab == "compare":
        page.locator(f"#{tab}-go").click()
    said = page.locator(where).get_by_text("words.png is not a picture we can read")
    said.wait_for()
    assert "/tmp" not in page.locator(where).inner_text()
    page.wait_for_function(f"() => !document.querySelector('#{tab}-status').innerText")
    assert page.locator("[data-testid=toast-body]").count() == 0


@pytest.mark.parametrize("width", [390, 1200])
def test_a_photo_without_a_face_is_refused_on_its_own_component(visit, width):
    page = visit("cloak", width=width)
    upload(page, "#cloak-photo", COFFEE)
    error = page.locator("#cloak-photo").get_by_text("No face found")
    error.wait_for()
    page.wait_for_function("() => !document.querySelector('#cloak-status').innerText")
    given = page.locator("#cloak-photo img")  # below its error, and not behind it
    below = error.bounding_box()["y"] + error.bounding_box()["height"]
    assert given.bounding_box()["y"] >= below - 1
    assert given.bounding_box()["height"] > 50
    block = page.locator("#cloak-photo").bounding_box()
    assert given.bounding_box()["y"] + 50 < block["y"] + block["height"]


def test_the_server_talked_to_nobody(visit, demo):
    visit("machine")
    assert not demo.outside.exists(), demo.outside.read_text()
