"""A viewing test: which pairs are shown in which order, and which picture on each side.

After ITU-R BT.500 and paper B: pairs side by side, in random order and on random sides; first a
few for practice, which are not counted.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import PurePath

from engine.errors import UsageError
from engine.human.stimuli import FLAT, ORIGINAL, stimulus
from engine.images.picture import Picture, decode, encode_png, open_image
from engine.system.files import write_files

from .answer_files import to_csv
from .viewer_statistics import SCALE, Answer

PRACTICE = 2  # pairs
PSNR = 28.0  # dB, of the noise: visible on some pictures, hardly on others
PSNRS = (20.0, 45.0)  # dB, that can be chosen
WORDS = {
    -3: "Left is much better",
    -2: "Left is better",
    -1: "Left is slightly better",
    0: "No difference",
    1: "Right is slightly better",
    2: "Right is better",
    3: "Right is much better",
}
KINDS = {ORIGINAL: "the original", FLAT: "white noise"}  # the others are models of the eye


@dataclass(frozen=True)
class Trial:
    """One pair on one picture; one for practice does not count."""

    picture: str
    left: str
    right: str
    counts: bool = True


@dataclass(frozen=True)
class Test:
    """One viewer's test. trials: all of them; scores, seconds: of those answered so far.

    own: the viewer's own pictures as file bytes by (picture, kind), empty where the samples with
    noise are shown; psnr_db: of that noise. Raises UsageError for a PSNR outside `PSNRS`.
    """

    viewer: str
    trials: tuple[Trial, ...]
    psnr_db: float
    own: dict[tuple[str, str], bytes]
    scores: tuple[int, ...] = ()
    seconds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.own and not PSNRS[0] <= self.psnr_db <= PSNRS[1]:
            raise UsageError(f"noise of {self.psnr_db:g} dB: choose {PSNRS[0]:g} to {PSNRS[1]:g}")

    @property
    def trial(self) -> Trial | None:
        """The next one, None at the end."""
        return self.trials[len(self.scores)] if len(self.scores) < len(self.trials) else None

    def with_answer(self, score: int, seconds: float) -> Test:
        """The test after one more answer. Raises UsageError for a score outside -3…3."""
        if score not in SCALE:
            raise UsageError(f"score {score}: give a whole number from -3 to 3")
        return replace(self, scores=(*self.scores, score), seconds=(*self.seconds, seconds))

    @property
    def answers(self) -> list[Answer]:
        """Those that count."""
        return [
            Answer(self.viewer, trial.picture, trial.left, trial.right, score)
            for trial, score in zip(self.trials, self.scores, strict=False)
            if trial.counts
        ]

    @property
    def csv(self) -> bytes:
        """The answers that count, as a file."""
        seconds = [s for trial, s in zip(self.trials, self.seconds, strict=False) if trial.counts]
        return to_csv(self.answers, seconds)


def plan(
    shown: dict[str, list[str]], seed: int, most: int, practice: int = PRACTICE
) -> tuple[Trial, ...]:
    """Every pair of kinds on every picture, in random order and on random sides.

    shown: the kinds there are of each picture. Neighbours show different pictures where that can
    be. Raises UsageError where there are too few kinds or too many pairs.
    """
    draw = random.Random(seed)
    trials = []
    for picture, kinds in shown.items():
        for pair in combinations(kinds, 2):
            left, right = draw.sample(pair, 2)
            trials.append(Trial(picture, left, right))
    if not trials:
        raise UsageError("Nothing to compare: choose two kinds or more")
    if len(trials) > most:
        raise UsageError(f"{len(trials)} pairs; the limit is {most}: choose fewer kinds")
    draw.shuffle(trials)
    ordered: list[Trial] = []
    while trials:
        last = ordered[-1].picture if ordered else None
        ordered.append(next((t for t in trials if t.picture != last), trials[0]))
        trials.remove(ordered[-1])
    first = [Trial(t.picture, t.right, t.left, counts=False) for t in ordered[-practice:]]
    return (*first, *ordered) if practice else tuple(ordered)


def own_pictures(
    files: Iterable[tuple[str, bytes]], max_pixels: int, max_bytes: int
) -> dict[tuple[str, str], bytes]:
    """Files named PICTURE.KIND.png -> their PNG bytes by (picture, kind). Raises EngineError.

    The kinds of one picture must have one size; max_bytes: of all as PNG.
    """
    pictures: dict[tuple[str, str], bytes] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for name, data in files:
        picture, _, kind = PurePath(name).stem.rpartition(".")
        if not picture or not kind:
            raise UsageError(f"{name}: name it PICTURE.KIND.png, as in face.ours.png")
        decoded = decode(data, name, max_pixels=max_pixels)
        if sizes.setdefault(picture, decoded.size) != decoded.size:
            width, height = decoded.size
            raise UsageError(f"{name} is {width}×{height}, others of it are not")
        pictures[picture, kind] = encode_png(decoded.pixels)
        if sum(map(len, pictures.values())) > max_bytes:
            raise UsageError(
                f"The pictures have more than {max_bytes:,} bytes as PNG: take fewer or smaller"
            )
    return pictures


def side(test: Test, trial: Trial, kind: str, samples: dict) -> bytes:
    """The picture of one kind, as the bytes of a PNG file. samples: name -> path."""
    if test.own:
        return test.own[trial.picture, kind]
    if trial.picture not in samples:
        raise UsageError(f"no picture {trial.picture!r}: choose from {', '.join(samples)}")
    original: Picture = open_image(samples[trial.picture])
    return encode_png(stimulus(original.pixels, kind, test.psnr_db))


def collect(test: Test, folder) -> None:
    """Write a finished test's answers into a folder. Raises OutputError."""
    write_files({folder / f"viewing-{test.viewer}.csv": test.csv})
