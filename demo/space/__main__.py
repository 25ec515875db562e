"""`python -m demo.space stage DIR` writes the Space; `python -m demo.space push` publishes it.

`push` is a dry run by default. The token is the Hub client's: HF_TOKEN, or `hf auth login`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from engine import __version__
from engine.errors import EngineError
from engine.models.upload import carry_out, plan
from engine.terminal.streams import Help, Manual, examples, ready

from .stage import LARGEST, NEEDED, stage

PROGRAM = "python -m demo.space"
STAGING = ("stage space", "stage ../just-noticeable-space")
PUSHING = ("push --repo me/just-noticeable", "push --repo me/just-noticeable --publish")


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog=PROGRAM,
        description=__doc__,
        epilog=examples(PROGRAM, *STAGING, *PUSHING),
        formatter_class=Manual,
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    staging = commands.add_parser(
        "stage",
        help="write what the Space needs into a folder",
        epilog=examples(PROGRAM, *STAGING),
        formatter_class=Help,
    )
    staging.add_argument("folder", type=Path, metavar="DIR", help="an empty or a new folder")
    pushing = commands.add_parser(
        "push",
        help="publish the Space; a dry run by default",
        epilog=examples(PROGRAM, *PUSHING),
        formatter_class=Help,
    )
    pushing.add_argument("--repo", required=True, metavar="ORG/NAME", help="where to publish")
    pushing.add_argument(
        "--hardware", metavar="NAME", help="of a new Space, as zero-a10g (default: the free one)"
    )
    pushing.add_argument("--publish", action="store_true", help="do it; without it nothing is sent")
    return root


def main(arguments: list[str] | None = None) -> int:
    ready()
    options = parser().parse_args(arguments)
    try:
        if options.command == "stage":
            return write_staged(options.folder)
        return push(options.repo, options.hardware, options.publish)
    except EngineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def write_staged(folder: Path) -> int:
    files = stage(folder)
    for path in files:
        name, size = path.relative_to(folder).as_posix(), path.stat().st_size
        why = f"  over {LARGEST:,}: {NEEDED[name]}" if size > LARGEST else ""
        print(f"{size:>12,}  {name}{why}")
    print(f"{sum(path.stat().st_size for path in files):>12,}  in {len(files)} files")
    return 0


def push(repo: str, hardware: str | None, for_real: bool) -> int:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "space"
        stage(folder)
        message = f"Just Noticeable {__version__}"
        planned = plan(folder, repo, kind="space", message=message, hardware=hardware)
        done = carry_out(planned, for_real=for_real)
    if done is not None:
        verb = "published" if done.changed else "nothing has changed since"
        print(f"{verb}: {done.address}, commit {done.commit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
