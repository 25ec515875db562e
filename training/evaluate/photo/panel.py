"""What storing the photo classifiers in 8 bits costs. `python -m training evaluate photo-panel`.

The published weights in single precision (PyTorch) against the files that ship (ONNX Runtime):
top-1 accuracy on imagenette224's val split, and the share of labels that stay the same there and on
the photos of photos240 that are held out of the generator's training.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from pyarrow import parquet

from engine.images.picture import to_batch
from engine.models.registry import PANELS
from engine.models.session import Session, open_session
from engine.networks.photo.efficientnet import SIZE
from engine.networks.photo.panel import MEMBERS
from engine.panels.embedded import forward

from ...data.labelled import DataError
from ...records.record import write
from ...records.shipped import digests
from ...train.photo.pictures import HELD_OUT, encoded, stack

# imagenette's ten classes among ImageNet's thousand
IMAGENET = np.array([0, 217, 482, 491, 497, 566, 569, 571, 574, 701])
CHUNK = 40


def evaluate_photo_panel(
    data: Path, weights: Path | None, count: int | None, command: str, published: Path
) -> Path:
    """-> results/photo_panel.json.

    data: folder with imagenette224 and photos240; published: the file of
    `python -m export.photo.efficientnet --whole`: the weights before they are narrowed; count:
    only the first photos of each set. Raises DataError.
    """
    from engine.networks.photo.panel import load_photo_panel

    if not published.is_file():
        raise DataError(
            f"{published} is missing: `python -m export.photo.efficientnet {published} --whole`"
        )
    originals = load_photo_panel(published)
    labelled, labels = imagenette(data / "imagenette224", count)
    others = stack(encoded(data / "photos240")[-HELD_OUT:][:count], SIZE)
    rows = []
    for variant, model in zip(MEMBERS, PANELS["photos"].members, strict=True):
        session = open_session(model, weights=weights, device="cpu")
        before, after = top_1(originals[variant], labelled), graph_top_1(session, labelled)
        accuracy = float((after == labels).mean())
        rows.append(
            {
                "classifier": model,
                "bytes": session.located.path.stat().st_size,
                "accuracy_published": float((before == labels).mean()),
                "accuracy": accuracy,
                "standard_error": float(np.sqrt(accuracy * (1 - accuracy) / len(labels))),
                "same_labelled": float((before == after).mean()),
                "same_unlabelled": float(
                    (top_1(originals[variant], others) == graph_top_1(session, others)).mean()
                ),
            }
        )
    return write(
        "photo_panel",
        command=command,
        data="imagenette224 (val, JPEG of quality 50) and the last photos of photos240, at 224×224",
        weights=digests(weights, *PANELS["photos"].members),
        sections={
            "seed": None,  # nothing is drawn
            "n_labelled": len(labels),
            "n_unlabelled": len(others),
            "rows": rows,
        },
    )


def imagenette(folder: Path, count: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The val split: uint8 N×224×224×3, ImageNet's labels int64 N."""
    pictures = encoded(folder, "val")[:count]
    columns = [
        parquet.read_table(path, columns=["label"])["label"].to_numpy()
        for path in sorted(folder.rglob("val-*.parquet"))
    ]
    return stack(pictures, SIZE), IMAGENET[np.concatenate(columns)[:count]]


@torch.no_grad()
def top_1(network: torch.nn.Module, pixels: np.ndarray) -> np.ndarray:
    """Labels int64 N that a network predicts of uint8 N×H×W×3."""
    parts = [
        network(torch.from_numpy(to_batch(pixels[start : start + CHUNK]))).argmax(1)
        for start in range(0, len(pixels), CHUNK)
    ]
    return torch.cat(parts).numpy()


def graph_top_1(session: Session, pixels: np.ndarray) -> np.ndarray:
    """`top_1` of an exported classifier."""
    parts = [
        forward(session, to_batch(pixels[start : start + CHUNK]))[0].argmax(1)
        for start in range(0, len(pixels), CHUNK)
    ]
    return np.concatenate(parts)
