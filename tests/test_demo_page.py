"""The demo's page as a whole: it fits, everything on it has a name, the keyboard is enough."""

from __future__ import annotations

import gzip
import io
import json
import re
import urllib.request

import demo_browser as browser
import pytest
from demo_browser import LONG, TABS, open_tab
from demo_visitor import get
from PIL import Image

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
          e.offsetParent !== null &&
          !e.closest('.jn-scroll, .jn-stage, svg, [role=tablist], [aria-hidden=true]') &&
          e.getBoundingClientRect().width > 1 &&
          (e.getBoundingClientRect().right > width + 1 || e.getBoundingClientRect().left < -1)
        ).map(e => e.outerHTML.slice(0, 120))""",
            width,
        )
        assert beyond == [], tab


@pytest.mark.parametrize("width", [390, 1200])
def test_every_tab_has_its_whole_name_in_sight(visit, width):
    page = visit("cloak", width=width)
    for name in TABS.values():
        tab = page.get_by_role("tab", name=name, exact=True)
        assert tab.count() == 1, name
        box = tab.bounding_box()
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= width, name
        assert box["height"] >= 24, name  # enough for a finger
        assert tab.evaluate("e => e.scrollWidth <= e.clientWidth"), name
    assert not page.locator(".overflow-menu > button").is_visible()
    faded = "e => getComputedStyle(e).maskImage"
    assert page.locator("[role=tablist]").first.evaluate(faded) == "none"


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
    page.wait_for_selector("#machine-slider img")
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
    page.wait_for_selector("#compress-facts dl", timeout=LONG)


def test_the_page_for_programs_asks_nobody_either(visit):
    page = visit("machine")
    page.get_by_role("button", name=re.compile("Use via API")).click()
    page.get_by_text("machine_jnd").first.wait_for()
    page.wait_for_timeout(1000)


def test_a_link_to_the_page_has_its_own_title(demo):
    """Sites that show a link read these; Gradio's own has its name, and a picture elsewhere."""
    page = get(demo.url).decode()
    assert '<meta property="og:title" content="Just Noticeable" />' in page
    assert page.count("og:title") == 1
    tags = " ".join(re.findall("<meta[^>]*>", page))
    assert "Gradio" not in tags
    assert "githubusercontent" not in tags
    (address,) = re.findall('<meta property="og:image" content="([^"]*)"', page)
    assert address.startswith(demo.url)
    with Image.open(io.BytesIO(get(address))) as card:
        assert card.size == (1200, 630)


def test_what_it_is_can_be_seen_while_the_page_loads(chromium, demo):
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/assets/*.js", lambda route: route.abort())  # as where it never comes
    page.goto(demo.url, wait_until="commit")
    first = page.locator("#jn-first")
    first.get_by_text("before a machine, or a person, notices").wait_for()
    page.wait_for_function("document.querySelector('#jn-first img').naturalWidth === 1200")
    assert first.locator("img").get_attribute("alt")
    page.unroute("**/assets/*.js")
    page.reload()
    page.locator("h1").wait_for()
    assert not first.is_visible()
    assert page.get_by_role("tab", name=TABS["cloak"], exact=True).is_visible()
    context.close()


def test_the_page_is_sent_compressed(demo):
    whole = get(demo.url)
    asked = urllib.request.Request(demo.url, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        sent = answer.read()
    assert len(sent) < len(whole) / 5
    assert len(gzip.decompress(sent)) == len(whole)


IN_SIGHT = """e => {
  const {top, bottom} = e.getBoundingClientRect();
  return (Math.min(bottom, innerHeight) - Math.max(top, 0)) / (bottom - top);
}"""


@pytest.mark.parametrize("width", [390, 1200])
def test_a_result_is_in_sight(visit, width, portrait):
    """A finished example above the fold, and after an upload its progress and its result."""
    page = visit("cloak", width=width)
    assert page.locator("#cloak-headline .jn-headline").evaluate(IN_SIGHT) == 1
    assert page.locator("#cloak-slider .jn-stage").evaluate(IN_SIGHT) == 1
    assert page.locator("#cloak-go").evaluate(IN_SIGHT) == 1
    large = "e => e.offsetParent && !e.closest('button') && e.width > 150"
    pictures = page.locator("main img").evaluate_all(f"all => all.filter({large}).length")
    assert pictures == 2  # the two halves of one picture
    page.mouse.wheel(0, 2000)
    browser.upload(page, "#cloak-photo", portrait)
    page.wait_for_selector("#cloak-status progress", timeout=LONG)
    page.wait_for_timeout(1000)  # the page moves smoothly
    assert page.locator("#cloak-status").evaluate(IN_SIGHT) == 1
    assert page.locator("#cloak-stop").evaluate(IN_SIGHT) == 1
    assert page.locator("#cloak-faces .jn-stage").evaluate(IN_SIGHT) > 0.9
    page.locator("#cloak-stop").click()
    page.get_by_text("Stopped.").wait_for()
    assert not page.locator("#cloak-stop").is_visible()
    open_tab(page, "compare")
    page.wait_for_selector("#compare-faces img", timeout=LONG)
    assert page.locator("#compare-headline .jn-headline").evaluate(IN_SIGHT) > 0.95
    for tab in ("machine", "compress", "human", "watermark"):
        open_tab(page, tab)
        page.wait_for_selector(f"#{tab}-slider img", timeout=LONG)
        page.wait_for_selector(f"#{tab}-headline .jn-headline", timeout=LONG)
        assert page.locator(f"#{tab}-headline .jn-headline").evaluate(IN_SIGHT) > 0.95, tab
        assert page.locator(f"#{tab}-slider .jn-stage").evaluate(IN_SIGHT) > 0.6, tab


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit, scheme):
    axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = visit("cloak", scheme=scheme)
    for tab in TABS:
        open_tab(page, tab)
        if tab != "viewing":
            page.wait_for_selector(f"#{tab}-headline .jn-headline", timeout=LONG)
        page.wait_for_timeout(500)
        results = axe_playwright.Axe().run(page)
        found = [
            (each["id"], [node["html"][:200] for node in each["nodes"]])
            for each in results.response["violations"]
            if each["impact"] in ("serious", "critical")
        ]
        assert found == [], tab
