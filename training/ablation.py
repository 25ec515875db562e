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

from .classifiers import pick_device
from .data import LabelledImages, load
from .generator import load_generator, train_generator
from .looks import digest, load_panel, looks, take
from .presets import GENERATOR_PRESETS, GeneratorPreset
from .record import write

EPOCHS, IMAGES, TESTED = 4, 12_500, 2000
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
        rows.append(
            {
                "variation": name,
                "preset": asdict(preset),
                "n": len(tested),
                "rca": row["test"]["rca"],
                "psnr_db": row["test"]["psnr_db"],
                "psnr_unclipped_db": row["test"]["psnr_unclipped_db"],
                "every_k_keeps": every_strength(generator, panel, tested, clean),
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
            "epochs": EPOCHS,
            "n_train": min(IMAGES, len(train)),
            "rows": rows,
        },
    )


@torch.no_grad()
def every_strength(
    generator: Generator, panel: Panel, data: LabelledImages, clean: dict[str, torch.Tensor]
) -> float:
    """Share of answers that k/9 · E leaves alone for every k = 1…8, on 8-bit pictures."""
    device = next(generator.parameters()).device
    images, kept = torch.from_numpy(data.images), []
    for index in torch.arange(len(data)).split(500):
        plain = torch.zeros(len(index), dtype=torch.bool)
        batch = take(images, clean, panel.names, index, plain, device)
        full = torch.ones(len(index), device=device)
        change = generator(2 * batch.x - 1, batch.cams, batch.labels, full, batch.logits) / 2
        holds = torch.ones_like(batch.labels, dtype=torch.bool)
        for k in range(1, STEPS):
            weak = ((batch.x + change * k / STEPS).clamp(0, 1) * 255).round() / 255
            holds &= panel.logits(weak).argmax(2) == batch.labels
        kept.append(holds)
    return torch.cat(kept).float().mean().item()
