"""What each addition to the paper's generator brings, in short trainings of as many epochs.

Every row adds one thing to the row before it; one adds mixtures to the images. Each is trained
once per seed, which draws the first weights, the batches and the panel's members of every step.
`python -m training evaluate ablation`; the generators are kept under RUNS/generators/ablation, and
what was measured of each in `training.records.store`.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from engine.machine.homogeneity import STEPS
from engine.networks.panel import Panel

from ...data.labelled import load
from ...records.record import published, write
from ...records.store import Entry, Store, from_row, origin, without_key
from ...records.versions import METHOD_VERSIONS
from ...train import checkpoint
from ...train.machine.classifiers import as_batch, pick_device
from ...train.machine.generator import train_generator
from ...train.machine.networks import load_generator
from ...train.machine.predictions import digest, load_panel, panel_predictions
from ...train.machine.probe import changes, distorted, factor_for, matches, psnr
from ...train.presets import GENERATOR_PRESETS, GeneratorPreset
from .measure import digest as picture_digest

EPOCHS, IMAGES, TESTED = 3, 8_000, 1000
SEEDS = (0, 1, 2, 3, 4)
STRENGTH = 9.56  # dB, the paper's
FACTORS = (1 / 16, 4.0)  # of E, between which that strength is searched
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
    preset, rows = PLAIN, {}
    for name, added in STEPWISE.items():
        preset = replace(preset, **added)
        rows[name] = preset
    return rows


class Bench:
    """The images, the panel and its predictions, and a generator trained and measured on them."""

    def __init__(self, data: str, count: int | None, runs: Path):
        self.runs = runs
        self.train, test = load(data, "train").first(count), load(data, "test").first(count)
        self.tested, self.device = test.first(TESTED), pick_device()
        self.panel = load_panel(runs)[0].to(self.device)

    def key(self, preset: GeneratorPreset) -> dict:
        """What decides the numbers of one preset, its seed included."""
        return {
            "section": "ablation",
            "version": METHOD_VERSIONS["ablation"],
            "preset": asdict(preset),
            "panel": digest(self.panel),
            "pictures": {
                "train": picture_digest(self.train.first(IMAGES)),
                "test": picture_digest(self.tested),
            },
            "strength_db": STRENGTH,
            "factors": FACTORS,
        }

    def measure(self, number: int, preset: GeneratorPreset, command: str) -> dict:
        """Train row `number` of the table with a preset, and measure it on the test images."""
        file = f"ablation/{number}-{preset.seed}"
        note = train_generator(file, self.train, self.tested, preset, self.runs, command)
        last = note["history"][-1]
        path = self.runs / "generators" / f"{file}.safetensors"
        generator = load_generator(path)[0].to(self.device)
        clean = panel_predictions(self.panel, self.tested, "test", self.runs, self.device)
        labels = clean["labels"].to(self.device)
        x = as_batch(torch.from_numpy(self.tested.images)).to(self.device)
        change = changes(generator, self.panel, self.tested, clean)
        return {
            **{name: last["test"][name] for name in ("rca", "psnr_db", "psnr_unclipped_db")},
            "every_k_keeps": every_strength(change, x, labels, self.panel),
            **at_strength(change, x, labels, self.panel),
            "seconds": last["seconds"],
        }


def evaluate_ablation(data: str, count: int | None, runs: Path, command: str) -> Path:
    """Train and measure every variation -> results/ablation_cifar10.json."""
    bench = Bench(data, count, runs)
    head = {
        "seeds": list(SEEDS),
        "panel": digest(bench.panel),
        "strength_db": STRENGTH,
        "epochs": EPOCHS,
        "n_train": min(IMAGES, len(bench.train)),
        "n": len(bench.tested),
    }
    presets = {
        (name, seed): replace(preset, seed=seed)
        for seed in SEEDS
        for name, preset in variations().items()
    }
    keys = {each: bench.key(preset) for each, preset in presets.items()}
    recorded = head | {"data": bench.tested.source}
    store = Store(runs, "ablation", known(published("ablation_cifar10"), presets, keys, recorded))
    numbers = {name: number for number, name in enumerate(STEPWISE)}
    entries = {
        (name, seed): store.measured(
            keys[name, seed], partial(bench.measure, numbers[name], preset, command)
        )
        for (name, seed), preset in presets.items()
    }
    each = {name: [entries[name, seed].value for seed in SEEDS] for name in STEPWISE}
    return write(
        "ablation_cifar10",
        command=command,
        data=bench.tested.source,
        weights={},  # none that ship: the panel and the rows are checkpoints
        sections={
            **origin(entries.values()),
            **head,
            "rows": summed_up(each),
            "origin": {
                name: [entries[name, seed].provenance() for seed in SEEDS] for name in STEPWISE
            },
        },
    )


def known(
    before: dict,
    presets: dict[tuple[str, int], GeneratorPreset],
    keys: dict[tuple[str, int], dict],
    recorded: dict[str, object],
) -> list[Entry | None]:
    """The entries of an earlier result, by variation and seed.

    Also of one whose rows carry no keys yet: those with the same preset, where the head is what
    would be recorded today.
    """
    entries = []
    for row in before.get("rows", []):
        name = row["variation"]
        for place, (seed, value) in enumerate(zip(before["seeds"], row["per_seed"], strict=True)):
            if "origin" in before:
                entries.append(from_row(before["origin"][name][place], value))
            elif (name, seed) in presets and checkpoint.same(
                row["preset"] | {"seed": seed}, presets[name, seed]
            ):
                entries.append(without_key(keys[name, seed], value, before, recorded))
    return entries


def summed_up(numbers: dict[str, list[dict]]) -> list[dict]:
    """A row per variation: median and range over seeds of each number, and of what it brings:
    rca_at less that of the row before with the same seed. None where a seed has none.

    The median, for a training without a slow beginning may lose the panel altogether.
    """
    rows, presets, before = [], variations(), None
    for name, each in numbers.items():
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
    """Share of labels that stay the same under k/9 · E for every k = 1…8, on 8-bit pictures."""
    holds = torch.ones_like(labels, dtype=torch.bool)
    for k in range(1, STEPS):
        holds &= matches(panel, distorted(x, change, k / STEPS), labels)
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
    rates = matches(panel, distorted(x, change, factor), labels)
    return {"factor": factor, "rca_at": rates.float().mean().item()}
