"""Mixtures of which the panel disagrees, and a generator that goes on from another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.images.picture import to_batch
from engine.machine.jnd import MachineJND
from engine.networks.layers import fold
from training.data.labelled import DataError, LabelledImages, load
from training.train import checkpoint
from training.train.machine.ambiguous import ambiguous, joined, mixed
from training.train.machine.classifiers import train_classifier
from training.train.machine.generator import beginning, train_generator
from training.train.machine.networks import begun, build, load_generator, unfolded, widened
from training.train.machine.pictures import with_assistants
from training.train.machine.predictions import load_panel, panel_predictions
from training.train.machine.probe import measure
from training.train.presets import CLASSIFIER_PRESETS, GENERATOR_PRESETS


@pytest.fixture
def some(labelled):
    return load(str(labelled), "train").first(64)


def test_a_mixture_lies_between_its_two_images():
    images = np.stack([np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 200, np.uint8)])
    data = LabelledImages(images, np.array([3, 5]), "two")
    found = mixed(data, 50, seed=0)
    assert found.images.dtype == np.uint8
    values = {int(value) for value in found.images.reshape(50, -1)[:, 0]}
    assert min(values - {0, 200}) >= 0.35 * 200 - 1
    assert max(values - {0, 200}) <= 0.65 * 200 + 1
    assert (found.images == found.images[:, :1, :1, :1]).all()
    np.testing.assert_array_equal(found.images, mixed(data, 50, seed=0).images)
    both = joined(data, found)
    assert len(both) == 52
    np.testing.assert_array_equal(both.images[2:], found.images)


def test_the_panel_disagrees_on_what_is_kept(some, tmp_path):
    panel = load_panel(tmp_path)[0]
    kept, seen = ambiguous(panel, some, 64, 0, tmp_path, torch.device("cpu"))
    assert 0 < len(kept) < 64
    assert len(seen["labels"]) == len(kept)
    assert (seen["labels"] != seen["labels"][:, :1]).any(1).all()
    agreed, _ = panel.predict(torch.from_numpy(kept.images).permute(0, 3, 1, 2).float() / 255)
    assert (agreed.argmax(2) == seen["labels"]).float().mean() > 0.95


def test_a_generator_goes_on_from_another(some, tmp_path):
    smoke = replace(
        GENERATOR_PRESETS["smoke"], images=64, conditioned=True, skips=True, contrary=0.5
    )
    then = replace(smoke, begins="first", mixtures=32, learning_rate=1e-6)
    with pytest.raises(DataError, match=r"first\.safetensors is missing"):
        train_generator("second", some, some, then, tmp_path)
    train_generator("first", some, some, smoke, tmp_path)
    note = train_generator("second", some, some, then, tmp_path)
    assert 64 < note["n_train"] <= 96
    assert note["earlier"]["generator"] == "first"
    assert [row["epoch"] for row in note["history"]] == [1, 2]
    assert all("jnd_maps" in row for row in note["history"])
    first, second = (
        checkpoint.load(tmp_path / "generators" / f"{name}.safetensors")[0]
        for name in ("first", "second")
    )
    assert first.keys() == second.keys()
    apart = max((first[key] - second[key]).abs().max().item() for key in first)
    assert 0 < apart < 1e-2


@pytest.fixture(scope="module")
def seen():
    """Two pictures of noise as the engine sees them, and as tensors for a generator."""
    machine = MachineJND(device="cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    logits, cams = machine.panel.predict(pixels)
    x, maps, said = map(torch.from_numpy, (2 * to_batch(pixels) - 1, cams, logits))
    return machine.generator.change(pixels, logits, cams), (
        x,
        maps,
        said.argmax(2),
        torch.ones(2),
        said,
    )


def test_where_there_is_no_checkpoint_it_goes_on_from_the_one_that_ships(seen, tmp_path):
    preset = replace(GENERATOR_PRESETS["even"], begins="conditioned")
    network, earlier = begun(preset, tmp_path)
    assert earlier["generator"]
    assert earlier["history"][0]["epoch"] == 1  # its epochs stay in the figures
    assert earlier["command"].startswith("python -m training generator")
    assert all(parameter.requires_grad for parameter in network.parameters())
    expected, given = seen
    with torch.no_grad():
        np.testing.assert_allclose(network(*given).numpy() / 2, expected, atol=1e-4)


@torch.no_grad()
def test_further_inputs_change_nothing_at_first(seen):
    torch.manual_seed(0)
    first = build(GENERATOR_PRESETS["refined"], norm=False).eval()
    second = build(GENERATOR_PRESETS["even"], norm=False).eval()
    for shift in first.shifts:  # as a trained one's: they are zero at the beginning
        torch.nn.init.normal_(shift.weight, std=0.1)
    second.load_state_dict(widened(first.state_dict(), second))
    given = seen[1]
    before = second(*given)
    torch.testing.assert_close(before, first(*given))
    known = first.shifts[0].weight.shape[1]
    second.shifts[0].weight[:, known:] += 1
    assert not torch.equal(second(*given), before)


def test_none_goes_on_with_fewer_inputs(tmp_path):
    preset = replace(GENERATOR_PRESETS["refined"], begins="conditioned")
    with pytest.raises(DataError, match="probabilities"):
        begun(preset, tmp_path)


@torch.no_grad()
def test_one_with_more_inputs_goes_on_from_the_papers_network(seen, tmp_path):
    """The merged CAM is the mean of four: a conditioned network can do the same at first."""
    preset = replace(GENERATOR_PRESETS["even"], begins="merged", skips=False)
    network, _ = begun(preset, tmp_path)
    _, (x, maps, *said) = seen
    before = network(x, maps, *said)
    papers, _ = begun(replace(GENERATOR_PRESETS["default"], begins="merged"), tmp_path)
    torch.testing.assert_close(before, papers(x, maps, *said), atol=1e-4, rtol=0)
    other = maps.clone()
    other[:, 0], other[:, 1] = maps[:, 1], maps[:, 0]  # of the same mean
    torch.testing.assert_close(network(x, other, *said), before, atol=1e-4, rtol=0)


@torch.no_grad()
def test_with_normalisation_again_it_is_the_same_network(seen, tmp_path):
    preset = replace(GENERATOR_PRESETS["normalised"], begins="merged")
    folded, _ = begun(preset, tmp_path)
    _, (x, maps, *said) = seen
    network = unfolded(folded, build(preset), x, maps)
    expected = folded(x, maps, *said)
    assert expected.abs().mean() > 0.1
    torch.testing.assert_close(network.eval()(x, maps, *said), expected, atol=1e-4, rtol=0)
    # Of those pictures the statistics are the batch's own.
    torch.testing.assert_close(network.train()(x, maps, *said), expected, atol=1e-3, rtol=0)
    again = fold(network.eval(), build(preset, norm=False))
    torch.testing.assert_close(again(x, maps, *said), network(x, maps, *said), atol=1e-4, rtol=0)
    for more in ({"conditioned": True}, {"skips": True}):
        with pytest.raises(DataError, match="normalisation"):
            unfolded(folded, build(replace(preset, **more)), x, maps)
    with pytest.raises(DataError, match="goes on"):
        begun(replace(preset, begins=""), tmp_path)


def test_it_goes_on_with_normalisation_and_ends_without(some, tmp_path):
    preset = replace(
        GENERATOR_PRESETS["smoke"], images=64, learning_rate=1e-6, normalised=True, begins="merged"
    )
    panel, images = load_panel(tmp_path)[0], torch.from_numpy(some.images)
    clean = panel_predictions(panel, some, "train", tmp_path, torch.device("cpu"))
    trained, _ = beginning(preset, tmp_path, panel.names, images, clean)
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in trained.modules())
    train_generator("second", some, some, preset, tmp_path)
    tensors, _ = checkpoint.load(tmp_path / "generators" / "second.safetensors")
    assert not [name for name in tensors if ".bn." in name]
    first, _ = begun(preset, tmp_path)
    network = build(preset, norm=False)
    network.load_state_dict(tensors)
    x, cams = torch.rand(2, 3, 32, 32), torch.rand(2, 4, 32, 32)
    said = torch.zeros(2, 4, dtype=torch.int64), torch.ones(2)
    made = network(x, cams, *said)
    torch.testing.assert_close(made, first(x, cams, *said), atol=0.05, rtol=0)


def test_the_finished_change_is_scaled_to_a_strength(some, tmp_path):
    some = some.first(32)
    preset = replace(GENERATOR_PRESETS["smoke"], images=32, learning_rate=1e-6, begins="merged")
    plain = train_generator("plain", some, some, preset, tmp_path)
    usual = plain["history"][-1]["test"]["psnr_db"]
    weaker, stronger = usual + 0.5, usual - 0.2
    notes = [
        train_generator(f"at{wanted}", some, some, replace(then, scaled=wanted), tmp_path)
        for wanted, then in ((weaker, preset), (stronger, replace(preset, normalised=True)))
    ]
    assert notes[0]["scaled_by"] < plain["scaled_by"] == 1 < notes[1]["scaled_by"]
    panel = load_panel(tmp_path)[0]
    clean = panel_predictions(panel, some, "train", tmp_path, torch.device("cpu"))
    for wanted in (weaker, stronger):
        generator, _ = load_generator(tmp_path / "generators" / f"at{wanted}.safetensors")
        assert measure(generator, panel, some, clean)["psnr_db"] == pytest.approx(wanted, abs=0.05)
    with pytest.raises(DataError, match="cannot be scaled"):  # no factor makes it so weak
        train_generator("weak", some, some, replace(preset, scaled=50.0), tmp_path)


def test_none_goes_on_as_another_network(tmp_path):
    for begins, preset in (("conditioned", "default"), ("merged", "even")):
        with pytest.raises(DataError):
            begun(replace(GENERATOR_PRESETS[preset], begins=begins), tmp_path)


@pytest.mark.parametrize("universal", [False, True])
def test_assistants_are_to_say_their_own_or_what_most_of_the_panel_say(universal, some, tmp_path):
    mixer = replace(CLASSIFIER_PRESETS["assistant"], epochs=1, batch=32)
    train_classifier("mixer", some, some, mixer, tmp_path)
    preset = GENERATOR_PRESETS["smoke"]
    preset = replace(preset, assistants=("mixer",), universal=universal, asked=2, diverse=0.5)
    panel, device = load_panel(tmp_path)[0], torch.device("cpu")
    said = panel_predictions(panel, some, "train", tmp_path, device)
    asked, (given,) = with_assistants(panel, preset, some, said, tmp_path, device)
    assert asked.names == (*panel.names, "mixer")
    x = torch.from_numpy(to_batch(some.images))
    own = asked.logits(x, ["mixer"]).argmax(2)
    most = torch.mode(said["labels"], 1).values[:, None]
    agreed = (said["labels"] == most).sum(1) > 2
    assert given.shape == (64, 1)
    if universal:
        assert torch.equal(given[agreed], most[agreed])
    else:
        assert torch.equal(given, own)
    note = train_generator("helped", some, some, preset, tmp_path)
    assert "mixer" in note["history"][0]["train_rca"]
    assert "mixer" not in note["history"][0]["test"]["rca_per_classifier"]
