"""Train the E-D generator against the frozen panel. `python -m training generator`.

The panel's predictions for the clean images (labels and CAMs, for both flips) are computed once
and kept in RUNS/predictions. Each step: E from the picture and its merged CAM (eq. 3), the
distorted picture clipped to an image (eq. 4), the loss of eq. 7. An exponential average of the
weights is what is measured and shipped, folded and rounded to half precision. A killed run goes on
from its last epoch; every epoch's losses, PSNR and RCA are kept for the figures.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.networks.generator import Generator
from engine.networks.layers import fold
from engine.networks.panel import Panel

from ...data.labelled import DataError, LabelledImages
from ...records.log import log
from ...records.record import card
from .. import checkpoint, parallel
from ..presets import PROBE, GeneratorPreset
from .classifiers import as_batch, round_to_half
from .networks import begun, build, unfolded
from .pictures import gathered, with_assistants
from .predictions import digest, load_panel, panel_predictions, take
from .probe import changes, distorted, factor_for, measure, psnr
from .snapshots import COUNT, jnd_maps, stages
from .steps.epoch import Training, run_epoch

SAMPLE = 1000  # training images, the first: for batch normalisation put back, and for scaling
FACTORS = (0.5, 2.0)  # between which what goes into the tanh is scaled


def beginning(
    preset: GeneratorPreset,
    runs: Path,
    names: tuple[str, ...],
    images: Tensor,
    predictions: dict[str, Tensor],
) -> tuple[Generator, dict]:
    """The network as its training begins, and the note of the one that it goes on from.

    names: the panel's; predictions: its predictions for the images, uint8 N×H×W×3. The first of
    these give batch normalisation its statistics where a preset puts that back.
    """
    torch.manual_seed(preset.seed)
    network, earlier = begun(preset, runs)
    if preset.normalised:
        some = torch.arange(min(SAMPLE, len(images)))
        plain = torch.zeros(len(some), dtype=torch.bool)
        sample = take(images, predictions, names, some, plain, torch.device("cpu"))
        network = unfolded(network, build(preset), 2 * sample.x - 1, sample.cams)
    return network, earlier


def train_generator(
    name: str,
    train: LabelledImages,
    test: LabelledImages,
    preset: GeneratorPreset,
    runs: Path,
    command: str = "",
    limit: float | None = None,
) -> dict:
    """Train one generator to RUNS/generators/NAME.safetensors; return its note with history.

    limit: seconds after which it ends, its schedule with it, where that is sooner than the preset's
    epochs.

    Each epoch's row holds the means over the training steps ("train_rca" at the strengths trained
    with, and of one side) and, under "test", what the averaged network reaches on the first 2,000
    test images at full strength, before it is scaled. Raises DataError where RUNS holds it with
    other settings or another panel, and where it cannot be scaled as its preset has it.
    """
    device = parallel.join(preset.batch)
    torch.backends.cudnn.benchmark = True
    train, probe = train.first(preset.images), test.first(preset.images).first(PROBE)
    final = runs / "generators" / f"{name}.safetensors"
    unfinished = final.with_suffix(".resume.safetensors")
    panel = load_panel(runs)[0]
    settings = {"preset": asdict(preset), "panel": digest(panel)}
    expected = settings | {"preset": preset}
    if final.exists():
        return checkpoint.load_same(final, **expected)[1]
    panel.to(device, memory_format=torch.channels_last)
    clean = panel_predictions(panel, probe, "test", runs, device)
    train, predictions = gathered(panel, train, preset, runs, device)
    images = torch.from_numpy(train.images)
    opponents, labels = with_assistants(panel, preset, train, predictions, runs, device)
    predictions["labels"] = torch.cat([predictions["labels"], *labels], 1)
    network, earlier = beginning(preset, runs, panel.names, images, predictions)
    training = Training(preset, network, earlier, device, limit)
    if unfinished.exists():
        training.resume(unfinished, expected)
    images = images.to(device)
    predictions = {key: value.to(device) for key, value in predictions.items()}

    while not training.history or training.share(len(training.history)) < 1:
        training.began = time.monotonic()
        row = run_epoch(training, opponents, images, predictions)
        training.seconds += time.monotonic() - training.began
        training.began = time.monotonic()
        training.history.append(row)
        if not parallel.first():
            continue
        row["test"] = measure(training.average.module, panel, probe, clean)
        row["seconds"] = round(training.seconds)
        if row["epoch"] in stages(preset.epochs):
            row["jnd_maps"] = jnd_maps(training.average.module, panel)
        log({"generator": name} | {key: row[key] for key in row if key != "jnd_maps"})
        training.save(unfinished, settings)

    if not parallel.first():
        parallel.wait_for_all()
        return checkpoint.load_same(final, **expected)[1]
    finished = training.average.module.cpu()
    factor = 1.0
    if preset.scaled:
        first = {key: value[:SAMPLE].cpu() for key, value in predictions.items()}
        first["labels"] = first["labels"][:, : len(panel.names)]  # without the assistants'
        factor = scale(finished, panel, train.first(SAMPLE), first, preset.scaled)
    if preset.normalised or not preset.begins:
        finished = fold(finished, build(preset, norm=False))
    folded = round_to_half(finished)
    note = {
        "generator": name,
        "data": train.source,
        "n_train": len(train),
        "parameters": sum(p.numel() for p in folded.parameters()),
        "seconds": round(training.seconds),
        "machine": card(),
        "epochs": len(training.history),
        "command": command,
        "scaled_by": factor,  # after the epochs of the history
        "earlier": training.earlier or None,
        "history": continued(training.before, training.history),
    } | settings
    checkpoint.save(final, folded.state_dict(), note)
    unfinished.unlink()
    parallel.wait_for_all()
    return note


@torch.no_grad()
def scale(
    generator: Generator,
    panel: Panel,
    data: LabelledImages,
    clean: dict[str, Tensor],
    wanted: float,
) -> float:
    """Multiply what goes into the tanh so that the mean PSNR on these images is `wanted` dB.

    clean: the panel's predictions for them. Returns the factor; raises DataError where none between
    FACTORS does it.
    """
    x = as_batch(torch.from_numpy(data.images))
    output = generator.output
    weight, bias = output.weight.clone(), output.bias.clone()

    def noise(factor: float) -> float:
        output.weight.copy_(factor * weight)
        output.bias.copy_(factor * bias)
        return psnr(distorted(x, changes(generator, panel, data, clean)) - x)

    factor = factor_for(wanted, noise, FACTORS)
    if factor is None:
        strong, weak = noise(max(FACTORS)), noise(min(FACTORS))
        raise DataError(f"cannot be scaled to {wanted} dB, only to {strong:.2f} … {weak:.2f} dB")
    noise(factor)  # leaves it so
    return factor


def continued(before: list[dict], history: list[dict]) -> list[dict]:
    """The rows of a training after those of the one it goes on from, epochs counted through.

    Of the JND maps those of COUNT stages are kept, the first and the last among them.
    """
    rows = [*before, *({**row, "epoch": len(before) + row["epoch"]} for row in history)]
    drawn = [number for number, row in enumerate(rows) if "jnd_maps" in row]
    places = np.linspace(0, len(drawn) - 1, COUNT).round().astype(int) if drawn else []
    numbers = {drawn[place] for place in places}
    return [
        row if number in numbers else {key: row[key] for key in row if key != "jnd_maps"}
        for number, row in enumerate(rows)
    ]
