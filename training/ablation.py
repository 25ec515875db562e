"""What each addition to the paper's generator brings, in short trainings of equal length.

Every row adds one thing to the row before it. `python -m training evaluate ablation`; the
generators are kept under RUNS/generators/ablation.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import torch

from engine.machine import STEPS
from engine.networks import Generator, Panel
from engine.quality import psnr

from .classifiers import as_batch, pick_device
from .data import LabelledImages, load
from .generator import load_generator, train_generator
from .looks import digest, load_panel, looks, take
from .presets import GENERATOR_PRESETS, GeneratorPreset
from .record import write

EPOCHS, IMAGES, TESTED = 4, 12_500, 2000
STRENGTH = 9.56  # dB, the paper's
# The paper's network and loss; the schedule, batches, average and two random members of the panel
# per step are ours in all rows, or none of them would be trained in so short a time.
PLAIN = replace(
    GENERATOR_PRESETS["default"],
    epochs=EPOCHS,
    images=IMAGES,
    average=0.98,
    alpha=1.0,
    beta=1.0,
    wanted=1.0,
    ramp=0.0,
    weakened=0.0,
    clipped=False,
)
STEPWISE = {
    "the paper's loss and network": {},
    "+ α = 2, β = 0.03": {"alpha": 2.0, "beta": 0.03},
    "+ magnitude and place count after clipping": {"clipped": True},
    "+ magnitude rises over the first quarter": {"ramp": 0.25},
    "+ each CAM and each label": {"conditioned": True},
    "+ skips from encoder to decoder": {"skips": True},
    "+ random strengths k/9": {"weakened": 0.4},
    "+ random magnitudes": {"varied": 0.4},
    "+ contradictions": {"contrary": 0.3},
    "+ mixtures of two images": {"mixtures": 7_500},
    "+ how sure each classifier is": {"confident": True},
    "+ small k where the panel disagrees": {"faint": True},
}


def variations() -> dict[str, GeneratorPreset]:
    """The rows of the table, each with its preset."""
    preset, found = PLAIN, {}
    for name, added in STEPWISE.items():
        preset = replace(preset, **added)
        found[name] = preset
    return found


def evaluate_ablation(data: str, count: int | None, runs: Path, command: str) -> Path:
    """Train and measure every variation -> results/ablation_cifar10.json."""
    train, test = load(data, "train").first(count), load(data, "test").first(count)
    tested, device = test.first(TESTED), pick_device()
    panel = load_panel(runs)[0].to(device)
    clean = looks(panel, tested, "test", runs, device)
    rows = []
    for number, (name, preset) in enumerate(variations().items()):
        file = f"ablation/{number}"
        row = train_generator(file, train, test, preset, runs, command)["history"][-1]
        generator = load_generator(runs / "generators" / f"{file}.safetensors")[0].to(device)
        changes, labels = changed(generator, panel, tested, clean)
        rows.append(
            {
                "variation": name,
                "preset": asdict(preset),
                "n": len(tested),
                "rca": row["test"]["rca"],
                "psnr_db": row["test"]["psnr_db"],
                "psnr_unclipped_db": row["test"]["psnr_unclipped_db"],
                "every_k_keeps": every_strength(changes, labels, panel, tested),
                **at_strength(changes, labels, panel, tested, STRENGTH),
                "seconds": row["seconds"],
            }
        )
    return write(
        "ablation_cifar10",
        command=command,
        data=test.source,
        weights={},  # none that ship: the panel and the rows are checkpoints
        sections={
            "seed": PLAIN.seed,
            "panel": digest(panel),
            "strength_db": STRENGTH,
            "epochs": EPOCHS,
            "n_train": min(IMAGES, len(train)),
            "rows": rows,
        },
    )


@torch.no_grad()
def changed(
    generator: Generator, panel: Panel, data: LabelledImages, clean: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """E on the 0…1 scale, float32 N×3×H×W, and what the panel says of the clean images, N×P."""
    device = next(generator.parameters()).device
    images, changes = torch.from_numpy(data.images), []
    for index in torch.arange(len(data)).split(500):
        plain = torch.zeros(len(index), dtype=torch.bool)
        batch = take(images, clean, panel.names, index, plain, device)
        full = torch.ones(len(index), device=device)
        made = generator(2 * batch.x - 1, batch.cams, batch.labels, full, batch.logits) / 2
        changes.append(made)
    return torch.cat(changes), clean["labels"].to(device)


def weakened(changes: torch.Tensor, data: LabelledImages, factor: float) -> torch.Tensor:
    """The images with a multiple of E, clipped and rounded to 8 bits, 0…1."""
    x = as_batch(torch.from_numpy(data.images)).to(changes.device)
    return ((x + factor * changes).clamp(0, 1) * 255).round() / 255


@torch.no_grad()
def kept(panel: Panel, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Which answers stay, bool N×P."""
    answers = [panel.logits(part).argmax(2) for part in pictures.split(500)]
    return torch.cat(answers) == labels


def every_strength(
    changes: torch.Tensor, labels: torch.Tensor, panel: Panel, data: LabelledImages
) -> float:
    """Share of answers that k/9 · E leaves alone for every k = 1…8, on 8-bit pictures."""
    holds = torch.ones_like(labels, dtype=torch.bool)
    for k in range(1, STEPS):
        holds &= kept(panel, weakened(changes, data, k / STEPS), labels)
    return holds.float().mean().item()


def at_strength(
    changes: torch.Tensor,
    labels: torch.Tensor,
    panel: Panel,
    data: LabelledImages,
    wanted: float,
) -> dict:
    """RCA where all E are multiplied so that the mean PSNR is `wanted`: rows can be compared.

    factor and rca_at; null where even four times E is weaker.
    """
    x = as_batch(torch.from_numpy(data.images)).to(changes.device)

    def noise(factor: float) -> float:
        return float(psnr((weakened(changes, data, factor) - x).cpu().numpy()).mean())

    low, high = 0.0, 4.0
    if noise(high) > wanted:
        return {"factor": None, "rca_at": None}
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if noise(middle) > wanted else (low, middle)
    rates = kept(panel, weakened(changes, data, high), labels)
    return {"factor": high, "rca_at": rates.float().mean().item()}
