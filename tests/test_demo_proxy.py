"""The demo behind a reverse proxy under a path: whatever the page shows is found there."""

from __future__ import annotations

import demo_browser as browser
import pytest
from demo_process import served
from demo_proxy import proxy

from engine import machine_jnd

pytest.importorskip("gradio")

chromium = browser.chromium


@pytest.mark.parametrize(
    ("arguments", "environment", "host_kept"),
    [(["--root-path", "jn/"], {}, True), ([], {"GRADIO_ROOT_PATH": "/jn"}, False)],
    ids=["--root-path", "GRADIO_ROOT_PATH"],
)
def test_pictures_boxes_and_downloads_load(chromium, tmp_path, arguments, environment, host_kept):
    with (
        served(tmp_path / "log", *arguments, **environment) as port,
        proxy("/jn", port, host_kept=host_kept) as (url, beside),
    ):
        context = chromium.new_context(accept_downloads=True)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.goto(f"{url}/")
        page.wait_for_selector("#cloak-slider img")
        browser.open_tab(page, "machine")
        page.wait_for_selector("#machine-table table")
        browser.upload(page, "#machine-photo", browser.COFFEE)
        page.wait_for_selector("#machine-slider a[download='coffee.distorted.png']")
        pictures = page.locator("#machine-slider img, #machine-noise img, #machine-jnd img").all()
        assert len(pictures) >= 2
        for picture in pictures:
            assert picture.evaluate("e => e.decode().then(() => true)")
            assert picture.get_attribute("src").startswith(f"{url}/gradio_api/file=")
        name, png = browser.downloaded(page, page.locator("#machine-slider a").click)
        assert (name, png) == (
            "coffee.distorted.png",
            machine_jnd(browser.COFFEE).png,
        )
        browser.open_tab(page, "cloak")
        browser.upload(page, "#cloak-photo", browser.ASTRONAUT)
        page.wait_for_selector(".jn-box")
        photo = page.locator("#cloak-faces img")
        assert photo.evaluate("e => e.decode().then(() => e.naturalWidth)") == 512
        context.close()  # which ends the search, too
    assert set(beside) <= {"/favicon.ico"}


def test_a_path_is_written_as_it_is_wanted():
    from demo.app import normalise_path

    given = [None, "", "/", "jn", "/jn/", "https://a.example/jn"]
    wanted = [None, "", "", "/jn", "/jn", "https://a.example/jn"]
    assert list(map(normalise_path, given)) == wanted
