"""The front page's table: what each part of the project reaches, beside the best compared."""

from __future__ import annotations

from collections.abc import Callable

from engine.models.registry import BEST, HUMAN, HUMAN_NAMES

from ..records.record import published
from .applied.machine_quality import NAME as QUALITY
from .applied.machine_quality import WORDS, number
from .applied.watermark import NAME as WATERMARK
from .cloak.faces import cell
from .codec.tables import FORMATS
from .codec.tables import NAME as CODEC
from .machine_tables import decibels, machine_result
from .markdown import committed, markdown, percent
from .photo_tables import named, noise_of, photos_result

OURS = "ours"  # the cloak's default method
MARKED, LIBRARY = "kodak, human", "kodak, blind-watermark, at our PSNR"  # rows of the watermark


def headline() -> str:
    rows = [*machine(), *photos(), *compression(), *quality(), *human(), *watermark(), *cloak()]
    header = ["", "here", "for comparison", "measured on"]
    note = (
        "Mean ± standard deviation over pictures; of RCA, its standard error. "
        f"Cloaks weighted by the threshold of {eye()}."
    )
    return f"{markdown(header, rows)}\n\n{note}"


def machine() -> list[list[str]]:
    """RCA on the panel, and on the classifiers outside it, at the generators' full strength."""
    result = machine_result()
    (reached,) = (
        row for row in result["rows"] if (row["generator"], row["split"]) == (BEST, "test")
    )
    (noise,) = (
        row
        for row in result["controls"]
        if (row["control"], row["of"], row["split"]) == ("gaussian noise", BEST, "test")
    )
    (transferred,) = (
        row for row in result["rows"] if (row["generator"], row["split"]) == ("transfer", "test")
    )
    outside = {row["classifier"]: row for row in result["unseen"] if row["generator"] == "transfer"}
    images = f"{reached['n']:,} CIFAR-10 test images"
    return [
        [
            f"machine JND: top-1 labels that the panel keeps (RCA), PSNR {decibels(reached)}",
            f"{percent(reached['rca'])} ± {100 * reached['rca_standard_error']:.2f}",
            f"white noise of that PSNR: {percent(noise['rca'])}",
            images,
        ],
        [
            f"machine JND: the same for {', '.join(outside)}, held out "
            f"(transfer generator, PSNR {decibels(transferred)})",
            ", ".join(percent(row["rca"], 1) for row in outside.values()),
            "equal to the panel's majority vote: "
            + ", ".join(percent(row["majority_agreement"], 1) for row in outside.values()),
            images,
        ],
    ]


def photos() -> list[list[str]]:
    """The same on photos, verified, as `machine_jnd` returns it; nothing until it is measured."""
    result = photos_result()
    reached = result and named(result, "verified")
    if not reached:
        return []
    noise = noise_of(result, reached)
    return [
        [
            "machine JND of photos, three ImageNet classifiers, verified: labels that all three "
            f"keep; PSNR {decibels(reached)}",
            percent(reached["all_classifiers_keep"], 1),
            f"white noise of that PSNR: {percent(noise['all_classifiers_keep'], 1)}"
            if noise
            else "",
            f"{reached['n']} photos, {reached['unchanged_photos']} left unchanged",
        ]
    ]


def compression() -> list[list[str]]:
    """The smallest files that a search finds, all formats; nothing until they are measured."""
    rows = [
        row
        for row in published(CODEC).get("savings", ())
        if row["method"] == "search" and not row["resize"] and row["against_lowest"]
    ]
    if not rows:
        return []
    found = [row["against_lowest"] for row in rows]
    sizes = (f"{each['bytes_plain'] * (1 - each['saved']):,.0f}" for each in found)
    fewer = (percent(each["saved"], 0) for each in found)
    plain = (f"{each['bytes_plain']:,.0f}" for each in found)
    return [
        [
            f"smallest {', '.join(FORMATS[row['format']] for row in rows)} of which three ImageNet "
            "classifiers keep their labels, by search: bytes of a photo",
            f"{', '.join(sizes)} ({', '.join(fewer)} fewer)",
            f"plain encoding at each photo's lowest quality: {', '.join(plain)}",
            f"{', '.join(str(each['n']) for each in found)} photos",
        ]
    ]


def human() -> list[list[str]]:
    """The learned threshold and the best classical one, at equal energy and visibility."""
    result = committed("human_kodak")
    decibel = f"{result['psnr_db'][0]:g}"
    rows = {row["model"]: row for row in result["rows"] if row["model"] in HUMAN_NAMES}
    ours = rows.pop(HUMAN)
    seen = max(rows.values(), key=lambda row: row["equal_energy"][decibel]["jod"])
    hides = min(rows.values(), key=lambda row: row["equal_visibility"]["psnr_db"])

    def jod(row: dict) -> str:
        equal = row["equal_energy"][decibel]
        return f"{equal['jod']:.2f} ± {equal['jod_std']:.2f}"

    pictures = f"{ours['n']} Kodak pictures"
    return [
        [
            f"human JND: JOD of noise at {decibel} dB (10: no visible difference)",
            jod(ours),
            f"{seen['model']}: {jod(seen)}",
            pictures,
        ],
        [
            f"human JND: PSNR of noise at JOD {result['jod']:g} (lower: more is hidden)",
            decibels(ours["equal_visibility"]),
            f"{hides['model']}: {decibels(hides['equal_visibility'])}",
            pictures,
        ],
    ]


def quality() -> list[list[str]]:
    """How well the machine score ranks what machines do that were not asked."""
    found = {
        row["score"]: row["mean"]["kept"] for row in published(QUALITY).get("correlations", ())
    }
    if not found:
        return []
    ours = found.pop("keep")
    found.pop("drop"), found.pop("smr")  # ours too
    best = max(found, key=lambda name: found[name]["srcc"])
    return [
        [
            "machine score: rank correlation with the labels kept by machines not asked",
            number(ours),
            f"{WORDS[best]}: {number(found[best])}",
            f"{ours['n_photos']} photos",
        ]
    ]


def watermark() -> list[list[str]]:
    """What is read of an invisible watermark, and of a library's at the same PSNR."""
    rows = {row["name"]: row for row in published(WATERMARK).get("rows", ())}
    if not {MARKED, LIBRARY} <= set(rows):
        return []

    def read(row: dict) -> str:
        return ", ".join(percent(row["read"][name]["share"], 0) for name in ("jpeg50", "half"))

    ours, other = rows[MARKED], rows[LIBRARY]
    return [
        [
            f"watermark of {ours['bits']} bits: read exactly after JPEG 50, half size; PSNR, JOD",
            f"{read(ours)}; {decibels(ours)}, {ours['jod']:.2f}",
            f"{other['method']} at that PSNR: {read(other)}",
            f"{ours['n']} Kodak pictures",
        ]
    ]


def cloak() -> list[list[str]]:
    """What a cloak costs, held to the file alone and to three changes of it, beside the best other
    method; and how far it reaches a recogniser that was not attacked.
    """
    result = committed("cloak_lfw")
    photos = f"{result['photos']} photos of as many people, LFW"
    rows, elsewhere = [], []
    held = {"dodging": " --exact", "lasting": " through JPEG 75, half size"}
    for protocol, option in held.items():
        here = [row for row in result["rows"] if row.get("own") and row["protocol"] == protocol]
        (ours,) = (row for row in here if row["method"] == OURS)
        others = [row for row in here if row["method"] != OURS]
        best = max(others, key=lambda row: (row["success"], row.get("psnr_db", 0)))
        compared = f"{best['method']}: {reached(best)}"
        rows.append([f"cloak{option}: success; PSNR, JOD", reached(ours), compared, photos])
        elsewhere.append(cell(ours, "unseen_similarity", "{:.2f}"))
    words = "these two for MobileFaceNet, not attacked: cosine of cloaked and clean face"
    return [*rows, [words, ", ".join(elsewhere), "no cloak: 1", photos]]


def eye() -> str:
    """The human JND of the cloaks in the table, with its versions."""
    jnds = [
        row["decided_by"]["jnd"]
        for row in committed("cloak_lfw")["rows"]
        if row.get("own") and row["method"] == OURS
    ]
    versions = sorted({str(jnd["version"]) for jnd in jnds})
    return f"{jnds[0]['name']}, version {' and '.join(versions)}"


def reached(row: dict) -> str:
    quality = f"{cell(row, 'psnr_db', '{:.2f}', spread=True)} dB, {cell(row, 'jod', '{:.3f}')}"
    return f"{percent(row['success'], 0)}; {quality}"


TABLES: dict[str, Callable[[], str]] = {"headline": headline}
