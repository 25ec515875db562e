"""Class activation maps: equal to torchcam's, exact as a sum, safe on flat maps."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchcam.methods import CAM

from engine.images.picture import to_batch
from engine.networks.classifiers import CLASSIFIERS
from engine.networks.layers import fold
from engine.networks.panel import Panel, scale_maps


class Body(nn.Module):
    """The feature map of a classifier as a module, where torchcam can hook it."""

    def __init__(self, classifier):
        super().__init__()
        self.classifier = classifier

    def forward(self, x):
        return self.classifier.features(x)


class Pooled(nn.Module):
    def __init__(self, classifier):
        super().__init__()
        self.body, self.linear = Body(classifier), classifier.linear

    def forward(self, x):
        return self.linear(self.body(x).mean((2, 3)))


@pytest.fixture(scope="module", params=CLASSIFIERS)
def classifier(request):
    torch.manual_seed(11)
    return CLASSIFIERS[request.param](norm=False).eval()


@pytest.fixture(scope="module")
def pictures(crops):
    return torch.from_numpy(to_batch(crops[:6]))


def test_equals_torchcam(classifier, pictures):
    network = Pooled(classifier)
    with CAM(network, target_layer=network.body, fc_layer=network.linear) as extractor:
        scores = network(pictures)
        (theirs,) = extractor(scores.argmax(1).tolist(), scores, normalized=False)
    with torch.no_grad():
        ours = classifier.predict(pictures)[1][:, 0]
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_the_mean_of_the_map_is_the_logit_without_its_bias(classifier, pictures):
    logits, maps = classifier.predict(pictures)
    top = logits.max(1)
    expected = top.values - classifier.linear.bias[top.indices]
    torch.testing.assert_close(maps.mean((1, 2, 3)), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_panel_maps_are_scaled_to_0_1(pictures):
    torch.manual_seed(0)
    panel = Panel({name: kind(norm=False) for name, kind in CLASSIFIERS.items()}).eval()
    logits, cams = panel(pictures)
    assert logits.shape == (6, 4, 10)
    assert cams.shape == (6, 4, 32, 32)
    torch.testing.assert_close(cams.amin((2, 3)), torch.zeros(6, 4))
    torch.testing.assert_close(cams.amax((2, 3)), torch.ones(6, 4))
    torch.testing.assert_close(panel.logits(pictures), logits)


@pytest.mark.parametrize("side", [1, 4, 8])
def test_a_flat_map_becomes_zero_and_has_a_gradient(side):
    values = torch.linspace(-12, 12, 200).view(1, 200, 1, 1)  # most do not interpolate exactly
    maps = values.repeat(1, 1, side, side).requires_grad_()
    scaled = scale_maps(maps, 32, 32)
    scaled.sum().backward()
    assert (scaled == 0).all()
    assert torch.isfinite(maps.grad).all()


@torch.no_grad()
def test_the_mirror_image_gets_the_same_answer_and_the_mirrored_map(classifier, pictures):
    torch.testing.assert_close(classifier(pictures.flip(3)), classifier(pictures))
    mirrored = classifier.features(pictures.flip(3)).flip(3)
    torch.testing.assert_close(mirrored, classifier.features(pictures), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_folding_changes_nothing(pictures):
    for kind in CLASSIFIERS.values():
        torch.manual_seed(5)
        network = kind()
        network.train()
        network(pictures)  # so that the running statistics are not the initial ones
        network.eval()
        folded = fold(network, kind(norm=False))
        torch.testing.assert_close(folded(pictures), network(pictures), rtol=1e-4, atol=1e-5)
