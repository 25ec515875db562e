"""Train HVS-SD, the learned human JND. `python -m training human`.

Three stages, each kept in RUNS/human/NAME.STAGE.safetensors; a killed run goes on from its last
hundred steps, and a finished stage is not done again.

1. degradation: the compression autoencoder on crops of photos; bits + fidelity · squared error.
2. attention: the branch learns the maps that the frozen autoencoder's gradients give.
3. jnd: noise ±J with random signs, one for R, G and B, is injected as it is, at level 1. It is to
   be as visible in every crop as a threshold may be, JOD 9.5, and within that as strong as
   possible (the logarithm of its energy after clipping). Beside it: an adaptive mix of quality
   losses (each divided by its own running mean), the magnitude term, no tint where clipping leaves
   one sign only, and the agreement of the attention maps before and after. Half of the steps see
   the true maps, half the branch's, so that the graph may ship with the branch. Some crops are
   made more colourful, some grey.

The visibility is held for every crop by itself, so that J is absolute, not relative as in the
paper: what is left for `python -m training calibrate` is one factor near 1.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.networks.device import autocast
from engine.networks.hvs import USUAL, AttentionBranch, Degradation, HvsSd, JndNetwork, attention

from ...data.labelled import Photos
from .. import checkpoint
from ..machine.classifiers import pick_device, round_to_half
from ..presets import HumanPreset
from . import iqa
from .stages import STAGES, Stage, StageLoss

COLOURFUL, GREY = 0.3, 0.1  # shares of the crops


def degradation_loss(stage: Stage, x: Tensor) -> tuple[Tensor, dict]:
    """Bits per pixel + fidelity · MSE in 8-bit levels."""
    network = stage.network
    with autocast(x.device):
        rebuilt, code = network(x)
    error = (rebuilt.float() - x).square().mean()
    bits = network.bits(code.float()).mean()
    psnr = -10 * error.detach().clamp_min(1e-12).log10()
    return bits + stage.preset.fidelity * 255**2 * error, {
        "bits_per_pixel": bits.detach(),
        "psnr_db": psnr,
    }


def branch_loss(stage: Stage, x: Tensor, teacher: Degradation) -> tuple[Tensor, dict]:
    """Cross-entropy of the branch's maps, each value a share: the maps are sparse, and an absolute
    error is least where all of them are zero."""
    with autocast(x.device):
        wanted = attention(teacher, x).float()
        logits = stage.network.logits(x)
    loss = F.binary_cross_entropy_with_logits(logits.float(), wanted)
    error = (logits.detach().float().sigmoid() - wanted).square().mean((0, 2, 3))
    spread = (wanted - wanted.mean((0, 2, 3), keepdim=True)).square().mean((0, 2, 3))
    return loss, {"variance_explained": (1 - error / spread).mean()}


def coloured(x: Tensor) -> Tensor:
    """Crops of which some are more colourful (up to three times), and some grey."""
    kind = torch.rand(len(x), 1, 1, 1, device=x.device)
    more = 1 + 2 * torch.rand(len(x), 1, 1, 1, device=x.device)
    factor = torch.where(kind < COLOURFUL, more, torch.where(kind > 1 - GREY, 0.0, 1.0))
    y, _ = iqa.opponent(x)
    return (y + factor * (x - y)).clamp(0, 1)


def injected(x: Tensor, j: Tensor) -> Tensor:
    """x ± J clipped to 0…1, one random sign per pixel for R, G and B."""
    sign = torch.randint(0, 2, (len(x), 1, *x.shape[2:]), device=x.device).to(x.dtype) * 2 - 1
    return (x + sign * j).clamp(0, 1)


def jnd_loss(stage: Stage, x: Tensor, maps: Tensor, branch: AttentionBranch) -> tuple[Tensor, dict]:
    """Visibility held, energy, quality, magnitude, agreement of the attention."""
    preset = stage.preset
    with autocast(x.device):
        j = stage.network(x, maps)
    j = j.float()
    changed = injected(x, j)
    visible = iqa.visibility(x, changed)
    excess = (visible / preset.visible - 1).square().mean()
    energy = ((changed - x).square().mean((1, 2, 3)) + 1e-8).log2().mean()
    logged = {"jod": 10 - visible.detach().mean(), "jod_std": visible.detach().std()}
    quality = torch.zeros((), device=x.device)
    for name, loss in iqa.LOSSES.items():
        part = slice(None, None, 2) if name == "near" else slice(None)  # it is slow
        value = loss(x[part], changed[part]).mean()
        mean = stage.means.get(name, value.item())
        stage.means[name] = 0.98 * mean + 0.02 * value.item()
        quality = quality + value / max(mean, 1e-8) / len(iqa.LOSSES)
        logged[name] = value.detach()
    magnitude = iqa.magnitude_loss(j, USUAL)
    tint = iqa.tint_loss(x, changed)
    with autocast(x.device):
        agreement = (branch(changed) - branch(x).detach()).float().abs().mean()
    logged |= {
        "magnitude": magnitude.detach(),
        "tint": tint.detach(),
        "agreement": agreement.detach(),
        "psnr_db": -10 * energy.detach() * math.log10(2),
        "mean_j": j.detach().mean(),
    }
    logged |= dict(zip(("red", "green", "blue"), j.detach().mean((0, 2, 3)), strict=True))
    loss = (
        preset.held * excess
        - energy
        + preset.quality * quality
        + preset.magnitude * magnitude
        + preset.tint * tint
        + preset.agreement * agreement
    )
    return loss, logged


def seen_maps(teacher: Degradation, branch: AttentionBranch, x: Tensor, taught: float) -> Tensor:
    """The true attention maps in a share `taught` of the steps, else the branch's."""
    if torch.rand(()).item() < taught:
        with autocast(x.device):
            return attention(teacher, x).float()
    with torch.no_grad(), autocast(x.device):
        return branch(x).float()


def train_human(
    name: str, photos: Photos, preset: HumanPreset, runs: Path, command: str = ""
) -> dict:
    """Train all stages to RUNS/human/NAME.*.safetensors; return the note of the last, with history.

    Raises DataError where RUNS holds a stage of this name made with other settings.
    """
    device = pick_device()
    photos = photos.first(preset.images)
    torch.manual_seed(preset.seed)
    teacher = Degradation(preset.channels)
    branch, network = AttentionBranch(), JndNetwork()

    def second(stage: Stage, x: Tensor) -> tuple[Tensor, dict]:
        return branch_loss(stage, x, teacher)

    def third(stage: Stage, x: Tensor) -> tuple[Tensor, dict]:
        x = coloured(x)
        return jnd_loss(stage, x, seen_maps(teacher, branch, x, preset.taught), branch)

    plan = (
        (teacher, preset.degradation_steps, degradation_loss, 0.0),
        (branch, preset.branch_steps, second, 0.0),
        (network, preset.jnd_steps, third, preset.average),
    )
    for kind, (module, steps, loss, decay) in zip(STAGES, plan, strict=True):
        stage = Stage(kind, module.to(device), preset, decay)
        note = finish(stage, name, photos, steps, loss, runs, command)
        module.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
    return note


def finish(
    stage: Stage,
    name: str,
    photos: Photos,
    steps: int,
    loss: StageLoss,
    runs: Path,
    command: str,
) -> dict:
    """Do one stage, or what is left of it; its network then holds the averaged, rounded weights.

    Returns its note. Raises DataError where RUNS holds it made with other settings.
    """
    settings = {"preset": asdict(stage.preset), "data": photos.source}
    final = stage_path(name, stage.name, runs)
    if final.exists():
        tensors, note = checkpoint.load_same(final, **settings)
        stage.network.load_state_dict(tensors)
        return note
    unfinished = final.with_suffix(".resume.safetensors")
    if unfinished.exists():
        stage.resume(unfinished, settings)
    stage.run(photos, steps, loss, unfinished, settings)
    stage.network.load_state_dict(stage.average.module.state_dict())
    round_to_half(stage.network)
    note = settings | {
        "human": name,
        "stage": stage.name,
        "steps": steps,
        "n_train": len(photos),
        "parameters": sum(p.numel() for p in stage.network.parameters()),
        "seconds": round(stage.seconds),
        "command": command,
        "history": stage.history,
    }
    checkpoint.save(final, stage.network.state_dict(), note)
    unfinished.unlink(missing_ok=True)
    return note


def stage_path(name: str, kind: str, runs: Path) -> Path:
    """Where a finished stage is kept."""
    return runs / "human" / f"{name}.{kind}.safetensors"


def load_human(name: str, runs: Path) -> tuple[HvsSd, Degradation, dict]:
    """The trained networks, frozen, the scale 1, the teacher, and the note of the last stage.

    Raises FileNotFoundError where a stage is missing.
    """
    states, notes = [], []
    for kind in STAGES:
        path = stage_path(name, kind, runs)
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
