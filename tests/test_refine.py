"""What must be kept, the gradient in the exported classifiers, and what it mends."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from engine.commands import cli
from engine.images.picture import resize, to_batch
from engine.images.samples import sample_paths
from engine.machine.jnd import MachineJND, load
from engine.machine.photo_search import search
from engine.machine.refine import proxy, refine
from engine.networks.photo.adjoint import pulled
from engine.networks.photo.efficientnet import EfficientNetLite
from engine.networks.photo.panel import stored_photo_panel
from engine.panels.aim import SLACK, TOLERANCE, Aim
from engine.panels.predicted import softmax


@pytest.fixture(scope="module")
def machine() -> MachineJND:
    return load(None, "cpu", panel="photos")


def test_the_written_out_gradient_is_that_of_autograd():
    torch.manual_seed(0)
    network = EfficientNetLite("lite0").eval().requires_grad_(False)
    x, pull = torch.rand(2, 3, 64, 96, requires_grad=True), torch.randn(2, 1000)
    (expected,) = torch.autograd.grad((network(x) * pull).sum(), x)
    actual = pulled(network, x.detach(), pull)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


def test_the_exported_gradient_is_that_of_the_network(machine, photos):
    pixels = resize(photos["coffee"], 224, 224)[None]
    pulls = np.zeros((3, 1000), np.float32)
    pulls[0, 504], pulls[2, 3] = 1, -1  # the second is not asked
    x = torch.from_numpy(to_batch(pixels)).requires_grad_()
    logits = stored_photo_panel().logits(x)[0]
    (first,) = torch.autograd.grad(logits[0, 504], x, retain_graph=True)
    (third,) = torch.autograd.grad(-logits[2, 3], x)
    actual = machine.panel.gradient(pixels, pulls)
    assert not actual[1].any()
    for ours, theirs in ((actual[0], first[0]), (actual[2], third[0])):
        # where a unit is at the very edge of its ReLU6, either side of it is right
        assert np.linalg.norm(ours - theirs.numpy()) < 0.01 * np.linalg.norm(ours)


def logits_with(probability: float, classes: int = 5) -> np.ndarray:
    """Logits 1×classes of which the first class has this probability, the others share the rest."""
    rest = (1 - probability) / (classes - 1)
    return np.log(np.array([[probability] + [rest] * (classes - 1)], np.float32))


@pytest.mark.parametrize(
    ("before", "after", "labels", "confidence"),
    [
        (0.6, 0.6, True, True),
        (0.6, 0.52, True, True),
        (0.6, 0.45, True, False),  # more than 0.1 below
        (0.6, 0.69, True, False),  # evidence was put in
        (0.6, 0.1, False, False),
        (0.95, 0.985, True, True),  # as good as certain
        (0.95, 0.9999, True, False),
        (0.3, 0.25, True, True),
        (0.3, 0.1, False, False),
    ],
)
def test_what_is_held(before, after, labels, confidence):
    clean, changed = logits_with(before), logits_with(after)[None]
    assert Aim(clean, [0]).holds(changed)[0] == labels
    assert Aim(clean, [0], keep_confidence=True).holds(changed)[0] == confidence


def test_only_the_members_count():
    clean = np.concatenate([logits_with(0.6), logits_with(0.6)])
    changed = np.concatenate([logits_with(0.6), logits_with(0.1)])
    assert Aim(clean, [0]).holds(changed[None])[0]
    assert not Aim(clean, [0, 1]).holds(changed[None])[0]
    assert not Aim(clean, [0]).wanted(changed).any()
    assert not Aim(clean, [0]).slopes(changed)[1].any()
    assert Aim(clean, [1]).wanted(changed)[1] > 0


def test_more_of_a_label_is_wanted_or_less_of_it():
    clean = logits_with(0.6)
    keep = Aim(clean, [0], keep_confidence=True)
    assert Aim(clean, [0]).wanted(logits_with(0.1))[0] > 0
    assert Aim(clean, [0]).wanted(logits_with(0.9))[0] == 0
    assert keep.wanted(logits_with(0.9))[0] < 0
    assert keep.wanted(logits_with(0.45))[0] > 0
    assert keep.wanted(logits_with(0.56))[0] == 0


def test_a_slope_is_the_gradient_of_the_log_odds():
    clean = logits_with(0.6)
    logits = torch.tensor(logits_with(0.3) + np.arange(5, dtype=np.float32), requires_grad=True)
    others = torch.cat([logits[:, :0], logits[:, 1:]], 1)
    (logits[:, 0] - others.logsumexp(1)).sum().backward()
    aim = Aim(clean, [0])
    np.testing.assert_allclose(aim.slopes(logits.detach().numpy()), logits.grad, atol=1e-6)
    assert aim.odds(logits_with(0.3)[None])[0, 0] == pytest.approx(np.log(0.3 / 0.7), abs=1e-5)


def test_classes_that_a_classifier_has_not_are_left_out():
    clean = np.pad(logits_with(0.6), ((0, 0), (0, 3)), constant_values=-np.inf)
    aim = Aim(clean, [0], keep_confidence=True)
    assert aim.holds(clean[None])[0]
    lost = clean[:, [1, 0, 2, 3, 4, 5, 6, 7]]
    assert np.isfinite(aim.slopes(lost)).all()
    assert np.isfinite(aim.wanted(lost)).all()


def test_refining_brings_lost_labels_back(machine, photos):
    """A change so strong that it does not hold: its scale is 1 after a few steps."""
    photo = photos["astronaut"]
    small = machine.panel.view(photo[None])
    clean = machine.panel.predictions(small)
    aim = Aim(clean.logits[0], [0, 1, 2])
    change = machine.generator.change(small, clean.logits, clean.cams, 1.4, evidence=clean.evidence)
    states = list(refine(machine.panel, proxy(machine.panel, photo), 1.5 * change, aim, steps=20))
    assert not states[0].held
    assert states[-1].held
    assert all(not state.held for state in states[:-1])


def test_a_refined_result_is_stronger_and_verified(machine, photos):
    results = [
        machine(photos["rocket"], refined=refined, strength=1.8) for refined in (False, True)
    ]
    assert all(result.verified for result in results)
    assert results[0].scale < 1
    assert results[1].psnr_db < results[0].psnr_db


def test_confidence_is_kept_within_its_bounds(machine, photos):
    result = machine(photos["coffee"], keep_confidence=True)
    assert result.verified
    assert result.to_dict()["keep_confidence"]
    assert result.changed_share > 0.5
    before = machine.panel.logits_of(result.original[None])
    after = machine.panel.logits_of(result.distorted[None])
    labels = before.argmax(2)[..., None]
    p, q = (np.take_along_axis(softmax(each), labels, 2) for each in (before, after))
    assert (np.abs(q - p) <= TOLERANCE + 1e-4).all()
    odds = [np.log(each / (1 - each)) for each in (p, q)]
    assert ((odds[1] - odds[0] <= SLACK + 1e-3) | (q <= 0.9901)).all()


def test_a_search_finds_more_than_it_begins_with(machine, photos):
    photo = photos["coffee"]
    small = machine.panel.view(photo[None])
    clean = machine.panel.predictions(small)
    aim = Aim(clean.logits[0], [0, 1, 2])
    change = machine.generator.change(small, clean.logits, clean.cams, evidence=clean.evidence)
    steps = list(search(machine.panel, photo, change, aim, count=14))
    assert steps[-1].last
    assert steps[-1].held
    found = [step.psnr_db for step in steps]
    assert found == sorted(found, reverse=True)
    result = machine(photo, search=lambda *_: steps[-1].change)
    assert result.verified
    assert result.psnr_db < machine(photo).psnr_db - 1
    (late,) = search(machine.panel, photo, change, aim, max_seconds=0)
    assert late.last


def test_confidence_is_kept_on_the_small_panel_too(tmp_path, capsys):
    path = next(str(path) for path in sample_paths() if path.stem == "chelsea")
    options = ["--panel", "cifar10", "--keep-confidence", "--json", "--out", str(tmp_path)]
    for more in ([], ["--search", "--max-seconds", "1"]):
        assert cli.main(["machine", path, *options, *more, "--device", "cpu"]) == 0
        row = json.loads(capsys.readouterr().out)
        assert row["verified"]
        for label in row["labels"]:
            assert abs(label["confidence_after"] - label["confidence_before"]) <= TOLERANCE + 1e-4


def test_a_search_on_a_photo_needs_no_pytorch(tmp_path):
    path = next(str(path) for path in sample_paths() if path.stem == "coffee")
    program = (
        "import sys; sys.modules['torch'] = None; sys.modules['onnx'] = None\n"
        "from engine.commands import cli\n"
        f"sys.exit(cli.main(['machine', {path!r}, '--search', '--max-seconds', '2', '--json', "
        f"'--out', {str(tmp_path)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["psnr_db"] < 16
