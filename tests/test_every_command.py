"""Of every command: the same files each time, none with metadata, and no connection to anybody."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import every_command
import numpy as np
import pytest
from every_command import FACE, FORMATS, PHOTO, RUNS, WITH_FACES, WITHOUT_FILES
from PIL import Image, ImageCms

ROOT = Path(__file__).parents[1]
MARK = "HomeAddress"  # in each kind of metadata
# What a file without metadata consists of.
PNG = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
WEBP = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}
JPEG_METADATA = {*range(0xE1, 0xEE), 0xEF, 0xFE}  # APP1…APP13, APP15, comments


def with_metadata(photo: Image.Image) -> bytes:
    """A JPEG with EXIF, GPS, a thumbnail, XMP, IPTC, a comment and a colour profile."""
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = MARK
    exif.get_ifd(0x8825)[29] = MARK
    exif.get_ifd(0x8769)[0x927C] = MARK.encode()
    thumbnail = io.BytesIO()
    photo.resize((16, 16)).save(thumbnail, "JPEG", comment=MARK)
    stream = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    named = profile.replace("sRGB built-in".encode("utf-16-be"), (MARK + "  ").encode("utf-16-be"))
    assert named != profile
    xmp = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{MARK}</x:xmpmeta>".encode()
    photo.save(stream, "JPEG", quality=95, exif=exif, icc_profile=named, xmp=xmp, comment=MARK)
    iptc = b"Photoshop 3.0\0" + MARK.encode() + thumbnail.getvalue()
    data = stream.getvalue()
    return data[:2] + b"\xff\xed" + (len(iptc) + 2).to_bytes(2, "big") + iptc + data[2:]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, photos, head) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    (folder / PHOTO).write_bytes(with_metadata(Image.fromarray(photos["chelsea"][60:188, 100:260])))
    (folder / FACE).write_bytes(with_metadata(Image.fromarray(head)))
    return folder


@pytest.fixture(scope="module")
def names() -> list[str]:
    """The commands that can run here."""
    try:
        import dlib  # noqa: F401
        import torch  # noqa: F401
    except ImportError:
        return [name for name in RUNS if name not in WITH_FACES]
    return list(RUNS)


@pytest.fixture(scope="module")
def runs(pictures, names, tmp_path_factory) -> tuple[list[Path], str]:
    """Folders of results, and what was printed: two runs in one process on one thread, the second
    without other formats; one in another process on two threads."""
    folder = tmp_path_factory.mktemp("runs")
    first, again, other = (folder / name for name in ("first", "again", "other"))
    repeated = [name for name in names if name not in FORMATS]
    plans = {"1": {first: names, again: repeated}, "2": {other: names}}
    printed = ""
    for threads, plan in plans.items():
        places = [str(each) for out, names in plan.items() for each in (out, ",".join(names))]
        done = subprocess.run(
            [sys.executable, every_command.__file__, str(pictures), *places],
            env=os.environ | {"JND_THREADS": threads, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        printed += done.stdout + done.stderr
    return [first, again, other], printed


def contents(out: Path, name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((out / name).glob("*"))}


def report(out: Path, name: str) -> object:
    """A report without the names of folders, and without times."""
    text = (out / f"{name}.json").read_text().replace(str(out), "OUT")
    return without_seconds(json.loads(text))


def without_seconds(value: object) -> object:
    if isinstance(value, dict):
        return {key: without_seconds(each) for key, each in value.items() if key != "seconds"}
    return [without_seconds(each) for each in value] if isinstance(value, list) else value


def skip_unless(name: str, names: list[str]) -> None:
    if name not in names:
        pytest.skip("PyTorch or dlib is not installed")


@pytest.mark.parametrize("name", [name for name in RUNS if name not in FORMATS])
def test_a_second_run_gives_the_same_bytes(name, names, runs):
    skip_unless(name, names)
    (first, again, _), _ = runs
    assert bool(contents(first, name)) == (name not in WITHOUT_FILES)
    assert contents(again, name) == contents(first, name)
    assert report(again, name) == report(first, name)


@pytest.mark.parametrize("name", RUNS)
def test_another_process_with_two_threads_gives_the_same_bytes(name, names, runs):
    skip_unless(name, names)
    (first, _, other), _ = runs
    assert contents(other, name) == contents(first, name)
    assert report(other, name) == report(first, name)


# --- what files hold ---


def kinds_of(data: bytes) -> tuple[set, set]:
    """The parts of a file that have a name, and those of them that may be there."""
    if data.startswith(b"\x89PNG"):
        return set(chunks(data, 8, "big", 12)), PNG
    if data.startswith(b"RIFF"):
        return set(chunks(data, 12, "little", 8)), WEBP
    if data.startswith(b"\xff\xd8"):
        return set(markers(data)) & JPEG_METADATA, set()
    if data[4:8] == b"ftyp":
        names = (b"Exif", b"mime", b"xml ", b"prof", b"rICC")
        return {name for name in names if name in data[: data.index(b"mdat")]}, set()
    assert data.startswith(b"\x93NUMPY")
    return set(), set()


def chunks(data: bytes, at: int, order: str, around: int) -> list[bytes]:
    """The kinds of a PNG's or WebP's chunks. around: bytes of a chunk beside its content."""
    found = []
    while at + 8 <= len(data):
        first, second = data[at : at + 4], data[at + 4 : at + 8]
        kind, size = (second, first) if order == "big" else (first, second)
        length = int.from_bytes(size, order)
        found.append(kind)
        at += around + length + (length % 2 if order == "little" else 0)
    return found


def markers(data: bytes) -> list[int]:
    """The markers of a JPEG up to its first scan."""
    at, found = 2, []
    while at + 4 <= len(data) and data[at + 1] != 0xDA:
        found.append(data[at + 1])
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return found


def test_the_pictures_have_metadata_that_would_be_noticed(pictures, tmp_path):
    data = (pictures / PHOTO).read_bytes()
    found, allowed = kinds_of(data)
    assert found - allowed == {0xE1, 0xE2, 0xED, 0xFE}
    assert data.count(MARK.encode()) >= 6
    with Image.open(pictures / PHOTO) as photo:
        assert photo.getexif().get_ifd(0x8825)[29] == MARK
        options = {"exif": photo.info["exif"], "icc_profile": photo.info["icc_profile"]}
        for kind in ("PNG", "WEBP", "AVIF"):
            photo.save(tmp_path / kind, kind, **options)
            found, allowed = kinds_of((tmp_path / kind).read_bytes())
            assert len(found - allowed) >= 2, kind


@pytest.mark.parametrize("name", [name for name in RUNS if name not in WITHOUT_FILES])
def test_no_file_has_metadata(name, names, runs):
    skip_unless(name, names)
    (first, *_), _ = runs
    for file, data in contents(first, name).items():
        found, allowed = kinds_of(data)
        assert found <= allowed, (file, found - allowed)
        for text in (MARK.encode(), MARK.encode("utf-16-be"), MARK.encode("utf-16-le")):
            assert text not in data, file
        if not file.endswith(".npy"):
            with Image.open(first / name / file) as image:
                assert not image.getexif(), file
                assert not {"icc_profile", "xmp", "comment", "photoshop"} & set(image.info), file


def test_nothing_of_the_metadata_is_printed(runs, names):
    (first, *_), printed = runs
    assert MARK not in printed
    assert all(MARK not in (first / f"{name}.json").read_text() for name in names)


def test_no_command_opens_a_connection(runs):
    _, printed = runs
    assert [line for line in printed.splitlines() if line.startswith("sockets:")] == [
        "sockets: []",
        "sockets: []",
    ]


def test_a_connection_would_be_noticed():
    code = (
        "import sys, socket, every_command as e\nsys.addaudithook(e.watch)\n"
        "import urllib.request\n"
        "for address in ('http://127.0.0.1:9/', 'http://localhost:9/'):\n"
        "    try: urllib.request.urlopen(address, timeout=1)\n"
        "    except OSError: pass\n"
        "print(*e.outside)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests"), "no_proxy": "*"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert "127.0.0.1" in done.stdout
    assert "localhost" in done.stdout


def test_the_pixels_are_those_of_the_photo_not_of_its_thumbnail(runs, photos):
    (first, *_), _ = runs
    with Image.open(first / "human" / "photo.noisy.png") as noisy:
        difference = np.asarray(noisy).astype(int) - photos["chelsea"][60:188, 100:260]
    assert np.abs(difference).mean() < 25
