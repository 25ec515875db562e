"""Results as people and programs read them: the figure, the files, the JSON object, the table."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..images.picture import encode_png
from ..system.files import write_files
from .jnd import MachineResult

TILE = 256  # pixels of one picture in the figure
MARGIN = 16
LINE = 22
INK, QUIET, PAPER = (24, 24, 27), (100, 100, 110), (255, 255, 255)


def heat(values: np.ndarray) -> np.ndarray:
    """float H×W in 0…1 -> uint8 H×W×3: black, red, yellow, white."""
    ramp = np.stack([3 * values, 3 * values - 1, 3 * values - 2], 2)
    return np.rint(np.clip(ramp, 0, 1) * 255).astype(np.uint8)


def figure(result: MachineResult, title: str) -> np.ndarray:
    """Original, merged CAM, JND map and distorted picture side by side -> uint8 H×W×3.

    The pictures are enlarged without smoothing; below them is what each classifier says.
    """
    tiles = (
        ("original", result.original),
        ("where the panel looks (CAM)", heat(result.cam)),
        ("JND map (grey: no change)", result.jnd_map),
        ("distorted, same answers", result.distorted),
    )
    width = MARGIN + len(tiles) * (TILE + MARGIN)
    height = MARGIN + 2 * LINE + TILE + LINE + (len(result.labels) + 1) * LINE + MARGIN
    canvas = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(canvas)
    bold, font = ImageFont.load_default(17), ImageFont.load_default(14)
    draw.text((MARGIN, MARGIN - 4), title, INK, bold)
    draw.text((MARGIN, MARGIN + LINE - 4), summary(result), QUIET, font)
    top = MARGIN + 2 * LINE
    for column, (caption, pixels) in enumerate(tiles):
        left = MARGIN + column * (TILE + MARGIN)
        tile = Image.fromarray(pixels).resize((TILE, TILE), Image.Resampling.NEAREST)
        canvas.paste(tile, (left, top))
        draw.text((left, top + TILE + 4), caption, QUIET, font)
    top += TILE + LINE + 12
    for row, label in enumerate(result.labels):
        line = (
            f"{label.classifier}: {label.before} ({label.confidence_before:.0%}) "
            f"before, {label.after} ({label.confidence_after:.0%}) after"
        )
        draw.text((MARGIN, top + row * LINE), line, INK, font)
    return np.asarray(canvas)


def decibels(value: float) -> str:
    return f"{value:.2f} dB" if math.isfinite(value) else "no change"


def summary(result: MachineResult) -> str:
    """One line: how much was changed and what the panel said."""
    kept = sum(label.before == label.after for label in result.labels)
    return (
        f"PSNR {decibels(result.psnr_db)} clipped and 8-bit, "
        f"{decibels(result.psnr_unclipped_db)} unclipped · {result.changed_share:.1%} of the "
        f"pixels changed · {kept} of {len(result.labels)} classifiers keep their label "
        f"· strength {result.strength:.3g}, of which {result.scale:.1%} hold"
        + (" · verified" if result.verified else "")
    )


def write(result: MachineResult, stem: str, title: str, folder: Path) -> dict[str, Path]:
    """Write the four pictures of one result, all or none. Raises OutputError.

    distorted: the verified PNG; jnd: the change around grey; cam: grey, 0…255 for 0…1;
    figure: all of it side by side.
    """
    files = {kind: folder / f"{stem}.{kind}.png" for kind in ("distorted", "jnd", "cam", "figure")}
    write_files(
        {
            files["distorted"]: result.png,
            files["jnd"]: encode_png(result.jnd_map),
            files["cam"]: encode_png(np.rint(result.cam * 255).astype(np.uint8)),
            files["figure"]: encode_png(figure(result, title)),
        }
    )
    return files


def as_json(result: MachineResult, image: str, files: dict[str, Path]) -> dict:
    """The object `--json` prints. Sizes are [width, height]; a PSNR of null means no change."""
    return {
        "image": image,
        "size": list(result.size),
        "panel_size": list(result.panel_size),
        "psnr_db": finite(result.psnr_db),
        "psnr_unclipped_db": finite(result.psnr_unclipped_db),
        "rca": result.rca,
        "changed_share": round(result.changed_share, 6),
        "strength": result.strength,
        "scale": round(result.scale, 6),
        "verified": result.verified,
        "labels": [
            {
                "classifier": label.classifier,
                "before": label.before,
                "after": label.after,
                "confidence_before": round(label.confidence_before, 6),
                "confidence_after": round(label.confidence_after, 6),
            }
            for label in result.labels
        ],
        "files": {kind: str(path) for kind, path in files.items()},
        "notes": list(result.notes),
    }


def finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def table(result: MachineResult, image: str, files: dict[str, Path]) -> str:
    """The readable report of one picture."""
    lines = [image, f"  {summary(result)}"]
    lines += [f"  note: {note}" for note in result.notes]
    lines.append(f"  {'classifier':<12}{'before':<20}{'after':<20}")
    for label in result.labels:
        before = f"{label.before} {label.confidence_before:.1%}"
        after = f"{label.after} {label.confidence_after:.1%}"
        lines.append(f"  {label.classifier:<12}{before:<20}{after:<20}")
    lines.append(f"  figure: {files['figure']}")
    return "\n".join(lines)
