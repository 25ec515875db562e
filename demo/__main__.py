"""`python -m demo`: the engine in a browser."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from engine.terminal.streams import Help, examples, ready

PROGRAM = "python -m demo"


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Just Noticeable in a browser. Nothing that is uploaded is kept.",
        epilog=examples(PROGRAM, "--port 8000", "--host 0.0.0.0 --collect answers"),
        formatter_class=Help,
    )
    root.add_argument("--host", default="127.0.0.1", help="address to serve (default: 127.0.0.1)")
    root.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    root.add_argument(
        "--root-path",
        metavar="PATH",
        help="where a reverse proxy shows the page, such as /jn (default: GRADIO_ROOT_PATH)",
    )
    root.add_argument(
        "--share", action="store_true", help="also through a public link by Gradio's relay"
    )
    root.add_argument(
        "--collect",
        type=Path,
        metavar="DIR",
        help="keep the answers of finished viewing tests in DIR (default: keep nothing)",
    )
    return root


def exit_on_sigterm() -> None:
    """End by SIGTERM as by Ctrl-C, so that the private folder is removed with the process."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def main(arguments: list[str] | None = None) -> int:
    ready()
    options = parser().parse_args(arguments)
    if options.collect is not None:
        try:
            options.collect.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            failure = f"error: --collect {options.collect} cannot be made ({error.strerror}): "
            print(failure + "choose another folder", file=sys.stderr)
            return 2
    try:
        from .app import launch
    except ModuleNotFoundError as error:
        remedy = "run pip install 'just-noticeable[demo]'"
        print(f"error: the demo needs {error.name}: {remedy}", file=sys.stderr)
        return 2
    exit_on_sigterm()
    launch(
        host=options.host,
        port=options.port,
        share=options.share,
        root_path=options.root_path,
        collect=options.collect,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
