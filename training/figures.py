"""Figures from the committed results and the embedded weights. `python -m training figures`."""

from __future__ import annotations

from pathlib import Path

from engine.human import HUMAN_MODELS

from .record import RESULTS, read_json

FOLDER = RESULTS / "figures"


def draw() -> list[Path]:
    """Draw every figure; return the files."""
    import matplotlib

    matplotlib.use("Agg")
    FOLDER.mkdir(parents=True, exist_ok=True)
    result = read_json(RESULTS / "machine_cifar10.json")
    figures = [
        draw_curves(result["history"]),
        draw_homogeneity(result["homogeneity"]),
        draw_example("chelsea.png"),
    ]
    if (RESULTS / "human_kodak.json").exists():
        figures.append(draw_human_maps("chelsea.png"))
    return figures


def draw_curves(history: list[dict]) -> Path:
    """Loss and its parts, PSNR, RCA per classifier over the epochs (as paper A, Figs 5-7)."""
    from matplotlib import pyplot as plt

    epochs = [row["epoch"] for row in history]
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    for key, label in (("loss", "total"), ("l_c", "$L_c$"), ("l_m", "$L_m$"), ("l_s", "$L_s$")):
        left.plot(epochs, [row[key] for row in history], label=label, marker=".")
    left.set(title="training loss", xlabel="epoch", yscale="log")
    middle.plot(epochs, [row["psnr_db"] for row in history], label="train", marker=".")
    middle.plot(epochs, [row["test"]["psnr_db"] for row in history], label="test", marker=".")
    middle.set(title="PSNR (clipped), dB", xlabel="epoch")
    for name in history[0]["train_rca"]:
        (line,) = right.plot(
            epochs, [100 * row["train_rca"][name] for row in history], label=name, marker="."
        )
        right.plot(
            epochs,
            [100 * row["test"]["rca_per_classifier"][name] for row in history],
            color=line.get_color(),
            linestyle="--",
        )
    right.set(title="RCA, % (solid: train, dashed: test)", xlabel="epoch")
    for axis in (left, middle, right):
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    return save(figure, "machine_curves.png")


def draw_homogeneity(homogeneity: dict) -> Path:
    """RCA of k/9 · E on the test images."""
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(5, 3.6), layout="constrained")
    rows = homogeneity["rows"]
    strengths = [row["k"] for row in rows]
    for name in rows[0]["rca_per_classifier"]:
        values = [100 * row["rca_per_classifier"][name] for row in rows]
        axis.plot(strengths, values, label=name, marker=".")
    axis.set(title="RCA of k/9 · E on test images, %", xlabel="k")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return save(figure, "machine_homogeneity.png")


def draw_example(name: str) -> Path:
    """The engine's own figure of one of the sample pictures, with the embedded weights."""
    from engine import machine_jnd
    from engine.image import encode_png
    from engine.report import figure
    from engine.samples import sample_paths

    (source,) = (path for path in sample_paths() if path.name == name)
    path = FOLDER / f"machine_{source.stem}.png"
    path.write_bytes(encode_png(figure(machine_jnd(source, device="cpu"), source.name)))
    return path


def draw_human_maps(name: str) -> Path:
    """A sample picture, every model's thresholds (mean of R, G, B; one scale for all)."""
    from matplotlib import pyplot as plt

    from engine.human import thresholds
    from engine.image import open_image
    from engine.samples import sample_paths

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
    return save(figure, f"human_{source.stem}.png")


def save(figure, name: str) -> Path:
    from matplotlib import pyplot as plt

    path = FOLDER / name
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
    return path
