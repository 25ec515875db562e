"""What an attack minimises: the paper's equations, and metrics against their libraries."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import toy_classifier
from torch import nn
from toy_classifier import problem_on

from engine.attack import objective
from engine.attack.methods.colour import colour_distance, difference
from engine.attack.methods.losses import ce
from engine.attack.problem import Active
from engine.attack.transforms import half, jpeg

toy, pictures = toy_classifier.toy, toy_classifier.pictures
LOSSES = {
    "adversarial": lambda z, x, j, a: objective.adversarial_loss(a.logits, a.labels, False),
    "targeted": lambda z, x, j, a: objective.adversarial_loss(a.logits, a.labels, True),
    "perceptual": lambda z, x, j, a: objective.perceptual_loss(z, x, j, objective.Weights()),
    "no gate": lambda z, x, j, a: objective.perceptual_loss(z, x, j, objective.Weights(gate=False)),
    "similarity": lambda z, x, j, a: objective.similarity(z, x),
    "total variation": lambda z, x, j, a: objective.total_variation(z - x),
    "colour": lambda z, x, j, a: colour_distance(z, x),
}


@pytest.mark.parametrize("name", list(LOSSES))
@pytest.mark.parametrize("flat", [False, True])
def test_the_gradient_is_finite_where_nothing_is_changed(name, flat, toy, pictures):
    x = torch.full_like(pictures, 128 / 255) if flat else pictures
    z = x.clone().requires_grad_()
    problem = problem_on(toy, pictures)
    active = Active(problem, torch.arange(4), x, problem.threshold, problem.labels, z, None, None)
    active.logits = toy(z)[:, None]
    loss = LOSSES[name](z, x, problem.threshold, active)
    (gradient,) = torch.autograd.grad(loss.sum(), z)
    assert loss.shape == (4,)
    assert torch.isfinite(gradient).all()


def test_the_adversarial_loss_is_eq_1():
    logits = torch.tensor([[[2.0, 1.0, -1.0]]])
    p = logits.softmax(2)[0, 0]
    labels = torch.tensor([[0]])
    assert objective.adversarial_loss(logits, labels, True).item() == pytest.approx(
        -p[0].log().item(), abs=1e-6
    )
    assert objective.adversarial_loss(logits, labels, False).item() == pytest.approx(
        -(1 - p[0]).log().item(), abs=1e-6
    )
    sure = torch.tensor([[[200.0, 0.0, 0.0]]], requires_grad=True)  # 1 - p rounds to zero
    loss = objective.adversarial_loss(sure, labels, False)
    loss.backward()
    assert torch.isfinite(sure.grad).all()
    assert sure.grad[0, 0, 0] > 0.99


def test_the_perceptual_loss_is_eqs_2_to_7():
    x = torch.zeros(1, 3, 8, 8)
    z, j = x.clone(), torch.full_like(x, 0.1)
    z[0, :, 3, 3] = torch.tensor([0.3, 0.2, 0.05])
    over = torch.tensor([3 * 0.2, 5 * 0.1, 0.0])
    seen = objective.beyond(z, x, j, objective.Weights())
    torch.testing.assert_close(seen[0, :, 3, 3], over)
    assert seen.sum() == pytest.approx(over.sum().item())
    only = objective.Weights(1, 0, 0)
    loss = objective.perceptual_loss(z, x, j, only)
    assert loss.item() == pytest.approx(over.sum().item() / 192)
    only = objective.Weights(0, 1, 0)
    loss = objective.perceptual_loss(z, x, j, only)
    assert loss.item() == pytest.approx(over.square().sum().item() / 192)
    free = objective.perceptual_loss(x + 0.05, x, j, objective.Weights())
    assert free.item() == pytest.approx(0, abs=1e-7)  # what stays below J costs nothing


def test_a_reversed_gradient_costs_what_eq_6_says():
    ramp = (0.1 * torch.arange(8.0)).expand(1, 3, 8, 8)
    # Inside, Sobel is -.8 for the ramp and .8 for its mirror image, half of that at the border.
    expected = (6 * 1.6 + 2 * 0.8) / 8 / 2  # mean over columns; nothing changes vertically
    flat = torch.full_like(ramp, 0.2)
    found = objective.gradient_difference(ramp.flip(3), ramp, flat, objective.Weights())
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_metrics_of_the_loop_are_scikit_images(photos):
    from skimage.color import deltaE_ciede2000, rgb2lab
    from skimage.metrics import structural_similarity

    x = photos["astronaut"][40:140, 180:280].astype(np.float64) / 255
    noise = np.random.default_rng(0).normal(0, 0.03, x.shape)
    z = np.clip(x + noise, 0, 1)
    a, b = (torch.from_numpy(t.transpose(2, 0, 1)[None].copy()) for t in (z, x))
    wanted = structural_similarity(
        z,
        x,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
    )
    assert objective.similarity(a, b).item() == pytest.approx(wanted, abs=1e-3)
    wanted = deltaE_ciede2000(rgb2lab(x), rgb2lab(z))
    np.testing.assert_allclose(difference(b, a)[0].numpy(), wanted, atol=0.02)


def test_the_soft_jpeg_is_pillows(photos):
    from engine.images.saved import halved, reencoded

    pixels = np.ascontiguousarray(photos["astronaut"][32:288, 160:416])
    x = (torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255).requires_grad_()
    ours = jpeg(75)(x)
    error = ours.detach()[0].permute(1, 2, 0).numpy() * 255 - reencoded(pixels, "JPEG", 75)
    assert np.abs(error).mean() < 1.0
    ours.square().sum().backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0
    error = half(x.detach())[0].permute(1, 2, 0).numpy() * 255 - halved(pixels)
    assert np.abs(error).mean() < 1.0


def test_ce_is_what_the_family_descends(toy, pictures):
    problem = problem_on(toy, pictures)
    active = Active(problem, torch.arange(4), pictures, None, problem.labels, pictures, None, None)
    active.logits = toy(pictures)[:, None]
    wanted = -nn.functional.cross_entropy(toy(pictures), problem.labels[:, 0], reduction="none")
    torch.testing.assert_close(ce(active), wanted)
