"""A photo in, a cloaked photo out: which faces, against whom, and what a viewer may see of it.

from engine import cloak_photo
result = cloak_photo("me.jpg")
Path("me.cloaked.png").write_bytes(result.png)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..arguments import check_choice, check_flag, check_number, check_place, check_placement
from ..errors import EngineError, ImageError, UsageError
from ..faces.finder import SAME, SMALLEST, Face, choice_of, choose, no_face, searched
from ..faces.gallery import Goal, Matching
from ..images.picture import ADDRESS, Picture, as_picture, encode_png, open_image
from ..metrics.quality import beyond, psnr_8bit
from ..models.registry import HUMAN_DEFAULT, HUMAN_NAMES
from .jobs import Cloaked, Job, Progress
from .sight import Sight
from .verdict import LASTING, PNG, Verdict

if TYPE_CHECKING:
    from .face import Cloak

PASSES = 3  # over the faces of one photo


@dataclass(frozen=True)
class CloakedFace:
    """One face of a photo, judged in the finished PNG.

    number: 1 is the photo's best (see `FaceFinder.find`); box: (left, top, right, bottom); before,
    after: distance to what is enrolled (or to the target), dlib's, the least favourable version's
    after; distances: each version's; own: distance to the face as it was, the closest version's;
    targeted: whether there was a target; success: as `engine.cloak.verdict` says; attempts,
    gradients, seconds: the effort.
    """

    number: int
    box: tuple[int, int, int, int]
    before: float
    after: float
    distances: dict[str, float]
    own: float
    targeted: bool
    success: bool
    attempts: int
    gradients: int
    seconds: float

    @property
    def recognisable(self) -> bool:
        """Whether the recogniser still matches it with the face as it was."""
        return self.own < SAME


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


def name_of(image: object, otherwise: str) -> str:
    return str(image) if isinstance(image, (str, Path)) else otherwise


def described(cloak: Cloak, image: object, name: str | None = None) -> np.ndarray:
    """The descriptor 1×128 of a picture's best face. Raises ImageError, FaceError."""
    picture = as_picture(image)
    faces = cloak.finder.find(picture.pixels)
    if not faces:
        raise no_face(name or name_of(image, "the target"), picture.size)
    return cloak.finder.describe(picture.pixels, faces[0])[None]


def enrolled_in(cloak: Cloak, folder: str | os.PathLike) -> tuple[np.ndarray, tuple[str, ...]]:
    """Descriptors m×128 of the best face of every picture below a folder, and notes.

    Every file is tried, whatever its name. The notes say which were left out: no face, or not to be
    read. Raises EngineError.
    """
    if ADDRESS.match(os.fspath(folder)):
        raise EngineError(f"--gallery {folder} is an address: download the photos first")
    place = Path(folder)
    if not place.is_dir():
        raise EngineError(f"--gallery {folder} is no folder: name one that holds photos of faces")
    found, notes = [], []
    for path in sorted(place.rglob("*")):
        if path.is_dir():  # what is in it comes next
            continue
        try:
            pixels = open_image(path).pixels
        except ImageError as error:
            notes.append(f"left out of the gallery: {error}")
            continue
        faces = cloak.finder.find(pixels)
        if faces:
            found.append(cloak.finder.describe(pixels, faces[0]))
        else:
            notes.append(f"left out of the gallery: {path}: no face found")
    if not found:
        raise EngineError(f"--gallery {folder} holds no photo with a face: add some")
    return np.stack(found), tuple(notes)


def check_goal(target: object, gallery: object) -> None:
    """Raise UsageError where both are given: a face taken for one person matches that one."""
    if target is not None and gallery is not None:
        raise UsageError(
            "--target and --gallery ask for different things, to match someone and to match "
            "nobody: give one of them"
        )


def check_attack(method: object, face: object, lasting: object, max_seconds: object) -> None:
    """Raise UsageError where one of them is none of the choices that `cloak_photo` documents."""
    from ..attack.methods import METHODS

    check_choice("method", method, METHODS)
    choice_of(face)
    check_flag("lasting", lasting)
    if max_seconds is not None:
        check_number("max_seconds", max_seconds, 0)


def goal_for(
    cloak: Cloak,
    photo: np.ndarray,
    face: Face,
    target: np.ndarray | None,
    gallery: np.ndarray | None,
) -> Goal:
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
    face: str | int | None = None,
    target: np.ndarray | None = None,
    gallery: np.ndarray | None = None,
    lasting: bool = False,
    max_seconds: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    name: str | None = None,
) -> Iterator[Progress | CloakedPhoto]:
    """Cloak the faces of one picture; yields progress, then the result.

    face: "all", a number from 1, or None for the only sure one. target: descriptors m×128 of
    the person to be taken for; gallery: descriptors not to be matched beside the face's own; not
    both. max_seconds: per face. name: of the picture, in errors. Raises ImageError, FaceError,
    UsageError.
    """
    check_goal(target, gallery)
    check_attack(method, face, lasting, max_seconds)
    name = name or name_of(image, "the picture")
    picture: Picture = as_picture(image)
    sight = cloak.sight(picture.pixels)
    found = cloak.finder.find(picture.pixels)
    chosen = choose(found, face, picture.size, name)
    goals = [goal_for(cloak, picture.pixels, each, target, gallery) for each in chosen]
    pixels, versions = picture.pixels, LASTING if lasting else PNG
    effort: list[list[Cloaked]] = [[] for _ in chosen]
    waiting = list(range(len(chosen)))
    for _ in range(PASSES):
        for place in waiting:
            job = Job(pixels, chosen[place], goals[place], sight)
            for step in cloak.run(
                [job], method, lasting=lasting, max_seconds=max_seconds, cancelled=cancelled
            ):
                if isinstance(step, Progress):
                    yield step
                else:
                    effort[place] += step
                    pixels = step[0].pixels
        png = encode_png(pixels)
        last = [done[-1] for done in effort]
        verdicts = [
            own.verdict
            if own.png == png
            else cloak.judge(png, Job(picture.pixels, each, goal), versions)
            for own, each, goal in zip(last, chosen, goals, strict=True)
        ]
        # Where two faces are close, the later one's change may have undone the first one's.
        waiting = [
            place
            for place, (own, now) in enumerate(zip(last, verdicts, strict=True))
            if own.verdict.reached and not now.reached
        ]
        if not waiting:
            break
    faces = [
        _face(cloak, picture, found, *one)
        for one in zip(chosen, goals, effort, verdicts, strict=True)
    ]
    change = np.abs(pixels.astype(np.int16) - picture.pixels)
    yield CloakedPhoto(
        original=picture.pixels,
        pixels=pixels,
        png=png,
        faces=tuple(faces),
        psnr_db=psnr_8bit(picture.pixels, pixels),
        largest=int(change.max()),
        changed_share=float(change.any(2).mean()),
        beyond_share=beyond_share(picture.pixels, pixels, sight),
        notes=(*picture.notes, *searched(found, picture.size), *left_out(found, chosen, face)),
    )


def left_out(found: list[Face], chosen: list[Face], face: str | int | None) -> list[str]:
    """Where all faces were asked for, a note for each that is not cloaked."""
    if face != "all":
        return []
    return [
        f"face {number} of {each.side} pixels at ({each.box[0]}, {each.box[1]}) is NOT cloaked: "
        + (
            f"it is cut off or below {SMALLEST} pixels"
            if each.sure
            else f"it is uncertain whether it is one; if so, choose it with --face {number}"
        )
        for number, each in enumerate(found, 1)
        if not any(each is one for one in chosen)
    ]


def _face(
    cloak: Cloak,
    picture: Picture,
    found: list[Face],
    face: Face,
    goal: Goal,
    effort: list[Cloaked],
    verdict: Verdict,
) -> CloakedFace:
    """One face that was asked for: what it took, and the verdict on it in the finished picture."""
    clean = cloak.finder.describe(picture.pixels, face)
    return CloakedFace(
        number=next(k for k, each in enumerate(found, 1) if each is face),
        box=face.box,
        before=goal.distance(clean),
        after=verdict.distance,
        distances=verdict.distances,
        own=min(float(np.linalg.norm(clean - seen.descriptor)) for seen in verdict.seen),
        targeted=goal.targeted,
        success=verdict.reached,
        attempts=sum(each.attempts for each in effort),
        gradients=sum(each.gradients for each in effort),
        seconds=sum(each.seconds for each in effort),
    )


def beyond_share(before: np.ndarray, after: np.ndarray, sight: Sight) -> float:
    """`quality.beyond` of a whole photo, of which the eye looks only where it was changed."""
    rows, columns = (before != after).any(2).nonzero()
    if not len(rows):
        return 0.0
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    part = slice(top, bottom), slice(left, right)
    share = beyond(before[part], after[part], sight.part((left, top, right, bottom)))
    return share * (right - left) * (bottom - top) / (before.shape[0] * before.shape[1])


def cloak_photo(
    image: object,
    *,
    method: str = "ours",
    face: str | int | None = None,
    target: object | None = None,
    gallery: str | os.PathLike | None = None,
    lasting: bool = False,
    max_seconds: float | None = None,
    jnd: str = HUMAN_DEFAULT,
    weights: str | os.PathLike | None = None,
    device: str = "auto",
) -> CloakedPhoto:
    """One picture (see `engine.images.picture.as_picture`) cloaked.

    method: a name of `engine.attack.methods.METHODS`. face: "all", a number from 1 (the best, see
    `FaceFinder.find`), or None for the only sure one. target: a picture of the person to be taken
    for; gallery: a folder of photos not to be matched, beside the face's own; not both. lasting:
    also after JPEG and at half size. max_seconds: per face, None for no limit. jnd: the model of
    the eye. weights, device: as in `engine.models.locate.locate`; auto, cpu or cuda. Raises
    ImageError, FaceError, UsageError, WeightsError, DeviceError.
    """
    from .ready import lacking, ready_cloak

    check_goal(target, gallery)
    check_choice("jnd", jnd, HUMAN_NAMES)
    check_placement(weights, device)
    check_place("gallery", gallery)
    try:
        check_attack(method, face, lasting, max_seconds)
    except ModuleNotFoundError as error:
        raise lacking(error) from None
    name, image = name_of(image, "the picture"), as_picture(image)
    if target is not None:
        called, target = name_of(target, "the target"), as_picture(target)
    cloak = ready_cloak(jnd, device, None if weights is None else str(weights))
    others, notes = (None, ()) if gallery is None else enrolled_in(cloak, gallery)
    *_, result = protect(
        cloak,
        image,
        method=method,
        face=face,
        target=None if target is None else described(cloak, target, called),
        gallery=others,
        lasting=lasting,
        max_seconds=max_seconds,
        name=name,
    )
    return replace(result, notes=(*result.notes, *notes))
