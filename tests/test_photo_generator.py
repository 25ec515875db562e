"""The generator for photos and its training: toy classifiers, a few photos, narrow levels."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from pyarrow import parquet
from torch import Tensor, nn

from engine.networks.losses import log_odds
from engine.networks.photo.efficientnet import WIDTH
from engine.networks.photo.generator import PhotoGenerator
from training.data.labelled import DataError
from training.train import checkpoint
from training.train.photo.loop import FILE, RESUME, PhotoTraining, load_generator, train
from training.train.photo.objective import VALUES, predict, step_loss
from training.train.photo.pictures import Pictures
from training.train.photo.preset import PhotoPreset, ramp, rate
from training.train.photo.probe import Probe
from training.train.photo.record import eight_bits, kept_generator

CPU = torch.device("cpu")
LEVELS = (8, 8, 16, 16, 16)
SIZE = 64
PRESET = PhotoPreset(batch=4, learning_rate=2e-3, average=0.5)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Several threads only wait for each other over tensors as small as these."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Classifier(nn.Module):
    """A member of a panel as `EfficientNetLite` is one, in one convolution: ten classes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, WIDTH, 32, stride=32)
        self.linear = nn.Linear(WIDTH, 10)
        nn.init.normal_(self.linear.weight, std=0.3)

    def features(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(4 * x - 2))

    def classify(self, features: Tensor) -> Tensor:
        return self.linear(features.mean((2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.features(x))

    def evidence(self, features: Tensor, labels: Tensor) -> Tensor:
        return self.linear.weight[labels][:, :, None, None] * features


@pytest.fixture(scope="module")
def panel() -> nn.ModuleDict:
    torch.manual_seed(3)
    members = {name: Classifier() for name in ("one", "two")}
    return nn.ModuleDict(members).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, crops):
    """Two sets of photos, of eight and four rows, none of them square."""
    root = tmp_path_factory.mktemp("photos")
    for name, rows in (("first", crops[:8]), ("second", crops[8:12])):
        cells = []
        for pixels in rows:
            file = io.BytesIO()
            Image.fromarray(pixels).resize((96, 80)).save(file, "PNG")
            cells.append({"bytes": file.getvalue(), "path": "photo.png"})
        (root / name).mkdir()
        parquet.write_table(
            pa.table({"image": cells}), root / name / "train-00000-of-00001.parquet"
        )
    return root


@pytest.fixture(scope="module")
def pictures(folder) -> Pictures:
    return Pictures([folder / "first", folder / "second"], CPU, count=3)


@pytest.fixture(scope="module")
def batch(pictures) -> Tensor:
    return pictures.batch(4, torch.Generator().manual_seed(0), SIZE)


def inputs(panel: nn.ModuleDict, x: Tensor) -> tuple[Tensor, ...]:
    clean = predict(panel, x)
    return 2 * x - 1, clean.evidence, clean.confidence, torch.ones(len(x)), torch.zeros(len(x))


@pytest.mark.parametrize("size", [(1, 1), (33, 70), (64, 64)])
def test_any_size_comes_back_in_range(size):
    torch.manual_seed(0)
    network = PhotoGenerator(2, LEVELS)
    x = torch.rand(2, 3, *size)
    evidence = torch.randn(2, 2, WIDTH, 3, 2)
    ones = torch.ones(2)
    change = network(2 * x - 1, evidence, torch.tensor([[0.0, 0.5], [1.0, 0.9]]), ones, ones)
    assert change.shape == x.shape
    assert change.isfinite().all()
    assert change.abs().max() <= 1


def test_all_that_it_is_given_matters_after_a_step(panel, batch):
    torch.manual_seed(0)
    training = PhotoTraining(PRESET, PhotoGenerator(2, LEVELS), CPU)
    for done in (0.1, 0.2):
        training.step(panel, batch, done)
    given = inputs(panel, batch)
    with torch.no_grad():
        base = training.network(*given)
        others = [given[0], given[1].flip(0), 1 - given[2], given[3] / 2, 1 - given[4]]
        for place in range(1, 5):
            changed = [*given[:place], others[place], *given[place + 1 :]]
            assert (training.network(*changed) - base).abs().max() > 1e-6, place


def test_the_loss_is_finite_has_gradients_and_falls(panel, batch):
    torch.manual_seed(0)
    network = PhotoGenerator(2, LEVELS)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    half = torch.autocast("cpu", torch.bfloat16, False)
    losses = []
    for _ in range(20):
        random = torch.Generator().manual_seed(1)  # the same choices each time
        loss, values = step_loss(network, panel, batch[:2], PRESET, random, 1.0, half)
        optimizer.zero_grad()
        loss.backward()
        if not losses:
            for name, parameter in network.named_parameters():
                assert parameter.grad.isfinite().all(), name
        optimizer.step()
        losses.append(loss.item())
    assert values.shape == (len(VALUES),)
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.8 * losses[0]


def test_log_odds_are_those_of_the_probability():
    logits, labels = torch.randn(3, 2, 10), torch.randint(10, (3, 2))
    p = logits.softmax(2).gather(2, labels[..., None])[..., 0]
    torch.testing.assert_close(log_odds(logits, labels), torch.logit(p))


def test_the_probe_measures_what_is_shown(panel, pictures):
    class Constant(nn.Module):
        def __init__(self, value: float):
            super().__init__()
            self.value = value

        def forward(self, x: Tensor, evidence, confidence, strength: Tensor, keep) -> Tensor:
            return torch.full_like(x, self.value) * strength[:, None, None, None]

    grey = torch.full((3, SIZE, SIZE, 3), 100, dtype=torch.uint8)
    probe = Probe(panel, grey, CPU)
    still = probe.brief(Constant(0.0))["labels"]
    assert still["rca"] == still["all_members"] == still["confidence_within_0.1"] == 1
    assert still["confidence_raised"] == 0
    rows = list(probe.rows(Constant(20 / 255), (1.0, 2.0)))
    assert [(row["mode"], row["strength"]) for row in rows] == [
        ("labels", 1.0),
        ("labels", 2.0),
        ("confidence", 1.0),
        ("confidence", 2.0),
    ]
    assert rows[0]["psnr_db"] == pytest.approx(20 * np.log10(255 / 10), abs=1e-3)
    assert rows[0]["ninths_rca"]["9"] == rows[0]["rca"]
    assert 0 <= rows[0]["white_noise_rca"] <= 1


def test_pictures_are_held_out_and_cut_at_random(folder, pictures, batch):
    assert len(pictures) == 6
    assert pictures.held_out.shape == (3, 224, 224, 3)
    assert pictures.photos.dtype == torch.uint8
    assert batch.shape == (4, 3, SIZE, SIZE)
    torch.testing.assert_close(batch * 255, (batch * 255).round(), rtol=0, atol=1e-4)
    again = pictures.batch(4, torch.Generator().manual_seed(0), SIZE)
    other = pictures.batch(4, torch.Generator().manual_seed(1), SIZE)
    assert torch.equal(again, batch)
    assert not torch.equal(other, batch)


def test_a_folder_without_photos_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="train-"):
        Pictures([tmp_path], CPU)


def run(pictures, panel, out, steps, **options):
    options = {"seconds": 60, "size": SIZE, "levels": LEVELS} | options
    return train(pictures, panel, PRESET, CPU, out, steps=steps, **options)[0]


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_a_stopped_training_goes_on_as_if_it_had_not_been(pictures, panel, tmp_path, monkeypatch):
    whole = run(pictures, panel, tmp_path / "whole", 4)
    assert not (tmp_path / "whole" / RESUME).exists()

    step = PhotoTraining.step

    def stopped(self, *given):
        if self.steps == 2:
            raise KeyboardInterrupt
        return step(self, *given)

    monkeypatch.setattr(PhotoTraining, "step", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(pictures, panel, tmp_path, 4, probe_every=0.0)
    monkeypatch.undo()
    resumed = run(pictures, panel, tmp_path, 4)
    assert resumed.steps == 4
    assert [row["step"] for row in resumed.probes] == [1, 2]
    assert same(resumed.network, whole.network)
    assert same(resumed.average, whole.average)
    assert not (tmp_path / RESUME).exists()


def test_a_training_does_not_go_on_with_other_settings(tmp_path):
    training = PhotoTraining(PRESET, PhotoGenerator(2, LEVELS), CPU)
    training.save_state(tmp_path / RESUME)
    other = PhotoTraining(PhotoPreset(), PhotoGenerator(2, LEVELS), CPU)
    with pytest.raises(DataError, match="preset"):
        other.resume(tmp_path / RESUME)


def test_a_training_begins_from_either_form(pictures, panel, tmp_path):
    earlier = run(pictures, panel, tmp_path / "earlier", 1)
    half = tmp_path / "earlier" / FILE
    network, note = load_generator(half)
    assert (network.members, network.levels) == (2, LEVELS)
    assert same(network, earlier.halved())
    stored = eight_bits(network)
    assert any(tensor.dtype == torch.int8 for tensor in stored.values())
    checkpoint.save(tmp_path / FILE, stored, note)
    for path, expected in ((half, network), (tmp_path / FILE, kept_generator(stored, network))):
        training = PhotoTraining(PRESET, PhotoGenerator(2, LEVELS), CPU)
        assert training.rise(0) == PRESET.first
        training.begin_from(path)
        assert training.rise(0) == PRESET.further
        assert same(training.network, expected)
        assert same(training.average.module, expected)


def test_schedules_begin_and_end_where_they_should():
    preset = PhotoPreset()
    peak = max(rate(preset, done / 100) for done in range(101))
    assert peak == pytest.approx(preset.learning_rate, rel=0.01)
    assert rate(preset, 0) < 0.1 * peak
    assert rate(preset, 1) < 0.02 * peak
    assert [ramp(preset, done) for done in (0, preset.ramp, 1)] == [preset.first, 1, 1]
    assert ramp(preset, 0, further=True) == preset.further
