"""The README's tables and numbers, generated from results/*.json. `python -m training tables`.

A block of the README between `<!-- table: NAME -->` and `<!-- end: NAME -->` is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..records.record import RESULTS, read_json
from ..records.versions import UNIFORM
from ..train.presets import PROBE
from . import cloak_tables
from .figures import joins
from .markdown import markdown, percent, source

README = Path(__file__).parents[2] / "README.md"


def classifiers() -> str:
    result = read_json(RESULTS / "classifiers_cifar10.json")
    rows = [
        [
            row["classifier"],
            "panel" if row["in_the_panel"] else "outside",
            f"{row['parameters']:,}",
            percent(row["test_accuracy"]),
            f"{row['training_seconds'] / 60:.0f} min",
        ]
        for row in result["rows"]
    ]
    header = ["classifier", "", "parameters", "test accuracy", "training"]
    count, seed = result["rows"][0]["n_test"], result["rows"][0]["seed"]
    return f"{markdown(header, rows)}\n\n{count:,} test images; seed {seed}; {source(result)}"


def machine_result() -> dict:
    return read_json(RESULTS / "machine_cifar10.json")


def decibels(row: dict, name: str = "psnr_db") -> str:
    """A mean PSNR with its standard deviation over images, where they were measured."""
    if row.get(name) is None:
        return "–"
    return f"{row[name]:.2f} ± {row[f'{name}_std']:.2f} dB"


def machine() -> str:
    """RCA and PSNR of every generator, verified or not, and of the controls."""
    result = machine_result()
    named = [
        (f"{row['generator']} generator, {row['split']} images", row) for row in result["rows"]
    ]
    named += [
        (
            f"{name} generator, verified, test images; {row['unchanged_images']} left unchanged, "
            f"median of the others {row['psnr_db_percentiles']['50']:.2f} dB",
            row,
        )
        for name, row in result["verified"].items()
    ]
    strengths = {(row["generator"], row["split"]): row["psnr_db"] for row in result["rows"]}
    for row in result["controls"]:
        as_strong = row["psnr_db"] - strengths[row["of"], row["split"]] < 0.5
        said = f"as strong as the {row['of']} generator's" if as_strong else "as strong as it gets"
        if as_strong or row["of"] == result["controls"][0]["of"]:
            named.append((f"{row['control']} {said}, {row['split']} images", row))
    rows = [
        [
            name,
            f"{percent(row['rca'])} ± {100 * row['rca_standard_error']:.2f}",
            percent(row["all_classifiers_keep"]),
            decibels(row),
            decibels(row, "psnr_unclipped_db"),
        ]
        for name, row in named
    ]
    header = ["pictures", "RCA ± standard error", "all four keep", "PSNR (8-bit)"]
    header.append("PSNR (unclipped)")
    return f"{markdown(header, rows)}\n\n{note(result)}"


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
    for name, history in result["history"].items():
        ends = [*joins(result["training"][name], len(history)), len(history)]
        for training, end in zip(chain(result["training"][name])[-len(ends) :], ends, strict=True):
            preset, last = training["preset"], history[end - 1]
            panel = last["test"]["rca_per_classifier"]  # train_rca is of assistants as well
            rows.append(
                [
                    preset_of(training),
                    preset.get("begins") or "–",
                    f"{preset['epochs']}",
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


def agreement() -> str:
    """RCA where the panel agrees on the clean picture, and where it does not."""
    result = machine_result()
    rows = [
        [
            f"{row['generator']}, {row['split']} images",
            percent(row["panel_agrees"], 1),
            percent(row["rca_where_it_agrees"]),
            percent(row["rca_where_it_does_not"]),
        ]
        for row in result["rows"]
    ]
    header = ["generator", "all four agree on", "RCA there", "RCA elsewhere"]
    return f"{markdown(header, rows)}\n\n{note(result)}"


def homogeneity() -> str:
    """RCA of weakened changes, k/9 · E."""
    result = machine_result()
    found = result["homogeneity"]
    strengths = [row["k"] for row in found[0]["rows"]]
    rows = [
        [f"{part['generator']}, {part['split']} images"]
        + [percent(row["rca"], 1) for row in part["rows"]]
        + [percent(part["every_k_keeps"], 1), percent(part["every_k_keeps_all_labels"], 1)]
        for part in found
    ]
    header = ["generator", *(f"{k}/9" for k in strengths), "every k", "every k, all four"]
    return f"{markdown(header, rows)}\n\n{note(result)}"


def unseen() -> str:
    """RCA of classifiers outside the panel."""
    result = machine_result()
    generators = list(dict.fromkeys(row["generator"] for row in result["unseen"]))
    cells = {(row["classifier"], row["generator"]): row for row in result["unseen"]}
    rows = []
    for name in dict.fromkeys(row["classifier"] for row in result["unseen"]):
        own = [cells[name, generator] for generator in generators]
        rates = [percent(row["rca"]) for row in own]
        ceiling = [percent(own[0][key]) for key in ("clean_agreement", "majority_agreement")]
        rows.append([name, *ceiling, *rates])
    strengths = [cells[rows[0][0], generator] for generator in generators]
    rows.append(["PSNR (8-bit)", "–", "–", *(decibels(row) for row in strengths)])
    header = ["outside the panel", "says of clean pictures what one of the panel does"]
    header += ["what most of the panel do", *generators]
    return f"{markdown(header, rows)}\n\nTest images. {note(result)}"


def search() -> str:
    """The per-image search beside the generators."""
    result = machine_result()
    found = result["search"]
    rows = [
        [row["method"], decibels(row), f"{row['unchanged_images']}", f"{row['loss']:.3f}"]
        for row in found["rows"]
    ]
    header = ["verified change from", "PSNR (8-bit)", "pictures left unchanged"]
    header.append("loss (eq. 7), before it is verified")
    count = found["rows"][0]["n"]
    return (
        f"{markdown(header, rows)}\n\nThe first {count:,} test images; {found['steps']} gradient "
        f"steps, {found['search_seconds_per_image']:.1f} s per image; seed {result['seed']}; "
        f"{source(result)}"
    )


def fresh() -> str:
    """What fresh classifiers learn from distorted pictures."""
    result = read_json(RESULTS / "fresh_cifar10.json")
    worlds = list(dict.fromkeys(row["trained_on"] for row in result["rows"]))
    cells = {(row["trained_on"], row["shown"]): row["accuracy"] for row in result["rows"]}
    rows = [[one, *(percent(cells[one, other], 1) for other in worlds)] for one in worlds]
    header = ["trained on", *(f"shown {world}" for world in worlds)]
    count = result["rows"][0]["n"]
    return (
        f"{markdown(header, rows)}\n\nTest accuracy of a fresh {result['classifier']}; "
        f"{result['n_train']:,} training and {count:,} test images, true labels; "
        f"seed {result['seed']}; {source(result)}"
    )


def ablation() -> str:
    """What helped by how much, in short trainings."""
    result = read_json(RESULTS / "ablation_cifar10.json")

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


def note(result: dict) -> str:
    """On which pictures the machine JND was measured, and how."""
    counts = {row["split"]: row["n"] for row in result["rows"]}
    said = " and ".join(f"{count:,} {split}" for split, count in counts.items())
    return (
        f"{said} images; mean ± standard deviation over images; seed {result['seed']}; "
        f"{source(result)}"
    )


def human() -> str:
    result = read_json(RESULTS / "human_kodak.json")
    first, second = (f"{db:g}" for db in result["psnr_db"])
    header = ["model", f"JOD at {first} dB", f"JOD at {second} dB", "as luma noise"]
    header += ["SSIM", "FSIM", "VIF", f"PSNR at JOD {result['jod']:g}", "JOD at its threshold"]
    rows = []
    for row in result["rows"]:
        equal, hidden, own = (
            row[part] for part in ("equal_energy", "equal_visibility", "as_published")
        )
        scaled = row["model"] != UNIFORM  # white noise of no model has no threshold
        rows.append(
            [
                row["model"],
                *(f"{equal[db]['jod']:.2f} ± {equal[db]['jod_std']:.2f}" for db in (first, second)),
                f"{row['as_luma'][first]:.2f} ± {row['as_luma'][f'{first}_std']:.2f}",
                *(f"{equal[first][key]:.4f}" for key in ("ssim", "fsim", "vif")),
                f"{hidden['psnr_db']:.2f} ± {hidden['psnr_db_std']:.2f} dB",
                f"{own['jod']:.2f} ± {own['jod_std']:.2f}" if scaled else "–",
            ]
        )
    return (
        f"{markdown(header, rows)}\n\nAs luma noise: JOD at {first} dB of the threshold's luma "
        f"in R, G and B alike. SSIM, FSIM and VIF at {first} dB; {result['rows'][0]['n']} "
        f"pictures, mean ± standard deviation over pictures; {symmetry(result)}display "
        f"{result['display']}; seed {result['seed']}; {source(result)}"
    )


def symmetry(result: dict) -> str:
    """How far a learned threshold of a mirrored picture is from the mirrored threshold."""
    said = [
        f"{percent(row['left_and_right'], 1)} of its mean with left and right exchanged, "
        f"{percent(row['up_and_down'], 1)} with up and down ({model})"
        for model, row in result.get("symmetry", {}).items()
    ]
    return f"a flipped picture's threshold is off by {', '.join(said)}; " if said else ""


def human_speed() -> str:
    result = read_json(RESULTS / "human_kodak.json")
    header = ["model", "picture", "seconds", "seconds per megapixel", "peak memory"]
    rows = [
        [
            model,
            f"{row['megapixels']:g} MP",
            f"{row['seconds']:.1f}",
            f"{row['seconds'] / row['megapixels']:.2f}",
            f"{row['peak_mb']:,.0f} MB",
        ]
        for model, row in result["speed"].items()
    ]
    return (
        f"{markdown(header, rows)}\n\nOne call in a process of its own, loading included; memory "
        f"is the whole process's, libraries and picture too; {source(result)}"
    )


TABLES: dict[str, Callable[[], str]] = {
    make.__name__: make
    for make in (
        classifiers,
        machine,
        trainings,
        agreement,
        homogeneity,
        unseen,
        search,
        fresh,
        ablation,
        human,
        human_speed,
    )
} | cloak_tables.TABLES


BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)


def render(text: str) -> str:
    """The README with every generated block made anew. Raises KeyError for an unknown table."""
    return BLOCK.sub(lambda block: f"{block[1]}{TABLES[block[2]]()}\n{block[3]}", text)


def update() -> None:
    README.write_text(render(README.read_text()))
