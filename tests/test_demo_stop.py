"""Stop ends the work within a step, in a real browser, in the tabs that have work to be stopped.

`test_demo_browser` and `test_demo_compress` stop a cloak and a search.
"""

from __future__ import annotations

import demo_browser as browser
import pytest

pytest.importorskip("gradio")

chromium, visit, portrait = browser.chromium, browser.visit, browser.portrait
STEP = 60_000  # milliseconds, on a busy machine


def stop(page, tab: str) -> None:
    """Stop work that has begun; the page says so, and goes on saying so."""
    page.locator(f"#{tab}-stop").click(timeout=browser.LONG)
    page.wait_for_function(
        f"document.querySelector('#{tab}-status').innerText.startsWith('Stopped')", timeout=STEP
    )
    page.wait_for_timeout(2_000)
    assert page.locator(f"#{tab}-status").inner_text().startswith("Stopped")
    assert not page.locator(f"#{tab}-stop").is_visible()


def test_a_measurement_for_the_eye_is_stopped(visit, portrait):
    page = visit("human")
    page.locator("#human-headline .jn-headline").wait_for(timeout=browser.LONG)
    page.get_by_role("button", name="Advanced").click()
    page.get_by_role("checkbox", name="Also perceptual metrics").click()
    with page.expect_response("**/gradio_api/queue/join*"):  # before, there is nothing to stop
        browser.upload(page, "#human-photo", portrait)
    page.get_by_text("Computing the threshold").or_(page.get_by_text("Measuring")).wait_for()
    stop(page, "human")
    assert page.locator("#human-facts dl").count() == 0


def test_a_watermark_is_stopped(visit, portrait):
    page = visit("watermark")
    page.locator("#watermark-headline .jn-headline").wait_for(timeout=browser.LONG)
    browser.upload(page, "#watermark-photo", portrait)
    page.locator("#watermark-slider img").first.wait_for(state="detached")
    page.locator("#watermark-go").click()
    page.get_by_text("Marking the photo").wait_for()
    stop(page, "watermark")
    assert page.locator("#watermark-slider img").count() == 0


def test_a_comparison_is_stopped(visit, portrait):
    page = visit("compare")
    page.locator("#compare-photo img").wait_for(timeout=browser.LONG)
    browser.upload(page, "#compare-photo", portrait)
    page.locator("#compare-table table").wait_for(state="detached")
    browser.begin(page, "#compare-go", "#compare-status .jn-busy, #compare-status progress")
    stop(page, "compare")
    assert page.locator("#compare-table table").count() == 0
