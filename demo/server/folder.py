"""A private folder for everything on disk: swept while the server runs, removed after.

Gradio reads where its files go from the environment, some of it when it is imported; this module
comes first (see `demo/__init__.py`).
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from engine.system.memory import return_free_memory

ENVIRONMENT = "GRADIO_TEMP_DIR"


@cache
def private_folder() -> Path:
    """This process's own folder, which only its user can open; removed when the process ends."""
    root = Path(tempfile.mkdtemp(prefix="just-noticeable-", dir=os.environ.get(ENVIRONMENT)))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    for folder in ("files", "assets"):
        (root / folder).mkdir()
    os.environ[ENVIRONMENT] = str(root / "files")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    return root


def assets_folder() -> Path:
    """The folder of files that belong to the page; nothing of a visitor."""
    return private_folder() / "assets"


def uploads_folder() -> Path:
    """The files of visitors, each in a folder of its own."""
    return private_folder() / "files"


@cache
def refused_file() -> Path:
    """An empty file that stands for every file that is not opened."""
    path = assets_folder() / "refused"
    path.touch()
    return path


def sweep(folder: Path, age: float) -> int:
    """Delete the files below a folder that are older than age, in seconds; how many there were."""
    gone = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # another sweep, or Gradio's own, was faster
            if path.is_file() and time.time() - path.stat().st_mtime > age:
                path.unlink()
                gone += 1
    return gone


def start_sweeping(
    age: float, every: float, forget: Callable[[], None] = lambda: None
) -> threading.Thread:
    """Sweep the files of visitors, and return free memory, as long as the process lives.

    forget: what else goes then.
    """

    def work() -> None:
        while True:
            time.sleep(every)
            sweep(uploads_folder(), age)
            forget()
            return_free_memory()

    thread = threading.Thread(target=work, daemon=True, name="sweep")
    thread.start()
    return thread
