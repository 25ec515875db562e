"""Arguments of `engine.attack.attack` that make no sense are refused in one line."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import untrained_models as models
from untrained_models import FLAT

from engine.attack import Dodging, Impersonation, attack
from engine.errors import ImageError, UsageError

one_thread, pictures = models.one_thread, models.pictures
small = models.small


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"model": 3}, "give a torch.nn.Module"),
        ({"method": "magic"}, "choose from fgsm"),
        ({"label": 0, "target": 1}, "label and target"),
        ({"label": 5}, "label 5: the model has 0…4"),
        ({"label": -1}, "label -1: give a whole number, 0 or more"),
        ({"target": True}, "target True: give a whole number"),
        ({"target": 1.5}, "target 1.5: give a whole number"),
        ({"label": [0, 1]}, "2 of label for 1 pictures"),
        ({"epsilon": 0.03, "method": "pgd"}, "outside 1…255"),
        ({"epsilon": 8, "method": "cw"}, "no budget: leave it out, or choose from fgsm"),
        ({"steps": 0}, "steps 0: give a whole number, 1 or more"),
        ({"margin": -1}, "margin -1 is outside"),
        ({"max_seconds": -1}, "max_seconds -1: give a number, 0 or more"),
        ({"batch_size": 0}, "batch_size 0"),
        ({"seed": 0.5}, "seed 0.5"),
        ({"jnd": "mine"}, "no jnd 'mine': choose from chou1995"),
        ({"jnd": 3}, "jnd of int"),
        ({"jnd": np.ones((5, 5))}, r"\(5, 5\): give H×W"),
        ({"jnd": np.zeros((64, 64))}, "0 everywhere"),
        ({"jnd": -FLAT}, "give finite thresholds"),
        ({"criterion": 3}, "give a callable"),
        ({"criterion": lambda out, rows: out[:, 0], "label": 1}, "leave it out"),
        ({"criterion": lambda out, rows: out.argmax(1)}, "int64: margins n or logits"),
        ({"criterion": lambda out, rows: out.sum()}, r"gives \(\) for 1 pictures"),
        ({"criterion": lambda out: out}, "TypeError"),
        ({"criterion": Dodging(np.ones((2, 7), np.float32), 1.0)}, "7 numbers each"),
        ({"criterion": Dodging([np.ones((2, 5), np.float32)] * 2, 1.0)}, "for 2 pictures, but 1"),
        ({"pictures": []}, "no pictures"),
        ({"pictures": [np.zeros((9, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)]}, "8×8, 8×9"),
        ({"pictures": torch.randn(3, 64, 64)}, "normalise inside the model"),
        ({"pictures": torch.full((3, 8, 8), torch.nan)}, "give 0…1"),
        ({"pictures": torch.zeros(1, 8, 8)}, "give 3×H×W or N×3×H×W"),
        ({"pictures": torch.zeros(3, 8, 8, dtype=torch.int64)}, "floats in 0…1 or uint8"),
        ({"pictures": np.zeros((64, 64, 3), np.float32)}, "give uint8"),
        ({"pictures": np.zeros((2, 2, 3), np.uint8), "jnd": FLAT[:2, :2]}, "RuntimeError"),
    ],
)
def test_wrong_arguments(choices, words, small, pictures):
    choices = {"model": small, "pictures": pictures[0], "jnd": FLAT} | choices
    with pytest.raises((UsageError, ImageError), match=words):
        attack(choices.pop("model"), choices.pop("pictures"), **choices)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"threshold": 0}, "give a distance above 0"),
        ({"threshold": 3, "metric": "cosine"}, "outside 0…2"),
        ({"metric": "manhattan"}, "choose from euclidean, cosine"),
        ({"temperature": 0}, "temperature 0"),
        ({"references": [[1.0, 2.0]]}, "references of list"),
        ({"references": []}, "no references"),
        ({"references": np.zeros((2, 5), np.float32)}, "zero everywhere"),
        ({"references": np.full((2, 5), np.nan, np.float32)}, "finite embeddings"),
        ({"references": [np.ones(5), np.ones(4)]}, "embeddings of one model"),
    ],
)
@pytest.mark.parametrize("kind", [Dodging, Impersonation])
def test_wrong_references(kind, choices, words):
    with pytest.raises(UsageError, match=words):
        kind(**({"references": np.ones((2, 5), np.float32), "threshold": 1.0} | choices))
