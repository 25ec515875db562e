"""The rows of the watermark's evaluation: who marks which photos, for whom, with how many bits."""

from __future__ import annotations

from dataclasses import dataclass

SEED = 0
KEY, WRONG = "evaluation", "another"  # phrases
OURS = "ours"


@dataclass(frozen=True)
class Row:
    """One way to mark photos, one line of the result.

    data: a folder of photos; method: ours, or a name of `libraries.LIBRARIES`; observer: whose
    threshold, of ours; bits: of the payload; first: only so many photos; jod: of so many, the
    first; equal: at the PSNR that each photo has in the row with this name, else as it comes.
    """

    name: str
    data: str
    method: str = OURS
    observer: str = "human"
    bits: int = 64
    first: int = 24
    jod: int = 24
    equal: str | None = None

    @property
    def settings(self) -> dict:
        """What decides the row beside photos, models and versions."""
        return {
            "name": self.name,
            "data": self.data,
            "method": self.method,
            "observer": self.observer,
            "bits": self.bits,
            "equal": self.equal,
        }


HUMAN = Row("kodak, human", "kodak")
SVD = Row("kodak, invisible-watermark svd", "kodak", "invisible-watermark svd")
ROWS = (
    HUMAN,
    Row("kodak, human, 256 bits", "kodak", bits=256),
    Row("kodak, machine", "kodak", observer="machine"),
    Row("kodak, blind-watermark", "kodak", "blind-watermark"),
    Row("kodak, blind-watermark, at our PSNR", "kodak", "blind-watermark", equal=HUMAN.name),
    Row("kodak, invisible-watermark dwtDct", "kodak", "invisible-watermark dwtDct"),
    SVD,
    Row("kodak, human, at the PSNR of invisible-watermark svd", "kodak", equal=SVD.name),
    Row("nips17, human", "nips17", first=200, jod=50),
    Row("nips17, machine", "nips17", observer="machine", first=200, jod=50),
)
UNMARKED = (("kodak", 24), ("nips17", 200))  # photos in which there is nothing to be found
