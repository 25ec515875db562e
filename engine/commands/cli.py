"""`python -m engine`: the command line. Results on stdout, everything else on stderr.

Exit codes: 0 all pictures done; 1 at least one was refused (the others are done); 2 wrong
usage, weights, device or libraries; 3 a cloak that did not succeed within its budget, or a picture
without a watermark of the key; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from .. import __version__
from ..errors import DeviceError, EngineError, SetupError, UsageError, WeightsError
from ..terminal.command_line import Command, add_command, new_parser, options_from
from ..terminal.failures import engine_error
from ..terminal.streams import set_up_streams
from .options import (
    CloakOptions,
    CompressOptions,
    EmbedOptions,
    HumanOptions,
    MachineOptions,
    QualityOptions,
    ReadOptions,
    VerifyOptions,
)

SCRIPT = "just-noticeable"  # as pyproject.toml installs it


@dataclass(frozen=True, kw_only=True)
class PictureCommand(Command):
    """A command that takes pictures: `run(images, options)` of its module in engine.commands.

    operands: what to call the pictures in the help; one name stands for one or more of them. group:
    a command of which this one is a part, and whose module runs it.
    """

    operands: tuple[str, ...]
    group: str | None = None


COMMANDS = (
    PictureCommand(
        name="machine",
        options=MachineOptions,
        operands=("IMAGE",),
        help="the largest change that a panel of deep classifiers does not notice",
        description="For each picture, the largest change found that a panel of deep classifiers "
        "does not notice: the distorted picture, the change as a map, the panel's class activation "
        "map, and a figure of all. Photos keep their size; with the panel cifar10 they are resized "
        "to its 32×32. Classifiers of your own take part by their name or file.",
        examples=(
            "machine photo.jpg",
            "machine *.png --out pictures --strength 0.5 --json",
            "machine photo.jpg --panel photos --panel model.onnx --labels labels.txt",
            "machine photo.jpg --panel torchvision:alexnet,vgg16,resnet50,densenet121",
        ),
    ),
    PictureCommand(
        name="compress",
        options=CompressOptions,
        operands=("IMAGE",),
        help="the smallest file that a panel of deep classifiers still understands",
        description="For each picture, the smallest standard file found of which every classifier "
        "of a panel predicts what it predicts of the original, verified on the decoded file. It "
        "carries no metadata. A picture that cannot be made smaller is returned as it is. "
        "Classifiers of your own take part by their name or file.",
        examples=(
            "compress photo.jpg",
            "compress *.jpg --format webp --resize --out small --json",
            "compress photo.jpg --panel model.onnx --keep confidence:0.8",
        ),
    ),
    PictureCommand(
        name="human",
        options=HumanOptions,
        operands=("IMAGE",),
        help="how much each pixel may change before a person notices",
        description="For each picture, its just noticeable difference to a person: a map of the "
        "threshold of every pixel and channel, the picture with noise at that threshold, and how "
        "far the two pictures are apart.",
        examples=("human photo.jpg", "human photo.jpg --psnr 30 --array --metrics --json"),
    ),
    PictureCommand(
        name="cloak",
        options=CloakOptions,
        operands=("PHOTO",),
        help="change a face so little that only machines notice",
        description="For each photo a PNG of the same size, without metadata, in which dlib's "
        "recogniser no longer matches the face. Success is measured on the file itself. Exit code "
        "3: the budget was not enough; then no file is written.",
        examples=("cloak me.jpg", "cloak group.jpg --face all --robust --out cloaked"),
    ),
    PictureCommand(
        name="verify",
        options=VerifyOptions,
        operands=("A", "B"),
        help="whether two photos show the same person, to a machine",
        description="Compares the largest certain face of each photo with dlib's recogniser: the "
        "same person where the distance of their embeddings is below 0.6. Use it to test a cloak.",
        examples=("verify me.jpg out/me.cloaked.jpg", "verify one.jpg two.jpg --json"),
    ),
    PictureCommand(
        name="quality",
        options=QualityOptions,
        operands=("REFERENCE", "CHANGED"),
        help="how far two pictures are apart, in numbers",
        description="PSNR, SSIM, CIEDE2000, share of pixels changed and changed beyond the human "
        "JND; with --metrics JOD, FSIM and VIF, where the evaluation extra is installed; with "
        "--machine which machines keep their label.",
        examples=(
            "quality photo.png out/photo.noisy.png",
            "quality photo.png changed.png --metrics --json",
            "quality photo.png changed.png --machine --panel photos --panel model.onnx",
        ),
    ),
    PictureCommand(
        name="embed",
        group="watermark",
        options=EmbedOptions,
        operands=("IMAGE",),
        help="write a picture that carries a payload",
        description="For each picture a file of the same size, without metadata, that carries the "
        "payload: read back from the file, which is then changed as pictures are on their way, and "
        "the report says what it survives. A key is a phrase; without one anybody can read it.",
        examples=(
            "watermark embed photo.jpg --text '© me' --key secret",
            "watermark embed *.jpg --hex 00ff12cd --observer machine --json",
        ),
    ),
    PictureCommand(
        name="read",
        group="watermark",
        options=ReadOptions,
        operands=("IMAGE",),
        help="read the payload of a picture, also of a compressed, halved or cropped copy",
        description="The payload of each picture under a key. Exit code 3: at least one has no "
        "watermark of this key. Of pictures without one, fewer than one in a million is read as "
        "one that has.",
        examples=(
            "watermark read out/photo.watermarked.png --key secret",
            "watermark read copy.jpg --key secret --thorough --json",
        ),
    ),
)
GROUPS = {
    "watermark": Command(
        name="watermark",
        options=None,
        help="mark a picture with a payload under the threshold, or read one",
        description="A payload of up to 256 bits spread over a picture under the threshold of an "
        "eye or of a panel of classifiers, and read without the original.",
        examples=(
            "watermark embed photo.jpg --text '© me' --key secret",
            "watermark read out/photo.watermarked.png --key secret",
        ),
    ),
}
SAMPLES = Command(
    name="samples",
    options=None,
    help="print the paths of sample pictures already installed",
    examples=("samples", "samples | head -1"),
)


def program() -> str:
    """What the user typed: the installed script's name, or the module's."""
    return SCRIPT if Path(sys.argv[0]).stem == SCRIPT else "python -m engine"


def parser() -> argparse.ArgumentParser:
    root = new_parser(
        program(),
        "How much can a picture change before a machine, or a person, notices?",
        ("machine photo.jpg", "cloak me.jpg --out cloaked"),
    )
    root.add_argument("--version", action="version", version=f"just-noticeable {__version__}")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    groups = {}
    for row in COMMANDS:
        if row.group is not None and row.group not in groups:
            parent = add_command(commands, root.prog, GROUPS[row.group])
            groups[row.group] = parent.add_subparsers(required=True, metavar="ACTION")
        command = add_command(groups.get(row.group, commands), root.prog, row)
        words = 'picture file, or "-": standard input'
        if len(row.operands) == 1:
            several = f"{words}; a folder of pictures; a list of names, LIST.txt"
            command.add_argument("images", nargs="+", metavar=row.operands[0], help=several)
        else:  # each by itself: argparse cannot print the help of one with several names
            for operand in row.operands:
                command.add_argument(operand, metavar=operand, help=words)
    add_command(commands, root.prog, SAMPLES)
    return root


def main(arguments: list[str] | None = None) -> int:
    """The one way in, of the installed script as of `python -m engine`; returns the exit code."""
    set_up_streams()
    parsed = parser().parse_args(arguments)
    row = parsed.command
    try:
        if row is SAMPLES:
            return samples()
        several = len(row.operands) == 1
        images = parsed.images if several else [getattr(parsed, name) for name in row.operands]
        if images.count("-") > 1:
            raise UsageError("- is standard input, which gives one picture: name it once")
        run = import_module(f".{row.group or row.name}", __package__).run
        return run(images, options_from(parsed, row.options))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of stdout has left, as in `… | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return fail(engine_error(error))


def fail(error: EngineError) -> int:
    """Print the error; returns the exit code."""
    print(f"error: {error}", file=sys.stderr)
    return 2 if isinstance(error, (WeightsError, DeviceError, UsageError, SetupError)) else 1


def samples() -> int:
    from ..images.samples import sample_paths

    print(*sample_paths(), sep="\n")
    return 0
