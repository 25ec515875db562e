"""A health address, a word on when to come back, and what stands in the place of the page.

    GET /health  {"status": "ok", "version": "0.2.0", "room": true, "running": 1, "waiting": 3,
                  "queue": 24}

status is "ok" wherever anything answers; room: whether another job may join the queue now; queue:
how many may wait. Neither needs a cookie, and nothing of a visitor is in it.
"""

from __future__ import annotations

import gradio as gr
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine import __version__

from ..server.access import place

HEALTH = "/health"
RETRY_AFTER = 10  # seconds, for a job that finds the queue full
NEVER_STORED = {"Cache-Control": "no-store"}
PLACES = {
    "name": "Just Noticeable",
    "version": __version__,
    "health": HEALTH,
    "endpoints": "/gradio_api/info",
    "openapi": "/gradio_api/openapi.json",
    "mcp": "/gradio_api/mcp/",
}


def health(blocks: gr.Blocks) -> dict:
    """What `GET /health` answers, as above."""
    queue = blocks._queue
    waiting, most = len(queue), queue.max_size
    return {
        "status": "ok",
        "version": __version__,
        "room": most is None or waiting < most,
        "running": sum(len(job) for job in queue.active_jobs if job),
        "waiting": waiting,
        "queue": most,
    }


class ServiceMiddleware:
    """ASGI middleware: answers the health address, and says when to come back to a full queue.

    page: whether there is a page; without one its address answers where everything else is.
    """

    def __init__(self, app: ASGIApp, page: bool = True) -> None:
        self.app, self.page = app, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        path = place(scope)
        reading = request.method in ("GET", "HEAD")
        if path == HEALTH and reading:
            answer = JSONResponse(health(scope["app"].get_blocks()), headers=NEVER_STORED)
            await answer(scope, receive, send)
        elif path == "" and reading and not self.page:
            await JSONResponse(PLACES)(scope, receive, send)
        else:
            await self.app(scope, receive, come_back(send))


def come_back(send: Send) -> Send:
    """`send` that adds to a refusal for now (503) after how many seconds to try again."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 503:
            MutableHeaders(scope=message)["Retry-After"] = str(RETRY_AFTER)
        await send(message)

    return sending
