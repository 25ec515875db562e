"""The demo for programs: gradio_client against a started server."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from demo_server import PIXELS, UPLOAD_BYTES
from demo_visitor import ENDPOINTS, get
from PIL import Image

from engine import machine_jnd
from engine.faces.finder import SAME
from engine.human import thresholds
from engine.human.injection import inject
from engine.images.picture import decode
from engine.images.samples import sample_paths

gradio_client = pytest.importorskip("gradio_client")
pytest.importorskip("gradio_client.exceptions")

CAT, ROCKET, COFFEE, ASTRONAUT = map(str, sample_paths())


@pytest.fixture(scope="module")
def client(demo, tmp_path_factory):
    return gradio_client.Client(
        demo.url,
        verbose=False,
        analytics_enabled=False,
        download_files=str(tmp_path_factory.mktemp("downloads")),
    )


@pytest.fixture(scope="module")
def portrait(tmp_path_factory, photos) -> str:
    """A JPEG of the astronaut's head, 256×256, with a camera and a place in its EXIF."""
    path = tmp_path_factory.mktemp("portrait") / "portrait.jpg"
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825)[2] = (48.0, 8.0, 0.0)  # GPS latitude
    crop = np.ascontiguousarray(photos["astronaut"][:256, 96:352])
    Image.fromarray(crop).save(path, quality=95, exif=exif)
    return str(path)


def send(path: str):
    return gradio_client.handle_file(path)


def assert_plain_png(path: str) -> np.ndarray:
    """The file is a PNG without any metadata; its pixels."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.info == {}
        assert not image.getexif()
        return np.array(image.convert("RGB"))


def test_every_function_of_the_page_has_a_name_and_parameters(client):
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    found = {
        name.strip("/"): [each["parameter_name"] for each in endpoint["parameters"]]
        for name, endpoint in named.items()
    }
    assert found == ENDPOINTS
    for endpoint in named.values():
        first, *others = endpoint["parameters"]
        assert not first["parameter_has_default"] or first["parameter_name"] == "picture"
        assert all(each["parameter_has_default"] for each in others) or {
            "second",
            "changed",
            "text",
        } & {each["parameter_name"] for each in others}


def test_the_machine_jnd_is_the_engines_own_bytes(client):
    changed, jnd, cam, noise, numbers = client.predict(send(CAT), api_name="/machine_jnd")
    result = machine_jnd(CAT)
    assert result.panel == "photos"
    assert Path(changed).read_bytes() == result.png
    np.testing.assert_array_equal(assert_plain_png(jnd), result.jnd_map)
    assert assert_plain_png(cam).shape == assert_plain_png(noise).shape == result.original.shape
    assert numbers["psnr_db"] == pytest.approx(result.psnr_db, abs=1e-3)
    assert numbers["verified"] is True
    assert Path(changed).name == "chelsea.distorted.png"


def test_the_panel_and_the_strength_can_be_chosen(client):
    *_, numbers = client.predict(
        send(COFFEE), strength=0.4, classifiers=["vgg"], api_name="/machine_jnd"
    )
    assert numbers["members"] == ["vgg"]
    assert numbers["panel"] == "cifar10"
    assert numbers["strength"] == 0.4


def test_the_human_jnd_is_the_engines_own_pixels(client):
    noisy, seen, numbers = client.predict(
        send(COFFEE), model="wu2017", level=2, api_name="/human_jnd"
    )
    pixels = decode(Path(COFFEE).read_bytes()).pixels
    jnd = thresholds(pixels, "wu2017")
    np.testing.assert_array_equal(assert_plain_png(noisy), inject(pixels, jnd, 2, 0))
    assert assert_plain_png(seen).shape == pixels.shape
    assert numbers["model"] == "wu2017"
    assert numbers["level"] == 2


def test_a_face_is_found_cloaked_and_verified(client, portrait):
    (face,) = client.predict(send(portrait), api_name="/find_faces")
    assert face["number"] == 1
    assert face["usable"] is True
    job = client.submit(send(portrait), method="bim", seconds=90, api_name="/cloak_face")
    cloaked, numbers = job.result()
    steps = [numbers["step"] for file, numbers in job.outputs()[:-1] if file is None]
    assert steps == sorted(steps)
    assert len(steps) > 3
    assert numbers["success"] is True
    pixels = assert_plain_png(cloaked)
    original = decode(Path(portrait).read_bytes()).pixels
    assert pixels.shape == original.shape
    largest = np.abs(pixels.astype(int) - original).max()
    assert numbers["largest_change"] == largest
    verdict = client.predict(send(portrait), send(cloaked), api_name="/verify_faces")
    assert verdict["same"] is False
    assert verdict["distance"] > SAME == verdict["threshold"]


def test_methods_are_compared(client, portrait):
    files, rows = client.predict(
        send(portrait), methods=["bim", "fgsm"], seconds=60, api_name="/compare_methods"
    )
    assert [row["method"] for row in rows] == ["bim", "fgsm"]
    assert rows[0]["psnr_db"] > rows[1]["psnr_db"]
    assert [Path(path).name for path in files] == ["portrait.bim.png", "portrait.fgsm.png"]
    for path in files:
        assert_plain_png(path)


def test_the_viewing_test_can_be_run_by_a_program(client, tmp_path):
    noisy = client.predict("Cat", kind="flat", psnr_db=30, api_name="/viewing_picture")
    assert assert_plain_png(noisy).shape == decode(Path(CAT).read_bytes()).pixels.shape
    path = tmp_path / "answers.csv"
    path.write_text("viewer,trial,picture,left,right,score,seconds\nv,1,Cat,b,a,3,1.0\n")
    found = client.predict([send(str(path))], api_name="/viewing_results")
    (pair,) = found["pairs"]
    # The right one, a, is much better; the pair's second is b, so below 0.
    assert (pair["first"], pair["second"], pair["mean"], pair["n"]) == ("a", "b", -3, 1)
    assert found["screened"] is False


def many_pixels(folder: Path) -> Path:
    path = folder / "many.png"
    Image.new("L", (2000, 1000)).save(path)
    assert PIXELS < 2000 * 1000
    return path


def no_picture(folder: Path) -> Path:
    path = folder / "words.png"
    path.write_text("not a picture")
    return path


def damaged(folder: Path) -> Path:
    path = folder / "half.jpg"
    stream = io.BytesIO()
    Image.open(COFFEE).save(stream, "JPEG")
    path.write_bytes(stream.getvalue()[:5000])
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (many_pixels, "2000×1000, 2,000,000 pixels; the limit is 1,500,000"),
        (no_picture, "words.png is not a picture we can read"),
        (damaged, "half.jpg is truncated or damaged"),
    ],
)
def test_a_bad_file_is_refused_with_the_reason(client, tmp_path, make, words):
    with pytest.raises(gradio_client.exceptions.AppError) as error:
        client.predict(send(str(make(tmp_path))), api_name="/find_faces")
    assert words in str(error.value)
    assert "/tmp" not in str(error.value)
    assert "Traceback" not in str(error.value)


def test_what_is_reduced_anyway_may_be_larger(client, tmp_path):
    picture = send(str(many_pixels(tmp_path)))
    *_, numbers = client.predict(picture, api_name="/machine_jnd")
    assert "shrunk from 2000×1000 to 1414×707" in numbers["notes"]
    *_, numbers = client.predict(picture, model="chou1995", api_name="/human_jnd")
    assert any(note.startswith("shrunk from 2000×1000") for note in numbers["notes"])


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("/machine_jnd", {"picture": CAT, "strength": 7}, "outside 0.2…1.8"),
        ("/machine_jnd", {"picture": CAT, "strength": "much"}, "give a number"),
        ("/human_jnd", {"picture": CAT, "model": "magic"}, "choose from chou1995"),
        ("/cloak_face", {"photo": COFFEE}, "no face found"),
        ("/cloak_face", {"photo": ASTRONAUT, "face": 9}, "none is number 9"),
        ("/cloak_face", {"photo": ASTRONAUT, "method": "magic"}, "choose from ours"),
        ("/cloak_face", {"photo": ASTRONAUT, "seconds": 1e6}, "at most 120"),
        ("/viewing_picture", {"kind": "magic"}, "choose from original, flat"),
    ],
)
def test_an_option_that_makes_no_sense_is_one_line(client, name, arguments, words):
    sent = {
        key: send(value) if key in ("picture", "photo") else value
        for key, value in arguments.items()
    }
    with pytest.raises(gradio_client.exceptions.AppError) as error:
        client.predict(**sent, api_name=name)
    assert words in str(error.value)


def test_a_job_is_cancelled_within_a_step(client, portrait):
    job = client.submit(send(portrait), method="ours", seconds=100, api_name="/cloak_face")
    for _ in job:
        break  # the first step is there
    assert job.cancel()
    with suppress(Exception):  # how a cancelled job ends is the client's affair
        job.result(timeout=60)
    done = len(job.outputs())
    # The one place where a search may run is free again: the next job does not wait for a hundred
    # seconds.
    following = client.submit(send(portrait), method="ours", seconds=1e-3, api_name="/cloak_face")
    following.result(timeout=60)
    assert len(job.outputs()) <= done + 1


def test_too_many_bytes_do_not_even_arrive(demo):
    """Sent past the client, which counts them itself."""
    httpx = pytest.importorskip("httpx")
    files = {"files": ("bytes.png", b"x" * (UPLOAD_BYTES + 1))}
    answer = httpx.post(f"{demo.url}/gradio_api/upload", files=files, timeout=60)
    assert answer.status_code == 413
    assert not any(path.name == "bytes.png" for path in demo.temporary.rglob("*"))


def test_nothing_is_recorded(demo):
    config = json.loads(get(f"{demo.url}/config"))
    assert config["run_history"] is False
    assert config["analytics_enabled"] is False
    with pytest.raises(urllib.error.HTTPError):
        get(f"{demo.url}/monitoring/summary")


def test_the_server_talks_to_nobody(demo, client):
    client.predict(send(CAT), api_name="/machine_jnd")
    assert not demo.outside.exists(), demo.outside.read_text()


def test_what_touches_the_disk_is_in_one_private_folder(demo, client, portrait):
    client.predict(send(portrait), api_name="/find_faces")
    (folder,) = demo.temporary.iterdir()
    assert folder.name.startswith("just-noticeable-")
    assert folder.stat().st_mode & 0o077 == 0  # nobody else may look
    assert any(path.name == "portrait.jpg" for path in folder.rglob("*"))
