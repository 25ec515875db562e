"""An ONNX classifier from a file: forward passes by ONNX Runtime, its contract read from the graph.

Size, layout (N×3×H×W or N×H×W×3), number of classes and type are the graph's; the range of its
values is none of a graph's properties, so it is an option.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..errors import UsageError, WeightsError
from ..models.locate import Located, sha256_of
from ..models.session import Session, reason_of
from ..system.apart import ExceededError, run_apart
from .classes import class_names
from .naming import Entry
from .part import Part, trial_of

SIDE = 224  # pixels, where the graph leaves the size open
LARGEST = 4096  # pixels a side that a graph may ask for
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, in torchvision
TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
BYTES = "bytes"
# By name of a range: (mean, deviation) of the value of 0…1 per channel.
SCALES: dict[str, tuple[Sequence[float], Sequence[float]]] = {
    "unit": ((0.0,) * 3, (1.0,) * 3),
    "signed": ((0.5,) * 3, (0.5,) * 3),
    BYTES: ((0.0,) * 3, (1 / 255,) * 3),
    "imagenet": (MEAN, DEVIATION),
}
REMEDY = "export it whole, with standard operators, its external data in the same folder"


@dataclass(frozen=True)
class Contract:
    """How a graph takes a picture.

    size: (width, height) in pixels; last: whether the channels come last; single: whether it takes
    one picture at a time; kind: NumPy's type of the values; range: a name of SCALES.
    """

    size: tuple[int, int]
    last: bool
    single: bool
    kind: type
    range: str

    def batch(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 N×height×width×3 -> the graph's input."""
        if self.range == BYTES:
            values = pixels.astype(self.kind)
        else:
            mean, deviation = (np.float32(each) for each in SCALES[self.range])
            values = ((pixels / np.float32(255) - mean) / deviation).astype(self.kind)
        return values if self.last else np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def load(entry: Entry, imagenet: Sequence[str], device: str) -> Part:
    """The classifier of a file, tried on a picture. imagenet: names of the 1,000 classes.

    Raises WeightsError for a file that is no such classifier, UsageError for labels or an input
    range that do not fit it, DeviceError.
    """
    session = open_file(entry, device)
    contract = contract_of(session, entry)
    scores = scorer(session, contract, entry.title)
    trial = trial_of(entry.title, scores, contract.size)
    names = class_names(entry.title, trial.shape[1], entry.labels, imagenet)
    probabilities = ends_in_probabilities(trial)

    def predict(pixels: np.ndarray) -> np.ndarray:
        predicted = scores(pixels)[:, None]
        return logarithm(predicted) if probabilities else predicted

    return Part(
        (entry.title,),
        (names,),
        contract.size,
        predict,
        f"{entry.title} {session.located.sha256[:8]}",
    )


def open_file(entry: Entry, device: str) -> Session:
    """The graph of an entry's file, tried before. Raises WeightsError in one line, DeviceError."""
    try_apart(entry)
    return session_of(entry, device)


@lru_cache(maxsize=64)
def try_apart(entry: Entry) -> None:
    """Load the graph and give it a picture in a limited process: its first run is not in this one.

    Raises as `load`, and WeightsError for a graph that takes more memory or time than it may, or
    ends the process.
    """
    try:
        run_apart(__name__, "attempt", str(entry.file), entry.title, entry.input_range)
    except ExceededError as error:
        raise WeightsError(f"{entry.title} {error}") from None


def attempt(path: str, title: str, input_range: str | None) -> None:
    """What `try_apart` runs: everything that `load` does with the graph, on the CPU."""
    file = Path(path)
    entry = Entry("onnx", title, file, input_range=input_range)
    session = session_of(entry, "cpu")
    contract = contract_of(session, entry)
    trial_of(title, scorer(session, contract, title), contract.size)


def session_of(entry: Entry, device: str) -> Session:
    try:
        located = Located(entry.file, "own", sha256_of(entry.file))
    except OSError as error:
        raise WeightsError(f"{entry.file} cannot be read ({error.strerror})") from None
    return Session(located, device, remedy=REMEDY)


def contract_of(session: Session, entry: Entry) -> Contract:
    """How the graph takes a picture. Raises WeightsError where it takes none, UsageError."""
    title = entry.title
    if len(session.inputs) != 1:
        names = ", ".join(session.inputs) or "none"
        raise WeightsError(
            f"{title} has {len(session.inputs)} inputs ({names}): give a model with one, a picture"
        )
    (node,) = session.nodes
    if node.type not in TYPES:
        raise WeightsError(
            f"{title} takes {node.type}, no picture: give a model whose input is one of "
            f"{', '.join(TYPES)}"
        )
    shape = [side if isinstance(side, int) and side > 0 else None for side in node.shape]
    words = "×".join(str(side or "?") for side in shape) or "one number"
    if len(shape) != 4 or (shape[1] not in (3, None) and shape[3] != 3):
        raise WeightsError(
            f"{title} takes {words}, no RGB picture: give a model of N×3×H×W or N×H×W×3"
        )
    if shape[0] not in (1, None):
        raise WeightsError(
            f"{title} takes {shape[0]} pictures at a time ({words}): export it with a batch of 1, "
            "or one that is free"
        )
    last = shape[1] != 3 and shape[3] == 3
    height, width = (side or SIDE for side in (shape[1:3] if last else shape[2:4]))
    if max(height, width) > LARGEST:
        raise WeightsError(f"{title} takes {words}: the limit is {LARGEST} pixels a side")
    kind = TYPES[node.type]
    chosen = entry.input_range or (BYTES if kind is np.uint8 else "unit")
    if kind is np.uint8 and chosen != BYTES:
        raise UsageError(f"{title} takes whole numbers: its input range is {BYTES}, not {chosen}")
    return Contract((width, height), last, shape[0] == 1, kind, chosen)


def scorer(session: Session, contract: Contract, title: str) -> Callable[[np.ndarray], np.ndarray]:
    """uint8 N×height×width×3 -> the graph's first output float32 N×classes.

    Raises WeightsError where the graph fails. An output with axes of length 1 after the classes,
    as of a last convolution, loses them.
    """
    name = session.inputs[0]

    def run(batch: np.ndarray) -> np.ndarray:
        try:
            scores = session.run(**{name: batch})[0]
        except Exception as error:  # onnxruntime's exceptions share no public base class
            size = f"{contract.size[0]}×{contract.size[1]}"
            raise WeightsError(
                f"{title} fails on a picture of {size} ({reason_of(error)}): {REMEDY}"
            ) from None
        if not isinstance(scores, np.ndarray) or scores.dtype.kind not in "fiu":
            raise WeightsError(
                f"{title} gives no numbers as its first output: put the logits of the classes first"
            )
        while scores.ndim > 2 and scores.shape[-1] == 1:
            scores = scores[..., 0]
        return scores.astype(np.float32)

    def scores_of(pixels: np.ndarray) -> np.ndarray:
        batch = contract.batch(pixels)
        if contract.single:
            return np.concatenate([run(batch[index : index + 1]) for index in range(len(batch))])
        return run(batch)

    return scores_of


def ends_in_probabilities(scores: np.ndarray) -> bool:
    """Whether what a graph gives for one picture, 1×classes, are probabilities, not logits."""
    return bool(scores.min() >= 0 and abs(scores.sum() - 1) < 1e-2)


def logarithm(probabilities: np.ndarray) -> np.ndarray:
    """Logits with these probabilities."""
    return np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
