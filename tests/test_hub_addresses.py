"""Where a download from the Hub may lead: to its own hosts, and nobody else is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harmful_hubs import GOOD, ROW, Abroad, Elsewhere, Hub, Xet, locate, serving

from engine.models.addresses import ElsewhereError, is_own, still_watched, watch


@pytest.fixture
def proxy() -> Iterator[tuple[str, list]]:
    """A proxy that gives the right file for any address of any host, and whom it was asked for."""
    with serving(Hub) as (address, wanted):
        yield address, wanted


@pytest.mark.parametrize("at", ["head", "get"])
def test_another_host_is_not_asked_even_for_the_right_content(at, proxy, tmp_path):
    address, asked = proxy
    kind = type("Late", (Hub,), {at: getattr(Abroad, at)})
    settings = {"HTTP_PROXY": address, "http_proxy": address, "NO_PROXY": "127.0.0.1"}
    with serving(kind) as (hub, wanted):
        done = locate(hub, tmp_path, **settings | {"no_proxy": "127.0.0.1"})
    assert "leads to http://elsewhere.example" in done.stderr.splitlines()[-1], done.stderr
    assert wanted
    assert asked == []
    assert not [path for path in tmp_path.rglob("snapshots/**/*") if path.is_file()]


def test_xet_is_not_used_though_it_is_offered(tmp_path):
    kind = type("Xet", (Xet,), {"content": GOOD})
    with serving(kind) as (address, wanted):
        done = locate(address, tmp_path)
    assert ROW.sha256 in done.stdout, done.stderr
    assert all("/token" not in path for path, *_ in wanted)


HF = "https://huggingface.co"


@pytest.mark.parametrize(
    ("scheme", "host", "endpoint", "own"),
    [
        ("https", "huggingface.co", HF, True),
        ("https", "cdn-lfs-us-1.hf.co", HF, True),
        ("https", "cas-bridge.xethub.hf.co", HF, True),
        ("https", "hub.example", "https://hub.example/path", True),
        ("https", "files.hub.example", "https://hub.example", True),
        ("https", "cas-bridge.xethub.hf.co", "https://hub.example", True),
        ("http", "hub.example", "http://hub.example", True),
        ("http", "localhost", "http://127.0.0.1:80", True),
        ("http", "huggingface.co", HF, False),
        ("https", "elsewhere.example", HF, False),
        ("https", "nothf.co", HF, False),
        ("https", "hf.co.example", HF, False),
        ("https", "127.0.0.1", HF, False),
        ("https", "", HF, False),
        ("http", "hub.example", "https://hub.example", False),
        ("https", "other.example", "https://hub.example", False),
        ("http", "cdn-lfs.hf.co", "http://127.0.0.1", False),
        ("file", "hub.example", "https://hub.example", False),
    ],
)
def test_the_hubs_own_hosts(scheme, host, endpoint, own):
    assert is_own(scheme, host, endpoint) == own


def test_a_download_by_a_client_that_is_not_watched_is_refused(monkeypatch):
    import huggingface_hub

    client = watch(HF)
    still_watched(client)
    monkeypatch.setattr(huggingface_hub, "get_session", object)
    with pytest.raises(ElsewhereError, match="try again"):
        still_watched(client)


def test_a_store_of_the_hubs_own_is_as_good_and_gets_no_token(tmp_path):
    """The Hub keeps its large files on another host of its own."""

    class Store(Elsewhere):
        content = GOOD

    with serving(Store) as (address, wanted):
        done = locate(address, tmp_path)
    assert ROW.sha256 in done.stdout, done.stderr
    tokens = {path: token for path, host, token in wanted if host.startswith("localhost")}
    assert tokens == {"/store": None}
