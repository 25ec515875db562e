"""`python -m demo`: the engine in a browser."""

from __future__ import annotations

import argparse
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.terminal.command_line import add_options, new_parser, option, options_from
from engine.terminal.streams import set_up_streams

PROGRAM = "python -m demo"


@dataclass(frozen=True)
class DemoOptions:
    """Options of `python -m demo`: the arguments of `demo.app.launch`."""

    host: str = option("127.0.0.1", "address to serve")
    port: int | None = option(None, "port (default: the first free one from 7860)")
    root_path: str | None = option(
        None,
        "where a reverse proxy shows the page, such as /jn (default: GRADIO_ROOT_PATH)",
        metavar="PATH",
    )
    share: bool = option(False, "also through a public link by Gradio's relay")
    collect: Path | None = option(
        None,
        "keep the answers of finished viewing tests in DIR (default: keep nothing)",
        metavar="DIR",
    )
    api_only: bool = option(False, "no page: the endpoints for programs alone, and /health")
    queue: int | None = option(None, "how many jobs may wait, 1 or more (default: 24)")


def parser() -> argparse.ArgumentParser:
    root = new_parser(
        PROGRAM,
        "Just Noticeable in a browser. Nothing that is uploaded is kept.",
        ("--port 8000", "--host 0.0.0.0 --collect answers", "--api-only --queue 100"),
    )
    add_options(root, DemoOptions)
    return root


def exit_on_sigterm() -> None:
    """End by SIGTERM as by Ctrl-C, so that the private folder is removed with the process."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def nonsense(options: DemoOptions) -> str | None:
    """What is wrong with the options, in one line."""
    if options.queue is not None and options.queue < 1:
        return f"--queue {options.queue}: give 1 or more"
    if options.api_only and options.collect is not None:
        return "--collect keeps what the page's viewing test gives, and --api-only has no page"
    return None


def main(arguments: list[str] | None = None) -> int:
    set_up_streams()
    options = options_from(parser().parse_args(arguments), DemoOptions)
    if problem := nonsense(options):
        print(f"error: {problem}", file=sys.stderr)
        return 2
    if options.collect is not None:
        try:
            options.collect.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = f"--collect {options.collect} cannot be made ({error.strerror})"
            print(f"error: {problem}: choose another folder", file=sys.stderr)
            return 2
    try:
        from .app import launch
    except ModuleNotFoundError as error:
        remedy = "run pip install 'just-noticeable[demo]'"
        print(f"error: the demo needs {error.name}: {remedy}", file=sys.stderr)
        return 2
    exit_on_sigterm()
    launch(**asdict(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
