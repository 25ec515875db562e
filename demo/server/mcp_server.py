"""Gradio's MCP server, corrected: which files it opens, their schema, its results.

Gradio's own fetches every address, and hands dicts with a path to a client in this very process,
which uploads that file of the server. Here a picture comes as a `data:` URL or as the address of a
file on this server, which is never fetched. And Gradio 6.31 hands a client that asks for no
progress a tool's several outputs as one text, the repr of a tuple, instead of a picture each; and
it encodes every picture anew, a JPEG at another quality, where here the file's own bytes are sent.

These methods are private to Gradio, so its version is pinned to 6.31 and a test checks that they
are still called.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import mimetypes
from pathlib import Path

import gradio.mcp
from gradio.mcp import GradioMCPServer

from .access import check_files
from .uploads import save_file
from .visitors import current_visitor, forwarded_headers, visitor_of

FORMAT = "data: URL of a file, or the address of a file that was uploaded here"
OVERRIDDEN = (
    "_execute_tool_without_progress",
    "_prepare_tool_call_args",
    "get_base64_data",
    "simplify_filedata_schema",
)


class MCPServer(GradioMCPServer):
    """The MCP server of the demo."""

    def _prepare_tool_call_args(self, name, arguments):
        request = self.mcp_server.request_context.request
        visitor = visitor_of(request)
        _, positions = self.get_input_schema(name)
        files = {position[0] for position in positions}
        token = current_visitor.set(visitor)
        try:
            safe = {
                key: without_meta(
                    check_files(self._files(value) if key in files else value, visitor)
                )
                for key, value in arguments.items()
            }
        finally:
            current_visitor.reset(token)
        endpoint, values, headers, function = super()._prepare_tool_call_args(name, safe)
        return endpoint, values, headers | forwarded_headers(request), function

    def _files(self, value: object) -> object:
        """Strings, and those of a list, as files. Raises ValueError: too large, or no base64."""
        if isinstance(value, list):
            return [self._files(each) for each in value]
        if not isinstance(value, str):
            return value
        if not value.startswith("data:"):
            return {"path": value}
        most, (kind, _, coded) = self.blocks.max_file_size, value.partition(",")
        if most is not None and len(coded) * 3 // 4 > most + 2:
            raise ValueError(f"The file has {len(coded) * 3 // 4:,} bytes; the limit is {most:,}")
        try:
            data = base64.b64decode(coded, validate=True)
        except binascii.Error:
            raise ValueError("The data: URL is not base64: send data:TYPE;base64,…") from None
        name = "file" + (mimetypes.guess_extension(kind[5:].split(";")[0]) or ".bin")
        return {"path": save_file(data, name), "orig_name": name}

    def simplify_filedata_schema(self, schema):
        simple, positions = super().simplify_filedata_schema(schema)
        for parameter in simple["properties"].values():
            if parameter.pop("$defs", None):  # a list of files, whose $ref leads nowhere
                parameter["items"] = {"type": "string", "format": FORMAT}
            elif str(parameter.get("format", "")).startswith("Gradio File Input"):
                parameter["format"] = FORMAT
        return simple, positions

    @staticmethod
    def get_base64_data(image, format):
        """The bytes of the file that a picture was opened from."""
        return base64.b64encode(Path(image.filename).read_bytes()).decode()

    async def _execute_tool_without_progress(self, job) -> list:
        """The outputs of a finished job, one by one."""
        result = await asyncio.to_thread(job.result)
        return list(result) if isinstance(result, tuple) else [result]


def without_meta(value: object) -> object:
    """Files without the `meta` by which Gradio's client would read and upload them once more."""
    if isinstance(value, list):
        return [without_meta(each) for each in value]
    if isinstance(value, dict):
        return {key: without_meta(each) for key, each in value.items() if key != "meta"}
    return value


def install() -> None:
    """Let Gradio use `MCPServer`. Raises RuntimeError where its methods would not be called."""
    missing = [name for name in OVERRIDDEN if not hasattr(GradioMCPServer, name)]
    if missing:
        raise RuntimeError(f"Gradio has no {', '.join(missing)}: install the version in pyproject")
    gradio.mcp.GradioMCPServer = MCPServer
