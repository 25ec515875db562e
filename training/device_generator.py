"""Train a CIFAR-10 generator with everything on one device, large batches, within a given time.

The presets' step (`training.objective.step_loss`) and network; only the loop differs from
`training.generator`: pictures and what the panel saw of them stay on the device, the schedules
go by the share of the epochs or of the time that has passed, whichever is further.
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch.optim import swa_utils

from engine.layers import fold
from engine.stored import stored_panel

from . import checkpoint
from .classifiers import round_to_half
from .data import LabelledImages
from .looks import looks, take
from .networks import build
from .objective import Draws, ramp, step_loss
from .presets import DEFAULT, GENERATOR_PRESETS, PROBE, GeneratorPreset
from .probe import measure

# The paper's 200 epochs, in batches and with a learning rate that suit a GPU.
LONG = {
    "merged": replace(
        DEFAULT, epochs=200, batch=1000, learning_rate=4e-3, wanted=1.2, average=0.995
    ),
    "conditioned": replace(
        GENERATOR_PRESETS["contradicting"],
        epochs=200,
        batch=1000,
        learning_rate=4e-3,
        wanted=1.25,
        varied=0.2,
        weakened=0.7,
        contrary=0.15,
        faint=True,
        confident=True,
        average=0.995,
    ),
}


def train_long(
    name: str,
    preset: GeneratorPreset,
    train: LabelledImages,
    test: LabelledImages,
    runs: Path,
    out: Path,
    device: torch.device,
    seconds: float,
) -> dict:
    """Train for the preset's epochs or `seconds`; leaves NAME.safetensors in `out`, folded.

    Returns its note: epochs and seconds taken, RCA and PSNR on test and training images, history.
    """
    started = time.monotonic()
    panel, _ = stored_panel()
    panel.to(device, memory_format=torch.channels_last)
    probe = test.first(PROBE)
    clean = looks(panel, probe, "test", runs, device)
    seen = {k: v.to(device) for k, v in looks(panel, train, "train", runs, device).items()}
    images = torch.from_numpy(train.images).to(device)
    torch.manual_seed(preset.seed)
    network = build(preset).to(device, memory_format=torch.channels_last)
    average = swa_utils.AveragedModel(
        network, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(preset.average), use_buffers=True
    )
    optimizer = torch.optim.AdamW(
        network.parameters(), preset.learning_rate, weight_decay=preset.weight_decay
    )
    draws = Draws(torch.Generator().manual_seed(preset.seed))
    batches = len(images) // preset.batch
    total, epoch, history = preset.epochs * batches, 0, []
    begun = time.monotonic()
    done = 0.0
    while epoch < preset.epochs and done < 1:
        network.train()
        panel.train()  # one side in a step, as in `training.generator`
        order = torch.randperm(len(images), device=device)
        logged, kept = [], []
        for step in range(batches):
            passed = (time.monotonic() - begun) / max(1e-9, seconds - (begun - started))
            done = max(passed, (epoch * batches + step) / total)
            if done >= 1:
                break
            index = order[step * preset.batch : (step + 1) * preset.batch]
            mirrored = torch.rand(len(index), device=device) < 0.5
            batch = take(images, seen, panel.names, index, mirrored, device)
            loss, values, rates = step_loss(
                network, panel, batch, preset, draws, ramp(preset, done)
            )
            warm = min(1.0, done / 0.03 + 0.02)
            for group in optimizer.param_groups:
                group["lr"] = preset.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * done))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if torch.isfinite(torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)):
                optimizer.step()
                average.update_parameters(network)
            logged.append(values)
            kept.append(rates)
        epoch += 1
        if logged:
            values = torch.stack(logged).mean(0).tolist()
            row = dict(zip(("loss", "l_c", "l_m", "l_s", "psnr_db"), values, strict=True))
            row |= {"epoch": epoch, "train_rca": torch.stack(kept).nanmean().item()}
            row["seconds"] = round(time.monotonic() - started, 1)
            history.append(row)
            if epoch % 10 == 0 or done >= 1:
                print(json.dumps({"generator": name, **row}), file=sys.stderr, flush=True)
    folded = round_to_half(fold(average.module.cpu(), build(preset, norm=False)))
    folded.to(device, memory_format=torch.channels_last)
    some = train.first(PROBE)
    of_some = {key: value[:PROBE].cpu() for key, value in seen.items()}
    panel.eval()
    note = {
        "generator": name,
        "preset": asdict(preset),
        "epochs": epoch,
        "seconds": round(time.monotonic() - started, 1),
        "test": measure(folded, panel, probe, clean),
        "train": measure(folded, panel, some, of_some),
        "history": history,
    }
    checkpoint.save(out / f"generator-{name}.safetensors", folded.cpu().state_dict(), note)
    return note
