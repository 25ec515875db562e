"""A photo in, a cloaked photo out: which faces, against whom, and what a viewer may see of it.

from engine import cloak_photo
result = cloak_photo("me.jpg")
Path("me.cloaked.png").write_bytes(result.png)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .cloak import Cloak, Cloaked, Job, Progress, eye
from .errors import EngineError
from .faces import Face, FaceError, choose
from .gallery import Goal, Matching
from .image import FORMATS, Picture, as_picture, encode_png, open_image, to_batch
from .options import HUMAN_DEFAULT
from .quality import psnr
from .verdict import LASTING, PNG

SUFFIXES = tuple(f".{kind.lower()}" for kind in (*FORMATS, "JPG", "TIF"))


@dataclass(frozen=True)
class CloakedFace:
    """One face of a photo, judged in the finished PNG.

    number: 1 is the photo's largest; box: (left, top, right, bottom); before, after: distance to
    what is enrolled (or to the target), dlib's, the least favourable version's after; distances:
    each version's; success: as `engine.verdict` says; attempts, gradients, seconds: the effort.
    """

    number: int
    box: tuple[int, int, int, int]
    before: float
    after: float
    distances: dict[str, float]
    success: bool
    attempts: int
    gradients: int
    seconds: float


@dataclass(frozen=True)
class CloakedPhoto:
    """A photo and what became of its faces.

    original, pixels: uint8 H×W×3; png: the bytes of the cloaked file; success: of every face
    asked for. psnr_db: inf where nothing changed; largest: levels of the largest change;
    changed_share, beyond_share: of pixels with any change, and with one beyond the JND.
    """

    original: np.ndarray
    pixels: np.ndarray
    png: bytes
    faces: tuple[CloakedFace, ...]
    psnr_db: float
    largest: int
    changed_share: float
    beyond_share: float
    notes: tuple[str, ...]

    @property
    def success(self) -> bool:
        return all(face.success for face in self.faces)

    @property
    def size(self) -> tuple[int, int]:
        return self.pixels.shape[1], self.pixels.shape[0]


def one_face(cloak: Cloak, path: str) -> tuple[np.ndarray, Face]:
    """The pixels of a photo and its largest face. Raises FaceError."""
    pixels = open_image(path).pixels
    faces = cloak.finder.find(pixels)
    if not faces:
        raise FaceError(f"{path}: no face found: choose a photo in which one looks at the camera")
    return pixels, faces[0]


def enrolled_in(cloak: Cloak, folder: str) -> np.ndarray:
    """Descriptors m×128 of the largest face of every picture below a folder. Raises EngineError."""
    place = Path(folder)
    if not place.is_dir():
        raise EngineError(f"--gallery {folder} is no folder: name one that holds photos of faces")
    found = []
    for path in sorted(place.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            pixels = open_image(path).pixels
            faces = cloak.finder.find(pixels)
            if faces:
                found.append(cloak.finder.describe(pixels, faces[0]))
    if not found:
        raise EngineError(f"--gallery {folder} holds no photo with a face: add some")
    return np.stack(found)


def goal_for(cloak: Cloak, photo: np.ndarray, face: Face, target, gallery) -> Goal:
    """target, gallery: descriptors m×128 or None; without both, the face's own is dodged."""
    if target is not None:
        return Matching(target, targeted=True)
    own = cloak.finder.describe(photo, face)[None]
    return Matching(own if gallery is None else np.concatenate([gallery, own]))


def protect(
    cloak: Cloak,
    image: object,
    *,
    method: str = "ours",
    face: str | None = None,
    target: np.ndarray | None = None,
    gallery: np.ndarray | None = None,
    lasting: bool = False,
    max_seconds: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | CloakedPhoto]:
    """Cloak the faces of one picture; yields progress, then the result.

    face: "all", a number from 1, or None where there is only one. max_seconds: per face.
    Raises ImageError, FaceError.
    """
    picture: Picture = as_picture(image)
    name = str(image) if isinstance(image, (str, Path)) else "the picture"
    found = cloak.finder.find(picture.pixels)
    chosen = choose(found, face, picture.size, name)
    goals = [goal_for(cloak, picture.pixels, each, target, gallery) for each in chosen]
    pixels, done = picture.pixels, []
    for each, goal in zip(chosen, goals, strict=True):
        job = Job(pixels, each, goal)
        result: list[Cloaked] = []
        for step in cloak.run(
            [job], method, lasting=lasting, max_seconds=max_seconds, cancelled=cancelled
        ):
            if isinstance(step, Progress):
                yield step
            else:
                result = step
        done.append(result[0])
        pixels = result[0].pixels
    yield _report(cloak, picture, found, chosen, goals, done, pixels, lasting)


def _report(cloak, picture, found, chosen, goals, done, pixels, lasting) -> CloakedPhoto:
    """Every face judged once more, in the finished picture."""
    faces = []
    for face, goal, effort in zip(chosen, goals, done, strict=True):
        job = Job(picture.pixels, face, goal)
        verdict = cloak.judge(pixels, job, LASTING if lasting else PNG)
        faces.append(
            CloakedFace(
                number=next(k for k, each in enumerate(found, 1) if each is face),
                box=face.box,
                before=goal.distance(cloak.finder.describe(picture.pixels, face)),
                after=verdict.distance,
                distances=verdict.distances,
                success=verdict.reached,
                attempts=effort.attempts,
                gradients=effort.gradients,
                seconds=effort.seconds,
            )
        )
    change = np.abs(pixels.astype(np.int16) - picture.pixels)
    beyond = (change > np.asarray(cloak.threshold(picture.pixels))).any(2)
    return CloakedPhoto(
        original=picture.pixels,
        pixels=pixels,
        png=encode_png(pixels),
        faces=tuple(faces),
        psnr_db=float(psnr(to_batch(pixels[None]) - to_batch(picture.pixels[None]))[0]),
        largest=int(change.max()),
        changed_share=float(change.any(2).mean()),
        beyond_share=float(beyond.mean()),
        notes=picture.notes,
    )


def cloak_photo(image: object, *, jnd: str = HUMAN_DEFAULT, **choices) -> CloakedPhoto:
    """`protect` to its end, with the human JND of that name. Raises EngineError."""
    *_, result = protect(Cloak(eye(jnd)), image, **choices)
    return result
