"""Hubs on loopback that hang, lie or lead elsewhere, and a process that wants a file of them."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from loopback_hub import environment, run

from engine.models.locate import EMBEDDED
from engine.models.registry import MODELS

ROW = MODELS["resnet-cifar10"]
GOOD = (EMBEDDED / ROW.file).read_bytes()
COMMIT = "0" * 40
CODE = f"""
from engine.models import hub, locate
hub.PATIENCE, hub.SLOWEST = 9, {len(GOOD)}
print(locate.locate({ROW.name!r}))
"""


class Hub(BaseHTTPRequestHandler):
    """A Hub that behaves. `other` is the address of another host, which is the same server."""

    protocol_version = "HTTP/1.1"
    content = GOOD
    other = ""
    wanted: list[tuple[str, str | None, str | None]] = []  # noqa: RUF012  a list of each test's own

    def log_message(self, *_):
        pass

    def headers_of(self, length: int | None, status: int = 200, **further: str) -> None:
        self.send_response(status)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(GOOD).hexdigest()}"')
        for name, text in further.items():
            self.send_header(name.replace("_", "-"), text)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def do_HEAD(self):
        self.note()
        self.head()

    def do_GET(self):
        self.note()
        self.get()

    def note(self) -> None:
        self.wanted.append((self.path, self.headers["Host"], self.headers["Authorization"]))

    def head(self) -> None:
        self.headers_of(len(self.content))

    def get(self) -> None:
        self.headers_of(len(self.content))
        self.wfile.write(self.content)


class Silent(Hub):
    """Takes the request, and answers nothing."""

    def head(self) -> None:
        time.sleep(60)


class Stalled(Hub):
    """Half of the file, then nothing, at each attempt."""

    def get(self) -> None:
        self.headers_of(len(GOOD))
        self.wfile.write(GOOD[: len(GOOD) // 2])
        time.sleep(60)


class Dripping(Hub):
    """A byte now and then, so that no time-out of the client's is reached."""

    def get(self) -> None:
        self.headers_of(len(GOOD))
        for index in range(600):
            self.wfile.write(GOOD[index : index + 1])
            self.wfile.flush()
            time.sleep(0.2)


class Later(Hub):
    """Comes back to it in a day."""

    def get(self) -> None:
        self.headers_of(0, 429, Retry_After="86400")


class Endless(Hub):
    """Bytes without end, and no word of how many."""

    def get(self) -> None:
        self.headers_of(None, Transfer_Encoding="chunked")
        block = bytes(1 << 20)
        for _ in range(400):  # far beyond the file; the client has to go before
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
        self.wanted.append(("all of it was taken", None, None))


class Larger(Hub):
    """Says that the file is larger, and sends that much."""

    content = GOOD + bytes(30 << 20)


class Shorter(Hub):
    """Says a size and sends less."""

    def get(self) -> None:
        self.headers_of(len(GOOD))
        self.wfile.write(GOOD[:1000])
        self.close_connection = True


class Another(Hub):
    """A file of the same size with another content, under the right name and digest."""

    content = bytes(len(GOOD))


class Elsewhere(Another):
    """Leads to another host, which has another content."""

    def head(self) -> None:
        if self.path.startswith("/store"):
            self.headers_of(len(self.content))
            return
        digest = f'"{hashlib.sha256(GOOD).hexdigest()}"'
        where = {"Location": f"{self.other}/store", "X_Linked_Etag": digest}
        self.headers_of(0, 302, X_Linked_Size=str(len(GOOD)), **where)


class Circle(Hub):
    """Leads from one host to the other and back."""

    def head(self) -> None:
        self.headers_of(0, 302, Location=f"{self.other}/round", X_Linked_Size=str(len(GOOD)))

    def get(self) -> None:
        self.headers_of(0, 302, Location=f"{self.other}/round")


class ToFile(Hub):
    """Leads to a file of the reader's own."""

    def head(self) -> None:
        where = (EMBEDDED / ROW.file).absolute().as_uri()
        self.headers_of(0, 302, Location=where, X_Linked_Size=str(len(GOOD)))

    get = head


class Abroad(Hub):
    """Leads to a host that is not its own."""

    def head(self) -> None:
        where = "http://elsewhere.example/store"
        self.headers_of(0, 302, Location=where, X_Linked_Size=str(len(GOOD)))

    def get(self) -> None:
        self.headers_of(0, 302, Location="http://elsewhere.example/store")


class Xet(Another):
    """Offers the file by Xet, from a store of its own choice."""

    def headers_of(self, length: int | None, status: int = 200, **further: str) -> None:
        route = f"{self.other}/token"
        super().headers_of(
            length, status, X_Xet_Hash="ab" * 32, X_Xet_Refresh_Route=route, **further
        )


class Broken(Hub):
    """Speaks no HTTP."""

    def head(self) -> None:
        self.wfile.write(b"\x00\x01\x02 you know\r\n\r\n")
        self.close_connection = True


class Unnamed(Hub):
    """Says neither a commit nor a digest."""

    def headers_of(self, length: int | None, status: int = 200, **_: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()


@contextmanager
def serving(kind: type[Hub]) -> Iterator[tuple[str, list]]:
    """The address of such a Hub, and the list of what is wanted of it."""
    bound = type("Bound", (kind,), {"wanted": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
    server.daemon_threads, server.block_on_close = True, False
    server.handle_error = lambda *_: None  # the client goes away in the middle
    bound.other = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", bound.wanted
    finally:
        server.shutdown()
        server.server_close()


def locate(address: str, home: Path, **further: str):
    """`locate` of one row from that Hub, with a token, and a client that waits 2 s at a time."""
    patience = {"HF_HUB_ETAG_TIMEOUT": "2", "HF_HUB_DOWNLOAD_TIMEOUT": "2"}
    patience |= {"HF_HUB_DISABLE_XET": "0"}
    settings = environment(address, home) | patience | further
    return run("-c", CODE, JND_WEIGHTS="hub", **settings)
