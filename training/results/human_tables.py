"""Tables of the human JND models: how visible noise at their thresholds is, and their cost."""

from __future__ import annotations

from collections.abc import Callable

from ..records.versions import UNIFORM
from .markdown import committed, markdown, percent, source


def human() -> str:
    result = committed("human_kodak")
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
    errors = [
        f"{percent(row['left_and_right'], 1)} of its mean with left and right exchanged, "
        f"{percent(row['up_and_down'], 1)} with up and down ({model})"
        for model, row in result.get("symmetry", {}).items()
    ]
    return f"a flipped picture's threshold is off by {', '.join(errors)}; " if errors else ""


def human_speed() -> str:
    result = committed("human_kodak")
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
    "human": human,
    "human_speed": human_speed,
}
