"""The demo behind a reverse proxy under a path: whatever the page shows is found there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import test_demo_browser as browser
from demo_proxy import proxy

from engine import machine_jnd

pytest.importorskip("gradio")

chromium = browser.chromium


@contextmanager
def served(log: Path, *arguments: str, **environment: str) -> Iterator[int]:
    """The port of `python -m demo` with these arguments and variables."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "demo", "--port", str(port), *arguments]
    inherited = dict(os.environ)  # not the folder of a demo in this process, which is swept
    inherited.pop("GRADIO_TEMP_DIR", None)
    with log.open("w") as stream:
        server = subprocess.Popen(
            command,
            cwd=Path(__file__).parents[1],
            stdout=stream,
            stderr=stream,
            env={**inherited, **environment},
        )
    try:
        until = time.monotonic() + 240
        while True:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/config", timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield port
    finally:
        server.terminate()
        server.wait(30)


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
        page.wait_for_selector("#machine-table table")
        browser.upload(page, "#machine-photo", browser.COFFEE)
        page.wait_for_selector("#machine-slider a[download='coffee.distorted.png']")
        pictures = page.locator("#machine-slider img, #machine-noise img, #machine-jnd img").all()
        assert len(pictures) >= 5
        for picture in pictures:
            assert picture.evaluate("e => e.decode().then(() => true)")
            assert picture.get_attribute("src").startswith(f"{url}/gradio_api/file=")
        name, png = browser.downloaded(page, page.locator("#machine-slider a").click)
        assert (name, png) == ("coffee.distorted.png", machine_jnd(browser.COFFEE).png)
        browser.open_tab(page, "cloak")
        page.wait_for_selector(".jn-box")
        photo = page.locator("#cloak-faces img")
        assert photo.evaluate("e => e.decode().then(() => e.naturalWidth)") == 512
        context.close()
    assert set(beside) <= {"/favicon.ico"}


def test_a_path_is_written_as_it_is_wanted():
    from demo.app import under

    given = [None, "", "/", "jn", "/jn/", "https://a.example/jn"]
    wanted = [None, "", "", "/jn", "/jn", "https://a.example/jn"]
    assert list(map(under, given)) == wanted
