"""The demo: the engine in a browser. `python -m demo` starts it, `demo.app.build` makes the page.

Data flows one way: `tabs` (what is on the page) -> `handlers` (plain functions and generators over
the engine, no Gradio) -> the engine. `endpoints` offers the same handlers as an API and as MCP
tools. Pictures leave as the engine's own PNG bytes; nothing is kept.
"""

import engine  # noqa: F401  (its first act is to switch telemetry off)

from .server.folder import private

private()  # before anything imports Gradio
