"""Tables of the machine JND: panel, generators, controls, classifiers outside the panel."""

from __future__ import annotations

from collections.abc import Callable

from .markdown import committed, markdown, percent, source


def machine_result() -> dict:
    return committed("machine_cifar10")


def note(result: dict) -> str:
    """On which pictures the machine JND was measured, and how."""
    counts = {row["split"]: row["n"] for row in result["rows"]}
    splits = " and ".join(f"{count:,} {split}" for split, count in counts.items())
    return (
        f"{splits} images; mean ± standard deviation over images; seed {result['seed']}; "
        f"{source(result)}"
    )


def decibels(row: dict, name: str = "psnr_db") -> str:
    """A mean PSNR with its standard deviation over images, where they were measured."""
    if row.get(name) is None:
        return "–"
    return f"{row[name]:.2f} ± {row[f'{name}_std']:.2f} dB"


def classifiers() -> str:
    result = committed("classifiers_cifar10")
    rows = [
        [
            row["classifier"],
            "panel" if row["in_the_panel"] else "outside",
            f"{row['parameters']:,}",
            percent(row["test_accuracy"]),
            f"{row['training_seconds'] / 60:.0f} min",
        ]
        for row in result["rows"]
    ]
    header = ["classifier", "", "parameters", "test accuracy", "training"]
    count, seed = result["rows"][0]["n_test"], result["rows"][0]["seed"]
    return f"{markdown(header, rows)}\n\n{count:,} test images; seed {seed}; {source(result)}"


def machine() -> str:
    """RCA and PSNR of every generator, verified or not, and of the controls."""
    result = machine_result()
    named = [
        (f"{row['generator']} generator, {row['split']} images", row) for row in result["rows"]
    ]
    named += [
        (
            f"{name} generator, verified, test images; {row['unchanged_images']} left unchanged, "
            f"median of the others {row['psnr_db_percentiles']['50']:.2f} dB",
            row,
        )
        for name, row in result["verified"].items()
    ]
    strengths = {(row["generator"], row["split"]): row["psnr_db"] for row in result["rows"]}
    for row in result["controls"]:
        as_strong = row["psnr_db"] - strengths[row["of"], row["split"]] < 0.5
        strength = (
            f"as strong as the {row['of']} generator's" if as_strong else "as strong as it gets"
        )
        if as_strong or row["of"] == result["controls"][0]["of"]:
            named.append((f"{row['control']} {strength}, {row['split']} images", row))
    rows = [
        [
            name,
            f"{percent(row['rca'])} ± {100 * row['rca_standard_error']:.2f}",
            percent(row["all_classifiers_keep"]),
            decibels(row),
            decibels(row, "psnr_unclipped_db"),
        ]
        for name, row in named
    ]
    header = ["pictures", "RCA ± standard error", "all four keep", "PSNR (8-bit)"]
    header.append("PSNR (unclipped)")
    return f"{markdown(header, rows)}\n\n{note(result)}"


def agreement() -> str:
    """RCA where the panel agrees on the clean picture, and where it does not."""
    result = machine_result()
    rows = [
        [
            f"{row['generator']}, {row['split']} images",
            percent(row["panel_agrees"], 1),
            percent(row["rca_where_it_agrees"]),
            percent(row["rca_where_it_does_not"]),
        ]
        for row in result["rows"]
    ]
    header = ["generator", "all four agree on", "RCA there", "RCA elsewhere"]
    return f"{markdown(header, rows)}\n\n{note(result)}"


def homogeneity() -> str:
    """RCA of weakened changes, k/9 · E."""
    result = machine_result()
    found = result["homogeneity"]
    strengths = [row["k"] for row in found[0]["rows"]]
    rows = [
        [f"{part['generator']}, {part['split']} images"]
        + [percent(row["rca"], 1) for row in part["rows"]]
        + [percent(part["every_k_keeps"], 1), percent(part["every_k_keeps_all_labels"], 1)]
        for part in found
    ]
    header = ["generator", *(f"{k}/9" for k in strengths), "every k", "every k, all four"]
    return f"{markdown(header, rows)}\n\n{note(result)}"


def unseen() -> str:
    """RCA of classifiers outside the panel."""
    result = machine_result()
    generators = list(dict.fromkeys(row["generator"] for row in result["unseen"]))
    cells = {(row["classifier"], row["generator"]): row for row in result["unseen"]}
    rows = []
    for name in dict.fromkeys(row["classifier"] for row in result["unseen"]):
        own = [cells[name, generator] for generator in generators]
        rates = [percent(row["rca"]) for row in own]
        ceiling = [percent(own[0][key]) for key in ("clean_agreement", "majority_agreement")]
        rows.append([name, *ceiling, *rates])
    strengths = [cells[rows[0][0], generator] for generator in generators]
    rows.append(["PSNR (8-bit)", "–", "–", *(decibels(row) for row in strengths)])
    header = ["outside the panel", "agrees with a panel member on clean pictures"]
    header += ["with most of the panel", *generators]
    return f"{markdown(header, rows)}\n\nTest images. {note(result)}"


def search() -> str:
    """The per-image search beside the generators."""
    result = machine_result()
    found = result["search"]
    rows = [
        [row["method"], decibels(row), f"{row['unchanged_images']}", f"{row['loss']:.3f}"]
        for row in found["rows"]
    ]
    header = ["verified change from", "PSNR (8-bit)", "pictures left unchanged"]
    header.append("loss (eq. 7), before it is verified")
    count = found["rows"][0]["n"]
    return (
        f"{markdown(header, rows)}\n\nThe first {count:,} test images; {found['steps']} gradient "
        f"steps, {found['search_seconds_per_image']:.1f} s per image; seed {result['seed']}; "
        f"{source(result)}"
    )


def fresh() -> str:
    """What fresh classifiers learn from distorted pictures."""
    result = committed("fresh_cifar10")
    worlds = list(dict.fromkeys(row["trained_on"] for row in result["rows"]))
    cells = {(row["trained_on"], row["shown"]): row["accuracy"] for row in result["rows"]}
    rows = [[one, *(percent(cells[one, other], 1) for other in worlds)] for one in worlds]
    header = ["trained on", *(f"shown {world}" for world in worlds)]
    count = result["rows"][0]["n"]
    return (
        f"{markdown(header, rows)}\n\nTest accuracy of a fresh {result['classifier']}; "
        f"{result['n_train']:,} training and {count:,} test images, true labels; "
        f"seed {result['seed']}; {source(result)}"
    )


TABLES: dict[str, Callable[[], str]] = {
    "classifiers": classifiers,
    "machine": machine,
    "agreement": agreement,
    "homogeneity": homogeneity,
    "unseen": unseen,
    "search": search,
    "fresh": fresh,
}
