"""What a photo generator reaches on held-out photos: clipped, rounded to 8 bits, single precision.

RCA of each classifier, PSNR, every k/9, white noise as strong, confidence before and after; at
several strengths, in both modes.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from engine.networks.losses import log_odds

from .objective import Predictions, predict

STRENGTHS = (0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6)
CHUNK = 50
NINTHS = range(1, 10)


def in_8_bits(x: Tensor) -> Tensor:
    return (x.clamp(0, 1) * 255).round() / 255


def psnr(x: Tensor, y: Tensor) -> Tensor:
    """dB of each picture, both 0…1: N."""
    return -10 * (x - y).square().mean((1, 2, 3)).clamp_min(1e-10).log10()


class Probe:
    """Held-out photos and the panel's predictions for them.

    pixels uint8 N×H×W×3.
    """

    def __init__(self, panel: nn.ModuleDict, pixels: Tensor, device: torch.device):
        self.panel = panel
        self.chunks: list[tuple[Tensor, Predictions]] = []
        for part in pixels.split(CHUNK):
            x = part.to(device).permute(0, 3, 1, 2).float() / 255
            self.chunks.append((x, predict(panel, x)))

    def logits(self, x: Tensor) -> Tensor:
        return torch.stack([member(x) for member in self.panel.values()], 1)

    @torch.no_grad()
    def changes(self, generator: nn.Module, strength: float, keep: bool) -> list[Tensor]:
        """E / 2 of each chunk, on the 0…1 scale."""
        parts = []
        for x, clean in self.chunks:
            conditions = [
                torch.full((len(x),), float(v), device=x.device) for v in (strength, keep)
            ]
            change = generator(2 * x - 1, clean.evidence, clean.confidence, *conditions)
            parts.append(change.float() / 2)
        return parts

    @torch.no_grad()
    def kept(self, changes: list[Tensor], factor: float = 1.0) -> dict:
        """RCA per member and PSNR of changes · factor; confidence before and after."""
        same, noise, before, after, rise = [], [], [], [], []
        for (x, clean), change in zip(self.chunks, changes, strict=True):
            distorted = in_8_bits(x + factor * change)
            logits = self.logits(distorted)
            same.append(logits.argmax(2) == clean.labels)
            noise.append(psnr(x, distorted))
            before.append(clean.confidence)
            after.append(logits.softmax(2).gather(2, clean.labels[..., None])[..., 0])
            rise.append(log_odds(logits, clean.labels) - log_odds(clean.logits, clean.labels))
        same, before, after = torch.cat(same), torch.cat(before), torch.cat(after)
        noise, rise = torch.cat(noise), torch.cat(rise)
        return {
            "rca": same.float().mean().item(),
            "rca_by_member": dict(zip(self.panel, same.float().mean(0).tolist(), strict=True)),
            "all_members": same.all(1).float().mean().item(),
            "psnr_db": noise.mean().item(),
            "psnr_std_db": noise.std().item(),
            "confidence_before": before.mean().item(),
            "confidence_after": after.mean().item(),
            "confidence_raised": (after > before).float().mean().item(),
            "confidence_within_0.1": ((after - before).abs() <= 0.1).float().mean().item(),
            "log_odds_raised": (rise > 0).float().mean().item(),
        }

    @torch.no_grad()
    def white_noise(self, changes: list[Tensor], seed: int = 0) -> float:
        """RCA under Gaussian noise that is, picture by picture, as strong as E in 8 bits."""
        same = []
        for (x, clean), change in zip(self.chunks, changes, strict=True):
            random = torch.Generator(x.device).manual_seed(seed)
            noise = torch.randn(x.shape, generator=random, device=x.device)
            wanted = psnr(x, in_8_bits(x + change))
            low, high = torch.zeros(len(x), device=x.device), torch.ones(len(x), device=x.device)
            for _ in range(14):  # clipping eats some of the noise: its deviation is bisected
                middle = (low + high) / 2
                stronger = psnr(x, in_8_bits(x + middle[:, None, None, None] * noise)) < wanted
                high, low = torch.where(stronger, middle, high), torch.where(stronger, low, middle)
            distorted = in_8_bits(x + low[:, None, None, None] * noise)
            same.append(self.logits(distorted).argmax(2) == clean.labels)
        return torch.cat(same).float().mean().item()

    def brief(self, generator: nn.Module) -> dict:
        """At the usual strength, both modes: a row of the training's history."""
        return {
            mode: self.kept(self.changes(generator, 1.0, keep))
            for mode, keep in (("labels", False), ("confidence", True))
        }

    def rows(
        self, generator: nn.Module, strengths: tuple[float, ...] = STRENGTHS
    ) -> Iterator[dict]:
        """A row per mode and strength: `kept`, RCA under white noise, RCA at every k/9."""
        for mode, keep in (("labels", False), ("confidence", True)):
            for strength in strengths:
                changes = self.changes(generator, strength, keep)
                ninths = {str(k): self.kept(changes, k / 9)["rca"] for k in NINTHS}
                yield (
                    {"mode": mode, "strength": strength, **self.kept(changes)}
                    | {"white_noise_rca": self.white_noise(changes), "ninths_rca": ninths}
                )


def summary(row: dict) -> str:
    """A line about what `Probe.kept` returns."""
    return (
        f"RCA {row['rca']:.1%} at {row['psnr_db']:.2f} dB, confidence "
        f"{row['confidence_before']:.2f} -> {row['confidence_after']:.2f}, within .1 "
        f"{row['confidence_within_0.1']:.0%}"
    )


def line(row: dict) -> str:
    """A line of a table about one of `Probe.rows`."""
    return (
        f"{row['mode']:10} {row['strength']:8.2f} {row['rca']:6.1%} {row['all_members']:6.1%} "
        f"{row['psnr_db']:6.2f} {row['white_noise_rca']:6.1%} "
        f"{min(row['ninths_rca'].values()):9.1%} "
        f"{row['confidence_before']:5.2f}->{row['confidence_after']:.2f} "
        f"{row['confidence_within_0.1']:9.0%} {row['log_odds_raised']:5.0%}"
    )
