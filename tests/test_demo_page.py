"""The demo's page as a whole: it fits, everything on it has a name, the keyboard is enough."""

from __future__ import annotations

import json
import re

import demo_browser as browser
import pytest
from demo_browser import LONG, TABS, open_tab

chromium, visit, portrait = browser.chromium, browser.visit, browser.portrait


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_every_tab_fits_the_page(visit, width, scheme):
    page = visit("machine", width=width, scheme=scheme)
    assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
    for tab in TABS:
        open_tab(page, tab)
        page.wait_for_timeout(400)
        excess = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert excess <= 0, tab
        beyond = page.evaluate(
            """width => [...document.querySelectorAll('main *')].filter(e =>
          e.offsetParent !== null && !e.closest('.jn-scroll, .jn-stage, svg, [aria-hidden=true]') &&
          e.getBoundingClientRect().width > 1 &&
          (e.getBoundingClientRect().right > width + 1 || e.getBoundingClientRect().left < -1)
        ).map(e => e.outerHTML.slice(0, 120))""",
            width,
        )
        assert beyond == [], tab


def test_every_picture_and_every_control_has_a_name(visit):
    page = visit("machine")
    for tab in TABS:
        open_tab(page, tab)
        page.wait_for_timeout(1500)
        nameless = page.evaluate("""() => {
          const label = e => e.getAttribute('aria-label') || e.getAttribute('title') ||
            e.innerText || e.alt || (e.labels && e.labels.length) || '';
          const named = e => [e, ...e.querySelectorAll('*')].some(f => String(label(f)).trim());
          const seen = e => e.offsetParent !== null;
          const controls = [...document.querySelectorAll(
            'main button, main input:not([type=file]), main a, main select, main textarea')];
          const pictures = [...document.querySelectorAll('main img')].filter(
            e => !e.closest('button') && !e.alt);
          return [...controls.filter(e => seen(e) && !named(e)), ...pictures.filter(seen)]
            .map(e => e.outerHTML.slice(0, 160));
        }""")
        assert nameless == [], tab


def test_the_keyboard_is_enough(visit):
    page = visit("machine")
    handle = page.locator("#machine-slider input[type=range]")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached |= set(
            json.loads(
                page.evaluate(
                    "JSON.stringify([document.activeElement.id, document.activeElement.type,"
                    " document.activeElement.closest('[id^=machine]')?.id])"
                )
            )
        )
    assert "machine-go" in reached
    assert "machine-slider" in reached
    handle.focus()
    shown = "e => getComputedStyle(e).clipPath"
    before = page.locator("#machine-slider .jn-before").evaluate(shown)
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    assert handle.input_value() == "70"
    assert page.locator("#machine-slider .jn-before").evaluate(shown) != before
    tab = page.get_by_role("tab", name=TABS["machine"], exact=True).first
    tab.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#human-facts dl", timeout=LONG)


def test_the_page_for_programs_asks_nobody_either(visit):
    page = visit("machine")
    page.get_by_role("button", name=re.compile("Use via API")).click()
    page.get_by_text("machine_jnd").first.wait_for()
    page.wait_for_timeout(1000)
