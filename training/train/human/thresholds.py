"""The learned human JND to calibrate and export: what RUNS holds, else what ships."""

from __future__ import annotations

from pathlib import Path

from engine.models.locate import locate, sha256_of
from engine.models.registry import HUMAN
from engine.networks.hvs import AttentionBranch, HvsSd, JndNetwork
from engine.networks.stored import contract, fill

from ...records.log import log
from ...records.shipped import history
from .hvs import load_human, stage_path
from .stages import STAGES

SHIPPED = "default"  # the preset, and so the name, of the networks that ship


def load_thresholds(name: str, runs: Path) -> tuple[HvsSd, dict]:
    """NAME's networks, frozen, the scale 1, and how they were trained.

    Under "weights" the sha256 of each stage's checkpoint, which also the graph that ships
    records: of `SHIPPED` that graph's networks where RUNS holds none. Raises FileNotFoundError.
    """
    if name == SHIPPED and not any(stage_path(name, kind, runs).exists() for kind in STAGES):
        log(f"{runs}/human holds no {name}: using the exported networks")
        return shipped_thresholds()
    model, _, note = load_human(name, runs)
    return model, note | {
        "weights": {kind: sha256_of(stage_path(name, kind, runs)) for kind in STAGES}
    }


def shipped_thresholds() -> tuple[HvsSd, dict]:
    """`load_thresholds` of the graph that the engine would use."""
    path = locate(HUMAN).path
    branch = fill(AttentionBranch(), path, "branch.")
    network = fill(JndNetwork(), path, "network.")
    own = contract(path)
    note = own["training"] | {"weights": own["calibration"]["weights"]}
    if steps := history(path):  # too long for the graph itself
        note["history"] = steps
    return HvsSd(branch, network).eval().requires_grad_(False), note
