"""One photo of the evaluation: its files, and what machines and metrics make of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import torch

from engine.compress.encoded import Encoded
from engine.compress.formats import FORMATS, Setting, decoded
from engine.compress.kept import Kept
from engine.compress.methods import jnd
from engine.compress.methods.bisect import plain
from engine.compress.methods.rows import METHODS
from engine.compress.trials import Trials
from engine.images.picture import resize, to_batch
from engine.metrics.decibels import finite
from engine.metrics.perceptual import measure
from engine.metrics.quality import psnr_8bit, ssim
from engine.panels.embedded import Panel
from engine.panels.own import with_gradients
from engine.system.progress import Progress
from engine.system.threads import ENVIRONMENT

from ...data.photographs import Photograph
from ...records.store import Store
from ..photo.subject import opened
from .plan import CLEAN, FIXED, PLAIN, SHRINK, Row

KIND = "codec"  # of the store's entries: a row of one photo


@dataclass(frozen=True)
class Place:
    """What every process needs to know.

    weights: of the panel; unseen: a folder of ONNX classifiers outside it, or None; runs: of the
    store.
    """

    weights: Path | None
    unseen: Path | None
    runs: Path


@contextmanager
def one_thread() -> Iterator[None]:
    """Sessions that are opened within have one thread each; PyTorch has one from now on."""
    torch.set_num_threads(1)
    before = os.environ.get(ENVIRONMENT)
    os.environ[ENVIRONMENT] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[ENVIRONMENT]
        else:
            os.environ[ENVIRONMENT] = before


class Machines:
    """The panel for photographs, its generator and the classifiers outside it, on one thread.

    The generator is opened here, so that no photo's seconds count that. Raises DataError,
    WeightsError.
    """

    def __init__(self, weights: Path | None, unseen: Path | None):
        files = sorted(unseen.glob("*.onnx")) if unseen is not None else []
        with one_thread():
            self.panel = Panel("photos", weights=weights, device="cpu")
            jnd.machine(self.panel)
            self.unseen = {path.stem: opened(path) for path in files}

    def labels(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 H×W×3 -> top-1 labels int64 M, the panel's members first."""
        view = self.panel.view(pixels[None])
        own = self.panel.predictions(view).logits[0].argmax(1)
        batch = to_batch(view)
        others = [session.run(image=batch)[0].argmax(1) for session in self.unseen.values()]
        return np.concatenate([own, *others])


@cache
def machines(weights: Path | None, unseen: Path | None) -> Machines:
    """Loaded once in a process."""
    return Machines(weights, unseen)


def measure_photo(place: Place, photo: Photograph, jobs: list[tuple[Row, dict]]) -> int:
    """Rows of one photo to the store, each under its key; returns how many there were."""
    store, subject = Store(place.runs, KIND), Subject(machines(place.weights, place.unseen), photo)
    for row, key in jobs:
        store.measured(key, lambda row=row, key=key: subject.measured(row, jod=key["jod"]))
    return len(jobs)


class Subject:
    """One photo, and what is known of it before any row: that is computed once, and timed."""

    def __init__(self, machines: Machines, photo: Photograph):
        self.machines, self.photo = machines, photo
        self._plain: dict[str, tuple[Trials, np.ndarray]] = {}

    @cached_property
    def labels(self) -> np.ndarray:
        """int64 M: each machine's own top-1 label of the photo."""
        return self.machines.labels(self.photo.pixels)

    def plain(self, format: str) -> tuple[Trials, np.ndarray]:
        """The lowest verified quality in a format, and the seconds that it took (`clock`)."""
        if format not in self._plain:
            kept, seconds = self._kept
            started = clock()
            trials = Trials(kept, self.photo.pixels, FORMATS[format])
            for _ in plain(trials):
                pass
            self._plain[format] = trials, seconds + clock() - started
        return self._plain[format]

    def trials(self, row: Row) -> Trials:
        """What a method begins with: plain encoding is done, and the panel gives gradients."""
        done, panel = self.plain(row.format)[0], self.machines.panel
        wish = f"the method {row.method}"
        slopes = with_gradients(panel, wish) if METHODS[row.method].gradients else None
        trials = Trials(done.kept, self.photo.pixels, done.format, slopes)
        trials.best, trials.plain = done.best, done.plain
        return trials

    @cached_property
    def _kept(self) -> tuple[Kept, np.ndarray]:
        """What a file must keep, and the seconds that it took to know (`clock`)."""
        started = clock()
        kept = Kept(self.machines.panel, self.photo.pixels)
        return kept, clock() - started

    def measured(self, row: Row, jod: bool) -> dict:
        """What a row's file of this photo is: bytes, labels kept, quality, seconds of the method.

        jod: it is measured too. Where no file holds, solved is false, and the file is the photo's
        own. path: of a method that yields its best files on the way, some of them. rule: of the
        method `jnd`. bytes_progressive: of plain encoding in a format that can be written in
        several ways, the smallest of them.
        """
        if row.method == CLEAN:
            return {"predicted": self.labels.tolist()}
        format, more = FORMATS[row.format], {}
        if row.method == FIXED:
            started = clock()
            height, width = self.photo.pixels.shape[:2]
            setting = Setting(row.quality, format.subsamplings[0], (width, height))
            best = format.encode(self.photo.pixels, setting)[0]
            seconds = clock() - started
        else:
            trials, seconds = self.plain(row.format)
            best = trials.plain
            if row.method == PLAIN and len(format.options) > 1:
                more["bytes_progressive"] = self.smallest(trials)
            if row.method != PLAIN:
                own = self.trials(row)
                started = clock()
                files = levels(METHODS[row.method].run(own, row.resize))
                seconds = seconds + clock() - started
                best = own.best
                if files and best is not None:
                    files += [best] if len(best.data) < len(files[-1].data) else []
                    more["path"] = [self.compared(each) for each in files]
                if own.rule is not None:
                    more["rule"] = own.rule.to_dict()
        wall, processor = (round(float(each), 4) for each in seconds)
        found = self.described(best, jod) | {"seconds": wall, "processor_seconds": processor}
        return found | more

    def smallest(self, trials: Trials) -> int:
        """Bytes of the plain file in the smallest way to write it; of the photo where none is."""
        if trials.plain is None:
            return self.photo.file_bytes
        chosen = trials.plain.settings
        setting = Setting(chosen["quality"], chosen["subsampling"], tuple(chosen["size"]))
        return trials.smallest(setting)

    def described(self, file: Encoded | None, jod: bool) -> dict:
        """Bytes, labels kept and quality of a file; of the photo itself where there is none.

        Machines are given the file at its own resolution, for quality it is enlarged to the
        photo's; scale: its width as a share of the photo's.
        """
        original = self.photo.pixels
        pixels = original if file is None else decoded(file)
        height, width = original.shape[:2]
        whole = resize(pixels, width, height)
        values = measure(original, whole, ("jod",))[0] if jod else {"jod": None}
        similarity = ssim(original, whole)
        return {
            "bytes": self.photo.file_bytes if file is None else len(file.data),
            "bytes_original": self.photo.file_bytes,
            "solved": file is not None,
            "scale": round(pixels.shape[1] / width, 4),
            "kept": self.kept(pixels),
            "psnr_db": finite(psnr_8bit(original, whole), 4),
            "ssim": None if similarity is None else round(similarity, 6),
            "jod": None if values["jod"] is None else round(values["jod"], 4),
            "settings": None if file is None else file.settings,
        }

    def kept(self, pixels: np.ndarray) -> str:
        """Which machines keep their label: "1" or "0" of each, the panel's members first."""
        same = self.machines.labels(pixels) == self.labels
        return "".join("1" if each else "0" for each in same)

    def compared(self, file: Encoded) -> list:
        """Bytes of a file, and which machines keep their label."""
        return [len(file.data), self.kept(decoded(file))]


def clock() -> np.ndarray:
    """Seconds that have passed, and seconds that processor cores worked for this process."""
    return np.array([time.monotonic(), time.process_time()])


def levels(steps: Iterable[Progress]) -> list[Encoded]:
    """The best files of a method on its way: the first, and each one smaller by `SHRINK`."""
    found: list[Encoded] = []
    for step in steps:
        best = getattr(step, "best", None)
        if best is not None and (not found or len(best.data) <= SHRINK * len(found[-1].data)):
            found.append(best)
    return found
