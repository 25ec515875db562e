"""Tables of the watermark: what is read after which change, and how often where nothing is."""

from __future__ import annotations

from engine.watermark.changes import CHANGES

from ..markdown import Table, if_measured, markdown, percent, source

NAME = "watermark"


def spread(row: dict, name: str, form: str) -> str:
    """A mean ± standard deviation; a dash where nothing has one."""
    if name not in row:
        return "–"
    return f"{row[name]:{form}} ± {row[f'{name}_std']:{form}}"


def rate(found: dict) -> str:
    """A share, of labels or of payloads."""
    return percent(found["rca"] if "rca" in found else found["share"], 1)


def watermark(result: dict) -> str:
    """Each row's changes, and what it does to the photos."""
    rows = []
    for row in result["rows"]:
        cells = [row["name"], str(row["bits"]), str(row["n"]), percent(row["marked"], 1)]
        if "read" not in row:
            rows.append([*cells, *["–"] * (len(CHANGES) + 5)])
            continue
        cells += [spread(row, "psnr_db", ".2f"), spread(row, "ssim", ".4f")]
        cells += [spread(row, "jod", ".2f")]
        cells += [rate(row["read"][name]) for name in CHANGES]
        cells += [rate(row["rca"])]
        cells += [", ".join(rate(each) for each in row["rca_unseen"].values()) or "–"]
        rows.append(cells)
    header = ["photos, marked by", "bits", "n", "marked", "PSNR, dB", "SSIM", "JOD"]
    header += [words for _, words in CHANGES.values()]
    header += ["labels that the panel keeps", f"… {', '.join(result['unseen'])}"]
    libraries = ", ".join(
        f"{name} {version}" for name, version in result["libraries"].items() if version
    )
    missing = f"; not measured: {', '.join(result['missing'])}" if result["missing"] else ""
    return (
        f"{markdown(header, rows)}\n\nShare of payloads read exactly after each change, blindly, "
        "of all photos: one that could not be marked counts as not read. Human, machine: the "
        "observer of ours, 64 bits and the least strength unless said. The libraries have no code "
        "and are given the strength to read with; at our PSNR theirs is chosen photo by photo. "
        "Crop: a tenth of each side; noise: 5 levels. Mean ± standard deviation over "
        f"photos; seed {result['seed']}; {libraries or 'no library'}{missing}; {source(result)}"
    )


def watermark_alarms(result: dict) -> str:
    """Photos in which there is nothing to be found."""
    rows = [
        [
            row["data"],
            f"{row['readings']:,}",
            str(row["found"]),
            str(row["attempts"]),
            f"{row['heights']['50']:.2f}, {row['highest']:.2f}",
            f"{row['forced']:,}",
            f"{row['agreeing']:,}, {row['agreeing_expected']:,.0f}",
        ]
        for row in result["unmarked"]
    ]
    header = ["unmarked photos of", "readings", "found", "attempts at decoding"]
    header += ["pilots: median, highest", "messages decoded by force"]
    header += ["first byte of the tag right, expected"]
    wrong = sum(row.get("wrong_key", 0) for row in result["rows"])
    tried = sum(row["n"] for row in result["rows"] if row["method"] == "ours")
    return (
        f"{markdown(header, rows)}\n\nA reading: one photo under one key. By force: at every "
        "scale, place and length, whether or not the pilots stand out. Chance must agree with one "
        "byte of a tag once in 256, and so with all four once in 2³²; with at most 4,000 attempts "
        f"a photo the bound is {max(row['bound'] for row in result['unmarked']):.1e}. Marked "
        f"photos read under another key: {wrong} of {tried} found. {source(result)}"
    )


TABLES: dict[str, Table] = {
    table.__name__: if_measured(NAME, "evaluate watermark")(table)
    for table in (watermark, watermark_alarms)
}
