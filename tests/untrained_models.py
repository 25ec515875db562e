"""Models of others to attack: an untrained torchvision network, a small one, and pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from engine.attack import AttackResult
from engine.images.picture import decode, to_batch

FLAT = np.full((64, 64), 3.0, np.float32)
SIDE = 64


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """More of them only wait for each other, with networks this small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """SqueezeNet 1.1 with random weights; its small logits are scaled up."""
    models = pytest.importorskip("torchvision.models", reason="torchvision is not installed")
    torch.manual_seed(0)

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = models.squeezenet1_1(weights=None, num_classes=10)

        def forward(self, x):
            return 50 * self.network((x - 0.45) / 0.22)

    return Scaled().eval()


@pytest.fixture(scope="module")
def pictures(photos) -> np.ndarray:
    """uint8 3×64×64×3."""
    chosen = list(photos.values())[:3]
    return np.stack([np.asarray(Image.fromarray(each).resize((SIDE, SIDE))) for each in chosen])


@pytest.fixture(scope="module")
def small() -> nn.Module:
    """A smooth classifier of pictures of any size, with batch normalisation and dropout."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.BatchNorm2d(8),
        nn.Tanh(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(128, 5),
    ).eval()


@torch.no_grad()
def outputs(model, pixels: np.ndarray) -> torch.Tensor:
    """Of one picture uint8 H×W×3."""
    return model(torch.from_numpy(to_batch(pixels[None])))[0]


def seconds(model, pictures) -> list[int]:
    """The labels that the model finds second best."""
    return [int(outputs(model, each).topk(2).indices[1]) for each in pictures]


def check(result: AttackResult, clean: np.ndarray) -> None:
    """What holds for every result, success or not."""
    assert result.pixels.dtype == np.uint8
    assert result.pixels.shape == clean.shape
    assert np.array_equal(decode(result.png).pixels, result.pixels)
    change = np.abs(result.pixels.astype(int) - clean)
    assert result.largest_change == change.max()
    error = np.square(change, dtype=float).mean()
    if error:
        assert result.psnr_db == pytest.approx(10 * np.log10(255**2 / error))
    assert result.success == (result.margin > 0)
    assert result.gradients > 0
