"""One visitor of the demo over HTTP, with a cookie of its own, as a page or a program is one."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Iterator
from urllib.parse import quote

API = "/gradio_api"
PATIENCE = 600.0  # seconds without a word from the server; it sends one every 15


class RefusedError(Exception):
    """The queue is full. polite: whether it says so, and when to come back."""

    def __init__(self, polite: bool):
        super().__init__("the queue is full")
        self.polite = polite


class Visitor:
    """A visitor of the demo at a port of this machine."""

    def __init__(self, port: int):
        self.port, self.headers = port, {}
        answer = self._answer("GET", "/config")
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        answer.read()
        self.headers = {"Cookie": cookie}

    def _answer(
        self, method: str, path: str, body: bytes | None = None, kind: str = "application/json"
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method, path, body, self.headers | {"Content-Type": kind})
        return connection.getresponse()

    def upload(self, name: str, data: bytes) -> dict:
        """A file, as a parameter of an endpoint."""
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"'
        body = f"{head}\r\n\r\n".encode() + data + f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        answer = self._answer("POST", f"{API}/upload", body, kind)
        return {"path": json.loads(answer.read())[0]}

    def join(self, endpoint: str, **arguments: object) -> str:
        """Join the queue; the event's name. Raises RefusedError where it is full."""
        answer = self._answer("POST", f"{API}/call/v2/{endpoint}", json.dumps(arguments).encode())
        body = json.loads(answer.read())
        if answer.status == 503:
            after = answer.getheader("Retry-After") or ""
            raise RefusedError("full" in body.get("detail", "") and after.isdigit())
        return body["event_id"]

    def events(self, endpoint: str, event: str) -> Iterator[tuple[str, object]]:
        """(kind, data) of each word about an event, to its end; closed, the visitor is gone."""
        answer = self._answer("GET", f"{API}/call/{endpoint}/{event}")
        kind = ""
        try:
            for line in answer:
                name, _, text = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    kind = text
                elif name == "data":
                    yield kind, json.loads(text)
        finally:
            answer.close()

    def fetch(self, file: dict) -> bytes:
        """The bytes of a result."""
        answer = self._answer("GET", f"{API}/file={quote(file['path'])}")
        data = answer.read()
        if answer.status != 200:
            raise OSError(f"a result is not served ({answer.status})")
        return data
