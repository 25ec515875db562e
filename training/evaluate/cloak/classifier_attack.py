"""The same loop against image classifiers: every method on CIFAR-10, the panel to be fooled.

Non-targeted: no classifier of the panel may keep its label. The exported graphs decide about
a success, on the 8-bit picture read back from its PNG.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from engine.attack.loop import Search, last
from engine.attack.observers import PanelObserver
from engine.attack.problem import Method, Problem
from engine.human import human_jnd
from engine.images.picture import decode, encode_png, to_batch, to_pixels
from engine.machine.jnd import MachineJND
from engine.models.locate import locate
from engine.models.registry import HUMAN_DEFAULT, MODELS, PANEL
from engine.networks.stored import stored_panel

from ...data.labelled import load
from ...records.keys import attack_key, digest_of, jnds
from ...records.record import published, write
from ...records.store import Store, from_row, origin
from ...records.versions import metrics
from .keys import jnd_weights
from .metrics import means, visible
from .plan import MAIN, SEED, Row, default_jnd

COUNT = 20  # each takes half a minute
MARGIN = 0.01  # of the logits: the graphs round otherwise than PyTorch


def evaluate_panel(
    data: str,
    weights: Path | None,
    count: int | None,
    command: str,
    runs: Path,
    methods: Sequence[str] = MAIN,
) -> Path:
    """Methods of attack on the first test images -> results/panel_cifar10.json.

    count: how many images, by default `COUNT`; the first that the whole panel classifies rightly.
    A row that is published, or in `training.records.store`, is kept as long as what decided it is
    the same.
    """
    test = load(data, "test")
    machine = MachineJND(weights=weights, device="cpu")
    first = 2 * (count or COUNT)
    right = (machine.panel.predict_labels(test.images[:first]) == test.labels[:first, None]).all(1)
    images = test.images[:first][right][: count or COUNT]
    store = Store(runs, "panel", map(from_row, published("panel_cifar10").get("rows", [])))
    entries = []
    for name in methods:
        keys = method_keys(name, images, weights)
        entry = store.find(*keys)
        if entry is None:
            entry = store.keep(keys[-1], measure(name, images, machine, weights))
        entries.append(entry)
    files = {MODELS[each].file: locate(each, weights).sha256 for each in PANEL}
    sections = {"seed": SEED, "margin": MARGIN, "beyond_jnd_of": HUMAN_DEFAULT}
    sections |= {"jnd_weights": jnd_weights(entry.key for entry in entries)}
    return write(
        "panel_cifar10",
        command=command,
        data=test.source,
        weights=files,
        sections=origin(entries) | sections | {"rows": [entry.row() for entry in entries]},
    )


def method_keys(name: str, images: np.ndarray, weights: Path | None) -> list[dict]:
    """The keys under which a method's row may stand; the last is the one it is measured under."""
    jnd = default_jnd(name)
    common = {
        "attack": attack_key(choices(name)),
        "images": digest_of(images),
        "panel": {each: locate(each, weights).sha256 for each in PANEL},
        "seed": SEED,
        "margin": MARGIN,
        "metrics": metrics("psnr", "ssim", "delta_e", "beyond_jnd"),
    }
    eyes = list(jnds(jnd, HUMAN_DEFAULT))[::-1]
    return [common | {"jnd": each[jnd], "reported": each[HUMAN_DEFAULT]} for each in eyes]


def choices(name: str) -> Method:
    return Row(name, "panel").choices(False)


def measure(name: str, images: np.ndarray, machine: MachineJND, weights: Path | None) -> dict:
    """One method on the images uint8 N×H×W×3, against the panel of the weights."""
    panel, _ = stored_panel(weights)
    clean = torch.from_numpy(to_batch(images))
    labels = panel.logits(clean).argmax(2)
    jnd = default_jnd(name)
    problem = Problem(
        clean=clean,
        threshold=torch.from_numpy(eye(images, jnd)).permute(0, 3, 1, 2) / 255,
        observer=PanelObserver(panel),
        labels=labels,
        targeted=False,
        margin=MARGIN,
    )
    search = Search(problem, choices(name), SEED)
    decoded, seconds = distorted(search)
    won = (machine.panel.predict_labels(decoded) != labels.numpy()).all(1)
    pairs = zip(images[won], decoded[won], eye(images, HUMAN_DEFAULT)[won], strict=True)
    return {
        "method": name,
        "jnd": jnd,
        "source": search.method.source,
        "n": len(images),
        "success": float(won.mean()),
        "gradients": float(search.gradients.float().mean()),
        "seconds_per_image": seconds / len(images),
    } | means([visible(*pair) for pair in pairs])


def distorted(search: Search, **limits: int | None) -> tuple[np.ndarray, float]:
    """The best pictures of a search, read back from their PNGs, uint8 N×H×W×3; its seconds.

    limits: of `Search.steps`.
    """
    started = time.perf_counter()
    pictures = to_pixels(last(search.steps(**limits)).best.numpy())
    seconds = time.perf_counter() - started
    return np.stack([decode(encode_png(pixels)).pixels for pixels in pictures]), seconds


def eye(images: np.ndarray, model: str) -> np.ndarray:
    """J of each image uint8 N×H×W×3, float32 of the same shape, in 8-bit levels."""
    return np.stack([human_jnd(pixels, model=model) for pixels in images]).astype(np.float32)
