"""Whose file is whose: each visitor opens the files of their own uploads and results, and no other.

A visitor is known by a cookie of random characters, which the page and gradio_client get with their
first answer and send back. A program that keeps no cookies (curl, most MCP clients) is known by its
address; programs behind one address count as one visitor, and what keeps them apart is that the
name of an upload's folder cannot be guessed: it is a hash of the file and of a random number of
this server. Whoever has the whole name can also get the file by its address
(`/gradio_api/file=…`), so its owner has to keep it secret.
"""

from __future__ import annotations

import hmac
import re
import secrets
import threading
import time
from collections import defaultdict
from contextvars import ContextVar
from pathlib import Path
from urllib.parse import unquote

from engine.images.samples import sample_paths

COOKIE = "just-noticeable-visitor"
HEADER = "x-just-noticeable-visitor"  # from the MCP server to the API of the same process
ORDER = "x-just-noticeable-order"  # from a page, which numbers its requests
MIN_COOKIE = 32  # characters of a cookie that counts
PRUNE_EVERY = 60.0  # seconds: files that are gone are forgotten
ADDRESS = re.compile(r"https?://[^/]+(?:/[^=]*)?/file=(.+)", re.DOTALL)

_secret = secrets.token_urlsafe()
current_visitor: ContextVar[str | None] = ContextVar("visitor", default=None)
current_page: ContextVar[str | None] = ContextVar(
    "page", default=None
)  # Gradio's hash of an open page
current_order: ContextVar[int | None] = ContextVar("order", default=None)  # the request's number


def new_cookie() -> str:
    return secrets.token_urlsafe(32)


def visitor_of(request) -> str | None:
    """The visitor of a request of Gradio's or Starlette's; None where there is no request."""
    if request is None:
        return None
    secret, _, name = request.headers.get(HEADER, "").partition(" ")
    if hmac.compare_digest(secret.encode(), _secret.encode()):
        return name
    cookie = request.cookies.get(COOKIE, "")
    if len(cookie) >= MIN_COOKIE:
        return f"cookie:{cookie}"
    return f"address:{request.client.host if request.client else ''}"


def order_of(request) -> int | None:
    """The number that the page gave this request; None where a program sent it."""
    number = "" if request is None else request.headers.get(ORDER, "")
    return int(number) if re.fullmatch("[0-9]{1,15}", number) else None


def forwarded_headers(request) -> dict[str, str]:
    """Headers by which this process's own API knows the visitor of another request."""
    return {HEADER: f"{_secret} {visitor_of(request)}"}


class Owners:
    """Which visitors own which files. Files with the same name and bytes are one file of many."""

    def __init__(self) -> None:
        self._of: defaultdict[str, set[str]] = defaultdict(set)
        self._lock = threading.Lock()
        self._pruned = time.monotonic()

    def add(self, path: str, visitor: str | None) -> None:
        if visitor is None:
            return
        with self._lock:
            if time.monotonic() - self._pruned > PRUNE_EVERY:
                gone = [each for each in self._of if not Path(each).exists()]
                for each in gone:
                    del self._of[each]
                self._pruned = time.monotonic()
            self._of[path].add(visitor)

    def own(self, path: str, visitor: str | None) -> bool:
        with self._lock:
            return visitor is not None and visitor in self._of.get(path, ())


owners = Owners()


def local_path(path: str) -> str:
    """The path that an address of this server stands for; anything else as it is."""
    match = ADDRESS.fullmatch(path)
    return unquote(match[1]) if match else path


def may_open(path: str, visitor: str | None) -> bool:
    """Whether the path is exactly that of a file of the visitor's, or of a sample picture."""
    return owners.own(path, visitor) or path in {str(sample) for sample in sample_paths()}
