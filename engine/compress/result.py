"""What a compressed picture is: its file, how large it is, and what it keeps."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from ..metrics.decibels import decibels, finite
from ..panels.predicted import LabelChange
from .encoded import Encoded


@dataclass(frozen=True)
class Rule:
    """How paper A's rule fares on one picture.

    holds: the file with steps of twice the JND keeps it all; bytes: of that file; multiple: the
    largest of its steps found that keeps it all, None for none; bytes_at_multiple: of that file.
    """

    holds: bool
    bytes: int
    multiple: float | None
    bytes_at_multiple: int | None

    @property
    def note(self) -> str:
        """In words."""
        if self.holds:
            return f"the rule holds: steps of twice the JND keep it all, in {self.bytes:,} bytes"
        which = "none does" if self.multiple is None else f"{self.multiple:.2f} times them do"
        return f"the rule does not hold: steps of twice the JND do not keep it all; {which}"

    def to_dict(self) -> dict:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True)
class CompressedPhoto:
    """The smallest file found that keeps what it must.

    original, pixels: uint8 h×w×3 sRGB, what the panel's answers are of, and the decoded file, of
    another size where the resolution was lowered. data: the file's bytes, the ones verified; format
    and suffix: of that file. unchanged: no smaller file was found, and data is the original's, byte
    for byte. settings: what it was encoded with, None where unchanged. plain: the smallest verified
    file at standard settings, None where none was found. bytes_before: of the original's file.
    labels: of each classifier before and after. verified: the decoded file keeps what `keep` names
    (a JOD of `see` was verified when the file was tried). psnr_db: against the original, the file
    enlarged to its size; inf where nothing changed. jod: the same, None where not wanted or not to
    be had. rule: what the method `jnd` found.
    """

    original: np.ndarray
    pixels: np.ndarray
    data: bytes
    format: str
    suffix: str
    unchanged: bool
    settings: dict | None
    plain: Encoded | None
    bytes_before: int
    labels: tuple[LabelChange, ...]
    verified: bool
    psnr_db: float
    jod: float | None
    method: str
    keep: str
    see: float | None
    panel: str
    seconds: float
    notes: tuple[str, ...]
    rule: Rule | None = None

    @property
    def bytes_after(self) -> int:
        """Bytes of the file."""
        return len(self.data)

    @property
    def bytes_plain(self) -> int | None:
        """Bytes of plain encoding at equal answers; None where none was found."""
        return None if self.plain is None else len(self.plain.data)

    def kept(self, who: str) -> str:
        """What the classifiers keep, as `keep` has it, in words; who: what they are called."""
        everyone = f"all {len(self.labels)} {who}"
        if self.keep == "top5":
            return f"{everyone} keep the original's label among their five most likely"
        _, _, share = self.keep.partition(":")
        return f"{everyone} keep their label" + (
            f", with {float(share):.0%} of the probability or more" if share else ""
        )

    @property
    def summary(self) -> str:
        """One line: how much smaller, how, and what is kept."""
        if self.unchanged:
            return f"{self.bytes_before:,} bytes, returned as it is: no smaller file was found"
        settings = f"{self.format} {chosen(self.settings)}"
        if "subsampling" in self.settings:
            settings += f", chroma {self.settings['subsampling']}"
        if self.pixels.shape != self.original.shape:
            settings += f", {self.pixels.shape[1]}×{self.pixels.shape[0]} pixels"
        plain = "none" if self.bytes_plain is None else f"{self.bytes_plain:,}"
        return (
            f"{self.bytes_before:,} -> {self.bytes_after:,} bytes "
            f"({self.bytes_after / self.bytes_before:.1%}; plain encoding: {plain}) · {settings} · "
            f"PSNR {decibels(self.psnr_db)}"
            + (f", JOD {self.jod:.2f}" if self.jod is not None else "")
            + f" · {self.kept('classifiers')}"
            + (" · verified" if self.verified else "")
        )

    def to_dict(self) -> dict:
        """As JSON. Sizes are [width, height]; a PSNR of null means no change."""
        return {
            "size": list(self.original.shape[1::-1]),
            "panel": self.panel,
            "format": self.format,
            "method": self.method,
            "keep": self.keep,
            "see": self.see,
            "bytes_before": self.bytes_before,
            "bytes_after": self.bytes_after,
            "bytes_plain": self.bytes_plain,
            "unchanged": self.unchanged,
            "settings": self.settings,
            "settings_plain": None if self.plain is None else self.plain.settings,
            "psnr_db": finite(self.psnr_db),
            "jod": None if self.jod is None else round(self.jod, 4),
            "verified": self.verified,
            "rule": None if self.rule is None else self.rule.to_dict(),
            "labels": [label.to_dict() for label in self.labels],
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
        }


def chosen(settings: dict) -> str:
    """What decided a file's size, in words: a quality, multiple of the rule's steps, or search."""
    if "multiple" in settings:
        return f"{settings['multiple']:.2f} × the rule's steps"
    if "begun_at_quality" in settings:
        return f"search from quality {settings['begun_at_quality']}, {settings['steps']} steps"
    return f"quality {settings['quality']}"
