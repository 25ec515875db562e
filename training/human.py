"""Train HVS-SD, the learned human JND. `python -m training human`.

Three stages, each kept in RUNS/human/NAME.STAGE.safetensors; a killed run goes on from its last
hundred steps, and a finished stage is not done again.

1. degradation: the compression autoencoder on crops of photos; bits + fidelity · squared error.
2. attention: the branch learns the maps that the frozen autoencoder's gradients give.
3. jnd: noise ±J with random signs, one for R, G and B, is injected at a fixed energy, drawn anew
   for every batch, and made less visible: an adaptive mix of quality losses (each weighted by one
   over its own running mean), the magnitude term, which keeps J's scale, and the agreement of the
   attention maps before and after. Energy is counted after clipping. Half of the steps see the
   true maps, half the branch's, so that the graph may ship with the branch.

J is relative; `python -m training calibrate` makes it absolute.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import swa_utils

from engine.hvs import AttentionBranch, Degradation, HvsSd, JndNetwork, attention

from . import checkpoint, iqa
from .classifiers import pick_device, round_to_half
from .crops import crops
from .data import Photos
from .presets import HumanPreset

STAGES = ("degradation", "attention", "jnd")
SPLIT = 1_000_000  # steps are numbered apart: stage 2 does not see the crops of stage 1 again
Loss = Callable[[nn.Module, Tensor, int], tuple[Tensor, dict[str, Tensor]]]


def learning_rate(peak: float, step: int, steps: int) -> float:
    """Cosine to zero after a warm-up over the first twentieth."""
    rise = max(1, round(0.05 * steps))
    if step < rise:
        return peak * (step + 1) / rise
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


class Stage:
    """One stage's training: a network, its average, the optimiser, what is done and measured."""

    def __init__(self, name: str, network: nn.Module, preset: HumanPreset, decay: float = 0.0):
        self.name, self.preset = name, preset
        self.network = network.to(memory_format=torch.channels_last)
        self.average = swa_utils.AveragedModel(
            network, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(decay)
        )
        self.optimizer = torch.optim.Adam(network.parameters(), preset.learning_rate)
        self.done, self.seconds = 0, 0.0
        self.history: list[dict] = []
        self.means: dict[str, float] = {}  # running means of the quality losses

    def save(self, path: Path, settings: dict) -> None:
        parts = {"network": self.network, "average": self.average}
        state = {
            f"{part}.{key}": value
            for part, module in parts.items()
            for key, value in module.state_dict().items()
        }
        kept = ("done", "seconds", "history", "means")
        note = settings | {key: getattr(self, key) for key in kept}
        checkpoint.save(path, checkpoint.pack(state, self.optimizer), note)

    def resume(self, path: Path, settings: dict) -> None:
        tensors, note = checkpoint.load_same(path, **settings)
        state = checkpoint.unpack(tensors, self.optimizer)
        for part, module in (("network", self.network), ("average", self.average)):
            own = {k: v for k, v in state.items() if k.startswith(f"{part}.")}
            module.load_state_dict({k.removeprefix(f"{part}."): v for k, v in own.items()})
        for key in ("done", "seconds", "history", "means"):
            setattr(self, key, note[key])

    def run(self, photos: Photos, steps: int, loss: Loss, path: Path, settings: dict) -> None:
        """Train to `steps`; every `save_every` of them are recorded and saved."""
        device = next(self.network.parameters()).device
        first = SPLIT * STAGES.index(self.name)
        totals: dict[str, float] = {}
        started, since = time.monotonic(), self.done
        self.network.train()
        while self.done < steps:
            seed, step = self.preset.seed, first + self.done
            x = crops(photos, self.preset.batch, self.preset.crop, seed, step).to(device)
            torch.manual_seed(1_000_003 * seed + step)
            value, logged = loss(self.network, x, self.done)
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(self.preset.learning_rate, self.done, steps)
            self.optimizer.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimizer.step()
            self.average.update_parameters(self.network)
            for key, number in {"loss": value, **logged}.items():
                totals[key] = totals.get(key, 0.0) + float(number)
            self.done += 1
            if self.done % self.preset.save_every == 0 or self.done == steps:
                self.seconds += time.monotonic() - started
                row = {key: total / (self.done - since) for key, total in totals.items()}
                row |= {"step": self.done, "seconds": round(self.seconds, 1)}
                self.history.append(row)
                print(json.dumps({"stage": self.name, **row}), file=sys.stderr, flush=True)
                self.save(path, settings)
                totals, started, since = {}, time.monotonic(), self.done


def autocast(x: Tensor) -> torch.autocast:
    return torch.autocast(x.device.type, dtype=torch.bfloat16)


def degradation_loss(network: Degradation, x: Tensor, preset: HumanPreset) -> tuple[Tensor, dict]:
    """Bits per pixel + fidelity · MSE in 8-bit levels."""
    with autocast(x):
        rebuilt, code = network(x)
    error = (rebuilt.float() - x).square().mean()
    bits = network.bits(code.float()).mean()
    psnr = -10 * error.detach().clamp_min(1e-12).log10()
    return bits + preset.fidelity * 255**2 * error, {"bits_per_pixel": bits, "psnr_db": psnr}


def branch_loss(branch: AttentionBranch, x: Tensor, teacher: Degradation) -> tuple[Tensor, dict]:
    """Mean absolute error of the branch's maps."""
    with autocast(x):
        wanted = attention(teacher, x).float()
        said = branch(x)
    loss = (said.float() - wanted).abs().mean()
    blind = (wanted - wanted.mean((0, 2, 3), keepdim=True)).abs().mean()
    return loss, {"constant_maps": blind}  # what maps of one grey would reach


def injected(x: Tensor, j: Tensor, psnr_db: float) -> Tensor:
    """x ± gain·J clipped to 0…1, the gain such that the batch as a whole has this PSNR.

    One random sign per pixel for R, G and B. The gain keeps its gradient: J's scale is free, and
    energy that clipping takes away has to be spent elsewhere.
    """
    sign = torch.randint(0, 2, (len(x), 1, *x.shape[2:]), device=x.device).to(x.dtype) * 2 - 1
    wanted = 10 ** (-psnr_db / 20)
    gain = wanted / (j.square().mean() + 1e-12).sqrt()
    for _ in range(2):
        change = (x + gain * sign * j).clamp(0, 1) - x
        gain = gain * wanted / (change.square().mean() + 1e-12).sqrt()
    return (x + gain * sign * j).clamp(0, 1)


def jnd_loss(
    stage: Stage, x: Tensor, maps: Tensor, branch: AttentionBranch, psnr_db: float
) -> tuple[Tensor, dict]:
    """Quality + magnitude + agreement of the attention before and after."""
    preset = stage.preset
    with autocast(x):
        j = stage.network(x, maps)
    j = j.float()
    changed = injected(x, j, psnr_db)
    logged = {}
    quality = torch.zeros((), device=x.device)
    for name, loss in iqa.LOSSES.items():
        value = loss(x, changed).mean()
        mean = stage.means.get(name, value.item())
        stage.means[name] = 0.98 * mean + 0.02 * value.item()
        quality = quality + value / max(mean, 1e-8) / len(iqa.LOSSES)
        logged[name] = value.detach()
    magnitude = iqa.magnitude_loss(j, preset.target)
    with autocast(x):
        agreement = (branch(changed) - branch(x).detach()).float().abs().mean()
    logged |= {"magnitude": magnitude.detach(), "agreement": agreement.detach()}
    logged |= {"mean_j": j.detach().mean(), "largest_j": j.detach().amax()}
    return quality + preset.magnitude * magnitude + preset.agreement * agreement, logged


def train_human(
    name: str, photos: Photos, preset: HumanPreset, runs: Path, command: str = ""
) -> dict:
    """Train all stages to RUNS/human/NAME.*.safetensors; return the note of the last, with history.

    Raises DataError where RUNS holds a stage of this name made with other settings.
    """
    device = pick_device()
    photos = photos.first(preset.images)
    settings = {"preset": asdict(preset), "data": photos.source}
    folder = runs / "human"

    def stage(kind: str, network: nn.Module, steps: int, loss: Loss, decay: float = 0.0) -> dict:
        final = folder / f"{name}.{kind}.safetensors"
        if final.exists():
            tensors, note = checkpoint.load_same(final, **settings)
            network.load_state_dict(tensors)
            return note
        training = Stage(kind, network.to(device), preset, decay)
        unfinished = final.with_suffix(".resume.safetensors")
        if unfinished.exists():
            training.resume(unfinished, settings)
        wrapped = loss if kind != "jnd" else lambda net, x, step: third(training, x, step)
        training.run(photos, steps, wrapped, unfinished, settings)
        network.load_state_dict(training.average.module.state_dict())
        round_to_half(network)
        note = settings | {
            "human": name,
            "stage": kind,
            "steps": steps,
            "n_train": len(photos),
            "parameters": sum(p.numel() for p in network.parameters()),
            "seconds": round(training.seconds),
            "command": command,
            "history": training.history,
        }
        checkpoint.save(final, network.state_dict(), note)
        unfinished.unlink(missing_ok=True)
        return note

    def third(training: Stage, x: Tensor, step: int) -> tuple[Tensor, dict]:
        drawn = torch.rand(2).tolist()
        if drawn[0] < preset.taught:
            with autocast(x):
                maps = attention(teacher, x).float()
        else:
            with torch.no_grad(), autocast(x):
                maps = branch(x).float()
        psnr_db = preset.psnr_low + drawn[1] * (preset.psnr_high - preset.psnr_low)
        return jnd_loss(training, x, maps, branch, psnr_db)

    torch.manual_seed(preset.seed)
    teacher = Degradation(preset.channels)
    branch, network = AttentionBranch(), JndNetwork()

    def first(net: nn.Module, x: Tensor, step: int) -> tuple[Tensor, dict]:
        return degradation_loss(net, x, preset)

    def second(net: nn.Module, x: Tensor, step: int) -> tuple[Tensor, dict]:
        return branch_loss(net, x, teacher)

    stage("degradation", teacher, preset.degradation_steps, first)
    teacher.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
    stage("attention", branch, preset.branch_steps, second)
    branch.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
    return stage("jnd", network, preset.jnd_steps, first, preset.average)


def load_human(name: str, runs: Path) -> tuple[HvsSd, Degradation, dict]:
    """The trained networks, frozen, the scale 1, the teacher, and the note of the last stage.

    Raises FileNotFoundError where a stage is missing.
    """
    folder = runs / "human"
    states, notes = [], []
    for kind in STAGES:
        path = folder / f"{name}.{kind}.safetensors"
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing: run `python -m training human` first")
        tensors, note = checkpoint.load(path)
        states.append(tensors)
        notes.append(note)
    teacher = Degradation(notes[0]["preset"]["channels"])
    branch, network = AttentionBranch(), JndNetwork()
    for module, state in zip((teacher, branch, network), states, strict=True):
        module.load_state_dict(state)
    seconds = sum(note["seconds"] for note in notes)
    stages = {note["stage"]: note["history"][-1] for note in notes}
    note = notes[-1] | {"seconds": seconds, "stages": stages}
    model = HvsSd(branch, network).eval().requires_grad_(False)
    return model, teacher.eval().requires_grad_(False), note


def true_maps(teacher: Degradation, x: Tensor) -> Tensor:
    """`attention` of a picture of any size, N×3×H×W in 0…1 -> N×4×H×W: padded to multiples of 8."""
    height, width = x.shape[2:]
    padded = F.pad(x, (0, -width % 8, 0, -height % 8), mode="replicate")
    return attention(teacher, padded)[:, :, :height, :width]
