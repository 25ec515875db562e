"""Tables of the machine quality: how well scores rank what unseen machines do."""

from __future__ import annotations

from ..markdown import Table, if_measured, markdown, percent, source

NAME = "machine_quality"
WORDS = {
    "keep": "ours: the chance that a label is kept",
    "drop": "ours: the expected fall of the probability",
    "smr": "labels that the panel keeps (SMR)",
    "psnr_db": "PSNR",
    "ssim": "SSIM",
    "fsim": "FSIM",
    "vif": "VIF",
    "jod": "JOD",
}


def number(found: dict) -> str:
    if found["srcc"] is None:
        return "–"
    return f"{found['srcc']:.3f} ± {found['srcc_standard_error']:.3f}"


def machine_quality(result: dict) -> str:
    """Rank correlations of each score with what machines do that were not asked."""
    names = ("mean", *result["unseen"])
    rows = [
        [
            WORDS[row["score"]],
            f"{row['mean']['kept']['n_photos']}",
            *(number(row[name][truth]) for truth in ("kept", "fall") for name in names),
        ]
        for row in result["correlations"]
    ]
    header = ["score", "photos"]
    header += [f"label kept: {name}" for name in names]
    header += [f"fall of its probability: {name}" for name in names]
    return (
        f"{markdown(header, rows)}\n\nSpearman's rank correlation ± standard error (bootstrap over "
        f"photos), over ten distortions at five levels of each of {result['n']} photos; mean: of "
        "the share of the machines that keep their label, and of their mean fall. A label is kept "
        "or not, so even a perfect score stays below 1 there. Asked: "
        f"{', '.join(result['members'])}; seed {result['seed']}; {source(result)}"
    )


def machine_quality_calibration(result: dict) -> str:
    """Whether a chance of 70 % means 70 %."""
    rows = [
        [
            f"{row['from']:.1f} to {row['to']:.1f}",
            f"{row['n']:,}",
            percent(row["estimated"], 1),
            percent(row["kept"], 1),
        ]
        for row in result["calibration"]
    ]
    header = ["estimated chance", "pictures", "mean estimate", "labels that unseen machines keep"]
    return markdown(header, rows)


def machine_quality_distortions(result: dict) -> str:
    """Labels kept under each distortion, by machines asked and not."""
    found: dict[str, list[dict]] = {}
    for row in result["distortions"]:
        found.setdefault(row["distortion"], []).append(row)
    rows = [
        [name, *(f"{each['level']:g}: {shares(each)}" for each in rows)]
        for name, rows in found.items()
    ]
    header = ["distortion", *(f"level {number}" for number in range(1, 6))]
    return f"{markdown(header, rows)}\n\nAmount: labels kept by the panel, estimated, by others."


def shares(row: dict) -> str:
    return ", ".join(percent(row[name], 0) for name in ("smr", "keep", "kept"))


TABLES: dict[str, Table] = {
    table.__name__: if_measured(NAME, "evaluate machine-quality")(table)
    for table in (machine_quality, machine_quality_calibration, machine_quality_distortions)
}
