"""The README's tables of the recogniser and of the cloak, from results/*.json."""

from __future__ import annotations

from .record import RESULTS, read_json


def percent(value: float, digits: int = 2) -> str:
    return f"{100 * value:.{digits}f} %"


def recogniser() -> tuple[list[str], list[list[str]], str]:
    """Header, rows and note of the LFW verification table."""
    result = read_json(RESULTS / "recogniser_lfw.json")
    rows = [
        [
            row["recogniser"],
            percent(row["accuracy"]) if "accuracy" in row else "–",
            f"{percent(row['accuracy_cross_validated'])} ± "
            f"{100 * row['accuracy_cross_validated_std']:.2f}",
        ]
        for row in result["rows"]
    ]
    pairs = result["rows"][0]["n_pairs"]
    header = ["recogniser", "at its threshold", "ten-fold"]
    return header, rows, f"{pairs:,} pairs of LFW; seed {result['seed']}"


def cloak(protocol: str, targeted: bool = False) -> tuple[list[str], list[list[str]], str]:
    """Header, rows and note of one protocol, the highest PSNR first."""
    result = read_json(RESULTS / "cloak_lfw.json")
    chosen = [
        row
        for row in result["rows"]
        if row["protocol"] == protocol and row["targeted"] == targeted and "psnr_db" in row
    ]
    chosen.sort(key=lambda row: (-round(row["success"], 2), -row["psnr_db"]))
    rows = [
        [
            row["method"] + (f" ({row['jnd']})" if row["jnd"] != "hvs-sd" else ""),
            percent(row["success"], 0),
            f"{row['psnr_db']:.2f} ± {row['psnr_db_std']:.2f} dB",
            f"{row['ssim']:.4f}",
            f"{row['jod']:.2f}" if "jod" in row else "–",
            f"{row['delta_e_99']:.2f}",
            percent(row["beyond_jnd_share"]),
            f"{row['gradients']:.0f}",
            f"{row['seconds']:.1f} s",
        ]
        for row in chosen
    ]
    header = ["method", "success", "PSNR", "SSIM", "JOD", "ΔE00 99 %", "beyond JND"]
    header += ["gradients", "time"]
    return header, rows, f"{result['photos']} photos of as many people; seed {result['seed']}"
