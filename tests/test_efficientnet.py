"""EfficientNet-Lite: shapes, sizes, and a class activation map that is exact."""

from __future__ import annotations

import pytest
import torch

from engine.networks.photo.efficientnet import WIDTH, EfficientNetLite, SameConv

PARAMETERS = {"lite0": 4.65e6, "lite1": 5.42e6, "lite2": 6.09e6}  # with normalisation, published


@pytest.fixture(scope="module")
def lite0() -> EfficientNetLite:
    torch.manual_seed(0)
    return EfficientNetLite("lite0").eval().requires_grad_(False)


@pytest.mark.parametrize("variant", PARAMETERS)
def test_a_variant_is_as_large_as_published(variant):
    with torch.device("meta"):
        count = sum(p.numel() for p in EfficientNetLite(variant).parameters())
    assert count == pytest.approx(PARAMETERS[variant], rel=0.02)


def test_the_evidence_sums_to_the_map_and_its_mean_gives_the_logit(lite0):
    x = torch.rand(2, 3, 64, 96)
    features = lite0.features(x)
    assert features.shape == (2, WIDTH, 2, 3)
    logits, cam = lite0.predict(x)
    labels = logits.argmax(1)
    evidence = lite0.evidence(features, labels)
    torch.testing.assert_close(evidence.sum(1, keepdim=True), cam)
    torch.testing.assert_close(
        cam.mean((1, 2, 3)) + lite0.linear.bias[labels], logits.amax(1), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(lite0(x), logits)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2), (1, 1)])
def test_a_convolution_pads_as_tensorflow_does(kernel, stride):
    conv = SameConv(1, 1, kernel, stride)
    x = torch.rand(1, 1, 8, 8)
    whole = max(kernel - stride, 0)
    padded = torch.nn.functional.pad(x, (whole // 2, whole - whole // 2) * 2)
    expected = torch.nn.functional.conv2d(padded, conv.weight, conv.bias, stride)
    torch.testing.assert_close(conv(x), expected)
    assert conv(x).shape[2:] == (8 // stride, 8 // stride)
