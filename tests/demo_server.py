"""The demo as a process of its own, which the fixture `demo` in conftest starts.

`python tests/demo_server.py PORT COLLECT LOG`: it has narrow limits, and writes down whom it wants
to talk to.
"""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

UPLOAD_BYTES = 3_000_000
PIXELS = 1_500_000
GALLERY_PIXELS = 300_000
VIEWERS = 4


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
