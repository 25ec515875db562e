"""One picture to the smallest file that a panel still understands, verified on the decoded file."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from ..arguments import check_choice, check_flag, check_number, check_placement
from ..errors import EngineError, ImageError, UsageError
from ..images.picture import resize as resized
from ..machine.jnd import candidates, panel_for
from ..machine.refine import Differentiable
from ..metrics.perceptual import measure
from ..metrics.quality import psnr_8bit
from ..models import registry
from ..panels.aim import parse_keep
from ..panels.embedded import Panel
from ..panels.naming import PanelSpec, Several, parse
from ..panels.own import OwnPanel, load_panel, with_gradients
from ..system.progress import Progress
from .formats import decoded, format_of
from .kept import JOD, Kept, check_jod
from .methods.bisect import plain
from .methods.rows import METHODS
from .original import Original, original_of
from .result import CompressedPhoto
from .trials import Trials

LARGER = 10.0  # times a search's smallest file, at most


@dataclass(frozen=True)
class Compression:
    """How a picture is to be compressed: see `compress_photo`."""

    format: str = "jpeg"
    method: str = "bisect"
    keep: str = "top1"
    resize: bool = False
    see: float | None = None
    metrics: bool = False
    max_seconds: float | None = None
    larger: float = 1.0

    def check(self) -> None:
        """Raise UsageError for what makes no sense, SetupError for what is not installed."""
        check_choice("method", self.method, METHODS)
        format_of(self.format)
        parse_keep(self.keep)
        check_flag("resize", self.resize)
        check_flag("metrics", self.metrics)
        if self.max_seconds is not None:
            check_number("max_seconds", self.max_seconds, 0)
        row = METHODS[self.method]
        check_number("larger", self.larger, 1, LARGER)
        if self.larger > 1 and not row.gradients:
            raise UsageError(f"larger: the method {self.method} finds one file: leave --larger out")
        if self.format not in row.formats:
            raise UsageError(
                f"format {self.format}: the method {self.method} writes {', '.join(row.formats)}"
            )
        if self.resize and not row.resizes:
            raise UsageError(f"the method {self.method} keeps the resolution: leave --resize out")
        if self.see is not None:
            check_number("see", self.see, *JOD)
            check_jod()

    def check_size(self, size: tuple[int, int]) -> None:
        """Raise ImageError where the method is not for a picture of (width, height)."""
        row = METHODS[self.method]
        if row.most is not None and not self.resize and size[0] * size[1] > row.most:
            resizing = "choose --resize" if row.resizes else "scale it down first"
            raise ImageError(
                f"the method {self.method} takes {row.most:,} pixels at most, the picture is "
                f"{size[0]}×{size[1]}: {resizing}, or choose another --method"
            )

    def slopes(self, panel: Panel | OwnPanel) -> Differentiable | None:
        """The panel with gradients, where the method needs them. Raises as `with_gradients`."""
        if not METHODS[self.method].gradients:
            return None
        return with_gradients(panel, f"the method {self.method}")


def steps(
    panel: Panel | OwnPanel, original: Original, chosen: Compression
) -> Iterator[Progress | CompressedPhoto]:
    """The steps of compressing a picture, the result last. Raises ImageError, SetupError."""
    chosen.check()
    slopes = chosen.slopes(panel)
    format = format_of(chosen.format)
    format.check(original.size)
    chosen.check_size(original.size)
    started = time.monotonic()
    kept = Kept(panel, original.pixels, chosen.keep, chosen.see)
    trials = Trials(kept, original.pixels, format, slopes, chosen.larger)
    until = None if chosen.max_seconds is None else started + chosen.max_seconds
    complete = yield from within(until, plain(trials))
    if complete:
        complete = yield from within(until, METHODS[chosen.method].run(trials, chosen.resize))
    yield Progress("verifying the file", 0.99)
    best = trials.best
    unchanged = best is None or len(best.data) >= len(original.data)
    notes = [*original.notes, *views(panel, original.size)]
    if trials.rule is not None:
        notes.append(trials.rule.note)
    if not complete:
        notes.append(f"the search ended after {chosen.max_seconds:g} s, its limit")
    if unchanged:
        notes.append("no smaller file was found: the file is as it was, its metadata included")
    pixels = original.pixels if unchanged else decoded(best)
    after = kept.before if unchanged else kept.logits(pixels)
    enlarged = resized(pixels, *original.size)
    jod = None
    if chosen.see is not None or chosen.metrics:
        values, missing = measure(original.pixels, enlarged, ("jod",))
        jod, notes = values["jod"], [*notes, *missing]
    verified = bool(kept.aim.holds(after[None])[0])
    if not verified:
        raise EngineError("the panel predicts something else for the same pixels: report this")
    yield CompressedPhoto(
        original=original.pixels,
        pixels=pixels,
        data=original.data if unchanged else best.data,
        format=original.kind if unchanged else best.format,
        suffix=original.suffix if unchanged else format.suffix,
        unchanged=unchanged,
        settings=None if unchanged else best.settings,
        plain=trials.plain,
        bytes_before=len(original.data),
        labels=panel.label_changes(kept.before, after),
        verified=verified,
        psnr_db=psnr_8bit(original.pixels, enlarged),
        jod=jod,
        method=chosen.method,
        keep=chosen.keep,
        see=chosen.see,
        panel=panel.name,
        seconds=time.monotonic() - started,
        notes=tuple(notes),
        rule=trials.rule,
    )


def within(until: float | None, work: Iterator[Progress]) -> Generator[Progress, None, bool]:
    """The steps of some work, which is closed at its first step after `until`.

    until: by the monotonic clock, or None. Returns whether the work came to its end.
    """
    with closing(work):
        for step in work:
            yield step
            if until is not None and time.monotonic() > until:
                return False
    return True


def views(panel: Panel | OwnPanel, size: tuple[int, int]) -> list[str]:
    """Notes: at which size the classifiers are given a picture of (width, height)."""
    if isinstance(panel, OwnPanel):
        return panel.views(size)
    side = f"{panel.size}×{panel.size}"
    return [] if size == (panel.size, panel.size) else [f"the panel is given it at {side}"]


def panels_for(
    panel: str | PanelSpec, weights: str | None = None, method: str = "bisect"
) -> tuple[str | PanelSpec, ...]:
    """The panels among which a picture's size decides, as for the machine JND.

    For a method that needs gradients just the one that gives them, small pictures too.
    """
    names = candidates(panel, registry.BEST, weights)
    return names[-1:] if METHODS[method].gradients else names


def compress_photo(
    image: object,
    *,
    format: str = "jpeg",
    method: str = "bisect",
    keep: str = "top1",
    resize: bool = False,
    see: float | None = None,
    metrics: bool = False,
    max_seconds: float | None = None,
    larger: float = 1.0,
    panel: Several = registry.AUTO,
    labels: Several | None = None,
    input_range: str | Sequence[str] | None = None,
    weights: str | os.PathLike | None = None,
    device: str = "auto",
) -> CompressedPhoto:
    """The smallest file of a picture that a panel of classifiers still understands, verified.

    image: a path, a Pillow picture, or an array uint8 H×W×3 or H×W, sRGB 0…255. format: "jpeg",
    "webp", "avif", or "jxl" with the extra of that name. method: a name of
    `engine.compress.methods.rows.METHODS`. keep: "top1", each classifier's label of the original;
    "top5", that label among its five most likely; "confidence:0.8", the label with at
    least 0.8 of its probability. resize: the resolution may be lowered too.
    see: the least JOD against the original, 0…10, or None; metrics: the result's JOD is measured;
    both need the extra `evaluation`. max_seconds: after it the search ends at its next step and
    the smallest file so far counts; None for no limit. larger: of the methods that search, the file
    on the way that is so many times larger than the last, or more, 1…10, for classifiers outside
    the panel; a smaller one of `bisect` goes before it. panel, labels, input_range, weights and
    device as `engine.machine_jnd` takes them. Where no smaller file keeps it all, the result is the
    original file, byte for byte. Raises ImageError, WeightsError, DeviceError, UsageError,
    SetupError.
    """
    chosen = Compression(format, method, keep, resize, see, metrics, max_seconds, larger)
    chosen.check()
    check_placement(weights, device)
    place = None if weights is None else str(weights)
    names = panels_for(parse(panel, labels, input_range), place, method)
    original = original_of(image)
    *_, result = steps(load_panel(panel_for(original.size, names), place, device), original, chosen)
    return result
