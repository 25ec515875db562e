"""Cloaks of large faces, as the command makes them: `training evaluate portraits`.

Each portrait is cloaked exactly and robustly by `engine.cloak.photo.cloak_steps`, with no limit of
time, and JOD is of the face and half its width around it, at the photo's own size. A portrait
without a face that is found and lies in the photo is listed as refused. One photo in one way is one
entry of `training.records.store`, so that a stopped evaluation goes on.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from engine.cloak.judge.versions import EXACT, ROBUST
from engine.cloak.loading import load_cloak
from engine.cloak.photo import cloak_steps
from engine.faces.finder import FaceError
from engine.images.parts import around
from engine.models.locate import locate
from engine.models.registry import HUMAN_DEFAULT, MODELS, RECOGNISER

from ...data.photographs import Photograph, load_photographs
from ...records.record import RESULTS, write
from ...records.store import Entry, Store, origin
from ...records.versions import METHOD_VERSIONS
from .metrics import viewed

NAME = "cloak_portraits"
STANDARDS = {"exact": EXACT, "robust": ROBUST}
SHOWN = ("refused", "success", "jod")  # of each photo
MEANS = ("jod", "face_psnr_db", "attempts", "gradients")


def key_of(photo: Photograph, kind: str) -> dict:
    """What decides one cloak."""
    return {
        "section": "portraits",
        "version": METHOD_VERSIONS["portraits"],
        "faces": METHOD_VERSIONS["faces"],
        "kind": kind,
        "versions": list(STANDARDS[kind].versions),
        "recogniser": locate(RECOGNISER).sha256,
        "photo": hashlib.sha256(photo.pixels.tobytes()).hexdigest()[:16],
    }


def cloaked(cloak, photo: Photograph, kind: str) -> dict:
    """One portrait's numbers; only why, where it is refused."""
    steps = cloak_steps(cloak, photo.pixels, face=1, robust=kind == "robust", name=photo.name)
    try:
        *_, result = steps
    except FaceError as error:
        return {"name": photo.name, "kind": kind, "refused": str(error)}
    (face,) = result.faces
    side = min(face.box[2] - face.box[0], face.box[3] - face.box[1])
    near = around(face.box, *result.size)
    return {
        "name": photo.name,
        "kind": kind,
        "side": side,
        "success": face.success,
        "jod": viewed(photo.pixels[near], result.pixels[near]),
        "face_psnr_db": face.psnr_db,
        "distance": face.after,
        "survives": [name for name, each in face.survives.items() if each.reached],
        "reserve": face.reserve,
        "attempts": face.attempts,
        "gradients": face.gradients,
    }


def summary(kind: str, rows: list[dict]) -> dict:
    """Means and standard deviations over the cloaks that succeeded."""
    taken = [row for row in rows if "refused" not in row]
    won = [row for row in taken if row["success"]]
    whole = {"kind": kind, "n": len(taken), "refused": len(rows) - len(taken)}
    whole["success"] = len(won) / len(taken) if taken else None
    for name in MEANS:
        values = [row[name] for row in won if row[name] is not None]
        if values:
            whole |= {name: float(np.mean(values)), f"{name}_std": float(np.std(values))}
            whole[f"{name}_worst"] = min(values) if name in MEANS[:2] else max(values)
    whole["survives"] = {
        name: float(np.mean([name in row["survives"] for row in won])) if won else None
        for name in ROBUST.versions
        if any(name in row["survives"] for row in won)
    }
    return whole


def evaluate_portraits(
    data: Path, count: int | None, runs: Path, command: str, only: str | None = None
) -> Path:
    """-> results/cloak_portraits.json, or RUNS/portraits for a look.

    count: only the first photos; only: just the ways whose name contains it, a look too.
    """
    found = load_photographs(data, count)
    photos = found.photos
    store = Store(runs, "portraits")
    cloak = load_cloak(HUMAN_DEFAULT, "cpu", None)
    entries: list[Entry] = [
        store.measured(key_of(photo, kind), lambda p=photo, k=kind: cloaked(cloak, p, k))
        for kind in STANDARDS
        if only is None or only in kind
        for photo in photos
    ]
    rows = [entry.value for entry in entries]
    kinds = dict.fromkeys(row["kind"] for row in rows)
    sections = {
        **origin(entries),
        "seed": 0,
        "n": len(photos),
        "rows": [summary(kind, [row for row in rows if row["kind"] == kind]) for kind in kinds],
        "per_photo": {
            kind: [
                {key: row.get(key) for key in ("name", *SHOWN)}
                for row in rows
                if row["kind"] == kind
            ]
            for kind in kinds
        },
    }
    look = count is not None or only is not None
    return write(
        NAME,
        command=command,
        data=found.source,
        weights={MODELS[RECOGNISER].file: locate(RECOGNISER).sha256},
        sections=sections,
        folder=runs / "portraits" if look else RESULTS,
    )
