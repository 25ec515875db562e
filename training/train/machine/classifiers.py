"""Train the panel's classifiers on CIFAR-10. `python -m training classifiers`.

Each network is trained on all training images by Nesterov SGD (AdamW in some presets)
with a triangular learning rate and label smoothing, in bf16 where the processor has it, on images
flipped every other epoch, shifted and with a small square cut out: the recipe of cifar10-airbench
in its longer form. The last epochs see the pictures as they are, for JPEG's grid of blocks is where
the test images have it.
The result is folded (no batch normalisation left), rounded to half precision, measured again
as rounded, and written to RUNS/classifiers/NAME.safetensors: exactly these weights are shipped,
exported and trained against. A killed run goes on from its last epoch.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.networks.classifiers import CLASSIFIERS, Classifier, WhitenedStem
from engine.networks.device import autocast
from engine.networks.layers import fold
from engine.networks.unseen import UNSEEN

from ...data.labelled import DataError, LabelledImages
from ...records.log import log
from .. import checkpoint, parallel
from ..presets import ClassifierPreset
from .assistants import ASSISTANTS

NETWORKS: dict[str, type[Classifier]] = CLASSIFIERS | UNSEEN | ASSISTANTS
Network = TypeVar("Network", bound=nn.Module)


def pick_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def as_batch(images: Tensor) -> Tensor:
    """uint8 N×H×W×3 -> float32 N×3×H×W in 0…1, channels-last in memory."""
    return images.permute(0, 3, 1, 2).float().div(255)


def shift(images: Tensor, reach: int, generator: torch.Generator) -> Tensor:
    """Translate each image of a batch by up to `reach` pixels, reflecting at the border."""
    if reach == 0:
        return images
    height, width = images.shape[-2:]
    padded = F.pad(images, (reach,) * 4, mode="reflect")
    offsets = torch.randint(0, 2 * reach + 1, (2, len(images), 1), generator=generator)
    rows = (torch.arange(height) + offsets[0])[:, :, None].to(images.device)  # N×H×1
    columns = (torch.arange(width) + offsets[1])[:, None, :].to(images.device)  # N×1×W
    index = torch.arange(len(images), device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[index, rows, columns].permute(0, 3, 1, 2)


def cut_out(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Replace a square at a random place of each image, possibly over its border, by mid-grey."""
    if side == 0:
        return images
    height, width = images.shape[-2:]
    row = torch.randint(0, height, (len(images), 1, 1), generator=generator)
    column = torch.randint(0, width, (len(images), 1, 1), generator=generator)
    rows = (torch.arange(height)[:, None] - row + side // 2).div(side, rounding_mode="floor") == 0
    columns = (torch.arange(width) - column + side // 2).div(side, rounding_mode="floor") == 0
    return images.masked_fill((rows & columns)[:, None], 0.5)


def parameter_groups(network: Classifier, preset: ClassifierPreset) -> list[dict]:
    """Filters, normalisation biases and the last layer, each with its peak learning rate.

    Weight decay shrinks every group by the same share per step.
    """
    filters, biases, linear = [], [], []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            group = linear if "linear" in name else biases if ".bn." in name else filters
            group.append(parameter)
    peak, decay = preset.learning_rate, preset.weight_decay
    return [
        {"params": part, "peak": peak * factor, "weight_decay": decay / factor}
        for part, factor in (
            (filters, 1.0),
            (biases, preset.bias_boost),
            (linear, 1 / preset.linear_damp),
        )
    ]


def triangle(step: int, steps: int, warm_up: float) -> float:
    """Share of the peak learning rate: up from 0.2 in the first part, then down to 0.01."""
    rise = max(1, round(warm_up * steps))
    if step < rise:
        return 0.2 + 0.8 * step / rise
    return 1 - 0.99 * (step - rise) / max(1, steps - rise)


@torch.no_grad()
def accuracy(classifier: Classifier, data: LabelledImages, device: torch.device) -> float:
    """Share of images whose top-1 is the label, in single precision, one view."""
    classifier.eval()
    right = 0
    for start in range(0, len(data), 500):
        images = torch.from_numpy(data.images[start : start + 500]).to(device)
        labels = torch.from_numpy(data.labels[start : start + 500]).to(device)
        right += (classifier(as_batch(images)).argmax(1) == labels).sum().item()
    return right / len(data)


@torch.no_grad()
def round_to_half(network: Network) -> Network:
    """Round every weight to a half-precision number, kept in single precision: what is shipped."""
    for parameter in network.parameters():
        parameter.copy_(parameter.half())
    return network


def run_epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    epoch: int,
    preset: ClassifierPreset,
    device: torch.device,
) -> float:
    """One pass over the images -> mean loss. The same epoch and seed show the same pictures.

    network: or what `parallel.shared` makes of it. labels: int64 N, or float32 N×classes,
    probabilities.
    """
    generator = torch.Generator().manual_seed(1000 * preset.seed + epoch)
    flips = torch.rand(len(images), generator=torch.Generator().manual_seed(preset.seed)) < 0.5
    flips = flips ^ bool(epoch % 2)  # every image is seen flipped every other epoch
    order = torch.randperm(len(images), generator=generator)
    batches = len(images) // preset.batch
    network.train()
    total = torch.zeros((), device=device)
    for batch in range(batches):
        progress = triangle(epoch * batches + batch, preset.epochs * batches, preset.warm_up)
        for group in optimizer.param_groups:
            group["lr"] = progress * group["peak"]
        index = order[batch * preset.batch : (batch + 1) * preset.batch]
        x = as_batch(images[index])
        x = torch.where(flips[index, None, None, None], x.flip(3), x)
        if epoch < (1 - preset.plain) * preset.epochs:
            x = cut_out(shift(x, preset.shift, generator), preset.cutout, generator)
        with autocast(device):
            logits = network(parallel.own(x).to(device))
        soft = labels.ndim == 2
        loss = F.cross_entropy(
            logits.float(),
            parallel.own(labels[index]).to(device),
            label_smoothing=0.0 if soft else preset.label_smoothing,
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.detach()
    return parallel.mean(total).item() / batches


def train_classifier(
    name: str,
    train: LabelledImages,
    test: LabelledImages,
    preset: ClassifierPreset,
    runs: Path,
    command: str = "",
) -> dict:
    """Train one row of `NETWORKS`; return its note (fractions, seconds, how it was made).

    Raises DataError where RUNS holds this classifier trained with other settings.
    """
    device = parallel.join(preset.batch)
    train, test = train.first(preset.images).last(preset.last), test.first(preset.images)
    folder = runs / "classifiers"
    final, resume = folder / f"{name}.safetensors", folder / f"{name}.resume.safetensors"
    settings = {"preset": asdict(preset)}
    earlier = None
    if final.exists():
        note = checkpoint.load(final)[1]
        if checkpoint.same((note.get("earlier") or {}).get("preset"), preset):
            return note  # polished since
        if checkpoint.same(note["preset"], preset) or not preset.polish:
            return checkpoint.load_same(final, preset=preset)[1]
        earlier = note

    torch.manual_seed(preset.seed)
    images, labels = torch.from_numpy(train.images), torch.from_numpy(train.labels)
    if preset.polish:
        network, labels = prepare_polish(name, images, labels, folder, device)
    else:
        network = NETWORKS[name]()
    network.to(device, memory_format=torch.channels_last)
    for module in network.modules():
        if isinstance(module, WhitenedStem) and not preset.polish:
            module.whiten(network.normalise(as_batch(images[:5000]).to(device)))
    groups = parameter_groups(network, preset)
    if preset.adaptive:
        optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.99))
    else:
        optimizer = torch.optim.SGD(groups, lr=1.0, momentum=preset.momentum, nesterov=True)
    done, seconds = 0, 0.0
    if resume.exists():
        tensors, note = checkpoint.load_same(resume, preset=preset)
        network.load_state_dict(checkpoint.unpack(tensors, optimizer))
        done, seconds = note["epochs"], note["seconds"]

    together = parallel.shared(network)
    for epoch in range(done, preset.epochs):
        started = time.monotonic()
        loss = run_epoch(together, optimizer, images, labels, epoch, preset, device)
        seconds += time.monotonic() - started
        if not parallel.first():
            continue
        score = accuracy(network, test.first(2000), device)
        log(
            f"{name} epoch {epoch + 1}/{preset.epochs} loss {loss:.4f} "
            f"accuracy on the first 2000 test images {score:.4f} {seconds:.0f} s"
        )
        note = settings | {"epochs": epoch + 1, "seconds": seconds}
        checkpoint.save(resume, checkpoint.pack(network.state_dict(), optimizer), note)

    folded = network.cpu() if preset.polish else fold(network.cpu(), NETWORKS[name](norm=False))
    folded = round_to_half(folded.eval())
    row = {
        "classifier": name,
        "test_accuracy": accuracy(folded, test, torch.device("cpu")),
        "n_test": len(test),
        "n_train": len(train),
        "size": train.images.shape[1],
        "data": train.source,
        "parameters": sum(p.numel() for p in folded.parameters()),
        "seconds": round(seconds),
        "command": command,
        "earlier": earlier,
    } | settings
    if parallel.first():
        checkpoint.save(final, folded.state_dict(), row)
        resume.unlink()
    parallel.wait_for_all()
    return row


@torch.no_grad()
def prepare_polish(
    name: str, images: Tensor, labels: Tensor, folder: Path, device: torch.device
) -> tuple[Classifier, Tensor]:
    """The finished, folded classifier to go on from, and soft labels float32 N×classes.

    The soft labels are the mean of the true label and of the probabilities that the other finished
    classifiers of the panel predict. Raises DataError where one of them is not finished.
    """
    path = folder / f"{name}.safetensors"
    if not path.exists():
        raise DataError(f"{path} is missing: train {name} with another preset first")
    network = load_classifier(path)[0].requires_grad_(True)
    for module in network.modules():
        if isinstance(module, WhitenedStem):
            module.conv.weight.requires_grad_(False)
    paths = [folder / f"{other}.safetensors" for other in CLASSIFIERS if other != name]
    missing = [path.stem for path in paths if not path.exists()]
    if missing:
        raise DataError(
            f"{folder} lacks {', '.join(missing)}: train them first, they are the teachers"
        )
    teachers = [load_classifier(path)[0].to(device) for path in paths]
    probabilities = []
    for batch in images.split(500):
        x = as_batch(batch).to(device)
        with autocast(device):
            each = [teacher(x).float().softmax(1) for teacher in teachers]
        probabilities.append(torch.stack(each).mean(0).cpu())
    soft = torch.cat(probabilities)
    return network, (soft + F.one_hot(labels, soft.shape[1])) / 2


def load_classifier(path: Path) -> tuple[Classifier, dict]:
    """A frozen, folded classifier from RUNS/classifiers/NAME.safetensors, and its note."""
    tensors, note = checkpoint.load(path)
    classifier = NETWORKS[note["classifier"]](norm=False)
    classifier.load_state_dict(tensors)
    return classifier.eval().requires_grad_(False), note
