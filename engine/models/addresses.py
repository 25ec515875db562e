"""To which addresses a download from the Hub may lead: the Hub's own and its stores'.

The Hub keeps large files on hosts of its own, such as cas-bridge.xethub.hf.co, and redirects there.
A redirect to anybody else is refused before a request is made. Files come by HTTP alone: the Xet
protocol goes to whatever store it is given, out of sight of the client, and is not offered.
"""

from __future__ import annotations

from contextvars import ContextVar
from ipaddress import ip_address
from urllib.parse import urlsplit

FAMILIES = ("huggingface.co", "hf.co")  # and all hosts below them
XET = ("x-xet-hash", "x-xet-refresh-route")  # with these the Hub offers Xet
# The endpoint of the download that runs in this thread, else None: other uses of the client in
# this process are not watched.
_endpoint: ContextVar[str | None] = ContextVar("endpoint", default=None)


class ElsewhereError(Exception):
    """The Hub leads to another host: which."""


def is_own(scheme: str, host: str, endpoint: str) -> bool:
    """Whether a host is the endpoint's, one below it, or the Hugging Face Hub's.

    By https alone, unless the endpoint is one by http: then its own hosts may be so as well. Of an
    endpoint on this machine every host of this machine is one.
    """
    hub = urlsplit(endpoint)
    own = hub.hostname or ""
    if belongs(host, own) or (is_loopback(host) and is_loopback(own)):
        return scheme in ("https", "http") and scheme in ("https", hub.scheme)
    return scheme == "https" and any(belongs(host, family) for family in FAMILIES)


def belongs(host: str, family: str) -> bool:
    """Whether a host is this one, or has a name below it."""
    return bool(host) and (host == family or host.endswith(f".{family}"))


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def watch(endpoint: str) -> object:
    """From now on this thread's requests by the Hub's client stay with the endpoint and its stores.

    A request elsewhere raises ElsewhereError. Returns the client that is watched: after some
    errors the library makes another, which is not (see `still_watched`).
    """
    from huggingface_hub import get_session

    _endpoint.set(endpoint)
    client = get_session()
    hooks = client.event_hooks
    if check_request not in hooks["request"]:
        client.event_hooks = {
            "request": [*hooks["request"], check_request],
            "response": [*hooks["response"], without_xet],
        }
    return client


def still_watched(client: object) -> None:
    """Raises ElsewhereError where the library has made another client than this one."""
    from huggingface_hub import get_session

    if get_session() is not client:
        raise ElsewhereError("the connection broke: try again")


def check_request(request) -> None:
    """The client's hook before each request, redirected ones included."""
    endpoint = _endpoint.get()
    url = request.url
    if endpoint is not None and not is_own(url.scheme, url.host, endpoint):
        where = f"{url.scheme}://{url.host}" if url.host else "no host"
        raise ElsewhereError(f"it leads to {where}, which is not the Hub's")


def without_xet(response) -> None:
    """The client's hook after each answer."""
    if _endpoint.get() is not None:
        for name in XET:
            response.headers.pop(name, None)
