"""Figures from the committed results and the embedded weights. `python -m training figures`."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from engine.human import HUMAN_MODELS
from engine.system.files import write_bytes

from ..records.record import RESULTS, read_json
from ..records.shipped import histories
from .cloak.examples import draw_protection
from .codec.figure import trade_off
from .photo_tables import NAMES

FOLDER = RESULTS / "figures"
DPI = 90
MERGED = "merged"  # the paper's own network: its figures are redrawn


def draw() -> list[Path]:
    """Draw every figure; return the files."""
    import matplotlib

    matplotlib.use("Agg")
    FOLDER.mkdir(parents=True, exist_ok=True)
    result = read_json(RESULTS / "machine_cifar10.json")
    epochs = histories(result["training"])
    figures = [
        *(
            draw_curves(name, history, joins(result["training"][name], len(history)))
            for name, history in epochs.items()
        ),
        draw_stages(epochs[MERGED]),
        draw_homogeneity(result["homogeneity"]),
        *([draw_trade_off(result["curve"])] if result.get("curve") else []),
        draw_noise("chelsea.png"),
        draw_example("chelsea.png"),
    ]
    if (RESULTS / "machine_photos.json").exists():
        figures.append(draw_photos_trade_off(read_json(RESULTS / "machine_photos.json")))
    if (RESULTS / "codec_nips17.json").exists():
        drawn = trade_off(read_json(RESULTS / "codec_nips17.json"))
        figures.append(save(drawn, "codec.png"))
    if (RESULTS / "human_kodak.json").exists():
        figures.append(draw_human_maps("chelsea.png"))
    return [*figures, *draw_protection("astronaut.png", FOLDER)]


def joins(training: dict, epochs: int) -> list[int]:
    """After which of the last so many epochs a training went on with another preset."""
    found, begun = [], epochs - epochs_of(training)
    while begun > 0 and (training := training.get("earlier")):
        found.append(begun)
        begun -= epochs_of(training)
    return found[::-1]


def epochs_of(training: dict) -> int:
    """How many were done, of those that the preset has."""
    return training.get("epochs", training["preset"]["epochs"])


def draw_curves(name: str, history: list[dict], marked: list[int]) -> Path:
    """Loss and its parts, PSNR, RCA per classifier over the epochs (as paper A, Figs 5-7).

    marked: epochs after which there is a vertical line.
    """
    from matplotlib import pyplot as plt

    epochs = [row["epoch"] for row in history]
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    for key, label in (("loss", "total"), ("l_c", "$L_c$"), ("l_m", "$L_m$"), ("l_s", "$L_s$")):
        left.plot(epochs, [row[key] for row in history], label=label, marker=".")
    left.set(title=f"training loss, {name} generator", xlabel="epoch", yscale="log")
    middle.plot(epochs, [row["psnr_db"] for row in history], label="train", marker=".")
    middle.plot(epochs, [row["test"]["psnr_db"] for row in history], label="test", marker=".")
    middle.set(title="PSNR (clipped), dB", xlabel="epoch")
    for classifier in history[0]["test"]["rca_per_classifier"]:
        values = [100 * row["train_rca"][classifier] for row in history]
        (line,) = right.plot(epochs, values, label=classifier, marker=".")
        tested = [100 * row["test"]["rca_per_classifier"][classifier] for row in history]
        right.plot(epochs, tested, color=line.get_color(), linestyle="--")
    total = [100 * row["test"]["rca"] for row in history]
    right.plot(epochs, total, color="black", linestyle=":", label="all, test")
    right.set(title="RCA, % (solid: train, dashed: test)", xlabel="epoch")
    for axis in (left, middle, right):
        for epoch in marked:
            axis.axvline(epoch + 0.5, color="grey", linewidth=0.8)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    return save(figure, f"machine_curves_{name}.png")


def draw_stages(history: list[dict]) -> Path:
    """CAM, JND and distorted picture at stages of training (as paper A, Fig. 8)."""
    from matplotlib import pyplot as plt

    from engine.images.picture import to_batch, to_pixels
    from engine.machine.figure import heat
    from engine.machine.jnd import load

    from ..train.machine.snapshots import read_map, samples

    pictures = samples()
    rows = [row for row in history if "jnd_maps" in row]
    looked = {
        name: load(device="cpu").panel.predict(pixels[None]) for name, pixels in pictures.items()
    }
    columns = 2 + 2 * len(rows)
    figure, axes = plt.subplots(
        len(pictures), columns, figsize=(1.3 * columns, 1.4 * len(pictures)), layout="constrained"
    )
    for number, (name, pixels) in enumerate(pictures.items()):
        tiles = [("original", pixels), ("CAM", heat(looked[name][1][0].mean(0)))]
        for row in rows:
            change = read_map(row["jnd_maps"][name])
            distorted = to_pixels(to_batch(pixels[None]) + change.transpose(2, 0, 1)[None])[0]
            grey = np.clip(128 + 254 * change, 0, 255).astype(np.uint8)
            tiles += [(f"JND, epoch {row['epoch']}", grey), ("distorted", distorted)]
        for axis, (title, tile) in zip(axes[number], tiles, strict=True):
            show(axis, tile, "" if number else title)
    return save(figure, "machine_stages.png")


def draw_homogeneity(homogeneity: list[dict]) -> Path:
    """RCA of k/9 · E on the test images, per generator."""
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(5, 3.6), layout="constrained")
    for part in homogeneity:
        if part["split"] == "test":
            strengths = [row["k"] for row in part["rows"]]
            rates = [100 * row["rca"] for row in part["rows"]]
            axis.plot(strengths, rates, label=part["generator"], marker=".")
    axis.set(title="RCA of k/9 · E on test images, %", xlabel="k")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return save(figure, "machine_homogeneity.png")


def draw_trade_off(curve: list[dict]) -> Path:
    """RCA against PSNR on test images: of the panel, left, and of each machine outside it."""
    from matplotlib import pyplot as plt

    outside = list(curve[0]["rca_unseen"])
    size = (4.2 * (1 + len(outside)), 3.8)
    figure, (axes,) = plt.subplots(
        1, 1 + len(outside), figsize=size, layout="constrained", squeeze=False
    )
    for name in dict.fromkeys(row["generator"] for row in curve):
        rows = [row for row in curve if row["generator"] == name]
        noise = [row["psnr_db"] for row in rows]
        lines = [[row["rca"] for row in rows]]
        lines += [[row["rca_unseen"][machine] for row in rows] for machine in outside]
        for axis, rates in zip(axes, lines, strict=True):
            axis.plot(noise, [100 * rate for rate in rates], marker=".", label=name)
    for axis, title in zip(axes, ("the panel", *outside), strict=True):
        axis.set(title=f"RCA of {title}, %", xlabel="PSNR (8-bit), dB: less is more changed")
        axis.axvline(9.56, color="grey", linewidth=0.8)
        axis.annotate("9.56 dB", (9.56, axis.get_ylim()[0]), fontsize=8, rotation=90, color="grey")
        axis.invert_xaxis()
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    return save(figure, "machine_trade_off.png")


def draw_photos_trade_off(result: dict) -> Path:
    """RCA against PSNR on photos: lines of one way to distort them, points of the verified."""
    from matplotlib import pyplot as plt

    lines: dict[str, list[dict]] = {}
    for row in result["rows"]:
        alone = not row["keep_confidence"] and not row["refined"]
        if row["section"] in ("generator", "strength") and alone:
            lines.setdefault("generator, strength 0.4 to 1.6", []).append(row)
        if row["section"] in ("generator", "homogeneity") and row["refined"]:
            kept = ", confidence kept" if row["keep_confidence"] else ""
            lines.setdefault(f"refined{kept}, k/9", []).append(row)
        if row["section"] == "level":
            lines.setdefault(NAMES[row["control"]], []).append(row)
    figure, axis = plt.subplots(figsize=(7, 4.4), layout="constrained")
    for label, rows in lines.items():
        rows = sorted((row for row in rows if row["psnr_db"]), key=lambda row: row["psnr_db"])
        rates = [100 * row["rca"] for row in rows]
        axis.plot([row["psnr_db"] for row in rows], rates, marker=".", label=label)
    for row in result["rows"]:
        if row["section"] in ("verified", "search") and row["psnr_db"]:
            place = row["psnr_db"], 100 * row["rca"]
            axis.plot(*place, marker="*", markersize=10, linestyle="", label=row["name"])
    axis.set(title="RCA on photos, %", xlabel="PSNR (8-bit), dB: less is more changed")
    axis.invert_xaxis()
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return save(figure, "machine_photos_trade_off.png")


def draw_noise(name: str) -> Path:
    """A picture, its machine JND, and white noise of the same strength (as paper A, Fig. 1)."""
    from matplotlib import pyplot as plt

    from engine.images.samples import sample_paths
    from engine.machine.jnd import load
    from engine.machine.noise import noise_of_same_psnr

    machine = load(device="cpu")
    result = machine(next(path for path in sample_paths() if path.name == name))
    noise = noise_of_same_psnr(machine, result)
    figure, axes = plt.subplots(1, 3, figsize=(9, 3.9), layout="constrained")
    for axis, (title, pixels) in zip(
        axes,
        (
            ("original", result.original),
            (f"machine JND, {result.psnr_db:.2f} dB", result.distorted),
            ("white noise of the same PSNR", noise.pixels),
        ),
        strict=True,
    ):
        says = [
            machine.panel.classes[label] for label in machine.panel.predict_labels(pixels[None])[0]
        ]
        lines = [
            f"{who}: {what}" for who, what in zip(machine.panel.classifiers, says, strict=True)
        ]
        show(axis, pixels, title)
        axis.set_xlabel("\n".join(lines), fontsize=8)
    return save(figure, "machine_noise.png")


def show(axis, pixels: np.ndarray, title: str) -> None:
    """One picture, enlarged without smoothing."""
    axis.imshow(pixels, interpolation="nearest")
    axis.set_title(title, fontsize=8)
    axis.set_xticks([])
    axis.set_yticks([])


def draw_example(name: str) -> Path:
    """The engine's own figure of one of the sample pictures, with the embedded weights."""
    from engine import machine_jnd
    from engine.images.picture import encode_png
    from engine.images.samples import sample_paths
    from engine.machine.figure import draw_figure

    (source,) = (path for path in sample_paths() if path.name == name)
    path = FOLDER / f"machine_{source.stem}.png"
    write_bytes(
        path,
        encode_png(draw_figure(machine_jnd(source, panel="cifar10", device="cpu"), source.name)),
    )
    return path


def draw_human_maps(name: str) -> Path:
    """A sample picture, every model's thresholds (mean of R, G, B; one scale for all)."""
    from matplotlib import pyplot as plt

    from engine.human import thresholds
    from engine.images.picture import open_image
    from engine.images.samples import sample_paths

    (source,) = (path for path in sample_paths() if path.name == name)
    pixels = open_image(source).pixels
    measured = [row["model"] for row in read_json(RESULTS / "human_kodak.json")["rows"]]
    models = [model for model in HUMAN_MODELS if model in measured]
    figure, axes = plt.subplots(2, 4, figsize=(13, 4.8), layout="constrained")
    axes[0, 0].imshow(pixels)
    axes[0, 0].set_title("original")
    for axis, model in zip(axes.flat[1:], models, strict=False):
        shown = axis.imshow(thresholds(pixels, model).mean(2), cmap="gray", vmin=0, vmax=32)
        axis.set_title(model)
    figure.colorbar(shown, ax=axes, label="threshold, 8-bit levels")
    for axis in axes.flat:
        axis.set_axis_off()
    return save(figure, f"human_{source.stem}.jpg")


def save(figure, name: str) -> Path:
    """Small and without metadata: the repository holds every figure.

    As a PNG of 256 colours; what shows a photo as a JPEG, by its name.
    """
    from matplotlib import pyplot as plt
    from PIL import Image

    drawn, stored = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI)
    plt.close(figure)
    picture = Image.open(drawn).convert("RGB")
    if name.endswith(".jpg"):
        picture.save(stored, "JPEG", quality=75, optimize=True)
    else:
        picture = picture.quantize(256, dither=Image.Dither.NONE)
        picture.save(stored, "PNG", optimize=True)
    path = FOLDER / name
    write_bytes(path, stored.getvalue())
    return path
