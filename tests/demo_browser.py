"""A real Chromium on the demo's page: visits, uploads, downloads.

Without Chromium the tests that visit are skipped, visibly; under continuous integration (CI is
set) they fail. `make test` tries to install it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from engine.images.samples import sample_paths

CAT, _, COFFEE, ASTRONAUT = map(str, sample_paths())
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TABS = {
    "cloak": "Hide a face",
    "machine": "What a machine tolerates",
    "compress": "Smallest file for machines",
    "human": "What you don't see",
    "watermark": "Watermark",
    "compare": "Compare",
    "viewing": "Viewing test",
}
HEIGHTS = {1200: 800, 390: 844}  # pixels of a window of this width
FIRST = "cloak"  # the tab that is open at first, with a finished example
LONG = 120_000  # ms; for what computes on a busy machine


@pytest.fixture(scope="module")
def chromium():
    """A browser. Nothing of it leaves this machine."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        sync_playwright = None
    if path is None or sync_playwright is None:
        missing = "playwright" if path else f"Chromium ({', '.join(NAMES)})"
        said = f"{missing} is not installed: run make test, or apt-get install chromium"
        if "CI" in os.environ:
            pytest.fail(said)
        pytest.skip(said)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, demo):
    """visit(tab, width=…, scheme=…): a new page on that tab; requests and errors are watched."""
    contexts, outside, broken = [], [], []

    def watch(route):
        if urlsplit(route.request.url).hostname in ("127.0.0.1", "localhost", None):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    def go(tab: str, *, width: int = 1200, scheme: str = "light"):
        context = chromium.new_context(
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            color_scheme=scheme,
            accept_downloads=True,
        )
        contexts.append(context)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.route("**/*", watch)
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(demo.url)
        page.wait_for_selector(f"#{FIRST}-headline .jn-headline")
        if tab != FIRST:
            open_tab(page, tab)
        return page

    yield go
    for context in contexts:
        context.close()
    assert outside == []
    assert not demo.outside.exists(), demo.outside.read_text()
    assert broken == []


def open_tab(page, tab: str) -> None:
    """Also where the tab is in the menu of a narrow page."""
    button = page.get_by_role("tab", name=TABS[tab], exact=True).first
    if not button.is_visible():
        page.locator(".overflow-menu > button").click()
        button = page.locator(".overflow-dropdown button", has_text=TABS[tab])
    button.click()


def begin(page, button: str, shows: str) -> None:
    """Click a button until something shows, as a visitor does of whom a busy page lost a click.

    While the work is on its way further clicks do nothing.
    """
    from playwright.sync_api import TimeoutError as Late

    tries = 8
    for number in range(1, tries + 1):
        page.locator(button).click()
        try:
            page.wait_for_selector(shows, timeout=LONG / tries)
            return
        except Late:
            if number == tries:
                raise


def upload(page, where: str, path: str) -> None:
    """Replace the picture in an upload by a file."""
    clear = page.locator(f"{where} button[aria-label='Clear'], {where} button[title='Clear']")
    if clear.count():
        clear.first.click()
    page.locator(f"{where} input[type=file]").set_input_files(path)


def downloaded(page, click) -> tuple[str, bytes]:
    """Name and bytes of what a click downloads."""
    with page.expect_download() as download:
        click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


@pytest.fixture(scope="module")
def portrait(tmp_path_factory, photos) -> str:
    """A JPEG of the astronaut's head, 256×256."""
    path = tmp_path_factory.mktemp("portrait") / "portrait.jpg"
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    crop = np.ascontiguousarray(photos["astronaut"][:256, 96:352])
    Image.fromarray(crop).save(path, quality=95, exif=exif)
    return str(path)
