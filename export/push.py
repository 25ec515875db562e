"""`python -m export push --repo ORG/NAME`: one repository of the Hub, a dry run by default.

NAME says what is published: machine-jnd-cifar10, machine-jnd-photos, human-jnd, face-recogniser or
faceres. The folder is made from the weights that are embedded, or is one that `python -m export` or
`python -m export cards` wrote. The token is the client's: HF_TOKEN, or `hf auth login`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from engine import __version__
from engine.errors import PublishError
from engine.models.locate import EMBEDDED, sha256_of
from engine.models.registry import MODELS
from engine.models.upload import carry_out, plan
from engine.terminal.command_line import Manual, examples

from .repository import CONFIG, README, assemble, repositories

TAG = f"v{__version__}"


def push(arguments: list[str]) -> int:
    """The command. Raises PublishError."""
    parser = argparse.ArgumentParser(
        prog="python -m export push",
        description=__doc__,
        epilog=examples(
            "python -m export push", "--repo me/human-jnd", "--repo me/human-jnd --publish"
        ),
        formatter_class=Manual,
    )
    parser.add_argument("--repo", required=True, metavar="ORG/NAME", help="where to publish")
    parser.add_argument("--folder", type=Path, help="what to publish (default: made now)")
    parser.add_argument("--publish", action="store_true", help="do it; without it nothing is sent")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or assemble(original(options.repo), EMBEDDED, Path(temporary) / "r")
        for warning in check(folder):
            print(f"note: {warning}", file=sys.stderr)
        message = f"Just Noticeable {__version__}"
        planned = plan(folder, options.repo, kind="model", message=message, tag=TAG)
        done = carry_out(planned, for_real=options.publish)
    if done is not None:
        verb = "published" if done.changed else "already published"
        print(f"{verb}: {done.address}, {TAG}, commit {done.commit}")
        print(
            f'to pin it: revision="{done.commit}" for {options.repo} in engine/models/registry.py '
            f"({TAG} is the same commit)",
            file=sys.stderr,
        )
    return 0


def original(repo: str) -> str:
    """The repository of `engine.models.registry` with the same name after the slash."""
    known = {name.partition("/")[2]: name for name in repositories()}
    name = repo.partition("/")[2]
    if name not in known:
        raise PublishError(
            f"{repo!r} does not end in one of {', '.join(known)}: name it so, or say what to "
            "publish with --folder"
        )
    return known[name]


def check(folder: Path) -> list[str]:
    """Check these files as the engine would. Raises PublishError unless they are whole."""
    missing = [name for name in (README, CONFIG) if not (folder / name).is_file()]
    if missing:
        raise PublishError(
            f"{folder} lacks {', '.join(missing)}: make the folder with `python -m export cards`"
        )
    warnings = []
    for row in json.loads((folder / CONFIG).read_text())["models"]:
        path = folder / row["file"]
        if not path.is_file() or sha256_of(path) != row["sha256"]:
            raise PublishError(
                f"{path} is not the file that {CONFIG} lists: make the folder anew with "
                "`python -m export cards`"
            )
        model = MODELS[row["name"]]
        if row["file"] == model.file and row["sha256"] != model.sha256:
            warnings.append(
                f"{row['file']} is not the one that engine/models/registry.py pins: the engine "
                "will refuse it; `python -m export --embed` pins what it exports"
            )
    return warnings
