"""Networks of torchvision and timm, with the library's own weights or those of a file. PyTorch.

The network's side, mean and deviation are those that its library gives for it. Weights of a file
may be of another number of classes than the library's: the last layer follows them.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UsageError, WeightsError
from ..images.picture import to_batch
from ..models.locate import sha256_of
from ..networks.device import torch_device, use_threads
from ..system.libraries import of_extra, one_line
from .classes import class_names
from .naming import Entry
from .part import Part, trial_of

PICKLED = (b"PK\x03\x04", b"\x80")  # how files of `torch.save` begin, now and formerly
MOST_CLASSES = 100_000
# Of torchvision's networks ported from elsewhere: the pictures are scaled inside.
PORTED = ("googlenet", "inception_v3")
# torchvision's DenseNets are stored under the names of an early version.
EARLY = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)$")


class TorchClassifier(nn.Module):
    """A network and the pictures it takes: resized, their mean taken off, divided by deviation.

    size: (width, height) in pixels.
    """

    def __init__(
        self,
        network: nn.Module,
        size: tuple[int, int],
        mean: Sequence[float],
        deviation: Sequence[float],
    ):
        super().__init__()
        self.network, self.size = network, size
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation)[:, None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """float32 N×3×H×W in 0…1 -> logits N×classes."""
        return self.network((fitted(x, self.size) - self.mean) / self.deviation)


def fitted(x: Tensor, size: tuple[int, int]) -> Tensor:
    """N×3×H×W at (width, height): bilinear, antialiased, differentiable."""
    width, height = size
    if x.shape[2:] == (height, width):
        return x
    return F.interpolate(x, (height, width), mode="bilinear", antialias=True, align_corners=False)


@dataclass(frozen=True)
class Recipe:
    """How a library builds one network.

    build: number of classes, or None for the library's -> the network with random weights;
    download: the network with the library's weights; size, mean, deviation: as `TorchClassifier`;
    names: of the classes of the library's weights, or None.
    """

    build: Callable[[int | None], nn.Module]
    download: Callable[[], nn.Module]
    size: tuple[int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    names: tuple[str, ...] | None


def load(entry: Entry, imagenet: Sequence[str], device: str) -> Part:
    """The classifier of an entry, tried on a picture. imagenet: names of the 1,000 classes.

    Raises WeightsError, DeviceError, SetupError where its library is missing, and UsageError for an
    unknown name or labels that do not fit.
    """
    where = torch_device(device)
    use_threads()
    classifier, own_names = network_of(entry, where)

    @torch.no_grad()
    def predict(pixels: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(to_batch(pixels)).to(where, memory_format=torch.channels_last)
        scores = classifier(batch)
        if not isinstance(scores, Tensor):
            raise WeightsError(f"{entry.title} gives no logits: choose a classifier")
        return scores.float().cpu().numpy()

    count = trial_of(entry.title, predict, classifier.size).shape[1]
    if own_names is None or len(own_names) != count or entry.file is not None:
        own_names = class_names(entry.title, count, entry.labels, imagenet)
    weights = sha256_of(entry.file)[:8] if entry.file else "with its library's weights"
    return Part(
        (entry.title,),
        (own_names,),
        classifier.size,
        lambda pixels: predict(pixels)[:, None],
        f"{entry.title} {weights} (PyTorch on {where})",
    )


@lru_cache(maxsize=8)  # forward passes and a search share it
def network_of(entry: Entry, device: str) -> tuple[TorchClassifier, tuple[str, ...] | None]:
    """The frozen network of an entry on a device, and the names of its classes where known."""
    recipe = LIBRARIES[entry.kind](entry.name)
    network = downloaded(entry, recipe) if entry.file is None else filled(entry, recipe)
    classifier = TorchClassifier(network, recipe.size, recipe.mean, recipe.deviation)
    classifier.to(device, memory_format=torch.channels_last)
    return classifier.eval().requires_grad_(False), recipe.names


def downloaded(entry: Entry, recipe: Recipe) -> nn.Module:
    """The network with its library's weights, from its cache or its server. Raises WeightsError."""
    try:
        return recipe.download()
    except Exception as error:  # of urllib, requests, the Hub, the disk, a checksum
        raise WeightsError(
            f"{entry.title}: its weights are not in the cache and cannot be downloaded "
            f"({one_line(error)}): check the network, or give a file, {entry.title}=FILE"
        ) from None


def filled(entry: Entry, recipe: Recipe) -> nn.Module:
    """The network with the weights of a file. Raises WeightsError where they do not fit."""
    state = weights_of(entry.file)
    network = recipe.build(None)
    count = other_classes(network, state)
    if count is not None:
        network = recipe.build(count)
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError):
        raise WeightsError(
            f"{entry.file} does not fit {entry.title} ({misfit(network, state)}): give weights of "
            "that network"
        ) from None
    return network


def weights_of(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file; no other kind is opened. Raises WeightsError."""
    from safetensors.torch import load_file

    try:
        with path.open("rb") as stream:
            pickled = stream.read(4).startswith(PICKLED)
        state = {} if pickled else load_file(path)
    except Exception as error:  # of safetensors, the disk
        raise WeightsError(
            f"{path} cannot be read as weights ({cause(error)}): give a .safetensors file"
        ) from None
    if pickled:
        raise WeightsError(
            f"{path} is a file of pickle, which may run code: convert it to safetensors where you "
            "trust it (engine/README.md, your own models)"
        )
    state = {name.removeprefix("module."): value for name, value in state.items()}
    return {EARLY.sub(r"\1\2", name): value for name, value in state.items()}


def cause(error: Exception) -> str:
    """The first sentence of an error."""
    return re.split(r"(?<=[a-z])[.:] ", one_line(error, 160))[0]


def other_classes(network: nn.Module, state: dict[str, Tensor]) -> int | None:
    """How many classes the weights are for, up to `MOST_CLASSES`, where only that does not fit."""
    own = network.state_dict()
    differ = [n for n in own if n in state and own[n].shape != state[n].shape]
    counts = {state[name].shape[0] for name in differ if state[name].ndim}
    alike = all(own[name].shape[1:] == state[name].shape[1:] for name in differ)
    if len(counts) != 1 or not alike or max(counts) > MOST_CLASSES:
        return None
    return counts.pop()


def misfit(network: nn.Module, state: dict[str, Tensor]) -> str:
    """What does not fit, in words."""
    own = network.state_dict()
    missing, more = sorted(set(own) - set(state)), sorted(set(state) - set(own))
    for names, words in ((missing, "it lacks"), (more, "it has")):
        if names:
            others = f" and {len(names) - 1} more" if len(names) > 1 else ""
            return f"{words} {names[0]}{others}"
    name = next((n for n in own if own[n].shape != state[n].shape), None)
    if name is None:
        return "its values are of another type"
    return f"{name} is {tuple(state[name].shape)}, not {tuple(own[name].shape)}"


def library(name: str) -> ModuleType:
    """torchvision or timm, imported. Raises SetupError."""
    from importlib import import_module

    try:
        return import_module(name)
    except (ImportError, OSError) as error:
        raise of_extra(error, f"{name}:NAME", "panels") from None


def check_name(kind: str, name: str, known: Sequence[str]) -> None:
    """Raise UsageError for a name that the library has not."""
    if name not in known:
        close = difflib.get_close_matches(name, known, 3)
        hint = f"perhaps {' or '.join(close)}" if close else f"as {kind} lists them"
        raise UsageError(
            f"{kind} has no classifier {name!r}: give a name such as {known[0]}; {hint}"
        )


def torchvision_recipe(name: str) -> Recipe:
    library("torchvision")
    from torchvision import models

    check_name("torchvision", name, models.list_models(module=models))
    weights = models.get_model_weights(name).DEFAULT
    transform = weights.transforms()
    ported = {"transform_input": True, "init_weights": False} if name in PORTED else {}

    def build(count: int | None) -> nn.Module:
        given = {} if count is None else {"num_classes": count}
        return models.get_model(name, weights=None, **ported, **given)

    return Recipe(
        build,
        lambda: models.get_model(name, weights=weights, progress=sys.stderr.isatty()),
        (transform.crop_size[0],) * 2,
        tuple(transform.mean),
        tuple(transform.std),
        tuple(weights.meta["categories"]),
    )


def timm_recipe(name: str) -> Recipe:
    timm = library("timm")
    if not timm.is_model(name):
        check_name("timm", name, timm.list_models())
    known = timm.get_pretrained_cfg(name)
    if known is not None and not known.num_classes:
        raise UsageError(f"timm:{name} has no classes, it gives features: choose a classifier")

    def build(count: int | None) -> nn.Module:
        given = {} if count is None else {"num_classes": count}
        return timm.create_model(name, pretrained=False, **given)

    from timm.data import resolve_data_config

    config = resolve_data_config(pretrained_cfg=known.to_dict() if known else {})
    _, height, width = config["input_size"]
    return Recipe(
        build,
        quietly(lambda: timm.create_model(name, pretrained=True)),
        (width, height),
        tuple(config["mean"]),
        tuple(config["std"]),
        None,
    )


def quietly(build: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """The same without the Hub's warnings: of a failed request there is an error as well."""
    from huggingface_hub.utils import logging

    def built() -> nn.Module:
        verbosity = logging.get_verbosity()
        logging.set_verbosity_error()
        try:
            return build()
        finally:
            logging.set_verbosity(verbosity)

    return built


LIBRARIES: dict[str, Callable[[str], Recipe]] = {
    "torchvision": torchvision_recipe,
    "timm": timm_recipe,
}
