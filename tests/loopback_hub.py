"""A Hugging Face Hub on loopback, in memory: what the real client needs to publish and to pull.

It speaks the classic protocol (git LFS, no Xet): create repository, validate front matter,
preupload, LFS batch, upload and verify, commit, tag, refs, tree, and resolve with ETag,
X-Repo-Commit and X-Linked-*; large files are redirected to a store. Every content is checked
against its sha256; writing needs the token. Requests are recorded.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hub_repositories import LoopbackHub, RefusedError, Stored

ROOT = Path(__file__).parents[1]
TOKEN = "hf_loopback"
NAME = r"([\w.-]+/[\w.-]+)"
API = rf"/api/(model|space)s/{NAME}"
# Method, path, whether it needs the token, what answers.
ROUTES: tuple[tuple[str, str, bool, Callable[..., dict | list]], ...] = (
    ("POST", "/api/repos/create", True, LoopbackHub.create),
    ("POST", "/api/validate-yaml", False, LoopbackHub.validate),
    ("POST", rf"{API}/preupload/([^/]+)", True, LoopbackHub.preupload),
    ("POST", rf"/(spaces/)?{NAME}\.git/info/lfs/objects/batch", True, LoopbackHub.batch),
    ("POST", "/verify", True, LoopbackHub.verify),
    ("POST", rf"{API}/commit/([^/]+)", True, LoopbackHub.commit),
    ("POST", rf"{API}/tag/([^/]+)", True, LoopbackHub.tag),
    ("GET", rf"{API}/refs", False, LoopbackHub.refs),
    ("GET", rf"{API}/tree/([^/]+)", False, LoopbackHub.tree),
    ("GET", rf"{API}/revision/([^/]+)", False, LoopbackHub.information),
    ("GET", API, False, LoopbackHub.information),
)
RESOLVE = re.compile(rf"/(spaces/)?{NAME}/resolve/([^/]+)/(.+)")


class Handler(BaseHTTPRequestHandler):
    """One request; `hub` is set on a subclass, one per server."""

    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        body = self.body()
        try:
            if found := RESOLVE.fullmatch(path):
                self.file(*self.hub.resolve(*found.groups()))
            elif found := re.fullmatch("/store/([0-9a-f]{64})", path):
                self.stored(found[1], body)
            else:
                self.json(self.routed(path, body))
        except RefusedError as refused:
            message = str(refused)
            content = message if message.startswith("{") else json.dumps({"error": message})
            self.send(refused.status, content.encode(), {"X-Error-Code": refused.code})

    def routed(self, path: str, body: bytes) -> dict | list:
        for method, pattern, guarded, function in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and method == self.command:
                if guarded and self.headers["Authorization"] != f"Bearer {TOKEN}":
                    raise RefusedError(401, "", "Invalid credentials in Authorization header")
                content = (body,) if method != "GET" else ()
                return function(self.hub, *found.groups(), *content)
        raise RefusedError(404, "", f"this Hub does not know {self.command} {path}")

    def body(self) -> bytes:
        if self.headers["Transfer-Encoding"] != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def file(self, file: Stored, commit: str) -> None:
        """Small files at once; large ones by a redirect to the store, with what they are."""
        headers = {"X-Repo-Commit": commit}
        if not file.large:
            self.send(200, file.content, headers | {"ETag": f'"{file.name}"'})
            return
        headers["X-Linked-Etag"] = f'"{file.sha256}"'
        headers["X-Linked-Size"] = str(len(file.content))
        headers["Location"] = f"{self.hub.cdn}/store/{file.sha256}"
        self.send(302, b"", headers)

    def stored(self, name: str, body: bytes) -> None:
        """The store's part; what is asked for there carries no token."""
        if self.headers["Authorization"]:
            raise RefusedError(400, "", "the token was sent to another host")
        if self.command == "PUT":
            self.json(self.hub.put(name, body))
        elif name in self.hub.store:
            self.send(200, self.hub.store[name], {"ETag": f'"{name}"'})
        else:
            raise RefusedError(404, "", "not in the store")

    def json(self, value: dict | list) -> None:
        self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = answer  # noqa: N815
    do_HEAD = answer  # noqa: N815
    do_POST = answer  # noqa: N815
    do_PUT = answer  # noqa: N815

    def log_message(self, *_):
        pass


@contextmanager
def loopback_hub():
    """A running `LoopbackHub`."""
    hub = LoopbackHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    hub.cdn = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def environment(address: str, home: Path, *, token: str | None = TOKEN) -> dict[str, str]:
    """Settings of the client for a process that shall speak to this Hub: own cache, no Xet."""
    settings = {
        "HF_ENDPOINT": address,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    return settings | ({"HF_TOKEN": token} if token else {})


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess:
    """A Python process in the repository with these settings and none of this machine's own."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "JND_"))}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=inherited | settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
