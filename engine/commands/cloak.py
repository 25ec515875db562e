"""`python -m engine cloak PHOTO…`: faces that machines of this kind no longer match."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ..batch.run import run as run_batch
from ..batch.work import Report, Save, Task, Work
from ..errors import UsageError
from ..images.picture import Picture, encode_png
from ..system.threads import SEARCH_THREADS
from ..terminal.inputs import STDIN
from ..terminal.progress import Announcement, draw
from .options import CloakOptions

FAILED = 3  # exit code: an attack did not succeed within its budget


@dataclass(frozen=True)
class Loaded:
    """What every photo of a batch is cloaked with.

    cloak: an `engine.cloak.face.Cloak`; target, gallery: embeddings by recogniser, or None;
    visibility: an `engine.cloak.protect.visibility.Visibility`, where there is a protection;
    announce: says where it runs.
    """

    cloak: object
    target: dict[str, np.ndarray] | None
    gallery: dict[str, np.ndarray] | None
    visibility: object | None
    announce: Announcement


def run(images: list[str], options: CloakOptions) -> int:
    """Each photo's report on stdout, its cloaked file in options.out; returns the exit code."""
    check(options)
    summary = run_batch(images, Task(partial(prepare, options)), "cloak", options)
    if summary.failed:
        count = f"{len(summary.failed)} of {summary.total} photos not cloaked, no file written"
        print(f"{count}: {remedy(summary.failed, options)}", file=sys.stderr)
        return FAILED
    return summary.code


def prepare(options: CloakOptions) -> Work:
    """The work on each photo. Raises EngineError for what is wrong with an option or a model."""
    loaded = load(options)

    def work(picture: Picture, image: str, stem: str, save: Save) -> Report:
        result = watched(loaded, picture, image, options)
        place = options.out / f"{stem}.cloaked{result.suffix}"
        path = place if result.success else None
        if path is None and place.exists():
            old = f"{place} is of an earlier run: it is not what this report is about"
            result = replace(result, notes=(*result.notes, old))
        figure = options.out / f"{stem}.figure.png" if path and options.figure else None
        if path:
            save(files(result, Path(image).name, path, figure))
        places = {"file": path, "figure": figure}
        names = {kind: None if each is None else str(each) for kind, each in places.items()}
        data = {"image": image, **result.to_dict(), **names}
        return Report(data, table(result, image, path, figure) + "\n", result.success)

    return work


def files(result, title: str, path: Path, figure: Path | None) -> dict[Path, bytes]:
    """What is written of a photo, by where."""
    from ..cloak.figure import draw_figure

    written = {path: result.file}
    if figure:
        written[figure] = encode_png(draw_figure(result, title))
    return written


def remedy(failed: list[dict], options: CloakOptions) -> str:
    """What may help the photos of these reports."""
    limit = options.max_seconds
    faces = [face for report in failed for face in report["faces"]]
    late = any(not face["success"] and face["seconds"] >= 0.9 * limit for face in faces)
    ways = ["allow more with --max-seconds"] if late else []
    ways += ["let more be seen, by a lower --psnr or --jod"] if options.protect else []
    ways += ["take --method ours"] if options.method != "ours" else []
    ways += [] if options.exact else ["take --exact, which holds in the very file alone"]
    return ", or ".join(ways or ["take another photo of the face"])


def check(options: CloakOptions) -> None:
    """Raise UsageError for options that make no sense."""
    from ..cloak.photo import check_goal
    from ..cloak.protect.visibility import check_protection

    if not options.max_seconds >= 0:
        raise UsageError(f"--max-seconds {options.max_seconds:g}: give 0 or more")
    if options.exact and options.robust:
        raise UsageError("--exact and --robust ask for different things: give one of them")
    check_goal(options.target, options.gallery)
    check_protection(options.protect, options.psnr, options.jod, options.target, options.method)


def load(options: CloakOptions) -> Loaded:
    """The cloak, the target's and the gallery's descriptors. Raises EngineError."""
    from ..cloak.goals import describe_best, enrol_folder
    from ..cloak.loading import load_cloak, missing
    from ..cloak.photo import check_attack
    from ..cloak.protect.visibility import visibility_of
    from ..faces.recognisers import named
    from ..human import HUMAN_MODELS
    from ..human.learned import load
    from ..models.locate import locate
    from ..models.registry import ALL

    try:
        check_attack(
            options.method, options.face, not options.exact, options.max_seconds, options.format
        )
    except (ImportError, OSError) as error:
        raise missing(error) from None
    if HUMAN_MODELS[options.jnd].learned:
        load(options.weights, options.device)  # missing weights: reported once, now
    protecting = options.protect is not None
    rows = named(options.against or (ALL if protecting else "dlib"))
    visibility = visibility_of(options.psnr, options.jod) if protecting else None
    names = tuple(row.name for row in rows)
    cloak = load_cloak(options.jnd, options.device, options.weights, names)
    what = f"protect {options.protect}" if protecting else f"method {options.method}"
    words = f"PyTorch on {cloak.device}, {SEARCH_THREADS} thread; {what}"
    files = [locate(row.model, options.weights) for row in rows]
    each = ", ".join(f"{name} {file.sha256[:8]}" for name, file in zip(names, files, strict=True))
    weights = f"recognisers {each}, {files[0].origin}"
    target, gallery, notes = None, None, ()
    if options.target is not None:
        target = describe_best(cloak, options.target)
    if options.gallery is not None:
        gallery, notes = enrol_folder(cloak, options.gallery)
    announce = Announcement(
        f"{words}; eye {options.jnd}; {weights}", *(f"note: {note}" for note in notes)
    )
    return Loaded(cloak, target, gallery, visibility, announce)


def watched(loaded: Loaded, picture: Picture, image: str, options: CloakOptions):
    """`engine.cloak.photo.cloak_steps` with a progress bar on stderr."""
    from ..cloak.photo import cloak_steps

    steps = cloak_steps(
        loaded.cloak,
        picture,
        name=None if image == STDIN else image,
        method=options.method,
        face=options.face,
        target=loaded.target,
        gallery=loaded.gallery,
        robust=not options.exact,
        format=options.format,
        visibility=loaded.visibility,
        max_seconds=options.max_seconds,
    )
    return draw(steps, keep=True, announce=loaded.announce)


def table(result, image: str, path: Path | None, figure: Path | None = None) -> str:
    """The readable report of one photo."""
    from ..cloak.judge.survival import in_words
    from ..metrics.decibels import decibels

    lines = [image]
    for face in result.faces:
        if face.targeted:
            outcome = "taken for the target" if face.success else "NOT TAKEN for the target"
        else:
            outcome = "no longer matched" if face.success else "STILL MATCHED, not protected"
        lines.append(
            f"  face {face.number} at ({face.box[0]}, {face.box[1]}): {outcome}; distance "
            f"{face.before:.4f} before, {face.after:.4f} after; {face.gradients} gradient "
            f"evaluations, {face.seconds:.1f} s"
        )
        if len(face.recognisers) > 1:
            lines += [
                f"    {name}: distance {each.before:.4f} before, {each.after:.4f} after; the same "
                f"person below {each.threshold:g}"
                for name, each in face.recognisers.items()
            ]
        if face.targeted and face.recognisable:
            own = f"distance {face.own:.3f} to the face as it was"
            lines.append(f"    STILL RECOGNISABLE, not protected: {own}")
        for name, each in face.others.items():
            verdict = "STILL MATCHES it" if each.same else "does not match it either"
            lines.append(
                f"    {name}, which it was not made against, {verdict}: distance "
                f"{each.distance:.4f}, the same person below {each.threshold:g}"
            )
        if face.hurried:
            lines.append("    time was over before the change was made as small as it gets")
        if face.survives:
            beyond = ", and holds one step beyond" if face.reserve else ""
            lines.append(f"    this file {in_words(face.survives)}{beyond}")
        lines.append(f"    PSNR of the face and what is around it: {decibels(face.psnr_db)}")
    lines.append(
        f"  what a viewer may see: PSNR {decibels(result.psnr_db)}, largest change "
        f"{result.largest} of 255, {result.changed_share:.1%} of the pixels changed, "
        f"{result.beyond_share:.2%} beyond the eye's threshold"
    )
    lines += [f"  note: {note}" for note in result.notes]
    lines.append(f"  file: {path}" if path else "  no file written")
    lines += [f"  figure: {figure}"] if figure else []
    return "\n".join(lines)
