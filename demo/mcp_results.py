"""All outputs of an MCP tool, also for clients that ask for no progress.

Gradio 6.31 hands such a client a tool's several outputs as one text, the repr of a tuple, instead
of a picture each. Where a later Gradio does better, this changes nothing.
"""

from __future__ import annotations

from anyio.to_thread import run_sync
from gradio.mcp import GradioMCPServer


async def every_output(self, job) -> list:
    """The outputs of a finished job, one by one."""
    result = await run_sync(job.result)
    return list(result) if isinstance(result, tuple) else [result]


def mend() -> None:
    """Let Gradio's MCP server use `every_output`."""
    if hasattr(GradioMCPServer, "_execute_tool_without_progress"):
        GradioMCPServer._execute_tool_without_progress = every_output
