"""`python -m demo --api-only`: endpoints for programs, a health address, a queue with an end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from demo_process import served
from demo_visitor import ENDPOINTS, Visitor, get, httpx, with_mcp

from demo.__main__ import main
from engine import __version__
from engine.images.samples import sample_paths

pytest.importorskip("gradio")

QUEUE = 2
CAT = str(sample_paths()[0])


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("service") / "server.log"
    with served(log, "--api-only", "--queue", str(QUEUE)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def visitor(url) -> Iterator[Visitor]:
    visitor = Visitor(url)
    yield visitor
    visitor.close()


def test_its_health_needs_nothing_and_says_whether_there_is_room(url):
    for path in ("/health", "/health/"):
        answer = httpx.get(f"{url}{path}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
        assert answer.json() == {
            **{"status": "ok", "version": __version__, "room": True},
            **{"running": 0, "waiting": 0, "queue": QUEUE},
        }
    assert httpx.head(f"{url}/health").status_code == 200
    assert httpx.post(f"{url}/health").status_code in (404, 405)


def test_there_is_no_page_but_a_word_on_what_there_is(url):
    places = json.loads(get(url))
    assert places["version"] == __version__
    for name in ("health", "endpoints", "openapi"):
        assert json.loads(get(url + places[name]))
    config = json.loads(get(f"{url}/config"))
    kinds = {each["type"] for each in config["components"]}
    assert "tabs" not in kinds
    assert "html" not in kinds


def test_it_has_every_endpoint_and_each_name_once(url):
    described = json.loads(get(f"{url}/gradio_api/info"))["named_endpoints"]
    found = {
        name.removeprefix("/"): [each["parameter_name"] for each in endpoint["parameters"]]
        for name, endpoint in described.items()
    }
    assert found == ENDPOINTS


def test_it_works_and_a_file_is_its_visitors_alone(url, visitor):
    path = visitor.upload(CAT)
    kind, data = visitor.named("human_jnd", picture={"path": path}, model="wu2017")
    assert kind == "complete", data
    other = Visitor(url)
    kind, data = other.named("human_jnd", picture={"path": path}, model="wu2017")
    other.close()
    assert kind == "error"
    assert "not, or no longer, among your uploads" in data["error"]


def test_it_has_its_mcp_tools(url):
    async def work(client):
        return {tool.name for tool in (await client.list_tools()).tools}

    assert set(ENDPOINTS) <= with_mcp(url, work)


def test_a_full_queue_refuses_politely_and_has_room_again(url, visitor):
    body = {"picture": {"path": CAT}, "panel": "photos"}
    answers = [visitor.http.post("/call/v2/machine_jnd", json=body) for _ in range(12)]
    state = json.loads(get(f"{url}/health"))
    taken = [answer.json()["event_id"] for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(taken) >= QUEUE
    assert refused
    for answer in refused:
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "10"
        assert answer.json()["detail"] == f"Queue is full. Max size is {QUEUE} and size is {QUEUE}."
    assert state["running"] + state["waiting"] > 0
    assert state["room"] == (state["waiting"] < QUEUE)
    for event in taken:
        with visitor.http.stream("GET", f"/call/machine_jnd/{event}") as lines:
            kinds = [line for line in lines.iter_lines() if line.startswith("event:")]
        assert kinds[-1] == "event: complete"
    until = time.monotonic() + 60
    while not (state := json.loads(get(f"{url}/health")))["room"] or state["running"]:
        assert time.monotonic() < until, state
        time.sleep(0.1)
    kind, _ = visitor.named("machine_jnd", **body)
    assert kind == "complete"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--queue", "0"], "--queue 0: give 1 or more"),
        (["--api-only", "--collect", "{place}"], "--api-only has no page"),
    ],
)
def test_options_that_make_no_sense(arguments, words, tmp_path, capsys):
    place = tmp_path / "answers"
    assert main([each.format(place=place) for each in arguments]) == 2
    assert words in capsys.readouterr().err
    assert not place.exists()
