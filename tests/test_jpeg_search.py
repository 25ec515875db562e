"""JPEG by coefficients: the model of decoding, its adjoint, the files, and the search on them."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from engine.compress.formats import format_of
from engine.compress.jpeg.file import runs, written
from engine.compress.jpeg.huffman import LONGEST, lengths
from engine.compress.jpeg.layout import Layout
from engine.compress.jpeg.problem import Problem
from engine.compress.jpeg.rate import costs, estimate
from engine.compress.jpeg.resizing import lanczos, unresized
from engine.compress.jpeg.tables import CHROMINANCE, LUMINANCE, scaled
from engine.compress.kept import Kept
from engine.compress.methods.bisect import plain
from engine.compress.methods.faithful import FAITHFULNESS
from engine.compress.methods.moves import changed
from engine.compress.methods.search import run, search
from engine.compress.photo import compress_photo
from engine.compress.trials import Trials
from engine.errors import UsageError
from engine.images.picture import open_image
from engine.images.samples import sample_paths
from engine.panels.own import open_panel

SIZES = ((40, 56), (37, 51), (16, 9), (1, 1))  # whole groups of blocks, and not


def quantised(pixels: np.ndarray, quality: int, halved: bool = True):
    """A picture's layout, tables and quantised coefficients."""
    layout = Layout(*pixels.shape[:2], halved)
    tables = scaled(LUMINANCE, quality), scaled(CHROMINANCE, quality)
    planes = layout.encoded(pixels)
    return layout, tables, tuple(np.rint(p / tables[min(n, 1)]) for n, p in enumerate(planes))


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return open_image(sample_paths()[0]).pixels


@pytest.mark.parametrize("halved", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_the_adjoint_of_decoding(size, halved):
    """<decode(c), g> = <c, adjoint(g)>: of any linear loss, where nothing is clipped."""
    rng = np.random.default_rng(0)
    layout = Layout(*size, halved)
    planes = tuple(rng.normal(size=(*blocks, 8, 8)) for blocks in layout.blocks)
    gradient = rng.normal(size=(*size, 3))
    forward = ((layout.decoded(planes) - 128) * gradient).sum()
    back = sum((p * g).sum() for p, g in zip(planes, layout.adjoint(gradient), strict=True))
    assert forward == pytest.approx(back, rel=1e-9)


@pytest.mark.parametrize("size", [(40, 56), (300, 211), (224, 500)])
def test_the_adjoint_of_resizing(size):
    rng = np.random.default_rng(0)
    plane = rng.normal(size=size).astype(np.float32)
    small = np.asarray(Image.fromarray(plane).resize((224, 224), Image.Resampling.LANCZOS))
    ours = (lanczos(224, size[1]) @ (lanczos(224, size[0]) @ plane).T).T
    np.testing.assert_allclose(ours, small, atol=1e-5)
    gradient = rng.normal(size=(224, 224, 3))
    back = unresized(gradient, *size)
    assert (back[..., 1] * plane).sum() == pytest.approx((gradient[..., 1] * ours).sum(), rel=1e-6)


@pytest.mark.parametrize("halved", [True, False])
@pytest.mark.parametrize("crop", [(240, 240), (229, 213), (17, 33), (8, 3), (1, 1)])
def test_the_model_decodes_as_pillow_does(picture, crop, halved):
    pixels = picture[: crop[0], : crop[1]]
    layout, tables, planes = quantised(pixels, 12, halved)
    actual = np.asarray(opened(written(planes, tables, layout)).convert("RGB"), float)
    model = layout.decoded(tuple(p * tables[min(n, 1)] for n, p in enumerate(planes)))
    assert actual.shape == pixels.shape
    assert np.abs(np.clip(model, 0, 255) - actual).max() <= 3
    assert np.abs(np.clip(model, 0, 255) - actual).mean() < 0.7


@pytest.mark.parametrize("crop", [(240, 240), (229, 213), (17, 33)])
def test_coefficients_are_read_back_as_written(picture, crop, tmp_path):
    """By libjpeg, through jpeglib: of a photo, of random ones with long gaps, and of large ones."""
    jpeglib = pytest.importorskip("jpeglib")
    layout, tables, planes = quantised(picture[: crop[0], : crop[1]], 30)
    rng = np.random.default_rng(1)
    sparse = tuple(rng.integers(-900, 900, p.shape) * (rng.random(p.shape) < 0.02) for p in planes)
    for each in (planes, sparse):
        path = tmp_path / "picture.jpg"
        path.write_bytes(written(each, tables, layout))
        read = jpeglib.read_dct(str(path))
        for expected, actual in zip(each, (read.Y, read.Cb, read.Cr), strict=True):
            np.testing.assert_array_equal(actual, expected)
        np.testing.assert_array_equal(read.qt, tables)
        assert opened(path.read_bytes()).info["progressive"]


def test_a_file_is_smaller_than_pillows_of_the_same_coefficients(picture):
    layout, tables, planes = quantised(picture, 5)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=5, optimize=True)
    assert len(written(planes, tables, layout)) < len(stream.getvalue())


def test_without_chroma_a_file_is_grey(picture):
    layout, tables, planes = quantised(picture, 10)
    data = written((planes[0], planes[1] * 0, planes[2] * 0), tables, layout)
    assert opened(data).mode == "L"
    assert opened(data).size == picture.shape[1::-1]


def test_a_run_of_empty_blocks_is_one_symbol():
    blocks = np.zeros((40_000, 63), int)
    assert [symbol for symbol, _, _ in runs(blocks)] == [0xE0, 0xC0]  # 32,767 and the rest
    blocks[20, 62] = -3
    assert [symbol for symbol, _, _ in runs(blocks)][:5] == [0x40, 0xF0, 0xF0, 0xF0, 0xE2]


def test_codes_are_no_longer_than_the_standard_allows():
    """Frequencies of Fibonacci's numbers give the longest codes there are."""
    frequencies = {0: 1, 1: 1}
    for symbol in range(2, 40):
        frequencies[symbol] = frequencies[symbol - 1] + frequencies[symbol - 2]
    bits = lengths(frequencies)
    assert max(bits.values()) == LONGEST
    assert sum(2.0**-length for length in bits.values()) < 1  # the code of ones stays free
    assert lengths({7: 3}) == {7: 1}


@pytest.mark.parametrize("quality", [5, 10])
def test_bits_are_estimated(picture, quality):
    layout, tables, planes = quantised(picture, quality)
    actual = 8 * len(written(planes, (tables[0], tables[0]), layout))
    assert estimate(planes) == pytest.approx(actual, rel=0.1)


def test_costs_are_those_of_the_estimate(picture):
    """Of a mean, and of a single coefficient among others at its place."""
    _, _, planes = quantised(picture, 10)
    raised, lowered = costs(planes[0])
    for at, by, expected in (((3, 4, 0, 0), 1, raised), ((5, 2, 0, 1), -1, lowered)):
        other = planes[0].copy()
        other[at] += by
        actual = estimate((other, *planes[1:])) - estimate(planes)
        assert expected[at] == pytest.approx(actual, abs=1.5)


def test_what_is_changed_first():
    """Where bits are saved, what brings least goes; where evidence is needed, what brings most."""
    plane = np.zeros((4, 4, 8, 8))
    plane[0, 0, 1, 1], plane[1, 1, 2, 2] = 1, -1
    slopes = np.zeros_like(plane)
    slopes[0, 0, 1, 1], slopes[1, 1, 2, 2], slopes[2, 2, 3, 3] = 5, -1, 4
    (saved,) = changed((plane,), (slopes,), saving=1, needed=-2)
    assert saved[0, 0, 1, 1] == 1
    assert saved[1, 1, 2, 2] == 0
    (bought,) = changed((plane,), (slopes,), saving=0, needed=4.5)
    assert bought[0, 0, 1, 1] == 2
    assert np.abs(bought - plane).sum() == 1


def test_likeness_counts_in_what_is_changed():
    """Of two coefficients that bring as much evidence goes the one that is like the photo without;
    evidence is not bought where it costs more likeness."""
    plane = np.zeros((4, 4, 8, 8))
    plane[0, 0, 1, 1] = plane[1, 1, 1, 1] = 1
    slopes = np.where(plane, 2.0, 0.0)
    lowered = np.where(plane, -3.0, 0.0)
    lowered[1, 1, 1, 1] = -1
    raised = np.full_like(plane, -5.0)
    likeness = (raised,), (lowered,)
    (saved,) = changed((plane,), (slopes,), 1, -9, likeness)
    assert saved[0, 0, 1, 1] == 1
    assert saved[1, 1, 1, 1] == 0
    (bought,) = changed((plane,), (slopes,), 0, 1, likeness)
    assert np.array_equal(bought, plane)


def test_gains_of_likeness_are_exact(picture):
    panel = open_panel("photos", device="cpu")
    crop = picture[:40, :56]
    problem = Problem(Kept(panel, crop), panel, crop, scaled(LUMINANCE, 20))
    state = problem.begin()
    raised, lowered = problem.gains(state)

    def alike(plane):
        return -((problem.whole[0] - plane) ** 2 * problem.table**2).sum() / 2

    for at in [(0, 0, 0, 0), (1, 2, 3, 1)]:
        for by, gains in ((1, raised), (-1, lowered)):
            other = state.coefficients[0].copy()
            other[at] += by
            assert gains[0][at] == pytest.approx(alike(other) - alike(state.coefficients[0]))
            assert gains[0][at] <= 0  # it is rounded right


def test_a_faithful_search_stays_closer_to_the_photo(astronaut):
    """At about as many bytes, and it holds."""
    pixels = np.asarray(astronaut.resize((160, 160)))
    panel = open_panel("photos", device="cpu")
    kept, format = Kept(panel, pixels), format_of("jpeg")
    ways = {}
    for weight in (0.0, FAITHFULNESS):
        steps = search(kept, panel, format, steps=24, faithfulness=weight)
        ways[weight] = [step.best for step in steps if step.best is not None]
    size = max(len(found[-1].data) for found in ways.values())
    errors = []
    for found in ways.values():
        file = min((each for each in found if len(each.data) >= size), key=lambda e: len(e.data))
        shown = np.asarray(opened(file.data).convert("RGB"))
        assert kept.holds(shown)
        errors.append(((pixels - shown.astype(float)) ** 2).mean())
    assert errors[1] < errors[0]


@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_a_searched_file_is_smaller_and_holds(astronaut, name):
    """In a few steps, below the lowest quality that holds."""
    pixels = np.asarray(astronaut.resize((256, 256)))
    panel = open_panel("photos", device="cpu")
    kept = Kept(panel, pixels, "top1")
    trials = Trials(kept, pixels, format_of(name))
    for _ in plain(trials):
        pass
    steps = list(search(kept, panel, trials.format, steps=16))
    best = steps[-1].best
    assert 0 < len(steps) <= 16
    assert best.format == name
    assert len(best.data) < trials.bytes
    assert kept.holds(np.asarray(opened(best.data).convert("RGB")))


def test_a_search_whose_time_is_up_has_offered_its_best(astronaut):
    pixels = np.asarray(astronaut.resize((128, 128)))
    panel = open_panel("photos", device="cpu")
    trials = Trials(Kept(panel, pixels, "top1"), pixels, format_of("jpeg"), panel)
    work = run(trials, False)
    best = next(found for step in work if (found := getattr(step, "best", None)))
    offered = trials.best
    work.close()
    assert trials.best == min(offered, best, key=lambda each: len(each.data))


def test_without_gradients_there_is_no_search(picture, monkeypatch):
    """Which is said before anything is encoded."""
    monkeypatch.setattr("engine.compress.photo.plain", lambda _: pytest.fail("was encoded"))
    with pytest.raises(UsageError, match="needs gradients"):
        compress_photo(picture[:32, :32], method="search", panel="cifar10", device="cpu")


def test_a_search_needs_no_torch():
    code = "import sys, engine.compress.methods.search; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
