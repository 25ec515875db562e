"""`python -m demo.space stage DIR` writes the Space; `python -m demo.space push` publishes it.

`push` is a dry run by default. The token is the Hub client's: HF_TOKEN, or `hf auth login`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from engine import __version__
from engine.errors import EngineError
from engine.models.upload import carry_out, plan
from engine.terminal.command_line import (
    Command,
    add_command,
    new_parser,
    option,
    options_from,
)
from engine.terminal.streams import set_up_streams

from .stage import LARGEST, NEEDED, stage

PROGRAM = "python -m demo.space"


@dataclass(frozen=True)
class StageOptions:
    """Options of `python -m demo.space stage`."""

    folder: Path = option(help="an empty or a new folder", metavar="DIR", operand=True)


@dataclass(frozen=True)
class PushOptions:
    """Options of `python -m demo.space push`."""

    repo: str = option(help="where to publish", metavar="ORG/NAME")
    hardware: str | None = option(
        None, "of a new Space, as zero-a10g (default: the free one)", metavar="NAME"
    )
    publish: bool = option(False, "do it; without it nothing is sent")


STAGE = Command(
    name="stage",
    options=StageOptions,
    help="write what the Space needs into a folder",
    examples=("stage space", "stage ../just-noticeable-space"),
)
PUSH = Command(
    name="push",
    options=PushOptions,
    help="publish the Space; a dry run by default",
    examples=("push --repo me/just-noticeable", "push --repo me/just-noticeable --publish"),
)


def parser() -> argparse.ArgumentParser:
    root = new_parser(PROGRAM, __doc__, (*STAGE.examples, *PUSH.examples), laid_out=True)
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    for row in (STAGE, PUSH):
        add_command(commands, PROGRAM, row)
    return root


def main(arguments: list[str] | None = None) -> int:
    set_up_streams()
    parsed = parser().parse_args(arguments)
    try:
        if parsed.command is STAGE:
            return write_staged(options_from(parsed, StageOptions))
        return push(options_from(parsed, PushOptions))
    except EngineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def write_staged(options: StageOptions) -> int:
    """Write the folder; print each file and its size in bytes."""
    files = stage(options.folder)
    for path in files:
        name, size = path.relative_to(options.folder).as_posix(), path.stat().st_size
        why = f"  over {LARGEST:,}: {NEEDED[name]}" if size > LARGEST else ""
        print(f"{size:>12,}  {name}{why}")
    print(f"{sum(path.stat().st_size for path in files):>12,}  in {len(files)} files")
    return 0


def push(options: PushOptions) -> int:
    """Publish the Space, or print what would be sent. Raises PublishError."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "space"
        stage(folder, repo=options.repo)
        message = f"Just Noticeable {__version__}"
        planned = plan(
            folder, options.repo, kind="space", message=message, hardware=options.hardware
        )
        done = carry_out(planned, for_real=options.publish)
    if done is not None:
        verb = "published" if done.changed else "nothing has changed since"
        print(f"{verb}: {done.address}, commit {done.commit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
