"""The losses that HVS-SD is trained with: zero without a change, against their libraries."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.images.picture import to_batch
from training.train.human import iqa
from training.train.human.hvs import coloured, injected


@pytest.mark.parametrize("name", iqa.LOSSES)
def test_losses_are_zero_without_a_change_and_their_gradients_finite(name):
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    y = x.clone().requires_grad_()
    loss = iqa.LOSSES[name](x, y)
    assert loss.shape == (2,)
    assert loss.detach().abs().max() < 1e-5
    loss.sum().backward()
    assert torch.isfinite(y.grad).all()
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    weak, strong = (iqa.LOSSES[name](x, x + s * noise) for s in (0.02, 0.1))
    assert (strong > weak).all()
    assert (weak > 0).all()


def test_ssim_loss_is_scikit_image_s(photos):
    from skimage.metrics import structural_similarity

    a = photos["chelsea"][:96, :96, 1].astype(np.float32) / 255
    b = np.clip(a + 0.05 * np.random.default_rng(0).standard_normal(a.shape), 0, 1).astype("f4")
    _, whole = structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1, full=True
    )
    ours = 1 - iqa.ssim_loss(*(torch.from_numpy(x)[None, None] for x in (a, b))).item()
    assert ours == pytest.approx(whole.mean(), abs=2e-3)  # the two reflect differently


def test_magnitude_is_zero_at_its_target():
    aim = torch.full((2, 3, 32, 32), 0.03)
    assert iqa.magnitude_loss(aim, 0.03) == pytest.approx(0, abs=1e-5)
    twice = iqa.magnitude_loss(2 * aim, 0.03)
    assert twice == pytest.approx(np.log(5 / 4), abs=1e-5)


def test_noise_is_a_tint_where_one_of_its_signs_is_clipped():
    torch.manual_seed(0)
    j = torch.full((2, 3, 48, 48), 0.08)
    grey, black = torch.full_like(j, 0.5), torch.zeros_like(j)
    for x in (grey, black):
        change = injected(x, j) - x
        size = torch.where(change == 0, 0.08, change.abs())
        torch.testing.assert_close(size, j, atol=1e-6, rtol=0)
        assert (change == change[:, :1]).all()  # one sign for R, G and B
    assert iqa.tint_loss(grey, injected(grey, j)) < 0.2
    assert iqa.tint_loss(black, injected(black, j)) == pytest.approx((0.04 / 0.02) ** 2, rel=0.1)


def test_visibility_is_what_the_engine_s_jod_lacks_of_ten(photos):
    from engine.metrics.perceptual import jod

    a = photos["chelsea"][:128, :128]
    b = np.clip(a.astype(int) + np.random.default_rng(0).integers(-20, 21, a.shape), 0, 255)
    b = b.astype(np.uint8)
    found = iqa.visibility(*(torch.from_numpy(to_batch(x[None])) for x in (a, b)))
    assert found.item() == pytest.approx(10 - jod(a, b), abs=1e-3)
    assert found.item() > 0.1


def test_colourful_crops_keep_their_luma_and_some_become_grey():
    torch.manual_seed(1)
    x = 0.4 + 0.2 * torch.rand(64, 3, 16, 16)
    found = coloured(x)
    before, after = iqa.opponent(x)[0], iqa.opponent(found)[0]
    torch.testing.assert_close(before, after, atol=2e-2, rtol=0)  # clipping aside
    spread = (found.amax(1) - found.amin(1)).mean((1, 2)) / (x.amax(1) - x.amin(1)).mean((1, 2))
    assert (spread < 0.01).any()
    assert (spread > 1.5).any()
    assert ((spread - 1).abs() < 1e-3).sum() > 20
