"""The one way to a cloaked photo: `cloak_steps`, and `cloak_photo`, which runs it to its end.

from engine import cloak_photo
result = cloak_photo("me.jpg")
Path("me.cloaked" + result.suffix).write_bytes(result.file)
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..arguments import check_choice, check_flag, check_number, check_place, check_placement
from ..errors import UsageError
from ..faces.finder import SMALLEST, Face, choice_of, choose, searched
from ..faces.recognisers import named
from ..images.parts import cut_out, put_back
from ..images.picture import Picture, as_picture, decode, encode_png
from ..metrics.quality import beyond, psnr_8bit
from ..models.registry import ALL, HUMAN_DEFAULT, HUMAN_NAMES
from ..system.threads import SEARCH_THREADS
from .goals import describe_best, enrol_folder, goal_of, name_of
from .judge.outcome import outcome
from .judge.recognisers import Embeddings
from .judge.versions import EXACT, FILE_FORMATS, ROBUST, saving_for
from .protect.visibility import Visibility, check_protection, visibility_of
from .result import CloakedPhoto
from .state import CloakProgress, FaceState
from .threshold import ThresholdMap
from .whole import LARGE, final, moved, part_of

if TYPE_CHECKING:
    from .face import Cloak

PASSES = 3  # over the faces of one photo


def check_goal(target: object, gallery: object) -> None:
    """Raise UsageError where both are given: impersonating one person means to match that one."""
    if target is not None and gallery is not None:
        raise UsageError(
            "--target and --gallery ask for different things, to match someone and to match "
            "nobody: give one of them"
        )


def check_attack(
    method: object, face: object, robust: object, max_seconds: object, format: object = "same"
) -> None:
    """Raise UsageError where one of them is none of the choices that `cloak_photo` documents."""
    from ..attack.methods import METHODS

    check_choice("method", method, METHODS)
    choice_of(face)
    check_flag("robust", robust)
    check_choice("format", format, FILE_FORMATS)
    if max_seconds is not None:
        check_number("max_seconds", max_seconds, 0)


def cloak_steps(
    cloak: Cloak,
    image: object,
    *,
    method: str = "ours",
    face: str | int | None = None,
    target: Embeddings | None = None,
    gallery: Embeddings | None = None,
    robust: bool = True,
    format: str = "same",
    visibility: Visibility | None = None,
    max_seconds: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    name: str | None = None,
) -> Iterator[CloakProgress | CloakedPhoto]:
    """Cloak the faces of one picture; yields progress, then the result.

    cloak: from `loading.load_cloak`. face: "all", a number from 1, or None for the only sure one.
    target: embeddings, m×D by recogniser, of the person to impersonate; gallery: of those not to be
    matched beside the face's own; not both. robust, format: as in `cloak_photo`. visibility:
    protect against unseen recognisers up to there, whatever the method. max_seconds: per face.
    name: of the picture, in errors. Raises ImageError, FaceError, UsageError.
    """
    from ..networks.device import with_threads

    check_goal(target, gallery)
    check_attack(method, face, robust, max_seconds, format)
    name = name or name_of(image, "the picture")
    picture: Picture = as_picture(image)
    saving = saving_for(format, picture.saving)
    threshold = cloak.threshold(picture.pixels)
    detected = cloak.finder.find(picture.pixels)
    chosen = choose(detected, face, picture.size, name)
    parts = [part_of(each, picture.pixels) for each in chosen]
    states = []
    for each, part in zip(chosen, parts, strict=True):
        own = cut_out(picture.pixels, part)
        goal = goal_of(cloak, picture.pixels, each, target, gallery)
        eye = threshold if own is picture.pixels else cloak.threshold(own)
        whole = None if own is picture.pixels else (picture.pixels, part)
        states.append(FaceState(own, moved(each, part), goal, eye, whole))
    standard = replace(ROBUST if robust else EXACT, saving=saving)
    pixels, waiting = picture.pixels, states
    for _ in range(PASSES):
        for state in waiting:
            number = 1 + next(k for k, each in enumerate(states) if each is state)
            part = parts[number - 1]
            if pixels is not picture.pixels:
                state.move(cut_out(pixels, part))
                state.whole = state.whole and (pixels, part)
            if visibility is None:
                steps = cloak.run(
                    [state],
                    method,
                    standard=standard,
                    keep=True,
                    max_seconds=max_seconds,
                    cancelled=cancelled,
                )
            else:
                from .protect.face import protect_face

                steps = protect_face(
                    cloak,
                    state,
                    standard,
                    visibility,
                    max_seconds=max_seconds,
                    cancelled=cancelled,
                )
            with with_threads(SEARCH_THREADS):
                yield from announced(steps, number, len(states), max_seconds)
            whole = state.pixels.shape == pixels.shape
            pixels = state.pixels if whole else put_back(pixels, part, state.pixels)
        if saving is not None:
            file = saving.encode(pixels)
            shown = decode(file).pixels
        else:
            file, shown = encode_png(pixels, quick=pixels.size > 3 * LARGE), pixels
        verdicts = [
            final(cloak, file, state, each, part, shown, standard)
            for state, each, part in zip(states, chosen, parts, strict=True)
        ]
        # Where two faces are close, the later one's change may have undone the first one's.
        waiting = [
            state
            for state, verdict in zip(states, verdicts, strict=True)
            if state.reached and not verdict.reached
        ]
        if not waiting:
            break
    change = np.abs(shown.astype(np.int16) - picture.pixels)
    yield CloakedPhoto(
        original=picture.pixels,
        pixels=shown,
        file=file,
        format="png" if saving is None else "jpeg",
        faces=tuple(
            outcome(cloak, picture, shown, detected, face, state, verdict)
            for face, state, verdict in zip(chosen, states, verdicts, strict=True)
        ),
        psnr_db=psnr_8bit(picture.pixels, shown),
        largest=int(change.max()),
        changed_share=float(change.any(2).mean()),
        beyond_share=beyond_share(picture.pixels, shown, threshold),
        notes=(
            *picture.notes,
            *searched(detected, picture.size),
            *left_out(detected, chosen, face),
        ),
    )


def announced(
    steps: Iterator[CloakProgress], number: int, count: int, max_seconds: float | None
) -> Iterator[CloakProgress]:
    """Steps that say which of several faces is at hand, and how long it may take at most."""
    started = time.monotonic()
    for step in steps:
        words = step.doing if count == 1 else f"face {number} of {count}, {step.doing}"
        if max_seconds is not None:
            left = max(0.0, started + max_seconds - time.monotonic())
            words += f", {left:.0f} s left at most"
        yield replace(step, doing=words)


def left_out(detected: list[Face], chosen: list[Face], face: str | int | None) -> list[str]:
    """Where all faces were chosen, a note for each that is not cloaked."""
    if face != "all":
        return []
    return [
        f"face {number} of {each.side} pixels at ({each.box[0]}, {each.box[1]}) is NOT cloaked: "
        + (
            f"it is cut off or below {SMALLEST} pixels"
            if each.sure
            else f"it is uncertain whether it is one; if so, choose it with --face {number}"
        )
        for number, each in enumerate(detected, 1)
        if not any(each is one for one in chosen)
    ]


def beyond_share(before: np.ndarray, after: np.ndarray, threshold: ThresholdMap) -> float:
    """`quality.beyond` of a whole photo, its threshold computed only where it was changed."""
    rows, columns = (before != after).any(2).nonzero()
    if not len(rows):
        return 0.0
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    part = slice(top, bottom), slice(left, right)
    share = beyond(before[part], after[part], threshold.part((left, top, right, bottom)))
    return share * (right - left) * (bottom - top) / (before.shape[0] * before.shape[1])


def cloak_photo(
    image: object,
    *,
    method: str = "ours",
    face: str | int | None = None,
    target: object | None = None,
    gallery: str | os.PathLike | None = None,
    robust: bool = True,
    format: str = "same",
    against: str | tuple[str, ...] | None = None,
    protect: str | None = None,
    psnr: float | None = None,
    jod: float | None = None,
    max_seconds: float | None = None,
    jnd: str = HUMAN_DEFAULT,
    weights: str | os.PathLike | None = None,
    device: str = "auto",
) -> CloakedPhoto:
    """One picture (see `engine.images.picture.as_picture`) cloaked.

    method: a name of `engine.attack.methods.METHODS`. face: "all", a number from 1 (the best, see
    `FaceFinder.find`), or None for the only sure one. target: a picture of the person to
    impersonate; gallery: a folder of photos not to be matched, beside the face's own; not both.
    robust: hold for what sites do to photos (`engine.cloak.judge.versions.LISTED`) and one
    step beyond, else in this very file alone. format: of the file: png; jpeg, with the steps of the
    photo's own file, none above those of quality 75, or of quality 90 where it was no JPEG; same,
    jpeg for a JPEG and png for all others. It is verified as it is written. against: recognisers,
    all to be fooled, as `engine.faces.recognisers.named` takes them; by default dlib, with protect
    all. protect: "unseen", in place of the smallest change the one that leads farthest from the
    face, and from those of the gallery, at a PSNR (psnr, in dB; by default by the face's size, see
    `engine.cloak.protect.visibility`) or a JOD (jod, up to 10; needs cvvdp) of the face and half
    its width around it. max_seconds: per face, None
    for no limit. jnd: the model of the human JND. weights, device: as in
    `engine.models.locate.locate`; auto, cpu or cuda. Raises ImageError, FaceError, UsageError,
    WeightsError, DeviceError.
    """
    from .loading import load_cloak, missing

    check_goal(target, gallery)
    check_protection(protect, psnr, jod, target, method)
    check_choice("jnd", jnd, HUMAN_NAMES)
    check_placement(weights, device)
    check_place("gallery", gallery)
    try:
        check_attack(method, face, robust, max_seconds, format)
    except ModuleNotFoundError as error:
        raise missing(error) from None
    name, image = name_of(image, "the picture"), as_picture(image)
    if target is not None:
        called, target = name_of(target, "the target"), as_picture(target)
    visibility = None if protect is None else visibility_of(psnr, jod)
    against = tuple(row.name for row in named(against or ("dlib" if protect is None else ALL)))
    cloak = load_cloak(jnd, device, None if weights is None else str(weights), against)
    others, notes = (None, ()) if gallery is None else enrol_folder(cloak, gallery)
    *_, result = cloak_steps(
        cloak,
        image,
        method=method,
        face=face,
        target=None if target is None else describe_best(cloak, target, called),
        gallery=others,
        robust=robust,
        format=format,
        visibility=visibility,
        max_seconds=max_seconds,
        name=name,
    )
    return replace(result, notes=(*result.notes, *notes))
