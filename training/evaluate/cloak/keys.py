"""What decides a row of the cloak's table, as keys of `training.records.store`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.faces.finder import SAME
from engine.models.locate import locate, sha256_of
from engine.models.registry import HUMAN_DEFAULT, RECOGNISER
from engine.system.threads import available_cores

from ...records.keys import attack_key, attempts, jnds
from ...records.versions import METHOD_VERSIONS, metrics
from .held_out_recogniser import SHA256
from .plan import BATCH, SEED, TIMED_PHOTOS, Row

REPORTED = HUMAN_DEFAULT  # the eye by which beyond_jnd_share is given, of every row
SEEN = ("psnr", "ssim", "delta_e", "beyond_jnd", "jod", "verdict", "unseen")


def row_keys(line: Row, gallery: str, onlooker: Path | None) -> list[dict]:
    """The keys under which a row may stand; the last is the one it is measured under.

    gallery: `training.evaluate.cloak.enrolment.digest`. onlooker: its file; where it is missing,
    rows with its numbers stand, and those measured now lack them.
    """
    common = {
        "attack": attack_key(line.choices(line.targeted)),
        "protocol": line.protocol,
        "targeted": line.targeted,
        "own": line.own,
        "attempts": attempts(line.protocol == "lasting"),
        "seed": SEED,
        "batch": BATCH,
        "same_person": SAME,
        "gallery": gallery,
        "faces": METHOD_VERSIONS["faces"],
        "recogniser": locate(RECOGNISER).sha256,
        "metrics": metrics(*SEEN),
    }
    onlookers = [SHA256, None] if onlooker is None else [sha256_of(onlooker)]
    eyes = list(jnds(line.jnd, REPORTED, sample=line.sample))[::-1]  # the earliest first
    return [
        common | {"jnd": versions[line.jnd], "reported": versions[REPORTED], "onlooker": watching}
        for versions in eyes
        for watching in onlookers
    ]


def waiting(key: dict) -> dict:
    """The key of a row's latency, from the row's."""
    left_out = ("metrics", "onlooker", "reported", "batch")
    decisive = {part: value for part, value in key.items() if part not in left_out}
    how = {"timed": TIMED_PHOTOS, "threads": available_cores()}
    return decisive | how | {"metrics": metrics("verdict", "latency")}


def jnd_weights(keys: Iterable[dict]) -> dict[str, dict[str, str]]:
    """Name -> version -> sha256 of the learned JNDs that rows were measured with."""
    digests: dict[str, dict[str, str]] = {}
    for key in keys:
        for jnd in (key["jnd"], key["reported"]):
            if "weights" in jnd:
                digests.setdefault(jnd["name"], {})[str(jnd["version"])] = jnd["weights"]
    return digests
