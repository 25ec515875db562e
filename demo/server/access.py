"""Which files a call may open, checked before Gradio or a handler opens any.

Gradio checks only files that are marked as such (`meta`), and fetches what looks like an address.
Here every dict with a path, at any depth, is either a file that the visitor owns or a sample, or
is replaced by a file that `uploads` refuses; so nothing is fetched, nothing else is opened, and
the error is the same whether a path exists or not.
"""

from __future__ import annotations

import json
import re

import gradio as gr
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .folder import refused_file
from .visitors import (
    COOKIE,
    current_order,
    current_page,
    current_visitor,
    local_path,
    may_open,
    new_cookie,
    order_of,
    owners,
    visitor_of,
)

FILE = {"_type": "gradio.FileData"}
FETCHING = re.compile(
    r"/(file=|file/)\w+:|/proxy="
)  # paths by which Gradio fetches from other servers
MAX_DEPTH = 16  # lists and dicts within each other; a gallery's files are at 3


def check_files(value: object, visitor: str | None, depth: int = 0) -> object:
    """A value that a program has sent, every file in it either the visitor's own or refused."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, list | tuple):
        return [check_files(each, visitor, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    if "path" not in value:
        return {key: check_files(each, visitor, depth + 1) for key, each in value.items()}
    return resolve_file(value["path"], value.get("orig_name"), visitor)


def resolve_file(path: object, name: object, visitor: str | None) -> dict:
    """A file as Gradio passes it on: its own path, or that of the file that is refused."""
    path = local_path(path) if isinstance(path, str) else ""
    if not may_open(path, visitor):
        path, name = str(refused_file()), None
    return {"path": path, "orig_name": name if isinstance(name, str) else None, "meta": FILE}


class GuardedBlocks(gr.Blocks):
    """A page whose events, API, validators and MCP tools are given checked files only."""

    async def process_api(self, block_fn, inputs, *arguments, **options):
        request = options.get("request")
        visitor, page = visitor_of(request), options.get("session_hash")
        values = {
            current_visitor: visitor,
            current_page: page,
            current_order: order_of(request),
        }
        tokens = {variable: variable.set(value) for variable, value in values.items()}
        try:
            return await super().process_api(
                block_fn, check_files(inputs, visitor), *arguments, **options
            )
        finally:
            for variable, token in tokens.items():
                variable.reset(token)


class AccessMiddleware:
    """ASGI middleware: sets cookies, records the owner of each upload, refuses to fetch."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        path = place(scope)
        if FETCHING.search(scope["path"]):
            await PlainTextResponse("File not allowed", 403)(scope, receive, send)
        elif path.endswith("/upload"):
            await self.app(scope, receive, record_uploads(request, send))
        elif path in ("", "/config") and COOKIE not in request.cookies:
            await self.app(scope, receive, set_cookie(request, send))
        else:
            await self.app(scope, receive, send)


def place(scope: Scope) -> str:
    """The path that is asked for, below where the page is served; "" for the page itself."""
    return scope["path"].removeprefix(scope.get("root_path", "")).rstrip("/")


def set_cookie(request: Request, send: Send) -> Send:
    """`send` that sets a visitor's cookie; inside another site's page (a Space) as well."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    kind = "SameSite=None; Secure; Partitioned" if scheme == "https" else "SameSite=Lax"

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            cookie = f"{COOKIE}={new_cookie()}; Path=/; HttpOnly; {kind}"
            MutableHeaders(scope=message).append("set-cookie", cookie)
        await send(message)

    return sending


def record_uploads(request: Request, send: Send) -> Send:
    """`send` that records the paths in the response to an upload, before the visitor has them."""
    status, body = 0, b""

    async def sending(message: Message) -> None:
        nonlocal status, body
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body" and status == 200:
            body += message.get("body", b"")
            if not message.get("more_body"):
                for path in json.loads(body):
                    owners.add(path, visitor_of(request))
        await send(message)

    return sending
