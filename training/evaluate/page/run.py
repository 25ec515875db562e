"""How soon the demo's page is there. `python -m training evaluate page`.

A server as `python -m demo` starts it, and LOADS loads for each window in Chromium, every one in a
browser that has just been started, with nothing in its cache. Measured in the page, from the start
of the navigation: the first paint of anything; useful, when its name, what it is about and a
picture of it can be seen; usable, when the heading and every tab are there; and the example, when
both of its pictures and what was found are on the screen.

Writes results/page.json. Nothing in it is random but the machine's other work: no seed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import SetupError

from ...records.log import log
from ...records.record import write
from ..load.server import serving

LOADS = 15
DATA = "the demo's own example"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
LONGEST = 120_000  # ms, of one load
SETTLED = 1_000  # ms between the start of a browser and the load
AIMS = {"useful": 2.0, "example": 4.0}  # seconds
# Looks at every frame; what it finds is on the screen with the next one.
WATCH = """
const times = window.jnTimes = {};
const on = e => e && e.offsetParent !== null;
const ready = where => [...document.querySelectorAll(where)].some(
  e => on(e) && e.complete && e.naturalWidth);
const look = () => {
  const now = {
    useful: () => ready('#jn-first img') || 'usable' in times,
    usable: () => on(document.querySelector('h1')) && on(document.querySelector('h2'))
      && document.querySelectorAll('[role=tab]').length >= TABS
      && [...document.querySelectorAll('[role=tab]')].every(on),
    example: () => {
      const pictures = [...document.querySelectorAll('#cloak-slider img')];
      return pictures.length === 2 && pictures.every(e => e.complete && e.naturalWidth)
        && on(document.querySelector('#cloak-headline .jn-headline'));
    },
  };
  for (const [name, is] of Object.entries(now))
    if (!(name in times) && is())
      requestAnimationFrame(() => { times[name] ??= performance.now(); });
  if (!('usable' in times && 'example' in times)) requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
TABS = 7
READ = """() => {
  const kinds = ['navigation', 'resource'];
  const all = kinds.flatMap(kind => performance.getEntriesByType(kind));
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  return {...window.jnTimes, first_paint: paint ? paint.startTime : null, requests: all.length,
    kilobytes: all.reduce((sum, each) => sum + each.transferSize, 0) / 1000};
}"""


@dataclass(frozen=True)
class Window:
    """A window's size in pixels of the page, and whether it is a phone's."""

    name: str
    width: int
    height: int
    phone: bool = False

    @property
    def options(self) -> dict:
        """As a browser's context takes them."""
        size = {"viewport": {"width": self.width, "height": self.height}}
        touch = {"is_mobile": True, "has_touch": True, "device_scale_factor": 2}
        return size | (touch if self.phone else {})


WINDOWS = (Window("desktop", 1200, 800), Window("phone", 390, 844, phone=True))


def evaluate_page(count: int | None, runs: Path, command: str) -> Path:
    """Measure, write the result.

    count: only so many loads; the result then goes to RUNS/page. Raises SetupError without a
    browser, RuntimeError where the demo does not start.
    """
    folder = None
    if count is not None:
        folder = runs / "page"
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, serving(Path(place)) as server:
        sections = measure(f"http://127.0.0.1:{server.port}", count or LOADS)
    return write("page", command=command, data=DATA, weights={}, sections=sections, folder=folder)


def measure(url: str, loads: int) -> dict:
    """Everything but the provenance. Raises SetupError."""
    others = os.getloadavg()[0]  # how busy the machine is with something else
    with launching() as launch:
        with launch() as browser:
            version = browser.version
            load(browser, url, WINDOWS[0])  # the server's first visitor
        rows = []
        for window in WINDOWS:
            seen = []
            for _ in range(loads):
                with launch() as browser:
                    seen.append(load(browser, url, window))
                log({"window": window.name, **seen[-1]})
            rows.append({"window": window.name, "size": [window.width, window.height]})
            rows[-1] |= summary(seen)
    return {
        "chromium": version,
        "loads": loads,
        "aims_s": AIMS,
        "load_average": round(others, 1),
        "rows": rows,
    }


@contextmanager
def launching():
    """A function that starts a browser, a context of its own. Raises SetupError."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        path = None
    if path is None:
        raise SetupError("a page needs playwright and Chromium: pip install -e '.[test]', and it")

    @contextmanager
    def launch():
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()

    with sync_playwright() as playwright:
        yield launch


def load(browser, url: str, window: Window) -> dict[str, float]:
    """One load of the page: ms until what `WATCH` and `READ` name, requests and kilobytes."""
    page = browser.new_context(**window.options).new_page()
    page.wait_for_timeout(SETTLED)
    page.add_init_script(WATCH.replace("TABS", str(TABS)))
    page.goto(url)
    done = "window.jnTimes && 'usable' in window.jnTimes && 'example' in window.jnTimes"
    page.wait_for_function(done, timeout=LONGEST)
    return page.evaluate(READ)


def summary(seen: list[dict[str, float]]) -> dict:
    """Of some loads: seconds, with their spread; requests and kilobytes of the last one."""
    row = {}
    for name in ("first_paint", "useful", "usable", "example"):
        seconds = np.array([each[name] for each in seen if each[name] is not None]) / 1000
        row[f"{name}_s"] = {
            "n": len(seconds),
            "median": round(float(np.median(seconds)), 3),
            "std": round(float(seconds.std(ddof=1)), 3) if len(seconds) > 1 else None,
            "largest": round(float(seconds.max()), 3),
        }
    last = seen[-1]
    return row | {"requests": last["requests"], "kilobytes": round(last["kilobytes"])}
