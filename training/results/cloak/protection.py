"""The table of protection against a recogniser nobody has seen, beside what it costs the eye."""

from __future__ import annotations

from collections.abc import Callable

from ..markdown import if_measured, markdown, percent, source

BLACK = "black box"
SHARES = {"0.01": "1 %", "0.001": "0.1 %"}  # of false matches


@if_measured("protection", "evaluate protection")
def protection(result: dict) -> str:
    """Each row's visibility, and how often the black box and the surrogates match the face."""
    notes = [
        f"{result['n']} people of LFW, one photo of each protected and compared with "
        f"{result['probes']} others of the person; the gallery, where there is one, is "
        f"{result['gallery']} more. Match: the share of these comparisons below the black box's "
        "threshold for 1 % and 0.1 % of false matches, of people who serve for nothing else; ± "
        "standard error over people. Own original: the protected photo against itself before. "
        "PSNR of the whole photo; all else of the face and half its width around it. Surrogates: "
        "those it was made against, against other photos, at 1 %. Seconds of one thread",
        f"seed {result['seed']}",
        source(result),
    ]
    return f"{markdown(HEADER, rows_of(result))}\n\n{'; '.join(notes)}"


@if_measured("protection", "evaluate protection")
def protection_portraits(result: dict) -> str:
    """The same of large portraits, each compared with its own original, changed a little."""
    part = result.get("portraits")
    if part is None:
        return "Not measured: the portraits were not at hand."
    notes = [
        f"{part['n']} portraits of 1,000 pixels a side, each compared with {part['probes']} "
        "versions of itself before: cropped, as JPEG 60, darker, brighter. All else as above",
        f"seed {result['seed']}",
        source(result),
    ]
    return f"{markdown(HEADER, rows_of(part))}\n\n{'; '.join(notes)}"


HEADER = ["photo", "PSNR, dB", "of the face", "SSIM", "JOD", "at twice the size"]
HEADER += [f"match at {share}" for share in SHARES.values()]
HEADER += [f"after JPEG 75, {share}" for share in SHARES.values()]
HEADER += ["own original", "surrogates dodged", "seconds"]


def rows_of(part: dict) -> list[list[str]]:
    rows = []
    for row in part["rows"]:
        numbers = [spread(row, "psnr_db", 1), spread(row, "face_psnr_db", 1)]
        numbers += [spread(row, "face_ssim", 3), spread(row, "jod", 2), spread(row, "jod_twice", 2)]
        for file in ("png", "jpeg75"):
            for share in SHARES:
                at = row[f"{BLACK}, {file}, {share}"]
                error = f" ± {100 * at['others_error']:.1f}"
                numbers.append(percent(at["others"], 1).replace(" %", f"{error} %"))
        numbers.append(percent(row[f"{BLACK}, png, 0.01"]["own"], 0))
        dodged = [f"{1 - row[f'{each}, png, 0.01']['others']:.0%}" for each in row["against"]]
        rows.append([row["row"], *numbers, ", ".join(dodged), f"{row['seconds']:.1f}"])
    return rows


def spread(row: dict, name: str, digits: int) -> str:
    """Mean ± standard deviation, or a dash."""
    if name not in row:
        return "–"
    return f"{row[name]:.{digits}f} ± {row[f'{name}_std']:.{digits}f}"


TABLES: dict[str, Callable[[], str]] = {
    "protection": protection,
    "protection_portraits": protection_portraits,
}
