"""Tables about the panel of photo classifiers, and of the machine JND on photos."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps

from engine.machine.homogeneity import STEPS

from ..records import record
from .machine_tables import decibels
from .markdown import committed, markdown, percent, source

MODES = ("generator", "verified", "search")  # sections that are a way to make a machine JND
NAMES = {"gaussian noise": "white noise", "jpeg": "JPEG", "blur": "blur"}
FIGURES = "training/results/figures"


def photo_panel() -> str:
    """What 8 bits and half precision cost each classifier."""
    result = committed("photo_panel")
    rows = [
        [
            row["classifier"],
            f"{row['bytes'] / 1e6:.1f} MB",
            percent(row["accuracy_published"], 1),
            f"{percent(row['accuracy'], 1)} ± {100 * row['standard_error']:.1f}",
            percent(row["same_labelled"], 1),
            percent(row["same_unlabelled"], 1),
        ]
        for row in result["rows"]
    ]
    header = ["classifier", "file", "top-1 as published", "top-1 as stored"]
    header += ["labels unchanged", "… on other photos"]
    return (
        f"{markdown(header, rows)}\n\nTop-1 among 1,000 classes on {result['n_labelled']} photos "
        f"of ten, with the standard error; other photos: {result['n_unlabelled']}, without labels. "
        f"Data: {source(result)}"
    )


def photos_result() -> dict:
    """results/machine_photos.json, or nothing where it is not measured yet."""
    return record.published("machine_photos")


def if_measured(table: Callable[[dict], str]) -> Callable[[], str]:
    """The table of the result; until there is one, how to get it."""

    @wraps(table)
    def made() -> str:
        result = photos_result()
        return table(result) if result else "Not measured yet: `training evaluate photos`."

    return made


def of_sections(result: dict, *sections: str) -> list[dict]:
    return [row for row in result["rows"] if row["section"] in sections]


def named(result: dict, name: str) -> dict | None:
    return next((row for row in result["rows"] if row["name"] == name), None)


def noise_of(result: dict, mode: dict) -> dict | None:
    """White noise at the PSNR of a row, photo by photo."""
    found = (row for row in of_sections(result, "control") if row["of"] == mode["name"])
    return next((row for row in found if row["control"] == "gaussian noise"), None)


def note(result: dict) -> str:
    lacking = f"; still missing: {', '.join(result['missing'])}" if result["missing"] else ""
    return (
        f"{result['n']} photos at their own size, fewer where a row says so; mean ± standard "
        f"deviation over photos; seed {result['seed']}{lacking}; {source(result)}"
    )


def title(row: dict, whole: int) -> str:
    """A row's name in a table, with the number of photos where it is not all."""
    name = row["name"]
    if row["control"] and row["of"]:
        strength = "as strong as" if row["reached_share"] > 0.99 else "as near as it gets to"
        name = f"{NAMES[row['control']]} {strength}: {row['of']}"
    return name if row["n"] == whole else f"{name} ({row['n']} photos)"


def seconds(row: dict) -> str:
    value = row.get("search_seconds") or row.get("seconds")
    return "–" if value is None else f"{value:.1f} s"


def photos(result: dict) -> str:
    """RCA, PSNR and confidence of every mode, and of ordinary distortions as strong."""
    rows = [
        [
            title(row, result["n"]),
            f"{percent(row['rca'], 1)} ± {100 * row['rca_standard_error']:.1f}",
            percent(row["all_classifiers_keep"], 1),
            decibels(row),
            f"{row['unchanged_photos']}" + failures(row),
            f"{row['confidence_before']:.2f}, {row['confidence_after']:.2f}",
            percent(row["confidence_raised"], 0),
            percent(row["confidence_within_0.1"], 0),
            seconds(row),
        ]
        for row in of_sections(result, *MODES, "control")
    ]
    header = ["photos changed by", "RCA ± standard error", "all three keep", "PSNR (8-bit)"]
    header += ["left unchanged", "confidence before, after", "raised", "within 0.1"]
    header += ["per photo"]
    return (
        f"{markdown(header, rows)}\n\nPSNR of the photos that are changed; confidence: the "
        "probability of the label of the clean photo, and the share of confidences that are "
        "higher than before, or within 0.1 of what they were. Seconds: ONNX Runtime, "
        f"threads: {result['threads']}; of the search, what it takes alone. "
        f"{searches(result)}{note(result)}"
    )


def searches(result: dict) -> str:
    """How many labels the searches keep before they are verified, on the photo's own size."""
    shares = [
        f"{row['name']} {percent(row['search_succeeded'], 0)}"
        for row in of_sections(result, "search")
    ]
    if not shares:
        return ""
    return f"Photos on which the search alone keeps all labels, at 224×224: {', '.join(shares)}. "


def failures(row: dict) -> str:
    """How many photos of a verified row are not."""
    if row.get("verified", 1) == 1:
        return ""
    return f"; {percent(1 - row['verified'], 1)} not verified"


def photo_members(result: dict) -> str:
    """Each classifier: accuracy, and how many labels it keeps in each mode and under noise."""
    modes = of_sections(result, *MODES)
    clean = named(result, "clean photos")
    rows = []
    for member in result["members"]:
        accuracy = (clean or {}).get("accuracy")
        top_1 = accuracy[member] if accuracy else None
        rows.append(
            [
                member,
                f"{percent(top_1['top_1'], 1)} ± {100 * top_1['standard_error']:.1f}"
                if top_1
                else "–",
                *(percent(row["rca_per_classifier"][member], 1) for row in modes),
            ]
        )
    header = ["classifier", "top-1 of clean photos", *(title(row, result["n"]) for row in modes)]
    agree = f"All three agree on {percent(clean['all_members_agree'], 1)}. " if clean else ""
    return f"{markdown(header, rows)}\n\nShare of labels kept. {agree}{note(result)}"


def photo_homogeneity(result: dict) -> str:
    """RCA of weakened changes, k/9 · E."""
    steps = range(STEPS, 0, -1)
    rows = []
    for mode in of_sections(result, "generator"):
        cells = {
            row["k"]: percent(row["rca"], 1)
            for row in of_sections(result, "generator", "homogeneity")
            if all(row[name] == mode[name] for name in ("keep_confidence", "refined"))
        }
        if len(cells) > 1:
            rows.append([mode["name"], *(cells.get(k, "–") for k in steps)])
    header = ["unverified", *(f"{k}/{STEPS}" for k in steps)]
    return f"{markdown(header, rows)}\n\n{note(result)}"


def photo_unseen(result: dict) -> str:
    """What classifiers outside the panel make of each mode, beside white noise as strong."""
    if not result["unseen"]:
        return f"Not measured: {result['unseen_note']}."
    rows = []
    for mode in of_sections(result, *MODES):
        noise = noise_of(result, mode)
        cells = [title(mode, result["n"]), decibels(mode)]
        for name in result["unseen"]:
            own = mode["unseen"][name]
            cells += [
                f"{percent(own['rca'], 1)} ± {100 * own['rca_standard_error']:.1f}",
                percent(noise["unseen"][name]["rca"], 1) if noise else "–",
                f"{own['confidence_before']:.2f}, {own['confidence_after']:.2f}",
            ]
        rows.append(cells)
    header = ["photos changed by", "PSNR (8-bit)"]
    for name in result["unseen"]:
        header += [f"{name} keeps", "under noise as strong", "confidence before, after"]
    ceiling = ""
    if clean := named(result, "clean photos"):
        each = (f"{name} {percent(share, 1)}" for name, share in clean["agreement"].items())
        ceiling = f"On clean photos they agree with a member of the panel on: {', '.join(each)}. "
    return (
        f"{markdown(header, rows)}\n\nA label kept is the classifier's own of the clean photo. "
        f"{ceiling}{note(result)}"
    )


def plain(text: str) -> str:
    """Somebody else's words, without Markdown of their own."""
    return re.sub(r"([\\`*_\[\]|<>])", r"\\\1", text)


def credit(shown: dict) -> str:
    """Who took a photo, where it is, under which licence."""
    author = plain(shown["author"]) or "unknown"
    link = shown["url"].replace("(", "%28").replace(")", "%29").replace(" ", "%20")
    return ", ".join(
        part
        for part in (f"[{author}]({link})" if link else author, plain(shown["licence"]))
        if part
    )


def photo_figures(result: dict) -> str:
    """The figures, and whose photos they show."""
    parts = []
    if shown := result["shown"]:
        credits = "; ".join(f"({place}) {credit(each)}" for place, each in enumerate(shown, 1))
        parts += [
            "![Photos and the same photos distorted, with the labels that the panel keeps]"
            "(figures/machine_photos.jpg)",
            "*Left the photo, right its machine JND, verified, both made smaller; below them the "
            "label of the classifiers, with their number where they differ. Photos, all of them "
            f"changed in the right picture: {credits}.*",
            "![One of them, its class activation map and its JND map](figures/machine_photo.jpg)",
        ]
    if of_sections(result, "strength", "level"):
        parts += [
            "![RCA against PSNR on photos](figures/machine_photos_trade_off.png)",
            "*RCA of the panel against PSNR: more of the generator's change by its strength, less "
            "by a factor k/9, ordinary distortions, the verified results and the search.*",
        ]
    return "\n\n".join(parts)


def photo_first() -> str:
    """The front page's picture with its numbers, once it is measured; nothing before."""
    result = photos_result()
    if not result or not result["shown"]:
        return ""
    first = result["shown"][0]
    labels = first["labels"]
    kept = sum(label["before"] == label["after"] for label in labels)
    return (
        "![A photo, the class activation map of three classifiers, the JND map, and the distorted "
        f"photo]({FIGURES}/machine_photo.jpg)\n\n"
        f"*A photo changed at a PSNR of {first['psnr_db']:.1f} dB: {kept} of {len(labels)} "
        f"ImageNet classifiers keep their label. Photo: {credit(first)}, changed.*"
    )


TABLES: dict[str, Callable[[], str]] = {
    "photo_panel": photo_panel,
    "photo_first": photo_first,
    **{
        table.__name__: if_measured(table)
        for table in (photos, photo_members, photo_homogeneity, photo_unseen, photo_figures)
    },
}
