"""The README's tables and numbers, generated from results/*.json. `python -m training tables`.

A block of the README between `<!-- table: NAME -->` and `<!-- end: NAME -->` is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from .record import RESULTS, read_json

README = Path(__file__).parents[1] / "README.md"


def percent(value: float, digits: int = 2) -> str:
    return f"{100 * value:.{digits}f} %"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def classifiers() -> str:
    result = read_json(RESULTS / "classifiers_cifar10.json")
    rows = [
        [
            row["classifier"],
            f"{row['parameters']:,}",
            percent(row["test_accuracy"]),
            f"{row['training_seconds'] / 60:.0f} min",
        ]
        for row in result["rows"]
    ]
    header = ["classifier", "parameters", "test accuracy", "training"]
    count, seed = result["rows"][0]["n_test"], result["rows"][0]["seed"]
    return f"{markdown(header, rows)}\n\n{count:,} test images; seed {seed}; {source(result)}"


def machine() -> str:
    result = read_json(RESULTS / "machine_cifar10.json")
    header = ["pictures", "RCA", "all four keep", "PSNR (8-bit)", "PSNR (unclipped)"]
    shipped = [
        row | {"name": f"{row['generator']} generator, {row['split']} images"}
        for row in result["rows"]
    ]
    verified = result["verified"] | {"name": "the same, verified, test images"}
    controls = [
        row | {"name": f"{row['control']} instead, test images"} for row in result["controls"]
    ]
    rows = [
        [
            row["name"],
            percent(row["rca"]),
            percent(row["all_classifiers_keep"]),
            f"{row['psnr_db']:.2f} ± {row['psnr_db_std']:.2f} dB",
            f"{row['psnr_unclipped_db']:.2f} dB" if "psnr_unclipped_db" in row else "–",
        ]
        for row in [*shipped, verified, *controls]
    ]
    count = result["rows"][0]["n"]
    return (
        f"{markdown(header, rows)}\n\nThe first {count:,} images of a split, mean ± standard "
        f"deviation over images; seed {result['seed']}; {source(result)}"
    )


def human() -> str:
    result = read_json(RESULTS / "human_kodak.json")
    first, second = (f"{db:g}" for db in result["psnr_db"])
    header = ["model", f"JOD at {first} dB", f"JOD at {second} dB", "SSIM", "FSIM", "VIF"]
    header += [f"PSNR at JOD {result['jod']:g}"]
    rows = []
    for row in result["rows"]:
        equal, hidden = row["equal_energy"], row["equal_visibility"]
        rows.append(
            [
                row["model"],
                *(f"{equal[db]['jod']:.2f} ± {equal[db]['jod_std']:.2f}" for db in (first, second)),
                *(f"{equal[first][key]:.4f}" for key in ("ssim", "fsim", "vif")),
                f"{hidden['psnr_db']:.2f} ± {hidden['psnr_db_std']:.2f} dB",
            ]
        )
    return (
        f"{markdown(header, rows)}\n\nSSIM, FSIM and VIF at {first} dB; {result['rows'][0]['n']} "
        f"pictures, mean ± standard deviation over pictures; display {result['display']}; seed "
        f"{result['seed']}; {source(result)}"
    )


def source(result: dict) -> str:
    """What was measured where and how, as the end of a table's note."""
    return f"{result['data']}; {result['hardware']}; `{result['command']}`."


TABLES: dict[str, Callable[[], str]] = {"classifiers": classifiers, "machine": machine}
if (RESULTS / "human_kodak.json").exists():  # not measured yet: no block in the README
    TABLES["human"] = human


def render(text: str) -> str:
    """The README with every generated block made anew."""
    for name, make in TABLES.items():
        block = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end: {name} -->)", re.DOTALL)
        made = make()
        text, count = block.subn(lambda match, made=made: f"{match[1]}{made}\n{match[2]}", text)
        if count != 1:
            raise ValueError(f"README has {count} blocks for the table {name}, expected 1")
    return text


def update() -> None:
    README.write_text(render(README.read_text()))
