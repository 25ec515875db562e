"""Tables of the smallest files that the photo panel still understands."""

from __future__ import annotations

import re

from ...records.record import published
from ..markdown import Table, if_measured, markdown, percent, source

NAME = "codec_nips17"
FORMATS = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF"}
METHODS = {"plain": "lowest quality of each photo", "fixed": "one quality"}


HIGHEST = "†"  # marks a share against the highest quality measured


def method(row: dict, mark: str = "") -> str:
    """A row's method in words; a method of the command line between marks."""
    name = METHODS.get(row["method"], f"{mark}{row['method']}{mark}")
    return f"{name}, resized" if row["resize"] else name


def title(row: dict) -> list[str]:
    """Format and method of a row."""
    return [FORMATS[row["format"]], method(row, "`")]


def spread(row: dict, name: str, form: str) -> str:
    """A mean ± standard deviation; a dash where nothing has one."""
    value = row[name]
    return "–" if value is None else f"{value:{form}} ± {row[f'{name}_std']:{form}}"


def share(found: dict, name: str, highest: bool = False) -> str:
    """A share ± its standard error, a dash where it has none. highest: it is marked."""
    error = found[f"{name}_standard_error"]
    shown = "–" if error is None else f"{100 * error:.1f}"
    return f"{percent(found[name], 1)} ± {shown}{HIGHEST * highest}"


def beside(result: dict, row: dict) -> list[str]:
    """Mean bytes of plain encoding on a row's own photos, in the smallest way, and the ratio."""
    names = ("format", "method", "resize")
    same = (each for each in result["savings"] if all(each[name] == row[name] for name in names))
    plain = next(same)["plain"]
    if plain is None:
        return ["–"] * 3
    smallest = plain["bytes_progressive"]
    return [
        f"{plain['bytes']:,.0f}",
        "–" if smallest is None else f"{smallest:,.0f}",
        percent(plain["ratio"], 1),
    ]


def note(result: dict) -> str:
    """What the rows have in common, and where they were measured."""
    # the qualities of one format by one name
    missing = dict.fromkeys(
        re.sub(r"quality \d+$", "fixed qualities", n) for n in result["missing"]
    )
    without = [*missing, *(f"{name} (not offered)" for name in result["not_supported"])]
    lacking = f"; not measured: {'; '.join(without)}" if without else ""
    encoders = ", ".join(f"{name} {version}" for name, version in result["encoders"].items())
    return (
        f"{result['n']} photos, the first ones where a row has fewer; encoders of Pillow: "
        f"{encoders}; seed {result['seed']}{lacking}; {source(result)}"
    )


def codec(result: dict) -> str:
    """What each method's files are."""
    rows = [
        [
            *title(row),
            str(row["n"]),
            percent(row["solved"], 1),
            f"{row['bytes']:,.0f} ± {row['bytes_std']:,.0f}",
            f"{row['bytes_percentiles']['50']:,.0f}",
            *beside(result, row),
            percent(row["rca"], 1),
            spread(row, "psnr_db", ".2f"),
            spread(row, "ssim", ".3f"),
            spread(row, "jod", ".2f"),
            spread(row, "seconds", ".2f"),
            spread(row, "processor_seconds", ".2f"),
        ]
        for row in result["rows"]
        if row["method"] not in ("clean", "fixed")
    ]
    header = ["format", "method", "photos", "solved", "bytes", "median", "plain on these photos"]
    header += ["… or progressive", "bytes / plain", "RCA", "PSNR, dB", "SSIM", "JOD"]
    header += ["seconds", "of a core"]
    judged = max((row["jod_n"] for row in result["rows"] if "jod_n" in row), default=0)
    return (
        f"{markdown(header, rows)}\n\nMean ± standard deviation over photos; solved: share of "
        "photos with a file that all three classifiers understand, elsewhere it is the photo's "
        "own; plain: mean bytes at the lowest quality of each of the row's own photos. Plain files "
        "and those of fixed qualities are baseline JPEGs with optimised Huffman tables, while "
        "`bisect`, `jnd` and `search` may write progressive ones; or progressive: the smaller of "
        "the two at the plain quality. Resized: the resolution may be lowered too; PSNR, SSIM and "
        "JOD are of the file enlarged to the photo's size, and classifiers are given it at its own "
        f"resolution. {rule(result)}JOD of the first {judged} photos; seconds with one thread, "
        "photos side by side on all cores, and of the core's own work, with all that comes before "
        f"a method; {note(result)}"
    )


def rule(result: dict) -> str:
    """How steps of twice the machine JND fare."""
    return "".join(
        f"The rule of {' '.join(title(row))}: steps of twice the machine JND keep all labels of "
        f"{percent(row['rule']['holds'], 1)} of the photos, in "
        f"{spread(row['rule'], 'bytes', ',.0f')} bytes a photo, whether kept or not; "
        f"{multiple(row['rule'])}. "
        for row in result["rows"]
        if "rule" in row
    )


def multiple(found: dict) -> str:
    """The largest multiple of the rule's steps that keeps all labels, in words."""
    if not found["n"]:
        return "no multiple of them does"
    median = found["multiple"]["50"]
    return f"the largest multiple that does is {median:.2f}, the median of {found['n']} photos"


def codec_saved(result: dict) -> str:
    """Bits saved against plain encoding."""
    rows = []
    for row in result["savings"]:
        fixed = [
            share(each, "saved", highest=each["bytes_plain"] is None)
            for each in row["against_one_quality"]
        ]
        cells = [*title(row), str(row["n"]), *(fixed or ["–"] * 3)]
        for name in ("against_lowest", "against_smallest"):
            found = row[name]
            if found is None or (row["method"], name) == ("plain", "against_lowest"):
                cells += ["–", "–"]
            else:
                cells += [share(found, "saved"), share(found, "saved_per_photo")]
        rows.append(cells)
    header = ["format", "method", "photos", "against one quality: RCA 95 %", "RCA 99 %"]
    header += ["RCA 100 %", "against each photo's lowest quality: total", "mean of photos"]
    header += ["… or any of the fixed ones: total", "mean of photos"]
    return (
        f"{markdown(header, rows)}\n\nShare of bytes saved ± standard error (bootstrap over "
        "photos). One quality for all photos: interpolated where it keeps that share of labels, "
        "while the method's files keep theirs; at 100 % the hardest photo alone rules the bytes, "
        f"and no standard error is valid; {HIGHEST}: at the highest quality measured, which does "
        "not keep as many. Each photo's lowest quality: as bisection finds it; of the "
        "fixed ones: or a smaller file of these that keeps all labels, which it passed over; "
        f"{note(result)}"
    )


def codec_unseen(result: dict) -> str:
    """What machines outside the panel keep, beside plain encoding of equal bytes."""
    if not result["unseen"]:
        return f"Not measured: {result['unseen_note']}."
    rows, last = [], None
    for row in result["outside_at_equal_bytes"]:
        if (size := (*title(row), row["bytes"])) == last:
            continue  # its search has no larger file
        last = size
        smallest = row["bytes_plain"] > row["bytes"] * 1.0005
        cells = [*title(row), f"{row['factor']:g}", str(row["n"]), f"{row['bytes']:,.0f}"]
        cells += [f"{row['bytes_plain']:,.0f}" if smallest else "equal", percent(row["rca"], 1)]
        for name in ("mean", *result["unseen"]):
            found = row["unseen"][name]
            cells.append(f"{percent(found['rca'], 1)}, {percent(found['rca_plain'], 1)}")
        ahead = row["unseen"]["mean"]
        cells.append(f"{100 * ahead['ahead']:+.1f} ± {100 * ahead['ahead_standard_error']:.1f}")
        rows.append(cells)
    header = ["format", "method", "times its smallest", "photos", "bytes", "plain bytes"]
    header += ["panel keeps", "unseen keep, under plain encoding"]
    header += [f"{name}, plain" for name in result["unseen"]] + ["ahead, points"]
    return (
        f"{markdown(header, rows)}\n\nA label kept is the classifier's own of the photo. Plain "
        "encoding at one quality for all photos with equal mean bytes; where no quality is as "
        "small, its smallest. Times its smallest: of a search, each photo's best file on the way "
        f"that is so many times larger than its last, or more; where none is, the largest of "
        f"them (rows that repeat the one above are left out). {ceiling(result)}{note(result)}"
    )


def ceiling(result: dict) -> str:
    """How often machines outside the panel agree with it about the photos themselves."""
    clean = next((row for row in result["rows"] if row["method"] == "clean"), None)
    if clean is None:
        return ""
    each = (f"{name} {percent(value, 1)}" for name, value in clean["agreement"].items())
    return f"On the photos they agree with a member of the panel on: {', '.join(each)}. "


def codec_figure(result: dict) -> str:
    """The figure, and how many photos it shows."""
    counts = ", ".join(f"{FORMATS[each['format']]} {each['n']}" for each in result["curves"])
    return (
        "![Bytes of a photo against labels kept, plain encoding and each method, per format]"
        "(figures/codec.png)\n\n*RCA against mean bytes: above of the panel, below of the "
        "classifiers outside it; the line is one quality for all photos. Photos, those that all "
        f"rows have: {counts}.*"
    )


def codec_first() -> str:
    """The figure on the front page; nothing until it is measured."""
    result = published(NAME)
    if not result:
        return ""
    return (
        "![Bytes of a photo against labels kept]"
        "(training/results/figures/codec.png)\n\n*Labels kept against mean bytes: above by the "
        "classifiers that a file was verified with, below by others; the line is plain encoding. "
        "[More](training/results/README.md#the-smallest-file-that-the-panel-still-understands).*"
    )


TABLES: dict[str, Table] = {
    "codec_first": codec_first,
    **{
        table.__name__: if_measured(NAME, "evaluate codec")(table)
        for table in (codec_figure, codec, codec_saved, codec_unseen)
    },
}
