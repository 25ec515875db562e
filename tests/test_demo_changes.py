"""A changed input clears its results, at once: in a real browser, with new work held back."""

from __future__ import annotations

import demo_browser as browser
import pytest

from demo.server.visitors import current_order, current_page
from demo.ui.changes import Latest, key

pytest.importorskip("gradio")

chromium, visit, portrait = browser.chromium, browser.visit, browser.portrait
WORK = "**/gradio_api/queue/join*"
MACHINE = [
    "#machine-headline .jn-headline",
    "#machine-slider img",
    "#machine-noise img",
    "#machine-table table",
    "#machine-jnd img",
    "#machine-cam img",
    "#machine-facts dl",
]
HUMAN = ["#human-headline .jn-headline", "#human-slider img", "#human-map img", "#human-facts dl"]
CLOAK = [
    "#cloak-headline .jn-headline",
    "#cloak-slider img",
    "#cloak-withstands li",
    "#cloak-facts dl",
    "#cloak-difference img",
    "#cloak-share img",
    "#cloak-verdict table",
]
WATERMARK = [
    "#watermark-headline .jn-headline",
    "#watermark-slider img",
    "#watermark-survival li",
    "#watermark-facts dl",
]
COMPRESS = [
    "#compress-headline .jn-headline",
    "#compress-slider img",
    "#compress-table table",
    "#compress-facts dl",
]
COMPARE = [
    "#compare-headline .jn-headline",
    "#compare-faces img",
    "#compare-table table",
    "#compare-pictures img",
    "#compare-differences img",
]


def changes(page, change, results: list[str]) -> None:
    """Make a change; the results go before any work for it arrives at the server."""
    for where in results:
        page.locator(where).first.wait_for(timeout=browser.LONG)
    held = []
    page.route(WORK, lambda route: held.append(route))
    change()
    for where in results:
        page.locator(where).first.wait_for(state="detached", timeout=5_000)
    page.unroute(WORK)
    for route in held:
        route.continue_()


def again(page, tab: str) -> None:
    page.locator(f"#{tab}-go").click()


def key_on(page, label: str):
    """A change of a slider by keyboard."""
    return lambda: page.get_by_role("slider", name=label).first.press("ArrowLeft")


def test_of_the_machine(visit):
    page = visit("machine")
    page.get_by_text("White noise as strong, and where").click()
    changes(page, key_on(page, "Strength"), MACHINE)
    again(page, "machine")
    # These start the work for it as well.
    changes(page, lambda: browser.upload(page, "#machine-photo", browser.COFFEE), MACHINE)
    changes(page, page.get_by_role("button", name="Astronaut").first.click, MACHINE)
    page.get_by_role("button", name="Advanced").click()
    changes(page, page.get_by_role("radio", name="Thumbnails").click, MACHINE)
    changes(page, page.get_by_role("checkbox", name="VGG").click, MACHINE)
    changes(page, page.get_by_role("radio", name="Transfer").click, MACHINE)
    clear = page.locator("#machine-photo button[aria-label='Remove Image']")
    changes(page, clear.first.click, MACHINE)


@pytest.mark.parametrize("tab", ["machine", "human", "compare", "compress"])
def test_an_example_that_is_late_leaves_an_upload_alone(visit, tab, portrait):
    """The tab asks for its example, and the visitor has uploaded a photo before it is there."""
    page = visit("viewing")
    held = []
    page.route(WORK, lambda route: held.append(route))
    browser.open_tab(page, tab)
    page.wait_for_timeout(500)
    browser.upload(page, f"#{tab}-photo", portrait)
    shown = page.locator(f"#{tab}-photo img")
    shown.wait_for()
    own = shown.get_attribute("src")
    page.wait_for_timeout(500)
    page.unroute(WORK)
    for route in held:
        route.continue_()
    page.wait_for_timeout(5_000)
    assert shown.get_attribute("src") == own


def test_of_the_eye(visit):
    page = visit("human")
    page.get_by_text("Where noise hides, and how much").click()
    page.get_by_role("button", name="Advanced").click()
    changes(page, page.get_by_role("checkbox", name="Also perceptual metrics").click, HUMAN)
    page.get_by_role("checkbox", name="Also perceptual metrics").click()
    again(page, "human")
    changes(page, key_on(page, "Level"), HUMAN)
    again(page, "human")

    def other_model():
        page.get_by_label("Model of the eye").first.click()
        page.get_by_role("option", name="yang2005").click()

    changes(page, other_model, HUMAN)
    changes(page, lambda: browser.upload(page, "#human-photo", browser.CAT), HUMAN)


def test_of_a_compression(visit):
    page = visit("compress")
    page.get_by_role("button", name="Advanced").click()
    changes(page, page.get_by_role("radio", name="bisect:").click, COMPRESS)
    again(page, "compress")
    # Another format and another sample are enough to begin.
    changes(page, page.get_by_role("radio", name="WebP").click, COMPRESS)
    changes(page, page.get_by_role("button", name="Coffee").first.click, COMPRESS)
    page.wait_for_selector("#compress-facts dl", timeout=browser.LONG)


def test_of_a_watermark(visit):
    page = visit("watermark")
    changes(
        page,
        lambda: page.locator("#watermark-text").get_by_role("textbox").fill("pasted"),
        WATERMARK,
    )
    again(page, "watermark")
    changes(page, page.get_by_role("button", name="Cat").first.click, WATERMARK)
    page.get_by_role("button", name="Advanced").click()
    changes(page, page.get_by_role("radio", name="WebP").last.click, WATERMARK)


def test_of_a_cloak(visit, portrait):
    page = visit("cloak")
    browser.upload(page, "#cloak-photo", portrait)
    page.wait_for_function("document.querySelectorAll('.jn-box').length === 1")
    page.get_by_text("What was changed, and numbers").click()
    page.get_by_text("Test it with a second photo").click()
    page.get_by_role("button", name="Advanced").click()
    page.get_by_label("Method", exact=True).click()
    page.get_by_role("option", name="BIM").first.click()
    again(page, "cloak")
    page.wait_for_selector("#cloak-facts dl", timeout=browser.LONG)
    browser.upload(page, "#cloak-second", browser.ASTRONAUT)
    page.wait_for_selector("#cloak-second img")
    page.locator("#cloak-verify").click()
    page.wait_for_selector("#cloak-verdict table", timeout=browser.LONG)
    second = lambda: browser.upload(page, "#cloak-second", portrait)  # noqa: E731
    changes(page, second, ["#cloak-verdict table"])
    assert page.locator("#cloak-facts dl").count() == 1
    page.wait_for_selector("#cloak-second img")
    page.locator("#cloak-verify").click()
    changes(page, page.get_by_role("checkbox", name="Robust").click, CLOAK)
    assert page.locator(".jn-box").count() == 1  # the photo is the same
    browser.upload(page, "#cloak-photo", browser.ASTRONAUT)
    page.locator("#cloak-face label").nth(1).wait_for()
    changes(page, lambda: browser.upload(page, "#cloak-photo", portrait), [".jn-box"])


@pytest.mark.parametrize("tab", ["machine", "compress", "cloak"])
def test_that_a_photo_is_on_its_way_is_said_at_once(visit, tab, portrait):
    page = visit(tab)
    page.wait_for_selector(f"#{tab}-headline .jn-headline")
    page.route(WORK, lambda route: None)  # the server hears nothing of it
    browser.upload(page, f"#{tab}-photo", portrait)
    page.locator(f"#{tab}-status .jn-busy").get_by_text("Your photo").wait_for(timeout=5_000)
    assert page.locator(f"#{tab}-stop").is_visible() == (tab != "machine")


def test_a_search_for_older_inputs_ends(visit):
    page = visit("cloak")
    page.get_by_role("button", name="Advanced").click()
    browser.upload(page, "#cloak-photo", browser.ASTRONAUT)
    page.wait_for_selector("#cloak-status progress", timeout=browser.LONG)
    page.get_by_role("checkbox", name="Robust").click()
    page.wait_for_selector("#cloak-status progress", state="detached")
    # The one place for a search is free at once: the next one needs not wait for a minute.
    page.wait_for_timeout(1500)
    assert page.locator("#cloak-status progress").count() == 0
    assert page.locator("#cloak-slider img").count() == 0  # nor did it end with a result
    again(page, "cloak")
    page.wait_for_selector("#cloak-status progress", timeout=20_000)
    page.locator("#cloak-stop").click()


def test_of_a_comparison(visit, portrait):
    page = visit("compare")
    page.wait_for_selector("#compare-photo img")
    browser.upload(page, "#compare-photo", portrait)
    for box in page.locator("#compare-methods").get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_role("button", name="Advanced").click()
    page.get_by_text("Whole photos, exact").click()
    page.locator("#compare-more").get_by_role("checkbox", name="One step (FGSM)").check()
    again(page, "compare")
    page.get_by_text("methods hid the face").wait_for(timeout=browser.LONG)
    changes(page, key_on(page, "Seconds per method"), COMPARE)
    again(page, "compare")
    page.get_by_text("methods hid the face").wait_for(timeout=browser.LONG)
    changes(page, lambda: browser.upload(page, "#compare-photo", browser.ASTRONAUT), COMPARE)


def test_of_several_viewers(visit, tmp_path):
    page = visit("viewing")
    path = tmp_path / "answers.csv"
    path.write_text("viewer,trial,picture,left,right,score,seconds\nv,1,Cat,b,a,3,1.0\n")
    page.get_by_text("Several viewers together").click()
    page.locator("#viewing-several input[type=file]").set_input_files(str(path))
    clear = page.locator("#viewing-several button[aria-label='Clear']")
    changes(page, clear.first.click, ["#viewing-together table"])


def test_a_change_that_arrives_late_does_not_undo_a_later_one(visit, portrait):
    """The photo is removed and another one chosen, but the server hears of the removal last."""
    page = visit("human")
    page.locator(HUMAN[0]).wait_for(timeout=browser.LONG)
    held = []
    page.route("**/gradio_api/run/*", lambda route: held.append(route))
    page.locator("#human-photo button[aria-label='Remove Image']").first.click()
    page.locator(HUMAN[0]).wait_for(state="detached")
    page.wait_for_timeout(500)
    page.unroute("**/gradio_api/run/*")
    assert held
    with page.expect_response(WORK, timeout=browser.LONG):
        page.locator("#human-photo input[type=file]").set_input_files(str(portrait))
    for route in held:
        route.continue_()
    page.locator(HUMAN[0]).wait_for(timeout=browser.LONG)


def test_an_older_request_records_nothing():
    latest = Latest()
    tokens = current_page.set("one"), current_order.set(7)
    try:
        latest.record("new")
        current_order.set(6)
        latest.record("old")
        assert latest.is_current("new")
        current_order.set(None)  # a program, which numbers nothing
        latest.record("newest")
        assert latest.is_current("newest")
        current_order.set(6)
        latest.record("old")
        assert latest.is_current("newest")
        current_order.set(8)
        latest.record("old")
        assert latest.is_current("old")
    finally:
        current_page.reset(tokens[0])
        current_order.reset(tokens[1])


def test_what_is_chosen_last_holds():
    latest, photo = Latest(), {"path": "/a", "url": "b"}
    token = current_page.set("one")
    try:
        assert latest.is_current(photo, 1)  # nothing has been chosen: nothing is older
        latest.record(photo, 1)
        assert latest.is_current({"path": "/a"}, 1)
        assert not latest.is_current(photo, 2)
        current_page.set("two")
        latest.record(photo, 2)
        current_page.set("one")
        assert latest.is_current(photo, 1)
    finally:
        current_page.reset(token)
    assert key([{"file": photo, "name": "a"}]) != key([{"file": {"path": "/b"}, "name": "a"}])
    assert key([photo, None, ["a"]]) == key([{"path": "/a"}, None, ["a"]])
    for k in range(1100):
        token = current_page.set(str(k))
        latest.record(k)
        current_page.reset(token)
    assert len(latest._of) == 1000
