"""What ships: which models a folder of exported weights holds, and how they were made."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.models.locate import EMBEDDED
from engine.models.registry import GENERATORS, MODELS, PROVENANCE, UNSEEN
from engine.models.session import Session, open_session

from .record import read_json


def provenance(weights: Path | None) -> dict[str, dict]:
    return read_json((weights or EMBEDDED) / PROVENANCE)["files"]


def present(weights: Path | None) -> list[str]:
    """The generators that these weights hold."""
    files = provenance(weights)
    return [name for name, model in GENERATORS.items() if MODELS[model].file in files]


def unseen(weights: Path | None) -> dict[str, Session]:
    """The classifiers outside the panel that these weights hold."""
    files = provenance(weights)
    return {
        model: open_session(model, weights=weights, device="cpu")
        for model in UNSEEN
        if MODELS[model].file in files
    }


def trained_with(weights: Path | None, model: str) -> dict:
    """How one row of `MODELS` was trained, from its provenance."""
    return provenance(weights)[MODELS[model].file]["training"]


def digests(weights: Path | None, *models: str) -> dict[str, str]:
    """File name -> sha256 of the models that are measured."""
    files = [MODELS[model].file for model in models]
    return {file: provenance(weights)[file]["sha256"] for file in files}


def digest(weights: Path | None, model: str) -> str:
    """The sha256 of one row of `MODELS`."""
    return provenance(weights)[MODELS[model].file]["sha256"]


def histories(names: Iterable[str]) -> dict[str, list[dict]]:
    """The epochs of embedded generators' trainings, by the generators' names."""
    return {name: trained_with(None, GENERATORS[name])["history"] for name in names}


def history(graph: Path) -> list[dict]:
    """The record of an exported model's training, where its provenance lies beside it."""
    if not (graph.parent / PROVENANCE).exists():
        return []
    return provenance(graph.parent)[graph.name]["training"].get("history", [])
