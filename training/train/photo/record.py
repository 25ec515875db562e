"""Keep a trained photo generator in 8 bits, and record its training.

`python -m training.train.photo.record STAGE … --data FOLDER --panel FILE`

STAGE: the folder of each training in turn, as `training.train.photo.generator` leaves it, the last
of which holds the generator that is kept. Its weights are stored in 8 bits per output channel where
they are large, and what that costs is measured on the photos held out of training. Written are
runs/photo-generator.safetensors, which `python -m export photos` turns into the graph that ships
and from which, as from the graph, a training can go on (`--begins`), and
training/results/photo_generator.json.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.networks.photo import quantised
from engine.networks.photo.efficientnet import SIZE
from engine.networks.photo.generator import PhotoGenerator
from engine.networks.photo.panel import load_photo_panel

from ...records.record import hardware, read_json, thinned, versions, write
from .. import checkpoint
from .generator import SOURCES, sources
from .loop import FILE, load_generator
from .pictures import HELD_OUT, encoded, stack
from .probe import Probe

KEPT = Path("runs") / FILE
LARGE = 8192  # numbers in a weight from which it is stored in 8 bits
ROWS = 60  # of the histories, together
PROBED = ("rca", "psnr_db", "confidence_after", "confidence_within_0.1")
WHAT = (
    "What the photo generator reaches on photos held out of its training, of a source that it was "
    "trained on, and on which settings were chosen. It is not the evaluation on other photos, "
    "which is still to come."
)
STORED = (
    "The weights as trained and as kept, at strength 1, on a CPU. The rows above were computed "
    "where the generator was trained: a few labels may differ."
)


def in_8_bits(name: str, weight: Tensor) -> bool:
    """All but the smallest, the stem and the output: those touch the picture itself."""
    return weight.numel() >= LARGE and not name.startswith(("stem", "output"))


def eight_bits(generator: nn.Module) -> dict[str, Tensor]:
    """The tensors to store of a photo generator."""
    return quantised.pack(generator, in_8_bits)


def stage(folder: Path, remark: str, count: int) -> dict:
    """What is kept about one training; count: rows of its history."""
    _, note = checkpoint.load(folder / FILE)
    probes = [
        {"step": row["step"]}
        | {mode: {key: row[mode][key] for key in PROBED} for mode in ("labels", "confidence")}
        for row in note["probes"]
    ]
    note |= {"remark": remark, "history": thinned(note["history"], count), "probes": probes}
    return note


def kept_generator(stored: dict[str, Tensor], like: PhotoGenerator) -> PhotoGenerator:
    """The network that stored weights are."""
    network = PhotoGenerator(like.members, like.levels)
    network.load_state_dict(quantised.unpack(stored))
    return network.eval()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.train.photo.record", description=__doc__.splitlines()[0]
    )
    parser.add_argument("stages", nargs="+", type=Path, metavar="STAGE", help="folders, in order")
    sources(parser)
    parser.add_argument("--speed", type=Path, help="speed.json of a session on a GPU")
    parser.add_argument("--remark", action="append", default=[], help="about a stage, in order")
    parser.add_argument("--source", default="", help="what the photos trained on are")
    parser.add_argument("--command", default="", help="what the stages were trained with")
    given = parser.parse_args()
    remarks = given.remark + [""] * len(given.stages)
    lengths = [len(checkpoint.load(folder / FILE)[1]["history"]) for folder in given.stages]
    stages = [
        stage(folder, remark, max(2, round(ROWS * length / sum(lengths))))
        for folder, remark, length in zip(given.stages, remarks, lengths, strict=False)
    ]
    last = given.stages[-1]
    generator, note = load_generator(last / FILE)
    measured = read_json((last / FILE).with_suffix(".json"))
    stored = eight_bits(generator)
    checkpoint.save(KEPT, stored, note | {"earlier": stages[:-1]})

    photos = stack(encoded(given.data / SOURCES[0])[-HELD_OUT:], SIZE)
    probe = Probe(load_photo_panel(given.panel), torch.from_numpy(photos), torch.device("cpu"))
    forms = {"half precision": generator, "8 bits": kept_generator(stored, generator)}
    sizes = {
        "half precision": (last / FILE).stat().st_size,
        "8 bits": KEPT.stat().st_size,
    }
    machine = measured["machine"]
    write(
        "photo_generator",
        command=given.command,
        data=given.source,
        weights={
            KEPT.name: hashlib.sha256(KEPT.read_bytes()).hexdigest(),
            given.panel.name: hashlib.sha256(given.panel.read_bytes()).hexdigest(),
        },
        sections={
            "what": WHAT,
            "hardware": f"{machine['card'] or 'CPU'}, {machine['cores']} cores",
            "versions": {key: machine[key] for key in ("python", "torch", "cuda", "cudnn")},
            "seed": note["preset"]["seed"],
            "n": len(photos),
            "n_train": measured["n_train"],
            "parameters": sum(p.numel() for p in generator.parameters()),
            "rows": measured["held_out"],
            "stored": {
                "what": STORED,
                "hardware": hardware(),
                "versions": versions(),
                "rows": [
                    {"weights": name, "bytes": sizes[name], **probe.brief(network)}
                    for name, network in forms.items()
                ],
            },
            "speed": read_json(given.speed) if given.speed else None,
            "stages": stages,
        },
    )


if __name__ == "__main__":
    main()
