"""The demo as a process of its own.

`served` starts it as anybody does. `python tests/demo_server.py PORT COLLECT LOG`, which the
fixture `demo` in conftest starts, has narrow limits and writes down whom it wants to talk to.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

UPLOAD_BYTES = 3_000_000
PIXELS = 1_500_000
GALLERY_PIXELS = 300_000
VIEWERS = 4


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


def watch(log: Path) -> None:
    """Refuse and record every connection, and every look-up of a name, beyond this machine."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo
    own = {"localhost", "127.0.0.1", "::1", "0.0.0.0", None, ""}

    def refuse(whom: object) -> None:
        with log.open("a") as stream:
            stream.write(f"{whom}\n")
        raise OSError(f"a test forbids talking to {whom}")

    def watched_connect(self, address):
        if self.family != socket.AF_UNIX and address[0] not in own:
            refuse(address)
        return connect(self, address)

    def watched_resolve(host, *arguments, **named):
        if host not in own and not isinstance(host, bytes):
            refuse(host)
        return resolve(host, *arguments, **named)

    socket.socket.connect, socket.getaddrinfo = watched_connect, watched_resolve


def main() -> None:
    port, collect, log = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    watch(log)
    from demo.__main__ import exit_on_sigterm
    from demo.app import launch
    from demo.server.limits import DEFAULT

    exit_on_sigterm()

    limits = replace(
        DEFAULT,
        upload_bytes=UPLOAD_BYTES,
        pixels=PIXELS,
        gallery_pixels=GALLERY_PIXELS,
        viewers=VIEWERS,
        pairs=12,
    )
    launch(port=port, collect=collect, limits=limits, block=True)


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    main()
