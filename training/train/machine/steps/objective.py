"""One training step of a generator: what is drawn at random for it, and eq. 7 of its images.

The losses that eq. 7 adds up (eqs 8-15) are in `engine.networks.losses`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from engine.networks import losses
from engine.networks.classifiers import CIFAR10_CLASSES
from engine.networks.device import autocast
from engine.networks.panel import Panel

from ... import parallel
from ...presets import GeneratorPreset
from ..classifiers import shift
from ..predictions import Batch

REACH = 2  # pixels by which the panel's pictures are shifted, where a preset is diverse
CLASSES = len(CIFAR10_CLASSES)


def strengths(count: int, share: float, generator: torch.Generator, split: Tensor) -> Tensor:
    """N×1×1×1: 1 for most images, a random k/9 (k = 1…8) for the given share of them.

    split: bool N, images whose k is 1, 2 or 3: where the panel disagrees those are the hard ones.
    """
    ninths = torch.randint(1, 9, (count,), generator=generator)
    ninths = torch.where(split, (ninths + 2) // 3, ninths) / 9
    weak = torch.rand(count, generator=generator) < share
    return torch.where(weak, ninths, torch.ones(())).view(-1, 1, 1, 1)


def multiples(count: int, share: float, generator: torch.Generator) -> Tensor:
    """N: 1 for most images, for the given share a random multiple of the target in 0.2…1.8."""
    others = 0.2 + 1.6 * torch.rand(count, generator=generator)
    return torch.where(torch.rand(count, generator=generator) < share, others, torch.ones(()))


@dataclass(frozen=True)
class Draws:
    """The random choices of one epoch's steps, the same at every run of it."""

    generator: torch.Generator

    def share(self) -> float:
        return torch.rand((), generator=self.generator).item()

    def members(self, count: int, drawn: int | None) -> list[int]:
        """The members of the panel that take part in a step, in order; `drawn` of them, or all."""
        return sorted(torch.randperm(count, generator=self.generator)[:drawn].tolist())


def contradict(labels: Tensor, allowed: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Labels N×P of which, in a share of the allowed images, one's or two's is another class.

    Where the panel disagrees a generator has to keep different labels for different members. On
    training images that is rare, on test images it is not: so it is trained here.
    """
    count, members = labels.shape
    chosen = (torch.rand(count, generator=generator) < share) & allowed
    first = torch.randint(0, members, (count, 1), generator=generator)
    apart = torch.randint(1, members, (count, 1), generator=generator)
    alone = torch.rand((count, 1), generator=generator) < 0.5
    second = torch.where(alone, first, (first + apart) % members)
    step = torch.randint(1, CLASSES, (count, 1), generator=generator)
    place = labels.device
    other = (labels.gather(1, first.to(place)) + step.to(place)) % CLASSES
    both = torch.cat([first, second], 1).to(place)
    changed = labels.scatter(1, both, other.expand(-1, 2))
    return torch.where(chosen[:, None].to(place), changed, labels)


def moved(batch: Batch, reach: int, generator: torch.Generator) -> Batch:
    """Pictures moved by up to `reach` pixels, the border reflected, and their CAMs with them.

    The panel's predictions for the moved picture are taken to be those for the picture.
    """
    together = shift(torch.cat([batch.x, batch.cams], 1), reach, generator)
    x, cams = together.split([batch.x.shape[1], batch.cams.shape[1]], 1)
    return replace(batch, x=x, cams=cams)


def ramp(preset: GeneratorPreset, done: float) -> float:
    """Factor on the target magnitude after this share of the steps: small changes come first.

    From the first steps at full magnitude, most of the panel's labels are lost at once, and with
    them the gradient that would bring them back.
    """
    return 1.0 if done >= preset.ramp else 0.2 + 0.8 * done / preset.ramp


@dataclass(frozen=True)
class Choice:
    """What is drawn for one step.

    batch; members: the panel's that take part, or None for all; given: labels int64 N×P that the
    generator is given; weakened N×1×1×1 and multiple N: strengths; turned: the panel is shown
    shifted pictures.
    """

    batch: Batch
    members: list[int] | None
    given: Tensor
    weakened: Tensor
    multiple: Tensor
    turned: bool = False


def chosen(batch: Batch, panel: Panel, preset: GeneratorPreset, random: Draws) -> Choice:
    """What a preset draws at random for a step."""
    device = batch.x.device
    if preset.shifted:
        batch = moved(batch, preset.shifted, random.generator)
    drawn = random.members(len(panel.names), preset.asked)
    panels = batch.labels[:, : batch.cams.shape[1]]  # without the assistants'
    split = (panels != panels[:, :1]).any(1).cpu() & preset.faint
    weakened = strengths(len(batch.x), preset.weakened, random.generator, split)
    multiple = multiples(len(batch.x), preset.varied, random.generator)
    strong = (weakened.flatten() * multiple) >= 0.8  # a weak change cannot contradict
    given = contradict(panels, strong, preset.contrary, random.generator)
    turned = random.share() < preset.diverse
    return Choice(batch, drawn, given, weakened.to(device), multiple.to(device), turned)


def undrawn(batch: Batch) -> Choice:
    """A step in which nothing is left to chance: all members, their own labels, full strength."""
    full = torch.ones(len(batch.x), device=batch.x.device)
    return Choice(batch, None, batch.labels, full.view(-1, 1, 1, 1), full)


def own(choice: Choice) -> Choice:
    """What was drawn for this process's part of the batch."""
    whole = choice.batch
    part = (parallel.own(each) for each in (whole.x, whole.labels, whole.logits, whole.cams))
    rest = ("given", "weakened", "multiple")
    parts = {name: parallel.own(getattr(choice, name)) for name in rest}
    return replace(choice, batch=Batch(*part), **parts)


def step_loss(
    generator: nn.Module,
    panel: Panel,
    batch: Batch,
    preset: GeneratorPreset,
    random: Draws,
    rise: float = 1.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Eq. 7 of one batch -> (loss; means of loss, L_c, L_m, L_s, PSNR; RCA_n, NaN if not drawn).

    generator: or what `parallel.shared` makes of it. Of several processes, of this one's part.
    """
    choice = own(chosen(batch, panel, preset, random))

    def logits(distorted: Tensor) -> Tensor:
        shown = shift(distorted, REACH, random.generator) if choice.turned else distorted
        return panel.logits(shown, [panel.names[member] for member in choice.members])

    return equation_7(generator, logits, choice, preset, rise)


def equation_7(
    generator: nn.Module,
    logits_of: Callable[[Tensor], Tensor],
    choice: Choice,
    preset: GeneratorPreset,
    rise: float = 1.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """`step_loss` of what was drawn. logits_of: N×3×H×W in 0…1 -> N×members×classes."""
    batch, weakened, multiple = choice.batch, choice.weakened, choice.multiple
    device = batch.x.device
    # The assistants' labels stay their own.
    targets = torch.cat([choice.given, batch.labels[:, choice.given.shape[1] :]], 1)
    labels = targets if choice.members is None else targets[:, choice.members]
    cam = batch.cams.mean(1, keepdim=True)  # eq. 2
    with autocast(device):
        change = generator(2 * batch.x - 1, batch.cams, choice.given, multiple, batch.logits)
    change = change.float()  # eq. 3
    distorted = (batch.x + weakened * change / 2).clamp(0, 1)  # eq. 4, an image again
    with autocast(device):
        logits = logits_of(distorted)
    counted = losses.surviving(change, 2 * batch.x - 1) if preset.clipped else change
    parts = (
        losses.classification_loss(logits.float(), labels),
        losses.magnitude_loss(counted, cam, rise * preset.wanted * multiple),
        losses.spatial_loss(counted, cam),
    )
    loss = parts[0] + preset.alpha * parts[1] + preset.beta * parts[2]  # eq. 7
    with torch.no_grad():
        difference = (batch.x + change / 2).clamp(0, 1) - batch.x
        noise = -10 * difference.square().mean((1, 2, 3)).clamp_min(1e-12).log10().mean()  # dB
        matches = (logits.argmax(2) == labels).float().mean(0)
        if choice.members is not None:
            drawn, matches = matches, torch.full((targets.shape[1],), torch.nan, device=device)
            matches[choice.members] = drawn
    return loss, torch.stack([loss.detach(), *parts, noise]).detach(), matches
