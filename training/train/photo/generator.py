"""Train the photo generator, and measure it on photos held out of training.

`python -m training.train.photo.generator --data FOLDER --panel FILE`

FOLDER holds the photo sets as folders of parquet files, photos240, imagenette224 and bsds500, or
some of them; FILE is the panel, made by `python -m export.photo.efficientnet`. Into OUT go the
weights with their history (photo-generator.safetensors) and what they reach on photos held out of
training (photo-generator.json, and a table on stdout, row by row). A stopped training goes on
when the same command is given again. How well the machine JND of photos does on photos of another
source is not measured here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from engine.networks.photo.panel import load_photo_panel

from ...records.log import log
from ...records.record import card, write_json
from .loop import FILE, train
from .pictures import Pictures
from .preset import PhotoPreset, add_options, from_options
from .probe import STRENGTHS, line

SOURCES = ("photos240", "imagenette224", "bsds500")
HEADER = "mode       strength  RCA    all    PSNR   noise  worst k/9  confidence  within .1  up"


def run(
    data: Path,
    panel_file: Path,
    out: Path,
    preset: PhotoPreset,
    *,
    minutes: float,
    steps: int | None = None,
    begins: Path | None = None,
    count: int | None = None,
    size: int | None = None,
) -> None:
    """Train and measure; each line of the table is printed as soon as it is measured.

    Arguments as in `train`; count: at most so many photos of each set, and one strength.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    panel = load_photo_panel(panel_file).to(device, memory_format=torch.channels_last)
    folders = [data / name for name in SOURCES if (data / name).is_dir()]
    pictures = Pictures(folders, device, count)
    log(f"{len(pictures)} photos, {len(pictures.held_out)} held out")
    training, probe = train(
        pictures,
        panel,
        preset,
        device,
        out,
        seconds=60 * minutes,
        steps=steps,
        begins=begins,
        size=size,
    )
    print(
        f"{training.steps} steps of {preset.batch}, {training.skipped} left out, "
        f"{training.seconds:.0f} s",
        HEADER,
        sep="\n",
        flush=True,
    )
    note = training.note() | {"machine": card(), "n_train": len(pictures), "held_out": []}
    for row in probe.rows(training.halved(), (1.0,) if count else STRENGTHS):
        print(line(row), flush=True)
        note["held_out"].append(row)
        write_json(out / FILE.replace(".safetensors", ".json"), note)


def sources(parser: argparse.ArgumentParser) -> None:
    """The options that every command about photo generators has."""
    parser.add_argument("--data", type=Path, required=True, help="folder of the photo sets")
    parser.add_argument("--panel", type=Path, required=True, help="the panel's safetensors file")


def training_options(parser: argparse.ArgumentParser) -> None:
    """`sources`, and the options of every command that trains one, its preset's among them."""
    sources(parser)
    parser.add_argument("--begins", type=Path, help="generator to go on from")
    parser.add_argument("--count", type=int, help="at most so many photos of each set: a trial")
    parser.add_argument("--minutes", type=float, default=5, help="of training; default: 5")
    add_options(parser)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.train.photo.generator", description=__doc__.splitlines()[0]
    )
    training_options(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("runs/photos"), help="default: runs/photos"
    )
    parser.add_argument("--steps", type=int, help="train for so many steps, not minutes")
    parser.add_argument("--size", type=int, help="pixels a side of training pictures")
    given = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    run(
        given.data,
        given.panel,
        given.out,
        from_options(given),
        minutes=given.minutes,
        steps=given.steps,
        begins=given.begins,
        count=given.count,
        size=given.size,
    )


if __name__ == "__main__":
    main()
