"""The rows of the machine JND's evaluation on photos: what is done to the photos, and how often.

A row is one way to distort the photos, one line of the result. To measure another mode of
`engine.machine.jnd.MachineJND`, add a row to `VERIFIED`; of its search, to `SEARCH`. A row whose
keyword arguments the engine has not is left out, and the result names it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from engine.machine.homogeneity import STEPS

SEED = 0  # of white noise, a photo's number is added; of the search
STRENGTHS = (0.4, 0.6, 0.8, 1.2, 1.4, 1.6)  # beside 1
CURVED = 200  # photos of which other strengths are measured, the first
LEVELLED = 100  # … and of which ordinary distortions are, at these amounts (machine.baselines)
AMOUNTS = {
    "gaussian noise": (0.02, 0.03, 0.04, 0.055, 0.075, 0.1),  # deviations 6.5 … 163 of 255
    "jpeg": (0.5, 0.8, 0.9, 0.95, 1.0),  # qualities 50 … 1
    "blur": (0.0625, 0.125, 0.25, 0.5, 1.0),  # deviations of 1 … 16 pixels
}
COMPARED = tuple(AMOUNTS)  # the distortions that are brought to a row's PSNR
SEARCHED = 50  # photos that are searched, the first
SECONDS = 60.0  # for each of them
KEPT = 200  # photos whose confidence is kept as well, by gradient steps
WITHOUT = 100  # photos of a mode that another one has replaced


@dataclass(frozen=True)
class Row:
    """One way to distort the photos.

    section: how, a name of `distortions.SECTIONS`; name: in the tables; keep: the confidence is
    to stay as well as the label; refined: gradient steps mend the change, as in `MachineJND`;
    strength, ninths: of the generator's change; control, amount: of
    an ordinary distortion, which has the PSNR of the row `of`, photo by photo, where it has no
    amount; options: further keyword arguments of `MachineJND.__call__`; first: only so many photos.
    """

    section: str
    name: str
    keep: bool = False
    refined: bool = False
    strength: float = 1.0
    ninths: int = STEPS
    control: str | None = None
    amount: float | None = None
    of: Row | None = None
    options: tuple[tuple[str, object], ...] = ()
    first: int | None = None

    @property
    def keywords(self) -> dict[str, object]:
        """Keyword arguments of a mode of `MachineJND`, beside the photo."""
        return dict(self.options) | ({"keep_confidence": True} if self.keep else {})

    @property
    def outside(self) -> bool:
        """Whether the classifiers outside the panel are given these photos as well."""
        return self.section not in ("homogeneity", "level")

    @property
    def settings(self) -> dict:
        """What decides the row beside photos, models and versions; in its key and in the result."""
        return {
            "section": self.section,
            "name": self.name,
            "keep_confidence": self.keep,
            "refined": self.refined,
            "strength": self.strength,
            "k": self.ninths,
            "control": self.control,
            "amount": self.amount,
            "of": self.of and self.of.name,
            "options": dict(self.options),
        }


CLEAN = Row("clean", "clean photos")
GENERATOR = Row("generator", "generator")
KEEPING = Row("generator", "generator, confidence kept", keep=True)
REFINED = Row("generator", "generator, refined", refined=True)
REFINED_KEEPING = Row(
    "generator", "generator, refined, confidence kept", keep=True, refined=True, first=KEPT
)
# Each mode of MachineJND, as it is called: the first is what `machine_jnd` returns.
VERIFIED = (
    Row("verified", "verified"),
    Row("verified", "verified, confidence kept", keep=True, first=KEPT),
    Row("verified", "verified, not refined", options=(("refined", False),), first=WITHOUT),
)
SEARCH = (
    Row("search", "search", first=SEARCHED),
    Row("search", "search, confidence kept", keep=True, first=SEARCHED),
)


def controls(of: Row, names: tuple[str, ...]) -> tuple[Row, ...]:
    """Ordinary distortions at the PSNR of a row, photo by photo."""
    return tuple(
        Row("control", f"{name} at the PSNR of: {of.name}", control=name, of=of, first=of.first)
        for name in names
    )


DRAWN_AFTER = "verified"  # the phase after which the figures of photos are drawn


@dataclass(frozen=True)
class Phase:
    """Rows that are measured together, block of photos by block; after a phase a result is written.

    size: photos of a block, which is measured whole or not at all.
    """

    name: str
    size: int
    rows: tuple[Row, ...]


PHASES = (
    Phase(
        "generator",
        20,
        (
            CLEAN,
            GENERATOR,
            KEEPING,
            REFINED,
            REFINED_KEEPING,
            *(
                replace(row, section="homogeneity", name=f"{row.name}, {k}/{STEPS}", ninths=k)
                for row, k in product((REFINED, REFINED_KEEPING), range(STEPS - 1, 0, -1))
            ),
            *(
                Row("strength", f"generator at {each:g}", strength=each, first=CURVED)
                for each in STRENGTHS
            ),
            *controls(REFINED, COMPARED),
            *controls(REFINED_KEEPING, COMPARED[:1]),
            *(
                Row("level", f"{name}, {amount:g}", control=name, amount=amount, first=LEVELLED)
                for name, amounts in AMOUNTS.items()
                for amount in amounts
            ),
        ),
    ),
    Phase(
        "verified",
        10,
        (
            *VERIFIED,
            *controls(VERIFIED[0], COMPARED),
            *controls(VERIFIED[1], COMPARED[:1]),
        ),
    ),
    Phase("search", 2, SEARCH),
)
