"""A reverse proxy on this machine that shows a server under a path, as nginx would."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DROPPED = {"connection", "keep-alive", "transfer-encoding"}


@contextmanager
def proxy(path: str, port: int, *, host_kept: bool = True) -> Iterator[tuple[str, list[str]]]:
    """Show the server at a port of this machine under `path` -> (address, requests beside it).

    host_kept: pass the Host header on; otherwise name it in X-Forwarded-Host.
    """
    beside: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def forward(self):
            if not self.path.startswith(f"{path}/"):
                beside.append(self.path)
                self.send_error(404)
                return
            headers = {k: v for k, v in self.headers.items() if k.lower() not in DROPPED}
            if not host_kept:
                headers["X-Forwarded-Host"] = headers.pop("Host")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            try:
                server.request(self.command, self.path.removeprefix(path), body, headers)
                answer = server.getresponse()
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in DROPPED:
                        self.send_header(name, value)
                self.end_headers()
                while chunk := answer.read1(1 << 16):
                    self.wfile.write(chunk)
                    self.wfile.flush()
            except (BrokenPipeError, ConnectionError):
                pass  # the page has been closed
            finally:
                server.close()

        do_GET = do_POST = do_HEAD = forward  # noqa: N815

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}{path}", beside
        finally:
            server.shutdown()
