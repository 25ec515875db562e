"""Tables of the recogniser, of the cloak, and of the same attacks on CIFAR-10."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from ..markdown import committed, markdown, percent, source


def recogniser() -> str:
    """The LFW verification accuracy."""
    result = committed("recogniser_lfw")
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
    return (
        f"{markdown(header, rows)}\n\n{pairs:,} pairs; mean ± standard deviation over folds; "
        f"seed {result['seed']}; {source(result)}"
    )


def measured() -> dict:
    return committed("cloak_lfw")


def cell(row: dict, key: str, form: str, spread: bool = False) -> str:
    """A mean over the photos that succeeded, – where none did."""
    if key not in row:
        return "–"
    return form.format(row[key]) + (f" ± {form.format(row[f'{key}_std'])}" if spread else "")


def usual(result: dict) -> str:
    """The hardware on which most rows were measured."""
    return Counter(row["hardware"] for row in result["rows"]).most_common(1)[0][0]


def seconds(row: dict, number: str, result: dict) -> str:
    """The number, with a star where the hardware is another than that of most rows."""
    return number + "*" * (row["hardware"] != usual(result))


def line(row: dict, name: str, result: dict) -> list[str]:
    budget = row["budget"]
    return [
        name,
        percent(row["success"], 0),
        cell(row, "psnr_db", "{:.2f}", spread=True),
        cell(row, "ssim", "{:.4f}"),
        cell(row, "jod", "{:.3f}"),
        cell(row, "delta_e_99", "{:.2f}"),
        percent(row["beyond_jnd_share"]) if "beyond_jnd_share" in row else "–",
        cell(row, "unseen_similarity", "{:.2f}"),
        f"{budget['rounds']} × {budget['steps']}",
        f"{row['gradients']:.0f}",
        seconds(row, f"{row['seconds_per_photo']:.1f}", result),
    ]


HEADER = ["method", "success", "PSNR, dB", "SSIM", "JOD", "ΔE00 99 %", "beyond JND", "unseen"]
HEADER += ["budget", "gradients", "seconds"]


def cloak(protocol: str, targeted: bool = False) -> str:
    """One protocol, on all photos, the best first."""
    result = measured()
    chosen = [
        (row, row["method"])
        for row in result["rows"]
        if (row["protocol"], row["targeted"]) == (protocol, targeted)
        and not row.get("own")
        and row["n"] == result["photos"]
        and not row.get("sample")
    ]
    return best_first(chosen, result)


def cloak_own() -> str:
    """The photo itself is dodged, lasting or not: what the command line does."""
    result = measured()
    chosen = [row for row in result["rows"] if row.get("own")]
    names = [row["method"] + ", lasting" * (row["protocol"] == "lasting") for row in chosen]
    return best_first(list(zip(chosen, names, strict=True)), result)


def best_first(chosen: list[tuple[dict, str]], result: dict) -> str:
    """A table of rows and their names, by success, then PSNR."""
    chosen.sort(key=lambda pair: (-round(pair[0]["success"], 2), -pair[0].get("psnr_db", 0)))
    rows = [line(row, name, result) for row, name in chosen]
    caption = note(result, [row for row, _ in chosen])
    return f"{markdown(HEADER, rows)}\n\n{result['photos']} photos of as many people; {caption}"


def cloak_ablation() -> str:
    """The paper's method without its parts, and with other models of the eye."""
    result = measured()
    here = [row for row in result["rows"] if row["protocol"] == "closed-set"]
    chosen = [row for row in here if row["n"] < result["photos"] and not row.get("sample")]
    rows = [line(row, f"{row['method']}, {row['jnd']}", result) for row in chosen]
    count = max((row["n"] for row in chosen), default=0)
    caption = f"The first {count} photos, closed set, not targeted; {note(result, chosen)}"
    return f"{markdown(HEADER, rows)}\n\n{caption}"


def cloak_jnd() -> str:
    """What a new version of a JND changes: rows of an earlier one that stand, and a sample now."""
    result = measured()
    sample = [row for row in result["rows"] if row.get("sample")]
    rows, chosen = [], []
    for now in sample:
        same = ("method", "protocol", "targeted", "own", "jnd", "n")
        for row in result["rows"]:
            alike = all(row[key] == now[key] for key in same)
            if alike and (row is now or not row.get("sample")):
                version = row["decided_by"]["jnd"]["version"]
                rows.append(line(row, f"{row['method']}, {row['jnd']} version {version}", result))
                chosen.append(row)
    count = max((row["n"] for row in sample), default=0)
    caption = f"The first {count} photos, closed set, not targeted; {note(result, chosen)}"
    return f"{markdown(HEADER, rows)}\n\n{caption}"


def cloak_latency() -> str:
    """What a person waits for: one photo alone."""
    result = measured()
    rows = [
        [
            row["method"],
            row["protocol"] + " itself" * row.get("own", False),
            seconds(row, f"{row['seconds']:.1f} ± {row['seconds_std']:.1f}", result),
            percent(row["success"], 0),
        ]
        for row in result["latency"]
    ]
    header = ["method", "protocol", "seconds", "success"]
    photos = result["latency"][0]["n"] if rows else 0
    caption = (
        f"One photo at a time, {photos} photos, all cores; the eye's threshold, the search and the "
        "verdicts, not loading and finding the face; mean ± standard deviation"
    )
    where = elsewhere(result, result["latency"])
    return f"{markdown(header, rows)}\n\n{caption}{where}; {source(result)}"


def cloak_panel() -> str:
    """Every method against the panel of classifiers, the best first."""
    result = committed("panel_cifar10")
    chosen = sorted(result["rows"], key=lambda row: (-row["success"], -row.get("psnr_db", 0)))
    rows = [
        [
            row["method"],
            percent(row["success"], 0),
            cell(row, "psnr_db", "{:.2f}", spread=True),
            cell(row, "ssim", "{:.4f}"),
            cell(row, "delta_e_99", "{:.2f}"),
            percent(row["beyond_jnd_share"]) if "beyond_jnd_share" in row else "–",
            f"{row['gradients']:.0f}",
            f"{row['seconds_per_image']:.2f}",
        ]
        for row in chosen
    ]
    header = ["method", "success", "PSNR, dB", "SSIM", "ΔE00 99 %", "beyond JND", "gradients"]
    return (
        f"{markdown([*header, 'seconds'], rows)}\n\n{chosen[0]['n']} test images, all four "
        "classifiers to be fooled, into any other label; means over the images that "
        f"succeeded; beyond the JND of {reported(result, chosen)}; seed {result['seed']}; "
        f"{source(result)}"
    )


def elsewhere(result: dict, rows: list[dict]) -> str:
    """What a star at the seconds of these rows means, where there is one."""
    others = {row["hardware"] for row in rows} - {usual(result)}
    return f"; seconds with a star: on {' or '.join(sorted(others))}" * bool(others)


def reported(result: dict, rows: list[dict]) -> str:
    """The JND beyond which a change is counted, and its versions in these rows."""
    versions = sorted({str(row["decided_by"]["reported"]["version"]) for row in rows})
    return f"{result['beyond_jnd_of']}, version {' and '.join(versions)}"


def note(result: dict, rows: list[dict]) -> str:
    """Where these rows of the cloak were measured; how to read them, README.md says once."""
    missing = f"; {len(result['missing'])} rows not measured yet" if result["missing"] else ""
    return (
        f"beyond the JND of {reported(result, rows)}{elsewhere(result, rows)}{missing}; "
        f"seed {result['seed']}; {source(result)}"
    )


TABLES: dict[str, Callable[[], str]] = {
    "recogniser": recogniser,
    "cloak_closed_set": partial(cloak, "closed-set"),
    "cloak_targeted": partial(cloak, "closed-set", targeted=True),
    "cloak_dodging": partial(cloak, "dodging"),
    "cloak_dodging_targeted": partial(cloak, "dodging", targeted=True),
    "cloak_own": cloak_own,
    "cloak_lasting": partial(cloak, "lasting"),
    "cloak_ablation": cloak_ablation,
    "cloak_jnd": cloak_jnd,
    "cloak_latency": cloak_latency,
    "cloak_panel": cloak_panel,
}
