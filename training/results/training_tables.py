"""Tables of how the generators were trained: where each training ended, and what helped."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from ..records.shipped import histories
from ..train.presets import PROBE
from .figures import joins
from .machine_tables import machine_result
from .markdown import committed, markdown, percent, source


def preset_of(training: dict) -> str:
    """The name under which the command asked for its preset."""
    found = re.search(r"--preset (\S+)", training["command"])
    return found[1] if found else "–"


def chain(training: dict) -> list[dict]:
    """A generator's trainings, each of which went on from the one before it."""
    earlier = training.get("earlier")
    return [*(chain(earlier) if earlier else []), training]


def trainings() -> str:
    """Where each training of a generator ended, and which went on from it."""
    result = machine_result()
    rows = []
    for name, history in histories(result["training"]).items():
        ends = [*joins(result["training"][name], len(history)), len(history)]
        trained = chain(result["training"][name])
        before = [None, *trained][-len(ends) - 1 : -1]
        counts = np.diff([0, *ends])  # of a training's epochs; what was before them is not kept
        each = zip(trained[-len(ends) :], before, counts, ends, strict=True)
        for training, earlier, count, end in each:
            preset, last = training["preset"], history[end - 1]
            planned = preset["epochs"]
            panel = last["test"]["rca_per_classifier"]  # train_rca is of assistants as well
            rows.append(
                [
                    preset_of(training),
                    "–" if earlier is None else preset_of(earlier),
                    f"{planned}" if count >= planned else f"{count} of {planned}",
                    f"{preset['alpha']:g}",
                    f"{preset['wanted']:g}",
                    f"{preset.get('shifted', 0):g}",
                    percent(np.mean([last["train_rca"][member] for member in panel]), 1),
                    f"{last['psnr_db']:.2f} dB",
                    percent(last["test"]["rca"]),
                    f"{last['test']['psnr_db']:.2f} dB",
                ]
            )
    rows = list(map(list, dict.fromkeys(map(tuple, rows))))  # some went on twice
    ends = ", ".join(f"{name} with {preset_of(last)}" for name, last in result["training"].items())
    header = ["preset", "goes on from", "epochs", "α", "times D_t", "pixels moved"]
    header += ["RCA in training", "PSNR in training", "test RCA", "test PSNR"]
    return (
        f"{markdown(header, rows)}\n\nIn the last epoch of each, as its training noted it. In "
        "training: the mean of the steps, with all that a preset makes harder in them. Test: the "
        f"first {PROBE:,} images at full strength, before a change is scaled. "
        f"The generators end so: {ends}. Data: {result['data']}."
    )


def ablation() -> str:
    """What helped by how much, in short trainings."""
    result = committed("ablation_cifar10")

    def spread(row: dict, key: str, form: str, scale: float = 1) -> str:
        if row[key] is None:
            return "–"
        least, greatest = (format(scale * end, form) for end in row[f"{key}_range"])
        return f"{scale * row[key]:{form}} ({least} … {greatest})"

    rows = [
        [
            row["variation"],
            spread(row, "rca", ".1f", 100),
            spread(row, "psnr_db", ".2f"),
            spread(row, "rca_at", ".1f", 100),
            spread(row, "brings", "+.1f", 100),
            spread(row, "every_k_keeps", ".1f", 100),
        ]
        for row in result["rows"]
    ]
    at = f"RCA at {result['strength_db']} dB, %"
    header = ["generator", "RCA, %", "PSNR (8-bit), dB", at, "brings there, points"]
    header.append("every k/9 keeps the label, %")
    return (
        f"{markdown(header, rows)}\n\nEach trained for {result['epochs']} epochs of "
        f"{result['n_train']:,} images; the first {result['n']:,} test images; median (least … "
        f"greatest) over seeds {', '.join(map(str, result['seeds']))}; {source(result)}"
    )


def long_trainings() -> str:
    """What trainings on a GPU reach."""
    result = committed("long_cifar10")
    rows = []
    for row in result["rows"]:
        for part in row["reached"]:
            ninths = part["ninths_rca"]
            weakest = min(ninths, key=ninths.get)
            rows.append(
                [
                    row["generator"],
                    f"{row['epochs']} of {row['preset']['epochs']}",
                    f"{row['seconds'] / 60:.0f} min",
                    part["split"],
                    percent(part["rca"]),
                    f"{part['psnr_db']:.2f} dB",
                    f"{part['psnr_unclipped_db']:.2f} dB",
                    f"{percent(ninths[weakest])} (k = {weakest})",
                    percent(part["every_ninth_rca"]),
                ]
            )
    header = ["preset", "epochs", "trained for", "images", "RCA", "PSNR (8-bit)"]
    header += ["PSNR (unclipped)", "the worst k/9 keeps", "every k keeps"]
    cards = " and ".join(dict.fromkeys(row["machine"]["card"] or "CPU" for row in result["rows"]))
    return (
        f"{markdown(header, rows)}\n\nTrained on {cards}, beside one another; the first "
        f"{result['n']:,} images of each split; seed {result['seed']}; {source(result)}"
    )


TABLES: dict[str, Callable[[], str]] = {
    "long_trainings": long_trainings,
    "trainings": trainings,
    "ablation": ablation,
}
