"""What a smaller file keeps: the answers of a panel, and a look for eyes."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_models import (
    classifier,
    coffee,  # noqa: F401  a fixture
    write,
)

from engine import compress_photo
from engine.compress.kept import Kept
from engine.errors import ImageError, SetupError
from engine.images.picture import decode
from engine.metrics import perceptual
from engine.panels.aim import Aim, parse_keep
from engine.panels.naming import parse
from engine.panels.own import OwnPanel
from engine.panels.predicted import softmax

# --- for eyes ---


def test_without_its_library_see_is_refused_in_one_line(monkeypatch, coffee):  # noqa: F811
    def missing():
        raise ModuleNotFoundError("No module named 'pycvvdp'", name="pycvvdp")

    monkeypatch.setattr(perceptual, "colour_video_vdp", missing)
    with pytest.raises(SetupError, match=r"--see needs pycvvdp.*\[evaluation\]"):
        compress_photo(coffee, see=9.0)


def test_see_keeps_the_jod(tmp_path, coffee):  # noqa: F811
    pytest.importorskip("pycvvdp")
    model = write(tmp_path / "a.onnx", classifier())
    crop = coffee[60:140, 100:200]
    free = compress_photo(crop, panel=model, device="cpu", metrics=True)
    seen = compress_photo(crop, panel=model, device="cpu", see=9.5)
    assert free.jod < 9.5 <= seen.jod
    assert seen.bytes_after > free.bytes_after
    assert perceptual.jod(crop, decode(seen.data).pixels) == pytest.approx(seen.jod, abs=1e-3)


def test_a_picture_too_small_for_a_jod_is_refused(tmp_path):
    pytest.importorskip("pycvvdp")
    model = write(tmp_path / "a.onnx", classifier())
    with pytest.raises(ImageError, match="leave --see out"):
        compress_photo(np.zeros((8, 80, 3), np.uint8), panel=model, see=9.0)


# --- what a panel's aim means here ---


@pytest.mark.parametrize("keep", ["top1", "top5", "confidence:0.8"])
def test_kept_answers_follow_the_panel(keep, tmp_path, coffee):  # noqa: F811
    panel = OwnPanel(parse(write(tmp_path / "a.onnx", classifier(classes=9))), device="cpu")
    kept = Kept(panel, coffee, keep)
    assert kept.holds(coffee)
    top = int(kept.before[0].argmax())
    outcomes = set()
    for level in range(0, 256, 5):
        picture = np.clip(coffee.astype(int) * level // 255, 0, 255).astype(np.uint8)
        logits = kept.logits(picture)[0]
        chance, was = softmax(logits)[top], softmax(kept.before[0])[top]
        expected = {
            "top1": logits.argmax() == top,
            "top5": top in np.argsort(logits)[-5:],
            "confidence:0.8": logits.argmax() == top and chance >= 0.8 * was,
        }[keep]
        assert kept.holds(picture) == expected, level
        outcomes.add(bool(expected))
    assert outcomes == {True, False} or keep == "top5"


@pytest.mark.parametrize(
    ("keep", "odds", "moved"),
    [
        ("top1", [3.0, 2.0, 1.0, 0.0, -1.0, -2.0], [2.0, 3.0, 1.0, 0.0, -1.0, -2.0]),
        ("top5", [3.0, 2.0, 1.0, 0.0, -1.0, -2.0], [-3.0, 3.0, 1.0, 0.0, -1.0, -2.0]),
        ("confidence:0.9", [3.0, 2.0, 1.0, 0.0, -1.0, -2.0], [2.4, 2.0, 1.0, 0.0, -1.0, -2.0]),
    ],
)
def test_a_search_is_told_what_is_missing(keep, odds, moved):
    """Nothing at the original, and upwards where it is lost."""
    before, after = np.float32([odds]), np.float32([moved])
    places, share = parse_keep(keep)
    aim = Aim(before, [0], places=places, share=share)
    assert aim.holds(before[None])[0]
    assert not aim.holds(after[None])[0]
    assert aim.wanted(after)[0] > 0
    lifted = after.copy()
    lifted[0, 0] += aim.wanted(after)[0]
    assert aim.holds(lifted[None])[0]


def test_the_verdict_ends_with_the_first_classifier_that_loses_its_label(tmp_path, coffee):  # noqa: F811
    """And is that of all of them; the one that failed last is given the picture first."""
    models = [write(tmp_path / f"{seed}.onnx", classifier(seed=seed)) for seed in range(4)]
    panel = OwnPanel(parse(models), device="cpu")
    kept, portions, calls = Kept(panel, coffee), panel.portions, []

    def counted(pixels):
        for number, (rows, logits) in enumerate(portions(pixels)):
            yield rows, lambda number=number, logits=logits: (calls.append(number), logits())[1]

    panel.portions = lambda pixels: list(counted(pixels))
    last, verdicts = None, set()
    for level in range(0, 256, 15):
        picture = np.clip(coffee.astype(int) * level // 255, 0, 255).astype(np.uint8)
        whole = kept.logits(picture)
        same = whole.argmax(1) == kept.before.argmax(1)
        calls.clear()
        assert kept.holds(picture) == same.all()
        if last is not None:
            assert calls[0] == last
        assert all(same[calls[:-1]])
        assert len(calls) == 4 if same.all() else not same[calls[-1]]
        last = last if same.all() else calls[-1]
        verdicts.add(bool(same.all()))
    assert verdicts == {True, False}
    assert last is not None


def test_five_of_fewer_classes_are_all():
    aim = Aim(np.float32([[1, 0, -1]]), [0], places=5)
    assert aim.holds(np.float32([[[-9, 1, 2]]]))[0]
    assert aim.wanted(np.float32([[-9, 1, 2]]))[0] == 0
