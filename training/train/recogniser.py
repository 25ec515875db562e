"""The face recogniser's weights, from single to half precision, with their provenance.

Nothing is trained: the weights are dlib's (CC0). The reference embedding, made by dlib itself of
a picture that a formula gives, is computed with both precisions and the differences recorded.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from engine.models import registry
from engine.models.locate import EMBEDDED, sha256_of
from engine.models.registry import MODELS, RECOGNISER
from engine.networks.recogniser import SIDE, Recogniser
from engine.system.files import replacing, write_text

from ..records.record import write_json

ORIGIN = (
    "dlib_face_recognition_resnet_model_v1.dat (Davis King), as shipped in the PyPI package "
    "face-recognition-models 0.3.0; dlib's affine layers folded into the convolutions"
)


def reference_picture() -> np.ndarray:
    """uint8 150×150×3: R = (3·row + col), G = row·col, B = 5·col, each mod 256."""
    row, column = np.mgrid[:SIDE, :SIDE]
    return np.stack([3 * row + column, row * column, 5 * column], 2).astype(np.uint8)


def convert(source: Path, reference: Path, command: str, out: Path = EMBEDDED) -> Path:
    """Write the weights in half precision and `recogniser.json`; returns the weights' path."""
    single = load_file(source)
    half = {name: value.half().contiguous() for name, value in single.items()}
    wanted = np.array(reference.read_text().split(), np.float64)
    differences = {}
    for precision, weights in (("single", single), ("half", half)):
        network = Recogniser()
        network.load_state_dict({name: value.float() for name, value in weights.items()})
        embedding = network.eval().describe(reference_picture()[None])[0]
        differences[precision] = {
            "largest": float(np.abs(embedding - wanted).max()),
            "distance": float(np.linalg.norm(embedding - wanted)),
        }
    row = MODELS[RECOGNISER]
    path = out / row.file
    with replacing(path) as temporary:
        save_file(half, temporary)
    digest = sha256_of(path)
    entry = {
        "sha256": digest,
        "bytes": path.stat().st_size,
        "licence": row.licence,
        "origin": ORIGIN,
        "parameters": sum(value.numel() for value in half.values()),
        "from_reference_embedding": differences,
        "versions": {"torch": torch.__version__.partition("+")[0]},
        "command": command,
    }
    write_json(out / row.provenance, {"files": {row.file: entry}})
    if out == EMBEDDED:
        table = Path(registry.__file__)
        pattern = re.compile(
            r'(file=f"\{RECOGNISER\}\.safetensors",\s*sha256=)"[^"]*"(,\s*size=)[\d_]+'
        )
        new = rf'\g<1>"{digest}"\g<2>{entry["bytes"]:_}'
        write_text(table, pattern.sub(new, table.read_text()))
    return path
