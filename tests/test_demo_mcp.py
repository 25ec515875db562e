"""The demo for language models: every function is an MCP tool that explains itself."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from demo_visitor import ENDPOINTS, get
from PIL import Image

from engine import machine_jnd
from engine.images.samples import sample_paths

CAT = str(sample_paths()[0])


def test_every_function_is_an_mcp_tool_that_explains_itself(demo):
    tools = {tool["name"]: tool for tool in json.loads(get(f"{demo.url}/gradio_api/mcp/schema"))}
    assert set(tools) == set(ENDPOINTS)
    for name, parameters in ENDPOINTS.items():
        schema = tools[name]["inputSchema"]
        assert list(schema["properties"]) == parameters
        assert len(tools[name]["description"]) > 60
        for parameter in parameters:
            assert len(schema["properties"][parameter]["description"]) > 8, (name, parameter)


def test_an_mcp_client_gets_the_engines_own_pixels(demo):
    mcp = pytest.importorskip("mcp")
    from mcp.client.streamable_http import streamable_http_client

    data = "data:image/png;base64," + base64.b64encode(Path(CAT).read_bytes()).decode()

    async def ask():
        async with (
            streamable_http_client(f"{demo.url}/gradio_api/mcp/") as (reader, writer, _),
            mcp.ClientSession(reader, writer) as session,
        ):
            await session.initialize()
            return await session.call_tool("machine_jnd", {"picture": data})

    answer = asyncio.run(ask())
    assert not answer.isError
    first = next(each for each in answer.content if each.type == "image")
    with Image.open(io.BytesIO(base64.b64decode(first.data))) as image:
        assert image.format == "PNG"
        np.testing.assert_array_equal(np.array(image), machine_jnd(CAT).distorted)
