"""A Hub that hangs, lies or leads elsewhere: one line, in bounded time, and nothing is taken.

Each Hub is on loopback and the client is the real one, in a process of its own.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
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


# The Hub; what is said; seconds it may take, the start of a process on a busy machine included.
HUBS = [
    (Silent, r"does not give it \(", 60),
    (Stalled, r"does not give it \(", 90),
    (Dripping, r"does not give it \(not within 10 s\)", 90),
    (Later, r"does not give it \(not within 10 s\)", 90),
    (Endless, r"does not give it \(it sends more than the file's [\d,]+ bytes\)", 60),
    (Larger, r"does not give it \(it sends more than the file's [\d,]+ bytes\)", 60),
    (Shorter, r"does not give it \(", 90),
    (Another, r"has sha256 .* is not what this version was made for", 60),
    (Elsewhere, r"has sha256 .* is not what this version was made for", 60),
    (Circle, r"does not give it \(\w+\)", 60),
    (ToFile, r"does not give it \(\w+\)", 60),
    (Broken, r"does not give it \(\w+\)", 60),
    (Unnamed, r"does not give it \(\w+\)", 60),
]


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
    settings = environment(address, home) | patience | further
    return run("-c", CODE, JND_WEIGHTS="hub", **settings)


@pytest.mark.parametrize(("kind", "words", "seconds"), HUBS)
def test_a_hub_made_to_harm_is_one_line_and_its_file_is_not_taken(kind, words, seconds, tmp_path):
    begun = time.monotonic()
    with serving(kind) as (address, wanted):
        done = locate(address, tmp_path)
    assert time.monotonic() - begun < seconds
    assert done.returncode != 0, done.stdout
    line = done.stderr.splitlines()[-1]
    assert line.startswith("engine.errors.WeightsError: ")
    assert re.search(words, line), line
    assert all(token is None for _, host, token in wanted if host and host.startswith("localhost"))
    assert "all of it was taken" not in [path for path, _, _ in wanted]
    left = sum(each.stat().st_size for each in tmp_path.rglob("*") if not each.is_symlink())
    assert left < 2 * len(GOOD)
    # What was kept is not taken without the Hub either, and a Hub that behaves mends it.
    offline = locate("http://127.0.0.1:9", tmp_path, HF_HUB_OFFLINE="1")
    assert offline.returncode != 0
    assert "WeightsError" in offline.stderr.splitlines()[-1]
    with serving(Hub) as (address, _):
        mended = locate(address, tmp_path)
    assert ROW.sha256 in mended.stdout, mended.stderr


def test_another_host_with_the_right_content_is_as_good_and_gets_no_token(tmp_path):
    """The Hub itself keeps its large files on another host: the digest decides, not the address."""

    class Store(Elsewhere):
        content = GOOD

    with serving(Store) as (address, wanted):
        done = locate(address, tmp_path)
    assert ROW.sha256 in done.stdout, done.stderr
    tokens = {path: token for path, host, token in wanted if host.startswith("localhost")}
    assert tokens == {"/store": None}
