"""Shared pictures: real ones that scikit-image ships, and tiny labelled sets cut from them."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.images.samples import sample_paths
from training.evaluate.load.process import free_port, running


def keep_to_one_core() -> None:
    """Each process of a run in parallel (`pytest -n`) has a core of its own, and its children too.

    Two processes that each use both cores wait for each other.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})
        os.environ["OMP_NUM_THREADS"] = "1"


keep_to_one_core()
# What these assert is explained as what a test asserts.
pytest.register_assert_rewrite("demo_browser", "untrained_models")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch):
    """Neither this machine's weights nor its offline switch decide a test."""
    from huggingface_hub import constants

    monkeypatch.delenv("JND_WEIGHTS", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


@pytest.fixture(scope="session")
def photos() -> dict[str, np.ndarray]:
    """Name -> uint8 H×W×3."""
    return {path.stem: np.asarray(Image.open(path).convert("RGB")) for path in sample_paths()}


@pytest.fixture(scope="session")
def astronaut(photos) -> Image.Image:
    return Image.fromarray(photos["astronaut"])


@pytest.fixture(scope="session")
def head(astronaut) -> np.ndarray:
    """uint8 256×256×3: the astronaut's, the one face in it about 90 pixels."""
    return np.asarray(astronaut.crop((96, 0, 352, 256)))


@pytest.fixture(scope="session")
def crops(photos) -> np.ndarray:
    """uint8 64×32×32×3: random crops of the photos, scaled down."""
    random = np.random.default_rng(7)
    found = []
    for index in range(64):
        photo = photos[list(photos)[index % len(photos)]]
        side = int(random.integers(96, 200))
        top = int(random.integers(0, photo.shape[0] - side))
        left = int(random.integers(0, photo.shape[1] - side))
        crop = Image.fromarray(photo[top : top + side, left : left + side])
        found.append(np.asarray(crop.resize((32, 32), Image.Resampling.LANCZOS)))
    return np.stack(found)


@pytest.fixture(scope="session")
def labelled(tmp_path_factory, crops) -> Path:
    """A folder in the Hub's parquet layout: 256 train and 64 test pictures of ten classes."""
    import pyarrow as pa
    from pyarrow import parquet

    folder = tmp_path_factory.mktemp("labelled")
    random = np.random.default_rng(3)
    for split, count in (("train", 256), ("test", 64)):
        pictures, labels = [], []
        for index in range(count):
            crop = crops[index % len(crops)].astype(int) + random.integers(-9, 10, (32, 32, 3))
            stream = io.BytesIO()
            Image.fromarray(np.clip(crop, 0, 255).astype(np.uint8)).save(stream, "PNG")
            pictures.append({"bytes": stream.getvalue(), "path": f"{index}.png"})
            labels.append(index % 10)
        table = pa.table({"img": pictures, "label": labels})
        parquet.write_table(table, folder / f"{split}-00000-of-00001.parquet")
    return folder


@dataclass(frozen=True)
class Demo:
    """A running demo. collect: where its viewing tests go; outside: whom it wanted to talk to."""

    url: str
    collect: Path
    outside: Path
    temporary: Path


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Iterator[Demo]:
    """The demo, started once, at a free port of this machine (see `demo_server`)."""
    pytest.importorskip("gradio")
    folder = tmp_path_factory.mktemp("demo")
    collect, outside, temporary = (folder / name for name in ("collect", "outside.log", "tmp"))
    temporary.mkdir()
    port = free_port()
    script = Path(__file__).with_name("demo_server.py")
    command = [sys.executable, script, port, collect, outside]
    with running(command, port, folder / "server.log", TMPDIR=str(temporary)):
        yield Demo(f"http://127.0.0.1:{port}", collect, outside, temporary)
    assert list(temporary.iterdir()) == [], "the demo left something behind"
