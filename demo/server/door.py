"""The one door that every call goes through before Gradio or a handler looks at its files.

Gradio checks only files that are marked as such (`meta`), and fetches what looks like an address.
Here every dict with a path, at any depth, is either a file that the visitor owns or a sample, or
is replaced by a file that `uploads` refuses; so nothing is fetched, nothing else is opened, and
the answer is the same whether a path exists or not.
"""

from __future__ import annotations

import json
import re

import gradio as gr
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .folder import refused
from .visitors import COOKIE, current, may_open, named, new_cookie, owners, page, visitor_of

FILE = {"_type": "gradio.FileData"}
FETCHED = re.compile(r"/(file=|file/)\w+:|/proxy=")  # paths by which Gradio asks other servers
DEEPEST = 16  # lists and dicts within each other; a gallery's files are at 3


def checked(value: object, visitor: str | None, depth: int = 0) -> object:
    """A value that a program has sent, every file in it either the visitor's own or refused."""
    if depth > DEEPEST:
        return None
    if isinstance(value, list | tuple):
        return [checked(each, visitor, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    if "path" not in value:
        return {key: checked(each, visitor, depth + 1) for key, each in value.items()}
    return file_of(value["path"], value.get("orig_name"), visitor)


def file_of(path: object, name: object, visitor: str | None) -> dict:
    """A file as Gradio hands it on, its path the one given or that of the refused file."""
    path = named(path) if isinstance(path, str) else ""
    if not may_open(path, visitor):
        path, name = str(refused()), None
    return {"path": path, "orig_name": name if isinstance(name, str) else None, "meta": FILE}


class Door(gr.Blocks):
    """A page whose events, API, validators and MCP tools get checked files only."""

    async def process_api(self, block_fn, inputs, *arguments, **options):
        visitor = visitor_of(options.get("request"))
        tokens = current.set(visitor), page.set(options.get("session_hash"))
        try:
            return await super().process_api(
                block_fn, checked(inputs, visitor), *arguments, **options
            )
        finally:
            current.reset(tokens[0])
            page.reset(tokens[1])


class Doorkeeper:
    """ASGI middleware: gives out cookies, writes down who uploads what, and fetches nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        path = scope["path"].removeprefix(scope.get("root_path", "")).rstrip("/")
        if FETCHED.search(scope["path"]):
            await PlainTextResponse("File not allowed", 403)(scope, receive, send)
        elif path.endswith("/upload"):
            await self.app(scope, receive, recording(request, send))
        elif path in ("", "/config") and COOKIE not in request.cookies:
            await self.app(scope, receive, with_cookie(request, send))
        else:
            await self.app(scope, receive, send)


def with_cookie(request: Request, send: Send) -> Send:
    """`send` that sets a visitor's cookie; inside another site's page (a Space) as well."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    kind = "SameSite=None; Secure; Partitioned" if scheme == "https" else "SameSite=Lax"

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            cookie = f"{COOKIE}={new_cookie()}; Path=/; HttpOnly; {kind}"
            MutableHeaders(scope=message).append("set-cookie", cookie)
        await send(message)

    return sending


def recording(request: Request, send: Send) -> Send:
    """`send` that writes down the paths in the answer to an upload, before they are known."""
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
