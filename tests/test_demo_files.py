"""Which files a visitor of the demo can have opened: their own uploads and results, and samples.

Everything goes through the real server: the API as any program can call it, the events of the page
with their validators, and MCP.
"""

from __future__ import annotations

import base64
import os
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from demo_visitor import ENDPOINTS, Visitor, refusal, with_mcp
from PIL import Image

from demo.server.folder import refused_file
from engine.images.samples import sample_paths

httpx = pytest.importorskip("httpx")
pytest.importorskip("gradio")

CAT, _, COFFEE, ASTRONAUT = map(str, sample_paths())
SENTENCE = (
    "This file is not, or no longer, among your uploads, which are deleted after 10 minutes: "
    "choose it again"
)
FILE = object()  # where the file goes in the arguments below
PHOTO = {"path": ASTRONAUT}
PLACES = {
    "machine_jnd": [FILE, 1, "conditioned", ["vgg"], "auto"],
    "human_jnd": [FILE, "yang2005", 1, False],
    "compress_photo": [FILE, "jpeg", "bisect", "top1", 5],
    "embed_watermark": [FILE, "a", "", "human", "png"],
    "read_watermark": [FILE, "", False],
    "find_faces": [FILE],
    "cloak_face": [FILE, 1, "fgsm", False, 1, None],
    "cloak_face target": [PHOTO, 1, "fgsm", False, 1, FILE],
    "verify_faces": [FILE, PHOTO],
    "verify_faces second": [PHOTO, FILE],
    "compare_methods": [FILE, ["fgsm"], 1],
    "machine_quality": [FILE, PHOTO],
    "machine_quality changed": [PHOTO, FILE],
    "viewing_results": [[FILE]],
}
MARK = {"_type": "gradio.FileData"}


@pytest.fixture(scope="module")
def visitors(demo) -> Iterator[tuple[Visitor, Visitor]]:
    both = Visitor(demo.url), Visitor(demo.url)
    yield both
    for visitor in both:
        visitor.close()


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[str, list]]:
    """The address of a server on this machine, and whoever has come to it."""
    calls: list = []

    class Note(socketserver.BaseRequestHandler):
        def handle(self):
            calls.append(self.client_address)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Note) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", calls
        server.shutdown()


@pytest.fixture(scope="module")
def foreign(demo, visitors, listener, tmp_path_factory) -> dict[str, str]:
    """Paths and addresses that no visitor may name, each for its own reason."""
    outside = tmp_path_factory.mktemp("outside")
    secret = outside / "secret.png"
    Image.fromarray(np.full((8, 8, 3), 7, np.uint8)).save(secret)
    (private,) = demo.temporary.glob("just-noticeable-*")
    folder = private / "files" / "planted"
    folder.mkdir()
    (folder / "link.png").symlink_to(secret)
    os.mkfifo(folder / "fifo.png")
    (folder / "own.png").write_bytes(secret.read_bytes())
    other = visitors[1].upload(str(secret))
    return {
        "a path of the server": str(secret),
        "one that does not exist": str(outside / "nothing.png"),
        "a link out of the folder": str(folder / "link.png"),
        "a way out of the folder": f"{folder}/../../../../{secret.relative_to('/')}",
        "a device": "/dev/zero",
        "a pipe": str(folder / "fifo.png"),
        "a folder": str(folder),
        "a file nobody uploaded": str(folder / "own.png"),
        "another visitor's upload": other,
        "its address": f"{demo.url}/gradio_api/file={other}",
        "a name that is none": "secret\0.png",
        "an address on this machine": f"{listener[0]}/cat.png",
        "an address elsewhere": "http://pictures.example/cat.png",
        "a number as address": "https://192.0.2.7/cat.png",
    }


def placed(place: str, value: object) -> list:
    """The arguments of an endpoint with a value in the file's place."""

    def put(argument):
        if isinstance(argument, list) and FILE in argument:
            return [value]
        return value if argument is FILE else argument

    return [put(argument) for argument in PLACES[place]]


def marked(path: str, mark: bool) -> dict:
    return {"path": path, "orig_name": "a.png"} | ({"meta": MARK, "url": path} if mark else {})


@pytest.mark.parametrize("place", PLACES)
def test_no_endpoint_opens_what_is_not_the_visitors(visitors, foreign, listener, demo, place):
    name = place.split()[0]
    for why, path in foreign.items():
        for mark in (False, True) if name == "machine_jnd" else (False,):
            kind, data = visitors[0].call(name, *placed(place, marked(path, mark)))
            assert (kind, data["error"]) == ("error", SENTENCE), (why, mark)
    assert listener[1] == []
    assert not demo.outside.exists(), demo.outside.read_text()


def test_nor_does_any_event_of_the_page(visitors, foreign, listener, demo):
    """Validators answer at once; an event without one fails in the same words, or does nothing."""
    config = visitors[0].http.get(f"{demo.url}/config").json()
    components = {each["id"]: each for each in config["components"]}
    refusals = 0
    # Several triggers of one handler have the same inputs and outputs.
    events = {(*each["inputs"], *each["outputs"]): each for each in config["dependencies"]}
    for event in events.values():
        inputs = [components[each] for each in event["inputs"]]
        files = [k for k, each in enumerate(inputs) if each["type"] in ("image", "file")]
        if event["api_name"] in PLACES or not files:
            continue
        for turn, path in enumerate(foreign.values()):
            given = marked(path, turn % 2 == 0)
            values = [each["props"].get("value") for each in inputs]
            for k in files:
                several = inputs[k]["props"].get("file_count") == "multiple"
                values[k] = [given] if several else given
            said = refusal(visitors[0], event["id"], values)
            assert said in (SENTENCE, None), (event["targets"], path)
            refusals += said == SENTENCE
    # machine, human, compressing and marking, and the first time; reading; finding faces, cloaking,
    # two photos; methods, two pictures; the viewing test's own and CSVs
    assert refusals == 14 * len(foreign)
    assert listener[1] == []
    assert not demo.outside.exists(), demo.outside.read_text()


@pytest.mark.parametrize("place", PLACES)
def test_no_mcp_tool_opens_what_is_not_the_visitors(demo, foreign, listener, place):
    name = place.split()[0]

    async def work(client):
        for why, path in foreign.items():
            forms = [path]
            if name in ("machine_jnd", "viewing_results"):
                forms += [marked(path, False), marked(path, True)]
            for form in forms:
                values = placed(place, form)
                values = [ASTRONAUT if each is PHOTO else each for each in values]
                given = dict(zip(ENDPOINTS[name], values, strict=True))
                answer = await client.call_tool(name, {k: v for k, v in given.items() if v})
                text = answer.content[0].text
                assert answer.isError, (why, text)
                # A dict is refused by the schema already, in words that only repeat it.
                schema = isinstance(form, dict) and text.endswith("is not of type 'string'")
                assert schema or text.endswith(SENTENCE), (why, text)

    with_mcp(demo.url, work)
    assert listener[1] == []
    assert not demo.outside.exists(), demo.outside.read_text()


def test_nothing_is_fetched_for_a_visitor(demo, listener, visitors):
    """By the routes with which Gradio shows files of other servers."""
    for route in ("file=", "file/", "proxy="):
        for address in (f"{listener[0]}/cat.png", "http://pictures.example/cat.png"):
            answer = visitors[0].http.get(f"{demo.url}/gradio_api/{route}{address}")
            assert answer.status_code == 403
            assert "example" not in answer.text
    assert listener[1] == []
    assert not demo.outside.exists(), demo.outside.read_text()


@pytest.mark.parametrize("cookies", [True, False])
def test_own_uploads_results_and_samples_are_opened(demo, cookies):
    visitor = Visitor(demo.url, cookies)
    for path in (visitor.upload(COFFEE), CAT):
        kind, data = visitor.call("machine_jnd", {"path": path}, 1, "conditioned", ["vgg"], "auto")
        assert kind == "complete", data
    # A result is the visitor's own too, by its path or its address.
    for path in (data[0]["path"], data[0]["url"]):
        kind, again = visitor.call("machine_jnd", {"path": path}, 1, "conditioned", ["vgg"], "auto")
        assert kind == "complete", again
    visitor.close()


def test_a_picture_of_two_visitors_is_opened_for_both(demo, visitors):
    for visitor in visitors:
        kind, data = visitor.call("find_faces", {"path": visitor.upload(ASTRONAUT)})
        assert kind == "complete", data


def test_mcp_takes_an_uploads_address_a_result_and_a_list_of_files(demo, tmp_path):
    program = Visitor(demo.url, cookies=False)
    address = f"{demo.url}/gradio_api/file={program.upload(COFFEE)}"
    rows = b"viewer,trial,picture,left,right,score,seconds\nv,1,Cat,b,a,3,1.0\n"
    csv = "data:text/csv;base64," + base64.b64encode(rows).decode()

    async def work(client):
        first = await client.call_tool("machine_jnd", {"picture": address})
        assert not first.isError, first.content
        link = next(each.text for each in first.content if each.type == "text")
        second = await client.call_tool("machine_jnd", {"picture": link.split(": ", 1)[1]})
        assert not second.isError, second.content
        third = await client.call_tool("viewing_results", {"files": [csv]})
        assert not third.isError, third.content
        large = "data:image/png;base64," + "A" * 4_000_008
        refused = await client.call_tool("machine_jnd", {"picture": large})
        assert refused.isError
        assert "the limit is 3,000,000" in refused.content[0].text

    with_mcp(demo.url, work)
    program.close()


def test_the_door_and_the_mcp_server_are_in_force(demo):
    """They override methods of Gradio, which another version may not have or not call."""
    import gradio.mcp

    from demo.app import build
    from demo.server.access import GuardedBlocks
    from demo.server.mcp_server import OVERRIDDEN, MCPServer

    blocks = build()
    assert gradio.mcp.GradioMCPServer is MCPServer
    base = MCPServer.__mro__[1]
    assert all(getattr(base, name) is not getattr(MCPServer, name) for name in OVERRIDDEN)
    assert isinstance(blocks, GuardedBlocks)
    # In the running server: several outputs one by one, and the schema that says what is taken.
    schema = httpx.get(f"{demo.url}/gradio_api/mcp/schema").json()
    picture = schema[0]["inputSchema"]["properties"]["picture"]
    assert picture["format"].startswith("data: URL")


# --- what is opened, without a server ---


def test_only_regular_files_of_the_folder_are_read(tmp_path, monkeypatch):
    """Whoever owns them: the second wall, for files that the door lets in."""
    from demo.server import uploads
    from demo.server.limits import Limits
    from engine.errors import ImageError

    (tmp_path / "files").mkdir()
    monkeypatch.setattr(uploads, "uploads_folder", lambda: tmp_path / "files")
    inside, outside = tmp_path / "files" / "in.png", tmp_path / "out.png"
    inside.write_bytes(b"12345")
    outside.write_bytes(b"67890")
    (tmp_path / "files" / "link.png").symlink_to(outside)
    (tmp_path / "files" / "loop.png").symlink_to(tmp_path / "files" / "loop.png")
    os.mkfifo(tmp_path / "files" / "fifo.png")
    assert uploads.read_upload({"path": str(inside)}, Limits())[1] == b"12345"
    paths = [outside, tmp_path / "files" / ".." / "out.png", tmp_path / "files", "/dev/zero", "a\0"]
    paths += [tmp_path / "files" / name for name in ("link.png", "loop.png", "fifo.png", "none")]
    for path in [*paths, refused_file()]:
        with pytest.raises(ImageError) as error:
            uploads.read_upload({"path": str(path)}, Limits())
        assert str(error.value) == SENTENCE
    # The size is looked at first: nothing is read.
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("it was read"))
    with pytest.raises(ImageError, match="has 5 bytes; the limit is 4"):
        uploads.read_upload({"path": str(inside)}, Limits(upload_bytes=4))
