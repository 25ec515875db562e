"""The page, put together, and how it is served.

from demo.app import launch
launch()                            # what `python -m demo` does

blocks = build()                    # or by hand
blocks.launch(**settings())
"""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import gradio as gr
from starlette.middleware import Middleware

from engine.images.samples import sample_paths
from engine.system.files import write_bytes
from engine.system.memory import use_one_arena

from .api import endpoints
from .examples.card import draw as draw_card
from .server import mcp_server, preload
from .server.access import AccessMiddleware, GuardedBlocks
from .server.folder import assets_folder, refused_file, start_sweeping
from .server.limits import DEFAULT, Limits
from .server.uploads import recent
from .service.health import ServiceMiddleware
from .tabs import cloak, compare, compress, human, machine, viewing, watermark
from .ui import look


def build(
    *, limits: Limits = DEFAULT, collect: str | Path | None = None, page: bool = True
) -> gr.Blocks:
    """The page, its queue set. collect: a folder for the answers of viewing tests, or None.

    page: false for the endpoints alone.
    """
    folder = None if collect is None else Path(collect)
    mcp_server.install()
    refused_file()
    card = assets_folder() / "card.png"
    write_bytes(card, draw_card())
    look.describe_page(card)
    gr.set_static_paths([assets_folder(), *sample_paths()])  # free to show, never deleted
    with GuardedBlocks(
        title=look.TITLE,
        analytics_enabled=False,
        delete_cache=(limits.sweep_seconds, limits.keep_seconds),
    ) as blocks:
        if page:
            add_page(blocks, limits, folder)
        endpoints.add(limits)
    blocks.queue(max_size=limits.queue)
    start_sweeping(limits.keep_seconds, limits.sweep_seconds, recent.forget)
    return blocks


def add_page(blocks: gr.Blocks, limits: Limits, folder: Path | None) -> None:
    """Everything that a person sees, one tab for each thing."""
    gr.HTML(look.HEAD)
    with gr.Tabs():
        cloak.tab(blocks, limits)
        machine.tab(limits)
        compress.tab(limits)
        human.tab(limits)
        watermark.tab(limits)
        compare.tab(limits)
        viewing.tab(limits, folder)
    gr.HTML(look.FOOT)


def settings(limits: Limits = DEFAULT, *, page: bool = True) -> dict:
    """The arguments of `Blocks.launch`: the look, and that nothing is stored. page: see `build`."""
    return {
        "theme": look.theme(),
        "css_paths": look.CSS,
        "head": look.SCRIPT,
        "run_history": False,
        "enable_monitoring": False,
        "footer_links": ["api"],
        "max_file_size": limits.upload_bytes,
        "state_session_capacity": limits.sessions,
        "mcp_server": find_spec("mcp") is not None,
        "pwa": False,
        "app_kwargs": {
            "middleware": [Middleware(ServiceMiddleware, page=page), Middleware(AccessMiddleware)]
        },
        "show_error": False,
    }


def normalise_path(root_path: str | None) -> str | None:
    """A path as Gradio wants it, with a slash in front and none behind; a whole URL as it is."""
    if root_path is None or "://" in root_path:
        return root_path
    path = root_path.strip("/")
    return f"/{path}" if path else ""


def launch(
    *,
    host: str | None = None,
    port: int | None = None,
    share: bool = False,
    root_path: str | None = None,
    collect: str | Path | None = None,
    api_only: bool = False,
    queue: int | None = None,
    limits: Limits = DEFAULT,
    block: bool = True,
) -> gr.Blocks:
    """Build and serve the page; returns when it is stopped, or at once where block is false.

    host, port: by default this machine only, and the first free port from 7860; root_path: where
    a reverse proxy shows the page, by default the environment variable GRADIO_ROOT_PATH; api_only:
    no page, the named endpoints alone; queue: how many jobs may wait, if not as in the limits.
    """
    use_one_arena()
    preload.load()
    limits = limits if queue is None else replace(limits, queue=queue)
    blocks = build(limits=limits, collect=collect, page=not api_only)
    _, local, shared = blocks.launch(
        server_name=host,
        server_port=port,
        share=share,
        root_path=normalise_path(root_path),
        quiet=True,
        prevent_thread_lock=True,
        **settings(limits, page=not api_only),
    )
    print(f"Just Noticeable is at {shared or local}", file=sys.stderr, flush=True)
    if block:
        blocks.block_thread()
    return blocks
