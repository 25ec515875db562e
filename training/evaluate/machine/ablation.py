"""What each addition to the paper's generator brings, in short trainings of as many epochs.

Every row adds one thing to the row before it; one adds mixtures to the images. Each is trained
once per seed, which draws the first weights, the batches and the panel's members of every step.
`python -m training evaluate ablation`; the generators are kept under RUNS/generators/ablation.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from engine.machine.jnd import STEPS
from engine.networks.panel import Panel

from ...data.labelled import load
from ...records.record import write
from ...train.machine.classifiers import as_batch, pick_device
from ...train.machine.generator import train_generator
from ...train.machine.looks import digest, load_panel, looks
from ...train.machine.networks import load_generator
from ...train.machine.probe import changes, distorted, factor_for, kept, psnr
from ...train.presets import GENERATOR_PRESETS, GeneratorPreset

EPOCHS, IMAGES, TESTED = 3, 8_000, 1000
SEEDS = (0, 1, 2, 3, 4)
STRENGTH = 9.56  # dB, the paper's
FACTORS = (1 / 16, 4.0)  # of E, between which that strength is looked for
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
    "+ mixtures of two images": {"mixtures": 5_000},
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
    x, labels = as_batch(torch.from_numpy(tested.images)).to(device), clean["labels"].to(device)
    found: dict[str, list[dict]] = {name: [] for name in STEPWISE}
    for seed in SEEDS:
        for number, (name, preset) in enumerate(variations().items()):
            file = f"ablation/{number}-{seed}"
            preset = replace(preset, seed=seed)
            end = train_generator(file, train, tested, preset, runs, command)["history"][-1]
            generator = load_generator(runs / "generators" / f"{file}.safetensors")[0].to(device)
            change = changes(generator, panel, tested, clean)
            found[name].append(
                {
                    **{key: end["test"][key] for key in ("rca", "psnr_db", "psnr_unclipped_db")},
                    "every_k_keeps": every_strength(change, x, labels, panel),
                    **at_strength(change, x, labels, panel),
                    "seconds": end["seconds"],
                }
            )
    return write(
        "ablation_cifar10",
        command=command,
        data=test.source,
        weights={},  # none that ship: the panel and the rows are checkpoints
        sections={
            "seeds": list(SEEDS),
            "panel": digest(panel),
            "strength_db": STRENGTH,
            "epochs": EPOCHS,
            "n_train": min(IMAGES, len(train)),
            "n": len(tested),
            "rows": summed_up(found),
        },
    )


def summed_up(found: dict[str, list[dict]]) -> list[dict]:
    """A row per variation: median and range over seeds of each number, and of what it brings:
    rca_at less that of the row before with the same seed. None where a seed has none.

    The median, for a training without a slow beginning may lose the panel altogether.
    """
    rows, presets, before = [], variations(), None
    for name, each in found.items():
        row = {"variation": name, "preset": asdict(presets[name])}
        del row["preset"]["seed"]
        pairs = zip(each, before or [{"rca_at": None}] * len(each), strict=True)
        brought = [difference(now["rca_at"], then["rca_at"]) for now, then in pairs]
        for key in each[0]:
            row |= over_seeds(key, [one[key] for one in each])
        rows.append(row | over_seeds("brings", brought) | {"per_seed": each})
        before = each
    return rows


def difference(now: float | None, then: float | None) -> float | None:
    return None if now is None or then is None else now - then


def over_seeds(key: str, values: list[float | None]) -> dict:
    """KEY, the median of the values, and KEY_range, least and greatest; None where one is None."""
    if None in values:
        return {key: None, f"{key}_range": None}
    return {key: median(values), f"{key}_range": [min(values), max(values)]}


def every_strength(change: Tensor, x: Tensor, labels: Tensor, panel: Panel) -> float:
    """Share of answers that k/9 · E leaves alone for every k = 1…8, on 8-bit pictures."""
    holds = torch.ones_like(labels, dtype=torch.bool)
    for k in range(1, STEPS):
        holds &= kept(panel, distorted(x, change, k / STEPS), labels)
    return holds.float().mean().item()


def at_strength(change: Tensor, x: Tensor, labels: Tensor, panel: Panel) -> dict:
    """RCA where all E are multiplied so that the mean PSNR is STRENGTH: rows can be compared.

    factor and rca_at; null where no multiple in FACTORS has it.
    """

    def noise(factor: float) -> float:
        return psnr(distorted(x, change, factor) - x)

    factor = factor_for(STRENGTH, noise, FACTORS)
    if factor is None:
        return {"factor": None, "rca_at": None}
    rates = kept(panel, distorted(x, change, factor), labels)
    return {"factor": factor, "rca_at": rates.float().mean().item()}
