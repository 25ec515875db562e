"""On a GPU the same as on the processor, within tolerances; without one, --device cuda is an error.

The first part needs a GPU: `pytest -m gpu`.
"""

from __future__ import annotations

import numpy as np
import pytest
import untrained_models as models
from PIL import Image
from untrained_models import FLAT

from engine.commands import cli
from engine.terminal.failures import engine_error

torch = pytest.importorskip("torch")
CUDA = torch.cuda.is_available()
network, pictures = models.network, models.pictures
on_a_gpu = pytest.mark.skipif(not CUDA, reason="needs a CUDA device")


@pytest.mark.gpu
@on_a_gpu
@pytest.mark.parametrize("name", ["pgd", "ours"])
def test_an_attack_has_the_margin_of_the_processor(name, network, pictures):
    from engine.attack import attack

    options = {"method": name, "jnd": FLAT, "steps": 4}
    expected = attack(network, pictures[:2], **options)
    found = attack(network.to("cuda"), pictures[:2], **options)
    for on_cuda, on_cpu in zip(found, expected, strict=True):
        assert on_cuda.label_before == on_cpu.label_before
        assert on_cuda.margin == pytest.approx(on_cpu.margin, rel=0.1, abs=0.1)


@pytest.mark.gpu
@on_a_gpu
def test_a_search_is_as_strong_as_on_the_processor(crops):
    from engine.machine.search import Searcher

    psnrs = {}
    for device in ("cpu", "cuda"):
        searcher = Searcher(device=device)
        assert str(searcher.device) == device
        psnrs[device] = np.asarray(list(searcher.steps(crops[:2], count=20))[-1].psnr_db)
    assert np.allclose(psnrs["cuda"], psnrs["cpu"], atol=1.0)


@pytest.mark.gpu
@on_a_gpu
def test_a_cloak_holds_and_is_as_weak_as_on_the_processor(head):
    from engine.cloak.photo import cloak_photo

    faces = {}
    for device in ("cpu", "cuda"):
        result = cloak_photo(head, device=device, robust=False, max_seconds=300)
        (faces[device],) = result.to_dict()["faces"]
        assert faces[device]["success"]
    assert faces["cuda"]["face_psnr_db"] == pytest.approx(faces["cpu"]["face_psnr_db"], abs=2.0)


@pytest.mark.gpu
@on_a_gpu
def test_a_protection_leads_as_far_as_on_the_processor(head):
    from engine.cloak.photo import cloak_photo

    apart = {}
    for device in ("cpu", "cuda"):
        result = cloak_photo(head, device=device, robust=False, protect="unseen", psnr=32)
        (face,) = result.faces
        assert face.success
        apart[device] = [each.after for each in face.recognisers.values()]
    assert apart["cuda"] == pytest.approx(apart["cpu"], rel=0.1)


@pytest.mark.gpu
@on_a_gpu
def test_a_compressed_photo_has_nearly_the_size_of_the_processors(photos):
    from engine.compress import compress_photo

    photo = photos["chelsea"][60:188, 100:260]
    sizes = {
        device: len(compress_photo(photo, panel="cifar10", device=device).data)
        for device in ("cpu", "cuda")
    }
    assert sizes["cuda"] == pytest.approx(sizes["cpu"], rel=0.05)


@pytest.mark.gpu
@on_a_gpu
def test_too_little_memory_of_the_card_is_a_line_with_a_remedy():
    with pytest.raises(torch.OutOfMemoryError) as caught:
        torch.empty(1 << 50, dtype=torch.uint8, device="cuda")
    line = str(engine_error(caught.value))
    assert "not enough memory" in line
    assert "use --device cpu" in line


COMMANDS = {
    "machine": (),
    "machine, search": ("--panel", "cifar10", "--search"),
    "human": ("--model", "hvs-sd"),
    "compress": ("--panel", "cifar10"),
    "watermark embed": ("--text", "ours"),
    "cloak": (),
}


@pytest.mark.skipif(CUDA, reason="there is a CUDA device")
@pytest.mark.parametrize("name", COMMANDS)
def test_cuda_is_an_error_where_there_is_none_and_nothing_is_computed(name, tmp_path, head, capsys):
    if name == "cloak":
        pytest.importorskip("dlib")
    photo, out = tmp_path / "photo.png", tmp_path / "out"
    Image.fromarray(head).save(photo)
    command = name.partition(",")[0].split()
    arguments = [*command, str(photo), *COMMANDS[name], "--device", "cuda", "--out", str(out)]
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert "CUDA was requested" in error
    assert "--device cpu" in error
    assert not out.exists() or not any(out.iterdir())
