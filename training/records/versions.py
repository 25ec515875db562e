"""Declared versions of what decides a published number, beside settings, weights and data.

A row of the results is valid as long as these are what it was measured with. Raise a version when
a change of the code may change a number beyond its last bits: another formula, constant, order of
random numbers, rule of choice. Not for a renamed or moved file, another package version, speed, or
wording: those leave the rows as they are. A setting that a key names already
(`training.records.keys`) needs no new version.
"""

from __future__ import annotations

from engine.attack.methods import METHODS
from engine.human import HUMAN_MODELS
from engine.models.registry import HUMAN
from engine.networks.hvs import VERSION

UNIFORM = "uniform white noise"  # the reference of the human JNDs

# The human JNDs. Raise where J of a picture changes.
JND_VERSIONS = dict.fromkeys(HUMAN_MODELS, 1) | {HUMAN: VERSION}
JND_VERSIONS[UNIFORM] = 1
# Earlier JNDs whose rows stand until they are measured anew: name -> version -> sha256 of the
# weights. A sample shows what the step from one to the next changes (table cloak_jnd). An entry
# that is taken out has its rows measured anew.
STANDING = {HUMAN: {1: "30300aeb1336276ab8df1729534ff7cae3cd2f36355f17020d801190ba0c540e"}}

METHOD_VERSIONS = {
    # An attack: its loss, step, start, tuning or polish. dict.fromkeys: one entry for each method.
    "attack": dict.fromkeys(METHODS, 1),
    # The loop around it: `engine.attack.loop`, `engine.cloak.face`'s attempts and views.
    "loop": 1,
    # Cloaks of large faces: `engine.cloak.broad`, the part of the photo, the standards' margins.
    "portraits": 3,
    # Sections of the machine's evaluation: how each distorts, weakens, verifies or searches.
    "machine": {
        "rows": 1,
        "controls": 1,
        "homogeneity": 1,
        "verified": 1,
        "unseen": 1,
        "curve": 1,
        "search": 1,
    },
    # The same of the machine JND on photos: how a row of a section distorts them.
    "photos": {
        "clean": 1,
        "generator": 1,
        "homogeneity": 1,
        "strength": 1,
        "control": 1,
        "level": 1,
        "verified": 1,
        "search": 1,
    },
    # Compression of photos: how a row makes its file of a photo. "plain" is a part of every method.
    "codec": {
        "clean": 1,
        "fixed": 1,
        "plain": 1,
        "bisect": 1,
        "jnd": 1,
        "search": 1,
        "faithful": 1,
    },
    # The machine quality: how photos are distorted, and what is estimated from the panel's answers.
    "machine_quality": 1,
    # The watermark: its format, the pattern, how it is read and fitted, the attacks.
    "watermark": 1,
    # The accuracy of classifiers on the test images, and how often the panel agrees.
    "accuracy": 1,
    # Fresh classifiers: how the pictures are distorted, and how one is trained on them.
    "fresh": 1,
    # The ablation: how a variation is trained, and what is measured of it.
    "ablation": 1,
    # Verification: how pairs are described and compared, and the threshold cross-validated.
    "verification": 1,
    # The recognisers side by side: how photos are described, and what is counted.
    "recognisers": 1,
    # Protection against unseen recognisers: who is protected, and what is measured of it.
    "protection": 1,
    # Faces: how one is found, aligned and described, and who is enrolled with which photos.
    "faces": 1,
    # How noise is injected at a human JND, and the level found for a PSNR or a JOD.
    "injection": 1,
}
# Raise where the number of one and the same pair of pictures changes.
METRIC_VERSIONS = {
    "rca": 1,
    "psnr": 1,
    "ssim": 1,
    "delta_e": 1,
    "beyond_jnd": 1,
    "jod": 1,
    "fsim": 1,
    "vif": 1,
    "verdict": 1,  # whether a cloak succeeds, on which versions of the picture
    "unseen": 1,  # how the recogniser that takes part in nothing is evaluated
    "latency": 1,  # what is within the clock, of a cloak
    "speed": 1,  # the same of a human JND
    "symmetry": 1,  # how far a human JND of a flipped picture is from the flipped one
}


def metrics(*names: str) -> dict[str, int]:
    """Of these the versions, as a part of a key."""
    return {name: METRIC_VERSIONS[name] for name in names}
