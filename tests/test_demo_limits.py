"""A limit of the demo is one limit: for the page, the API and MCP."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from demo_server import GALLERY_PIXELS, VIEWERS
from demo_visitor import Visitor, get, refusal, with_mcp
from PIL import Image

from demo.server.limits import DEFAULT
from engine.images.samples import sample_paths

pytest.importorskip("gradio")

CAT, *_, ASTRONAUT = map(str, sample_paths())


@pytest.fixture(scope="module")
def visitor(demo) -> Iterator[Visitor]:
    visitor = Visitor(demo.url)
    yield visitor
    visitor.close()


@pytest.fixture(scope="module")
def large(visitor, tmp_path_factory) -> dict:
    """An upload with more pixels than a comparison of methods takes."""
    path = tmp_path_factory.mktemp("large") / "large.png"
    Image.fromarray(np.zeros((501, 600, 3), np.uint8)).save(path)
    assert GALLERY_PIXELS < 501 * 600
    return {"path": visitor.upload(str(path))}


@pytest.fixture(scope="module")
def answers(visitor, tmp_path_factory) -> dict:
    path = tmp_path_factory.mktemp("answers") / "answers.csv"
    path.write_text("viewer,trial,picture,left,right,score,seconds\nv,1,Cat,b,a,3,1.0\n")
    return {"path": visitor.upload(str(path))}


SAMPLE = {"path": ASTRONAUT}
# endpoint, arguments by name, what an input of its tab is called, what is said
BEYOND = [
    ("viewing_picture", {"picture": "Cat", "kind": "flat", "psnr_db": 5}, "5 dB: choose 20 to 45"),
    ("viewing_picture", {"picture": "Cat", "kind": "flat", "psnr_db": 60}, "choose 20 to 45"),
    ("human_jnd", {"picture": SAMPLE, "model": "wu2017", "level": 9}, "outside 0…8"),
    ("machine_jnd", {"picture": SAMPLE, "strength": 2}, "outside 0.2…1.8"),
    ("machine_jnd", {"picture": SAMPLE, "strength": "nan"}, "give a number"),
    ("compress_photo", {"photo": SAMPLE, "seconds": 61}, "at most 60"),
    ("compress_photo", {"photo": SAMPLE, "seconds": "nan"}, "give a number"),
    ("compress_photo", {"photo": SAMPLE, "format": "tiff"}, "choose from jpeg"),
    ("compress_photo", {"photo": SAMPLE, "method": "magic"}, "choose from bisect"),
    ("compress_photo", {"photo": SAMPLE, "method": "jnd", "format": "webp"}, "jnd writes jpeg"),
    ("compress_photo", {"photo": SAMPLE, "keep": "confidence:2"}, "up to 1"),
    ("embed_watermark", {"photo": SAMPLE, "text": "x" * 33}, "give 1 to 32 bytes"),
    ("embed_watermark", {"photo": SAMPLE, "text": ""}, "Write a text first"),
    ("embed_watermark", {"photo": SAMPLE, "text": "a", "key": "k" * 201}, "at most 200 characters"),
    ("embed_watermark", {"photo": SAMPLE, "text": "a", "observer": "cat"}, "choose from human"),
    ("embed_watermark", {"photo": SAMPLE, "text": "a", "format": "gif"}, "choose from png"),
    ("read_watermark", {"photo": SAMPLE, "key": "k" * 201}, "at most 200 characters"),
    ("machine_jnd", {"picture": SAMPLE, "panel": "eyes"}, "choose from"),
    ("cloak_face", {"photo": SAMPLE, "seconds": 121}, "at most 120"),
    ("cloak_face", {"photo": SAMPLE, "seconds": "inf"}, "give a number"),
    ("cloak_face", {"photo": SAMPLE, "face": "nan"}, "give a number"),
    ("cloak_face", {"photo": SAMPLE, "face": 1.5}, "give a whole number"),
    ("compare_methods", {"photo": SAMPLE, "seconds": 61}, "at most 60"),
    ("compare_methods", {"photo": SAMPLE, "methods": []}, "choose 1 to 8"),
    ("compare_methods", {"photo": SAMPLE, "methods": ["fgsm"] * 9}, "choose 1 to 8"),
]


@pytest.mark.parametrize(("name", "given", "said"), BEYOND)
def test_the_api_keeps_to_the_limits(visitor, name, given, said):
    kind, data = visitor.named(name, **given)
    assert kind == "error"
    assert said in data["error"]


def test_the_api_keeps_to_the_limits_of_files(visitor, large, answers):
    kind, data = visitor.named("compare_methods", photo=large, methods=["fgsm"])
    assert (kind, f"more than {GALLERY_PIXELS:,} pixels" in str(data)) == ("error", True), data
    kind, data = visitor.named("viewing_results", files=[answers] * (VIEWERS + 1))
    assert (kind, f"the limit is {VIEWERS}" in str(data)) == ("error", True), data
    kind, data = visitor.named("viewing_results", files=[answers] * VIEWERS)
    assert kind == "complete", data


def test_a_file_of_answers_may_not_be_as_large_as_a_picture(visitor, tmp_path):
    path = tmp_path / "much.csv"
    path.write_bytes(b"x" * (DEFAULT.answer_bytes + 1))
    kind, data = visitor.named("viewing_results", files=[{"path": visitor.upload(str(path))}])
    assert kind == "error"
    assert f"the limit is {DEFAULT.answer_bytes:,}" in data["error"]


def test_the_page_keeps_to_the_limits(visitor, answers, demo):
    """Its events, with values that no slider of it has."""
    config = visitor.http.get(f"{demo.url}/config").json()
    ids = {each["props"].get("elem_id"): each["id"] for each in config["components"]}

    def event(source: str) -> int:
        return next(
            each["id"]
            for each in config["dependencies"]
            if each["targets"] and each["targets"][0][0] == ids[source] and each["inputs"]
        )

    beyond = [
        ("viewing-go", [["original", "flat"], None, 5], "5 dB: choose 20 to 45"),
        ("viewing-several", [[answers] * (VIEWERS + 1)], f"the limit is {VIEWERS}"),
        ("human-go", [SAMPLE, "wu2017", 9, False], "outside 0…8"),
        ("machine-go", [SAMPLE, 2, "cifar10", None, "conditioned"], "outside 0.2…1.8"),
        ("compress-go", [SAMPLE, "jpeg", "bisect", "top1", 61], "at most 60"),
        ("cloak-go", [SAMPLE, 1, None, "ours", False, 121, "wu2017"], "at most 120"),
        ("compare-go", [SAMPLE, ["fgsm"] * 5, ["pgd"] * 4, 5], "choose 1 to 8"),
        ("watermark-go", [SAMPLE, "x" * 33, "", "human", "png"], "256 bits"),
    ]
    for source, values, said in beyond:
        assert said in (refusal(visitor, event(source), values) or "nothing"), source


def test_mcp_keeps_to_the_limits(demo):
    async def work(client):
        for name, given, said in (
            ("viewing_picture", {"psnr_db": 5}, "choose 20 to 45"),
            ("viewing_results", {"files": ["data:text/csv;base64,YQ=="] * 5}, "the limit is 4"),
            ("compare_methods", {"photo": ASTRONAUT, "seconds": 61}, "at most 60"),
        ):
            answer = await client.call_tool(name, given)
            assert answer.isError
            assert said in answer.content[0].text

    with_mcp(demo.url, work)


def test_the_sliders_of_the_page_are_the_limits(visitor, demo):
    from demo.handlers import human, viewing
    from engine.machine.generator import STRENGTHS

    config = visitor.http.get(f"{demo.url}/config").json()
    ranges = {
        each["props"]["label"]: (each["props"]["minimum"], each["props"]["maximum"])
        for each in config["components"]
        if each["type"] == "slider"
    }
    assert ranges["Noise in dB"] == viewing.PSNRS
    assert ranges["Level"] == human.LEVELS
    assert ranges["Strength"] == STRENGTHS
    assert ranges["Seconds"][1] == DEFAULT.cloak_seconds
    assert ranges["Seconds to search"][1] == DEFAULT.compress_seconds
    assert ranges["Seconds per method"][1] == DEFAULT.compare_seconds


def test_the_page_too_has_a_health_address(demo):
    state = json.loads(get(f"{demo.url}/health"))
    assert (state["status"], state["queue"]) == ("ok", DEFAULT.queue)
    assert b"<html" in get(demo.url)
