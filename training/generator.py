"""Train the E-D generator against the frozen panel. `python -m training generator`.

What the panel answers on the clean images (labels and CAMs, for both flips) is computed once
and kept in RUNS/looks. Each step: E from the picture and its merged CAM (eq. 3), the distorted
picture clipped to an image (eq. 4), the loss of eq. 7. An exponential average of the weights
is what is measured and shipped, folded and rounded to half precision. A killed run goes on
from its last epoch; every epoch's losses, PSNR and RCA are kept for the figures.
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import swa_utils

from engine import losses, quality
from engine.classifiers import CIFAR10_CLASSES
from engine.layers import fold
from engine.models import GENERATORS, locate
from engine.networks import Generator, Panel
from engine.stored import contract, fill

from . import checkpoint
from .ambiguous import ambiguous, joined
from .classifiers import load_classifier, pick_device, round_to_half, shift
from .data import DataError, LabelledImages
from .looks import Batch, digest, load_panel, looks, take
from .presets import GeneratorPreset
from .snapshots import COUNT, jnd_maps, stages

REACH = 2  # pixels by which pictures are shifted, where a preset is diverse, or has shifted ones
CLASSES = len(CIFAR10_CLASSES)
PROBE = 2000  # test images looked at after every epoch
LOGGED = ("loss", "l_c", "l_m", "l_s", "psnr_db")


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

    def members(self, count: int, asked: int | None) -> list[int]:
        """Which of the panel's members a step asks, in the panel's order."""
        return sorted(torch.randperm(count, generator=self.generator)[:asked].tolist())


def contradict(labels: Tensor, allowed: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Labels N×P of which, in a share of the allowed images, one's or two's is another class.

    Where the panel disagrees a generator has to say different things to different members. On
    training images that is rare, on test images it is not: here it is practised.
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


def learning_rate(preset: GeneratorPreset, step: int, steps: int) -> float:
    if not preset.cosine:
        return preset.learning_rate
    rise = max(1, round(0.03 * steps))
    if step < rise:
        return preset.learning_rate * (step + 1) / rise
    return preset.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / (steps - rise)))


@torch.no_grad()
def measure(
    generator: Generator, panel: Panel, data: LabelledImages, clean: dict[str, Tensor]
) -> dict:
    """RCA and RCA_n (eqs 16-17), mean PSNR clipped and 8-bit, mean PSNR unclipped, of x + E."""
    generator.eval()
    panel.eval()
    device = next(generator.parameters()).device
    plain = torch.zeros(len(data), dtype=torch.bool)
    images = torch.from_numpy(data.images)
    kept, clipped, unclipped = [], [], []
    for index in torch.arange(len(data)).split(500):
        batch = take(images, clean, panel.names, index, plain[index], device)
        full = torch.ones(len(index), device=device)
        change = generator(2 * batch.x - 1, batch.cams, batch.labels, full, batch.logits) / 2
        distorted = ((batch.x + change).clamp(0, 1) * 255).round() / 255
        kept.append(panel.logits(distorted).argmax(2) == batch.labels)
        clipped.append(quality.psnr((distorted - batch.x).cpu().numpy()))
        unclipped.append(quality.psnr(change.cpu().numpy()))
    rates = torch.cat(kept).float().mean(0).tolist()
    return {
        "rca": sum(rates) / len(rates),
        "rca_per_classifier": dict(zip(panel.names, rates, strict=True)),
        "psnr_db": float(np.concatenate(clipped).mean()),
        "psnr_unclipped_db": float(np.concatenate(unclipped).mean()),
    }


def ramp(preset: GeneratorPreset, done: float) -> float:
    """Factor on the wanted magnitude after this share of the steps: small changes come first.

    From the first steps at full magnitude, most of the panel's answers are lost at once, and with
    them the gradient that would bring them back.
    """
    return 1.0 if done >= preset.ramp else 0.2 + 0.8 * done / preset.ramp


def step_loss(
    generator: Generator,
    panel: Panel,
    batch: Batch,
    preset: GeneratorPreset,
    random: Draws,
    rise: float = 1.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Eq. 7 of one batch -> (loss; means of loss, L_c, L_m, L_s, PSNR; RCA_n, NaN if not asked)."""
    device, kind = batch.x.device, batch.x.device.type
    asked = random.members(len(panel.names), preset.asked)
    panels = batch.labels[:, : batch.cams.shape[1]]  # without what assistants say
    split = (panels != panels[:, :1]).any(1).cpu() & preset.faint
    weakened = strengths(len(batch.x), preset.weakened, random.generator, split).to(device)
    multiple = multiples(len(batch.x), preset.varied, random.generator).to(device)
    strong = (weakened.flatten() * multiple).cpu() >= 0.8  # a weak change cannot contradict
    told = contradict(panels, strong, preset.contrary, random.generator)
    wanted = torch.cat([told, batch.labels[:, panels.shape[1] :]], 1)
    cam = batch.cams.mean(1, keepdim=True)  # eq. 2
    with torch.autocast(kind, dtype=torch.bfloat16):
        change = generator(2 * batch.x - 1, batch.cams, told, multiple, batch.logits)  # eq. 3
    change = change.float()
    distorted = (batch.x + weakened * change / 2).clamp(0, 1)  # eq. 4, an image again
    shown = distorted
    if random.share() < preset.diverse:
        shown = shift(distorted, REACH, random.generator)
    with torch.autocast(kind, dtype=torch.bfloat16):
        logits = panel.logits(shown, [panel.names[member] for member in asked])
    labels = wanted[:, asked]
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
        kept = torch.full((len(panel.names),), torch.nan, device=device)
        kept[asked] = (logits.argmax(2) == labels).float().mean(0)
    return loss, torch.stack([loss.detach(), *parts, noise]).detach(), kept


def build(preset: GeneratorPreset, *, norm: bool = True) -> Generator:
    """The network that a preset trains; without its normalisation, as it is kept when finished."""
    return Generator(
        conditioned=preset.conditioned,
        confident=preset.confident,
        skips=preset.skips,
        norm=norm,
    )


def widened(tensors: dict[str, Tensor], network: Generator) -> dict[str, Tensor]:
    """A generator's tensors for a network that is told more, which it does not heed yet."""
    own = network.state_dict()
    return {
        name: F.pad(tensor, (0, own[name].shape[1] - tensor.shape[1]))
        if name.startswith("shifts.") and tensor.ndim == 2
        else tensor
        for name, tensor in tensors.items()
    }


def begun(preset: GeneratorPreset, runs: Path) -> tuple[Generator, dict]:
    """The network as its training begins: anew, or as the one that it goes on from, and its note.

    That is a finished generator of RUNS, else the one of this name that ships. Raises DataError
    where there is neither.
    """
    if not preset.begins:
        return build(preset), {}
    network = build(preset, norm=False)
    path = runs / "generators" / f"{preset.begins}.safetensors"
    if path.exists():
        tensors, note = checkpoint.load(path)
        network.load_state_dict(widened(tensors, network))
    elif preset.begins in GENERATORS:
        graph = locate(GENERATORS[preset.begins]).path
        note = contract(graph)["training"]
        confident = note["preset"].get("confident", False)
        shipped = build(replace(preset, confident=confident), norm=False)
        fill(shipped, graph, "generator.")
        network.load_state_dict(widened(shipped.state_dict(), network))
    else:
        raise DataError(f"{path} is missing: `python -m training generator` it first")
    return network.requires_grad_(True), note


class Training:
    """One generator being trained: the network, its average, the optimiser, what is done."""

    def __init__(self, preset: GeneratorPreset, runs: Path, device: torch.device):
        torch.manual_seed(preset.seed)
        network, self.earlier = begun(preset, runs)
        self.before = self.earlier.pop("history", [])
        self.network = network.to(device, memory_format=torch.channels_last)
        self.average = swa_utils.AveragedModel(
            self.network,
            multi_avg_fn=swa_utils.get_ema_multi_avg_fn(preset.average),
            use_buffers=True,
        )
        kind = torch.optim.AdamW if preset.decoupled else torch.optim.Adam
        self.optimizer = kind(
            self.network.parameters(), preset.learning_rate, weight_decay=preset.weight_decay
        )
        self.seconds = 0.0
        self.history: list[dict] = []

    def save(self, path: Path, settings: dict) -> None:
        state = checkpoint.join({"network": self.network, "average": self.average})
        note = settings | {"seconds": self.seconds, "history": self.history}
        checkpoint.save(path, checkpoint.pack(state, self.optimizer), note)

    def resume(self, path: Path, expected: dict) -> None:
        tensors, note = checkpoint.load_same(path, **expected)
        state = checkpoint.unpack(tensors, self.optimizer)
        checkpoint.split(state, {"network": self.network, "average": self.average})
        self.seconds, self.history = note["seconds"], note["history"]


def run_epoch(
    training: Training,
    panel: Panel,
    images: Tensor,
    seen: dict[str, Tensor],
    preset: GeneratorPreset,
    device: torch.device,
) -> dict:
    """One pass over the images -> the means of what was logged, as one row of the history."""
    epoch = len(training.history)
    random = torch.Generator().manual_seed(1000 * preset.seed + epoch)
    order = torch.randperm(len(images), generator=random)
    mirrored = torch.rand(len(images), generator=random) < 0.5
    training.network.train()
    panel.train()  # a step sees one side; mirrored pictures in the batches show the other
    batches = len(images) // preset.batch
    told = tuple(name for name in panel.names if f"maps.{name}" in seen)  # not the assistants
    draws = Draws(random)
    logged, kept = [], []
    for step in range(batches):
        index = order[step * preset.batch : (step + 1) * preset.batch]
        batch = take(images, seen, told, index, mirrored[index], device)
        rise = ramp(preset, (epoch + step / batches) / preset.epochs)
        loss, values, rates = step_loss(training.network, panel, batch, preset, draws, rise)
        logged.append(values)
        kept.append(rates)
        for group in training.optimizer.param_groups:
            group["lr"] = learning_rate(preset, epoch * batches + step, preset.epochs * batches)
        training.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        training.optimizer.step()
        training.average.update_parameters(training.network)
    return {
        "epoch": epoch + 1,
        **dict(zip(LOGGED, torch.stack(logged).mean(0).tolist(), strict=True)),
        "train_rca": dict(zip(panel.names, torch.stack(kept).nanmean(0).tolist(), strict=True)),
    }


def with_assistants(
    panel: Panel, preset: GeneratorPreset, train: LabelledImages, runs: Path, device: torch.device
) -> tuple[Panel, list[Tensor]]:
    """Who is asked in training: the panel and the preset's assistants; and what these say, N×Q."""
    if not preset.assistants:
        return panel, []
    loaded = {
        name: load_classifier(runs / "classifiers" / f"{name}.safetensors")[0]
        for name in preset.assistants
    }
    assistants = Panel(loaded).eval().requires_grad_(False)
    assistants.to(device, memory_format=torch.channels_last)
    told = looks(assistants, train, "train", runs, device)["labels"]
    return Panel(dict(panel.classifiers.items()) | loaded), [told]


def train_generator(
    name: str,
    train: LabelledImages,
    test: LabelledImages,
    preset: GeneratorPreset,
    runs: Path,
    command: str = "",
) -> dict:
    """Train one generator to RUNS/generators/NAME.safetensors; return its note with history.

    Each epoch's row holds the means over the training steps ("train_rca" at the strengths trained
    with, and of one side) and, under "test", what the averaged network reaches on the first 2,000
    test images at full strength. Raises DataError where RUNS holds it with other settings or
    another panel.
    """
    device = pick_device()
    train, probe = train.first(preset.images), test.first(preset.images).first(PROBE)
    final = runs / "generators" / f"{name}.safetensors"
    unfinished = final.with_suffix(".resume.safetensors")
    panel = load_panel(runs)[0]
    settings = {"preset": asdict(preset), "panel": digest(panel)}
    expected = settings | {"preset": preset}
    if final.exists():
        return checkpoint.load_same(final, **expected)[1]
    panel.to(device, memory_format=torch.channels_last)
    seen = looks(panel, train, "train", runs, device)
    clean = looks(panel, probe, "test", runs, device)
    if preset.shifted:
        moved = shifted(train, preset.seed)
        told = looks(panel, moved, "shifted", runs, device)
        train, seen = joined(train, moved), both(seen, told)
    if preset.mixtures:
        mixed, said = ambiguous(panel, train, preset.mixtures, preset.seed, runs, device)
        train, seen = joined(train, mixed), both(seen, said)
    asked, labels = with_assistants(panel, preset, train, runs, device)
    seen["labels"] = torch.cat([seen["labels"], *labels], 1)
    training = Training(preset, runs, device)
    if unfinished.exists():
        training.resume(unfinished, expected)

    images = torch.from_numpy(train.images)
    while len(training.history) < preset.epochs:
        started = time.monotonic()
        row = run_epoch(training, asked, images, seen, preset, device)
        training.seconds += time.monotonic() - started
        row["test"] = measure(training.average.module, panel, probe, clean)
        row["seconds"] = round(training.seconds)
        if row["epoch"] in stages(preset.epochs):
            row["jnd_maps"] = jnd_maps(training.average.module, panel)
        training.history.append(row)
        said = {key: value for key, value in row.items() if key != "jnd_maps"}
        print(json.dumps({"generator": name, **said}), file=sys.stderr, flush=True)
        training.save(unfinished, settings)

    finished = training.average.module.cpu()
    if not preset.begins:
        finished = fold(finished, build(preset, norm=False))
    folded = round_to_half(finished)
    note = {
        "generator": name,
        "data": train.source,
        "n_train": len(train),
        "parameters": sum(p.numel() for p in folded.parameters()),
        "seconds": round(training.seconds),
        "command": command,
        "earlier": training.earlier or None,
        "history": continued(training.before, training.history),
    } | settings
    checkpoint.save(final, folded.state_dict(), note)
    unfinished.unlink()
    return note


def shifted(data: LabelledImages, seed: int) -> LabelledImages:
    """Every image once more, moved by up to REACH pixels, the border reflected."""
    x = torch.from_numpy(data.images).permute(0, 3, 1, 2).float()
    moved = shift(x, REACH, torch.Generator().manual_seed(seed))
    images = moved.byte().permute(0, 2, 3, 1).contiguous().numpy()
    return LabelledImages(images, data.labels, f"{data.source}, shifted")


def both(first: dict[str, Tensor], second: dict[str, Tensor]) -> dict[str, Tensor]:
    """The looks at some images and at others."""
    return {key: torch.cat([value, second[key]]) for key, value in first.items()}


def continued(before: list[dict], history: list[dict]) -> list[dict]:
    """The rows of a training after those of the one it goes on from, epochs counted through.

    Of the JND maps those of COUNT stages are kept, the first and the last among them.
    """
    rows = [*before, *({**row, "epoch": len(before) + row["epoch"]} for row in history)]
    drawn = [number for number, row in enumerate(rows) if "jnd_maps" in row]
    places = np.linspace(0, len(drawn) - 1, COUNT).round().astype(int) if drawn else []
    kept = {drawn[place] for place in places}
    return [
        row if number in kept else {key: row[key] for key in row if key != "jnd_maps"}
        for number, row in enumerate(rows)
    ]


def load_generator(path: Path) -> tuple[Generator, dict]:
    """A folded, frozen generator from RUNS/generators/NAME.safetensors, and its note."""
    tensors, note = checkpoint.load(path)
    generator = build(GeneratorPreset(**note["preset"]), norm=False)
    generator.load_state_dict(tensors)
    return generator.eval().requires_grad_(False), note
