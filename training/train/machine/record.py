"""What long trainings of generators reach, whether they ship or not.

`python -m training.train.machine.record NAME … --data FOLDER`

NAME: of generators in RUNS/generators, as `python -m training generator` leaves them. Each is
measured on the first training and test images: its share of labels kept, of the whole change and of
each ninth of it, and its PSNR. Written is training/results/long_cifar10.json, with the settings of
each and its history.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import torch

from engine.networks.generator import Generator
from engine.networks.panel import Panel

from ...data.labelled import LabelledImages, load
from ...records.record import hardware, thinned, versions, write
from .classifiers import as_batch, pick_device
from .networks import load_generator
from .predictions import load_panel, panel_predictions
from .probe import changes, distorted, matches, measure

NAME = "long_cifar10"  # of the result
NINTHS = 9  # into which the change is divided (paper A: homogeneity)
IMAGES = 10_000  # of each split
ROWS = 16  # of a history
LEFT_OUT = ("jnd_maps",)  # of a row of the history


def reached(
    generator: Generator, panel: Panel, data: LabelledImages, split: str, runs: Path
) -> dict:
    """RCA, PSNR and what each k/9 of the change keeps, on these images. panel: on its device."""
    device = next(panel.parameters()).device
    clean = panel_predictions(panel, data, split, runs, device)
    row = {"split": split, "n": len(data)} | measure(generator, panel, data, clean)
    change = changes(generator, panel, data, clean)
    x = as_batch(torch.from_numpy(data.images)).to(device)
    kept = [
        matches(panel, distorted(x, change, k / NINTHS), clean["labels"])
        for k in range(1, NINTHS + 1)
    ]
    every = torch.stack(kept)  # 9×N×P
    row["ninths_rca"] = {k: each.float().mean().item() for k, each in enumerate(kept, 1)}
    row["every_ninth_rca"] = every.all(0).float().mean().item()
    row["every_ninth_all_members"] = every.all(0).all(1).float().mean().item()
    return row


def trained(name: str, data: str, runs: Path, count: int) -> dict:
    """One generator: how it was trained, what it reaches, its history."""
    path = runs / "generators" / f"{name}.safetensors"
    generator, note = load_generator(path)
    device = pick_device()
    panel = load_panel(runs)[0].to(device)
    generator.to(device)
    own = note["history"][-note["epochs"] :]
    found = {
        "generator": name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        **{key: note[key] for key in ("preset", "panel", "parameters", "n_train", "seconds")},
        **{key: note[key] for key in ("machine", "command", "scaled_by")},
        "reached": [
            reached(generator, panel, load(data, split).first(count), split, runs)
            for split in ("train", "test")
        ],
    }
    rows = [{key: row[key] for key in row if key not in LEFT_OUT} for row in own]
    return found | {"epochs": len(rows), "history": thinned(rows, ROWS)}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.train.machine.record", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", nargs="+", metavar="NAME", help="generators in RUNS/generators")
    parser.add_argument("--data", default="../shared/data/cifar10", help="CIFAR-10")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="default: runs")
    parser.add_argument("--count", type=int, default=IMAGES, help="images of each split")
    given = parser.parse_args()
    rows = [trained(name, given.data, given.runs, given.count) for name in given.names]
    path = write(
        NAME,
        command=f"python -m training.train.machine.record {' '.join(given.names)}",
        data=load(given.data, "test").source,
        weights={row["generator"]: row.pop("sha256") for row in rows},
        sections={
            "hardware": hardware(),
            "versions": versions(),
            "seed": rows[0]["preset"]["seed"],
            "n": given.count,
            "rows": rows,
        },
    )
    for row in rows:
        for part in row["reached"]:
            print(
                f"{row['generator']}: {part['split']} RCA {part['rca']:.4f} at "
                f"{part['psnr_db']:.2f} dB; worst k/9 {min(part['ninths_rca'].values()):.4f}, "
                f"every k/9 {part['every_ninth_rca']:.4f}"
            )
    print(path)


if __name__ == "__main__":
    main()
