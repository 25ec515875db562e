"""Model cards: export/cards/NAME.md, its tables filled in from training/results and nowhere else.

A table is shown only where it was measured on the very files of the repository; else the card
says that it is not measured yet.
"""

from __future__ import annotations

from pathlib import Path

from engine.models.registry import MODELS, RECOGNISER
from training.records.record import RESULTS, read_json
from training.results.markdown import markdown
from training.results.tables import BLOCK, TABLES

TEMPLATES = Path(__file__).parent / "cards"
NOT_MEASURED = "Not measured yet."
NOT_THESE = "Not measured yet on these files."
# Table of a card -> the results that hold it, and the section there.
MEASURED_IN = {
    "classifiers": ("classifiers_cifar10", "rows"),
    "machine": ("machine_cifar10", "rows"),
    "agreement": ("machine_cifar10", "rows"),
    "homogeneity": ("machine_cifar10", "homogeneity"),
    "unseen": ("machine_cifar10", "unseen"),
    "fresh": ("fresh_cifar10", "rows"),
    "human": ("human_kodak", "rows"),
    "human_speed": ("human_kodak", "speed"),
    "recogniser": ("recogniser_lfw", "rows"),
    "recognisers": ("recognisers", "rows"),
    "photo_panel": ("photo_panel", "rows"),
}
# Files of other repositories that a table is about as well.
BESIDE = {"recognisers": {MODELS[RECOGNISER].file}}


def card(name: str, models: list[dict]) -> str:
    """The card of repository NAME (what follows its slash), for these entries of its config.

    Raises KeyError for an unknown table.
    """
    text = (TEMPLATES / f"{name}.md").read_text()
    shipped = {model["file"]: model["sha256"] for model in models}
    return BLOCK.sub(
        lambda block: files(models) if block[2] == "files" else table(block[2], shipped), text
    )


def files(models: list[dict]) -> str:
    """What each file maps to what, from its contract."""
    rows = [
        [
            f"`{model['file']}`",
            *(", ".join(model["contract"][side]) for side in ("inputs", "outputs")),
        ]
        for model in models
    ]
    return markdown(["file", "in", "out"], rows)


def table(name: str, shipped: dict[str, str]) -> str:
    """One table, or why there is none."""
    results, section = MEASURED_IN[name]
    path = RESULTS / f"{results}.json"
    if not path.exists():
        return NOT_MEASURED
    result = read_json(path)
    if not result.get(section):
        return NOT_MEASURED
    measured = {
        file: digest
        for file, digest in result["weights"].items()
        if file not in BESIDE.get(name, set())
    }
    if not measured or any(shipped.get(file) != digest for file, digest in measured.items()):
        return NOT_THESE
    return TABLES[name]()
