"""A program that talks to the running demo: over HTTP as a page does, and over MCP."""

from __future__ import annotations

import asyncio
import json
import urllib.request
import uuid
from pathlib import Path

import pytest

httpx = pytest.importorskip("httpx")

# The page's functions for programs, and the names of their parameters.
ENDPOINTS = {
    "machine_jnd": ["picture", "strength", "network", "classifiers", "panel"],
    "human_jnd": ["picture", "model", "level", "perceptual"],
    "compress_photo": ["photo", "format", "method", "keep", "seconds"],
    "embed_watermark": ["photo", "text", "key", "observer", "format"],
    "read_watermark": ["photo", "key", "thorough"],
    "find_faces": ["photo"],
    "cloak_face": ["photo", "face", "method", "robust", "seconds", "target"],
    "verify_faces": ["first", "second"],
    "compare_methods": ["photo", "methods", "seconds"],
    "machine_quality": ["reference", "changed"],
    "viewing_picture": ["picture", "kind", "psnr_db"],
    "viewing_results": ["files"],
}


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()


class Visitor:
    """A program that talks to the demo over HTTP, with or without cookies of its own."""

    def __init__(self, url: str, cookies: bool = True) -> None:
        self.http = httpx.Client(base_url=f"{url}/gradio_api", timeout=20)
        if cookies:
            self.http.get(f"{url}/config")
            assert self.http.cookies

    def upload(self, path: str) -> str:
        with open(path, "rb") as stream:
            answer = self.http.post("/upload", files={"files": (Path(path).name, stream)})
        return answer.raise_for_status().json()[0]

    def call(self, name: str, *arguments) -> tuple[str, object]:
        """The last event of a call, such as complete or error, and its data."""
        return self._end(name, self.http.post(f"/call/{name}", json={"data": list(arguments)}))

    def named(self, name: str, **arguments) -> tuple[str, object]:
        """`call` with the arguments by their names."""
        return self._end(name, self.http.post(f"/call/v2/{name}", json=arguments))

    def _end(self, name: str, answer) -> tuple[str, object]:
        event = answer.raise_for_status().json()["event_id"]
        kind, data = "", None
        with self.http.stream("GET", f"/call/{name}/{event}") as lines:
            for line in lines.iter_lines():
                if line.startswith("event:"):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data:"):
                    data = json.loads(line.removeprefix("data: "))
        return kind, data

    def close(self) -> None:
        self.http.close()


def refusal(visitor: Visitor, event: int, values: list) -> str | None:
    """The error that an event of the page is refused with, None where it completes."""
    session = uuid.uuid4().hex
    body = {"fn_index": event, "data": values, "session_hash": session}
    answer = visitor.http.post("/queue/join", json=body)
    if answer.status_code == 422:
        (message,) = {each["message"] for each in answer.json()["detail"] if not each["is_valid"]}
        return message
    answer.raise_for_status()
    with visitor.http.stream("GET", f"/queue/data?session_hash={session}") as lines:
        for line in lines.iter_lines():
            if line.startswith("data:"):
                update = json.loads(line.removeprefix("data: "))
                if update["msg"] == "process_completed":
                    return None if update["success"] else update["output"]["error"]
    raise AssertionError("the event has no end")


def with_mcp(url: str, work):
    """The result of `work`, a coroutine of an MCP session."""
    mcp = pytest.importorskip("mcp")
    from mcp.client.streamable_http import streamable_http_client

    async def session():
        async with (
            streamable_http_client(f"{url}/gradio_api/mcp/") as (reader, writer, _),
            mcp.ClientSession(reader, writer) as client,
        ):
            await client.initialize()
            return await work(client)

    return asyncio.run(session())
