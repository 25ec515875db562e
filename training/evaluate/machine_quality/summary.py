"""How well each score ranks what machines not asked do, and whether our estimate is calibrated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr

from .distortions import DISTORTIONS

SEED, RESAMPLES = 0, 200
# Higher is better in all of them: a drop is negated. Ours first.
SCORES = ("keep", "drop", "smr", "psnr_db", "ssim", "fsim", "vif", "jod")
BINS = 10  # of the estimated probability


def table_of(photos: Sequence[list[dict]]) -> dict[str, np.ndarray]:
    """The copies of all photos as columns: scores, truths N×U, photo, distortion and level."""
    rows = [row | {"photo": number} for number, photo in enumerate(photos) for row in photo]

    def column(name: str) -> np.ndarray:
        return np.array([np.nan if row.get(name) is None else row[name] for row in rows], float)

    columns = {name: column(name) for name in SCORES if name not in ("smr", "drop", "psnr_db")}
    columns["drop"] = -column("drop")
    unchanged = np.array([row["psnr_db"] is None for row in rows])
    columns["psnr_db"] = np.where(unchanged, np.inf, column("psnr_db"))
    columns["smr"] = np.array([np.mean(row["own"]) for row in rows])
    before, after = (np.array([row[name] for row in rows], float) for name in ("before", "after"))
    return columns | {
        "kept": np.array([row["unseen"] for row in rows], float),
        "fall": before - after,
        "photo": np.array([row["photo"] for row in rows]),
        "distortion": np.array([row["distortion"] for row in rows]),
        "level": np.array([row["level"] for row in rows]),
    }


def ranked(score: np.ndarray, truth: np.ndarray, photo: np.ndarray) -> dict:
    """Spearman's rank correlation with its standard error, by bootstrap over photos.

    None where one of the two is the same everywhere.
    """
    there = ~np.isnan(score)
    score, truth, photo = score[there], truth[there], photo[there]
    random, numbers = np.random.default_rng(SEED), np.unique(photo)
    places = {number: np.flatnonzero(photo == number) for number in numbers}

    def srcc(chosen: np.ndarray) -> float:
        if np.ptp(truth[chosen]) == 0 or len(np.unique(score[chosen])) == 1:
            return np.nan
        return float(spearmanr(score[chosen], truth[chosen]).statistic)

    again = [
        srcc(np.concatenate([places[each] for each in random.choice(numbers, len(numbers))]))
        for _ in range(RESAMPLES)
    ]
    whole = srcc(np.arange(len(score)))
    defined = not np.isnan(whole)
    return {
        "srcc": whole if defined else None,
        "srcc_standard_error": float(np.nanstd(again)) if defined else None,
        "n": len(score),
        "n_photos": len(numbers),
    }


def correlations(table: dict[str, np.ndarray], unseen: Sequence[str]) -> list[dict]:
    """For each score: its rank correlation with what the machines not asked do.

    kept: with whether a machine keeps its label; fall: with the fall of its probability, negated;
    the first name, mean, is the share of the machines that keep it, and their mean fall.
    """
    truths = {"mean": slice(None)} | {name: slice(at, at + 1) for at, name in enumerate(unseen)}
    rows = []
    for score in SCORES:
        if np.isnan(table[score]).all():
            continue
        row: dict = {"score": score}
        for name, part in truths.items():
            row[name] = {
                "kept": ranked(table[score], table["kept"][:, part].mean(1), table["photo"]),
                "fall": ranked(table[score], -table["fall"][:, part].mean(1), table["photo"]),
            }
        rows.append(row)
    return rows


def calibration(table: dict[str, np.ndarray]) -> list[dict]:
    """Copies by the estimated probability that a label is kept, and the share that is."""
    place = np.minimum((table["keep"] * BINS).astype(int), BINS - 1)
    return [
        {
            "from": number / BINS,
            "to": (number + 1) / BINS,
            "n": int((place == number).sum()),
            "estimated": float(table["keep"][place == number].mean()),
            "kept": float(table["kept"][place == number].mean()),
        }
        for number in range(BINS)
        if (place == number).any()
    ]


def by_distortion(table: dict[str, np.ndarray]) -> list[dict]:
    """Of each distortion and level: labels kept by machines asked and not, and our estimate."""
    rows = []
    for name, (_, levels) in DISTORTIONS.items():
        for number, level in enumerate(levels, 1):
            own = (table["distortion"] == name) & (table["level"] == number)
            finite = own & np.isfinite(table["psnr_db"])
            rows.append(
                {
                    "distortion": name,
                    "level": level,
                    "psnr_db": float(table["psnr_db"][finite].mean()) if finite.any() else None,
                    "smr": float(table["smr"][own].mean()),
                    "keep": float(table["keep"][own].mean()),
                    "kept": float(table["kept"][own].mean()),
                    "fall": float(table["fall"][own].mean()),
                }
            )
    return rows
