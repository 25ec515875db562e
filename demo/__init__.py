"""The demo: the engine in a browser. `python -m demo` starts it, `demo.app.build` makes the page.

Data flows one way: `tabs` (what is on the page) -> `handlers` (plain functions and generators over
the engine, no Gradio) -> the engine. `api` offers the same handlers as named endpoints and as MCP
tools. `server` has what stands between visitors and handlers: files, limits, errors; `ui` draws
results. Pictures leave as the engine's own PNG bytes; nothing is stored.
"""

import engine  # noqa: F401  (its first act is to switch telemetry off)

from .server.folder import private_folder

private_folder()  # before anything imports Gradio
