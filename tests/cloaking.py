"""What the tests of the cloak share: a portrait, a cloak, and the steps to its end."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from engine.cloak.face import Cloak
from engine.cloak.result import CloakedPhoto
from engine.cloak.state import FaceState
from engine.images.samples import sample_paths


def simple_eye(pixels: np.ndarray) -> np.ndarray:
    """A stand-in for a human JND, uint8 H×W×3 -> float32 H×W×3 in levels: more where dark."""
    grey = pixels.astype(np.float32).mean(2, keepdims=True)
    return np.repeat(3 + 14 * np.clip(1 - grey / 127, 0, 1), 3, axis=2)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """uint8 256×256×3: the astronaut's head, the one face in it about 90 pixels."""
    with Image.open(sample_paths()[3]) as image:
        return np.array(image.convert("RGB"))[:256, 96:352]


@pytest.fixture(scope="module")
def cloak() -> Cloak:
    return Cloak(simple_eye)


@pytest.fixture
def eye(monkeypatch):
    monkeypatch.setattr("engine.cloak.threshold.threshold_model", lambda *choices: simple_eye)


@pytest.fixture
def photo(tmp_path, portrait) -> str:
    path = tmp_path / "portrait.jpg"
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    Image.fromarray(portrait).save(path, quality=95, exif=exif)
    return str(path)


def run(cloak, states: list[FaceState], method, **options) -> list[FaceState]:
    for _ in cloak.run(states, method, **options):
        pass
    return states


def state_of(cloak, pixels, face, goal) -> FaceState:
    return FaceState(pixels, face, goal, cloak.threshold(pixels))


def finish(steps) -> CloakedPhoto:
    *_, result = steps
    return result
