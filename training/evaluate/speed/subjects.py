"""What is timed: the exported graphs as the engine runs them, and the same networks in PyTorch.

Each is a function without arguments that takes nothing from the last call: NumPy arrays in, NumPy
arrays out, so that on a GPU both runtimes copy. PyTorch is imported for its own runtimes only: the
memory of the others is measured without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.images.picture import to_batch
from engine.models.registry import BEST, HUMAN, HUMAN_NAMES, MODELS, PANELS

if TYPE_CHECKING:
    from torch import nn

Work = Callable[[], list[np.ndarray]]
ENGINE, EAGER, CHANNELS_LAST = "engine", "eager", "channels-last"
BFLOAT16, COMPILED, WHOLE = "bfloat16", "compiled", "whole"
CLASSES = {"cifar10": 10, "photos": 1000}
CHANNELS, STRIDE = 1280, 32  # of the photo panel's evidence: channels, pixels per value


@dataclass(frozen=True)
class Subject:
    """One thing that is timed.

    models: rows of `MODELS`; pictures: (how many, pixels a side) of each of its sizes, small to
    large; panel: whose it is, "" for a human JND.
    """

    name: str
    models: tuple[str, ...]
    pictures: tuple[tuple[int, int], ...]
    panel: str = ""

    @property
    def generates(self) -> bool:
        """Whether it is a panel's generator."""
        return bool(self.panel) and self.models != PANELS[self.panel].members


THUMBNAILS = tuple((count, 32) for count in (1, 16, 64, 256))  # as the panel takes them
PHOTOS = tuple((1, side) for side in (224, 512, 1024, 2048))  # multiples of 32, the first is usual
SUBJECTS = {
    each.name: each
    for each in (
        Subject("photo panel", PANELS["photos"].members, PHOTOS, "photos"),
        Subject("photo generator", (PANELS["photos"].generators[BEST],), PHOTOS, "photos"),
        Subject("CIFAR-10 panel", PANELS["cifar10"].members, THUMBNAILS, "cifar10"),
        Subject("CIFAR-10 generator", (PANELS["cifar10"].generators[BEST],), THUMBNAILS, "cifar10"),
        Subject(HUMAN, (HUMAN,), (*PHOTOS[:3], (1, 3456))),
        *(Subject(name, (), PHOTOS[:3]) for name in HUMAN_NAMES if name != HUMAN),
    )
}


def runtimes(subject: Subject) -> tuple[str, ...]:
    """What it can be run by, the engine first."""
    if not subject.models:
        return (ENGINE,)
    every = (ENGINE, EAGER, CHANNELS_LAST, BFLOAT16)
    if subject.panel == "cifar10":
        return every
    return (*every, COMPILED, WHOLE) if subject.name == HUMAN else (*every, COMPILED)


def feeds(subject: Subject, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """A network's inputs for pictures uint8 N×H×W×3, in the order of its forward pass.

    A generator's others are random, seed 0: its time does not depend on them.
    """
    images, random = to_batch(pixels), np.random.default_rng(0)
    if not subject.generates:
        return {"image": images}
    count, side = pixels.shape[:2]
    members = len(PANELS[subject.panel].members)
    logits = random.normal(0, 3, (count, members, CLASSES[subject.panel])).astype(np.float32)
    strength = np.ones(count, np.float32)
    if subject.panel == "photos":
        shape = (count, members, CHANNELS, side // STRIDE, side // STRIDE)
        evidence = random.random(shape, np.float32) / 100
        keep = np.zeros(count, np.float32)
        return {
            "image": images,
            "evidence": evidence,
            "logits": logits,
            "strength": strength,
            "keep": keep,
        }
    cams = random.random((count, members, side, side), np.float32)
    return {"image": images, "cams": cams, "logits": logits, "strength": strength}


def engine_work(subject: Subject, pixels: np.ndarray, weights: str | None, device: str) -> Work:
    """What the engine does with pictures uint8 N×H×W×3: ONNX Runtime, or NumPy and SciPy."""
    if not subject.panel:
        from engine.human import thresholds

        return lambda: [thresholds(pixels[0], subject.name, weights=weights, device=device)]
    from engine.models.session import open_session

    sessions = [open_session(model, weights=weights, device=device) for model in subject.models]
    inputs = feeds(subject, pixels)
    if subject.panel == "photos" and not subject.generates:
        from engine.panels.embedded import forward

        return lambda: [each for session in sessions for each in forward(session, inputs["image"])]
    return lambda: [output for session in sessions for output in session.run(**inputs)]


def torch_work(
    subject: Subject, runtime: str, pixels: np.ndarray, weights: str | None, device: str
) -> Work:
    """The same by PyTorch: EAGER as one would write it, in single precision and its own layout.

    CHANNELS_LAST: in that layout; BFLOAT16: in that layout, under autocast; COMPILED: by
    `torch.compile`; WHOLE: a human JND of the whole picture at once instead of in tiles.
    """
    import torch

    from engine.networks.device import use_threads

    from .networks import network_of

    use_threads()
    network: nn.Module = network_of(subject, weights).to(device)
    layout = torch.contiguous_format
    if runtime in (CHANNELS_LAST, BFLOAT16):
        layout = torch.channels_last
        network = network.to(memory_format=layout)
    if runtime == COMPILED:
        network = torch.compile(network, dynamic=False)

    def placed(array: np.ndarray) -> torch.Tensor:
        tensor = torch.from_numpy(array).to(device)
        return tensor.contiguous(memory_format=layout) if tensor.ndim == 4 else tensor

    @torch.no_grad()
    def run(*arrays: np.ndarray) -> list[np.ndarray]:
        with torch.autocast(device, torch.bfloat16, runtime == BFLOAT16):
            outputs = network(*map(placed, arrays))
        return [output.float().cpu().numpy() for output in outputs]

    if subject.panel:
        inputs = tuple(feeds(subject, pixels).values())
        return lambda: run(*inputs)
    from engine.human.learned import in_tiles
    from engine.networks.hvs import MARGIN

    if runtime == WHOLE:
        return lambda: [255 * run(to_batch(pixels))[0][0].transpose(1, 2, 0)]
    return lambda: [in_tiles(lambda x: run(x)[0], pixels[0], MARGIN)]


def digests(weights: str | None) -> dict[str, str]:
    """File name -> sha256 of every model that is timed."""
    from engine.models.locate import locate

    models = {model for subject in SUBJECTS.values() for model in subject.models}
    return {MODELS[model].file: locate(model, weights).sha256 for model in sorted(models)}
